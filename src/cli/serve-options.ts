/**
 * The options by which a stack is brought up, shared by serve, echo, lab and nc, with the defaults of the design:
 * declared for --help, and checked as a whole. Opens nothing.
 */
import type { Command } from "commander";
import { formatIpv4, maskV4, samePrefixV4, samePrefixV6 } from "../base/address.ts";
import type { CongestionName } from "../tcp/congestion/congestion.ts";
import { IPV6_MTU_MIN } from "../wire/ipv6.ts";
import {
  parseChoice,
  parseHostAddress,
  parseHostAddress6,
  parseInterfaceAddress,
  parseInterfaceAddress6,
  parseInterfaceName,
  parsePort,
  parseWhole,
  requireHostOf,
} from "./argument.ts";
import { misuse } from "./cli-error.ts";

/** The services in the order of their ports; the ports are those of RFC 862, 863, 864 and 9110. */
const SERVICE_PORTS = { echo: 7, discard: 9, chargen: 19, http: 80, keep: 0 } as const;

/** A service of `usertcp serve`. */
export type ServiceName = keyof typeof SERVICE_PORTS;

/** A port for each service, 0 for none. */
type ServicePorts = Record<ServiceName, number>;

/** Where the stack lives: the link, both addresses, how the device is driven. */
export interface LinkOptions {
  tun: string;
  /** The kernel's side, `10.77.0.1/24`. */
  host: string;
  /** The stack's side, `10.77.0.2`. */
  stack: string;
  /** Of both. */
  prefixLength: number;
  /** The same in IPv6; null: IPv4 alone. */
  v6: LinkOptions6 | null;
  mtu: number;
  /** Largest segment either way; null: the MTU decides. */
  mssClamp: number | null;
  bigTcp: boolean;
  /** Of the device, each with a worker and a shard of the stack; 1: no worker. */
  queues: number;
  /** As `CreateShardsOptions.steering`. */
  steering: "auto" | "bpf" | "kernel";
  offload: boolean;
  congestion: CongestionName;
  /** Microseconds of polling after a productive batch; null: the driver's own choice. */
  spinUs: number | null;
  pcap: string | null;
  control: string | null;
}

/** The IPv6 addresses of both sides. */
export interface LinkOptions6 {
  host: string;
  stack: string;
  prefixLength: number;
  /** Nobody asked for them: where the kernel has no IPv6, or the address is taken, IPv4 is enough. */
  isDefault: boolean;
}

/** All that `usertcp serve` takes. */
export interface ServeOptions extends LinkOptions {
  api: "raw" | "net";
  services: ServicePorts;
}

/** As commander hands them over: text, and booleans for flags. */
export type RawOptions = Partial<Record<string, string | boolean>>;

/** RFC 1122 3.3.3: every host takes 576 bytes; below, header and options may leave a segment no data. (RFC 791: 68.) */
const MTU_MIN = 576;
/** The largest IP packet, and the largest MTU that Linux gives a TUN device. */
const MTU_MAX = 65_535;
/** The keys of `CONGESTION_CONTROLS`. */
const CONGESTION_NAMES: readonly CongestionName[] = ["cubic", "newreno", "bbr"];
/** As many as `createShards` takes. */
const QUEUES_MAX = 64;
const STEERING = ["auto", "bpf", "kernel"] as const;
const HOST6 = "fd77::1/64";
const STACK6 = "fd77::2";
/** As `TunOptions.spinUs`. */
const SPIN_MAX_US = 10_000;

/** Declares the link's options on a command. */
export function addLinkOptions(command: Command): Command {
  return command
    .option("--tun <name>", "the TUN device; '%d' lets the kernel number it", "utcp%d")
    .option("--host <address/length>", "the kernel's address on the device", "10.77.0.1/24")
    .option("--stack <address>", "the address that the stack answers on", "10.77.0.2")
    .option("--host6 <address/length>", `the kernel's IPv6 address (default: "${HOST6}" where there is IPv6)`)
    .option("--stack6 <address>", `the stack's IPv6 address, 'none' for IPv4 alone (default: "${STACK6}")`)
    .option("--mtu <bytes>", `largest IP packet, ${MTU_MIN} to ${MTU_MAX}`, "1500")
    .option("--mss-clamp <bytes>", "largest segment either way, 64 to 65495 (default: what the MTU allows)")
    .option(
      "--big-tcp",
      "IPv4 super-segments of up to 128 KiB, for clients on this host (Linux 6.3 or newer)",
    )
    .option("--queues <n>", `queues of the device, each with a thread of its own, 1 to ${QUEUES_MAX}`, "1")
    .option("--steering <how>", "who finds a packet's queue: bpf (root), kernel, or auto", "auto")
    .option("--no-offload", "no super-segments and no partial checksums: a packet a segment")
    .option("--congestion <name>", "congestion control: cubic, newreno or bbr", "cubic")
    .option("--spin <us>", "microseconds of polling after a productive batch")
    .option("--pcap <file>", "write every packet to a pcapng file")
    .option("--control <path>", "the control socket; default usertcp/<netns>-<tun>.sock under /run");
}

/** Declares the services' options; `only` leaves the others out. */
export function addServiceOptions(command: Command, only?: ServiceName): Command {
  command.option("--api <name>", "which API the services use: raw (callbacks) or net (node:net's)", "raw");
  for (const [name, port] of Object.entries(SERVICE_PORTS)) {
    if (only !== undefined && name !== only) continue;
    command.option(`--${name} <port>`, SERVICE_HELP[name as ServiceName], String(port));
  }
  return command;
}

/** Checks everything, or throws one line of misuse. Services that were not declared are off. */
export function readServeOptions(raw: RawOptions): ServeOptions {
  const services = { echo: 0, discard: 0, chargen: 0, http: 0, keep: 0 };
  for (const name of Object.keys(services) as ServiceName[]) {
    const text = textOf(raw, name);
    if (text !== null) services[name] = parsePort(`--${name}`, text);
  }
  requireOnePortEach(services);
  const link = readLinkOptions(raw);
  return { ...link, api: parseChoice("--api", textOf(raw, "api") ?? "raw", ["raw", "net"]), services };
}

/** The link's part of it. */
export function readLinkOptions(raw: RawOptions): LinkOptions {
  const hostText = textOf(raw, "host") ?? "10.77.0.1/24";
  const stackText = textOf(raw, "stack") ?? "10.77.0.2";
  const host = parseInterfaceAddress("--host", hostText);
  const stack = parseHostAddress("--stack", stackText);
  const hostKey = host.words[0]!;
  const network = `${formatIpv4(hostKey & maskV4(host.bits))}/${host.bits}`;
  if (stack === hostKey) {
    throw misuse(
      `--stack takes an address of its own: ${stackText} is --host, the kernel's side of the device`,
    );
  }
  if (!samePrefixV4(stack, hostKey, host.bits)) {
    throw misuse(`--stack takes an address inside --host's network ${network}, not '${stackText}'`);
  }
  requireHostOf("--stack", stack, host, stackText);
  if (raw["bigTcp"] === true && raw["offload"] === false) {
    throw misuse("--big-tcp is about super-segments: it can't be had with --no-offload");
  }
  const spin = textOf(raw, "spin");
  const mssClamp = textOf(raw, "mssClamp");
  const mtu = parseWhole("--mtu", textOf(raw, "mtu") ?? "1500", MTU_MIN, MTU_MAX);
  return {
    tun: parseInterfaceName("--tun", textOf(raw, "tun") ?? "utcp%d"),
    host: hostText,
    stack: stackText,
    prefixLength: host.bits,
    v6: readLinkOptions6(raw, mtu),
    mtu,
    mssClamp: mssClamp === null ? null : parseWhole("--mss-clamp", mssClamp, 64, 65_495),
    bigTcp: raw["bigTcp"] === true,
    queues: parseWhole("--queues", textOf(raw, "queues") ?? "1", 1, QUEUES_MAX),
    steering: parseChoice("--steering", textOf(raw, "steering") ?? "auto", STEERING),
    offload: raw["offload"] !== false,
    congestion: parseChoice("--congestion", textOf(raw, "congestion") ?? "cubic", CONGESTION_NAMES),
    spinUs: spin === null ? null : parseWhole("--spin", spin, 0, SPIN_MAX_US),
    pcap: readPath(raw, "pcap"),
    control: readPath(raw, "control"),
  };
}

function readLinkOptions6(raw: RawOptions, mtu: number): LinkOptions6 | null {
  const hostText = textOf(raw, "host6") ?? HOST6;
  const stackText = textOf(raw, "stack6") ?? STACK6;
  const isDefault = textOf(raw, "host6") === null && textOf(raw, "stack6") === null;
  if (stackText === "none" || (isDefault && mtu < IPV6_MTU_MIN)) return null;
  const host = parseInterfaceAddress6("--host6", hostText);
  const stack = parseHostAddress6("--stack6", stackText);
  if (mtu < IPV6_MTU_MIN) throw misuse(`--mtu ${mtu}: IPv6 needs ${IPV6_MTU_MIN} bytes (RFC 8200 5)`);
  if (samePrefixV6(stack, 0, host.words, 0, 128)) {
    throw misuse(
      `--stack6 takes an address of its own: ${stackText} is --host6, the kernel's side of the device`,
    );
  }
  if (!samePrefixV6(stack, 0, host.words, 0, host.bits)) {
    throw misuse(`--stack6 takes an address inside --host6's network ${hostText}, not '${stackText}'`);
  }
  return { host: hostText, stack: stackText, prefixLength: host.bits, isDefault };
}

const SERVICE_HELP: Record<ServiceName, string> = {
  echo: "port of echo (RFC 862); 0: off",
  discard: "port of discard (RFC 863); 0: off",
  chargen: "port of the character generator (RFC 864); 0: off",
  http: "port of the HTTP server; 0: off",
  keep: "port of a service that reads end-of-file and never closes, a CLOSE_WAIT on purpose; 0: off",
};

function requireOnePortEach(services: ServicePorts): void {
  const taken = new Map<number, string>();
  for (const [name, port] of Object.entries(services)) {
    const other = taken.get(port);
    if (port !== 0 && other !== undefined) throw misuse(`--${other} and --${name} both ask for port ${port}`);
    taken.set(port, name);
  }
}

function readPath(raw: RawOptions, name: string): string | null {
  const text = textOf(raw, name);
  if (text === "") throw misuse(`--${name} takes a path, not ''`);
  return text;
}

function textOf(raw: RawOptions, name: string): string | null {
  const value = raw[name];
  return typeof value === "string" ? value : null;
}
