/**
 * Network namespaces for the benchmarks: made, joined, tuned and always removed again. All traffic of a
 * bench stays inside them. This file knows nothing of workloads or targets.
 */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { Failure } from "./failure.ts";

const PREFIX = "utbench";

export type Family = 4 | 6;

/** Addresses of a link's ends: of the one that serves or routes, and of the other one. */
export interface Pair {
  readonly near: string;
  readonly far: string;
}

/** The pair between a client and whoever it dials or is routed by. */
export const CLIENT_PAIR: Pair = { near: "10.78.0.1", far: "10.78.0.2" };
export const CLIENT_PAIR_6: Pair = { near: "fd78::1", far: "fd78::2" };
/** The pair between a router and a server behind it. */
export const SERVER_PAIR: Pair = { near: "10.79.0.1", far: "10.79.0.2" };
/** The kernel's address on a stack's TUN device, and the stack's own. */
export const STACK_PAIR: Pair = { near: "10.77.0.1", far: "10.77.0.2" };
export const STACK_PAIR_6: Pair = { near: "fd77::1", far: "fd77::2" };

/** Addresses that a client dials from in turn: each has 64,512 ports. */
export const SOURCES = 8;

const MORTAL = ["setpriv", "--pdeathsig", "KILL"];

const namespaces = new Set<string>();
const children = new Set<ChildProcess>();
let made = 0;
let armed = false;

/** Throws unless this process may make network namespaces. */
export function requireNamespaces(): void {
  if (process.platform !== "linux") throw new Failure("network namespaces need Linux");
  if (process.getuid?.() !== 0) throw new Failure("network namespaces need root: run it with sudo");
}

/** Makes a namespace with a unique name and its loopback up, and sees to its removal at exit. */
export function createNamespace(): string {
  arm();
  const name = `${PREFIX}-${process.pid}-${++made}`;
  ip("netns", "add", name);
  namespaces.add(name);
  ip("-n", name, "link", "set", "lo", "up");
  // crr leaves its TIME-WAIT with the client: 64,512 ports an address, taken again after one second.
  sysctl(name, "net.ipv4.ip_local_port_range", "1024 65535");
  sysctl(name, "net.ipv4.tcp_tw_reuse", "1");
  sysctl(name, "net.core.somaxconn", "4096");
  sysctl(name, "net.ipv4.tcp_max_syn_backlog", "4096");
  return name;
}

/** Joins two namespaces by a veth pair, device `device` in `near` and `veth0` in `far`. */
export function joinByVeth(
  near: string,
  far: string,
  mtu: number,
  pair: Pair = CLIENT_PAIR,
  device = "veth0",
): void {
  ip("-n", near, "link", "add", device, "type", "veth", "peer", "name", "veth0", "netns", far);
  giveAddresses(near, far, device, "veth0", mtu, pair);
}

/** Brings up both ends of a link, each with its address of `pair`. */
export function giveAddresses(
  near: string,
  far: string,
  nearDevice: string,
  farDevice: string,
  mtu: number,
  pair: Pair,
): void {
  for (const [namespace, address, name] of [
    [near, pair.near, nearDevice],
    [far, pair.far, farDevice],
  ] as const) {
    ip("-n", namespace, "link", "set", name, "mtu", String(mtu), "up");
    addAddress(namespace, name, address);
    useCubic(namespace, name);
  }
}

/** Gives a device an address in a network of the length that all links here have. */
export function addAddress(namespace: string, device: string, address: string): void {
  // Nobody else is on the link: no wait for duplicates.
  const [length, ...flags] = address.includes(":") ? ["64", "nodad"] : ["24"];
  ip("-n", namespace, "address", "add", `${address}/${length}`, "dev", device, ...flags);
}

/** Sets a device's MTU and the length of its queue in packets, and brings it up. */
export function bringUp(namespace: string, device: string, mtu: number, queue: number): void {
  ip("-n", namespace, "link", "set", device, "mtu", String(mtu), "txqueuelen", String(queue), "up");
}

/** Adds further source addresses beside `address` on a device, and gives them all: crr uses them in turn. */
export function addSources(namespace: string, device: string, address: string, count: number): string[] {
  const subnet = address.slice(0, 1 + Math.max(address.lastIndexOf("."), address.lastIndexOf(":")));
  const all = [address];
  for (let i = 1; i < count; i++) {
    const one = `${subnet}${100 + i}`;
    addAddress(namespace, device, one);
    all.push(one);
  }
  return all;
}

/** The device through which a namespace reaches an address. */
export function deviceTowards(namespace: string, address: string): string {
  const [route] = JSON.parse(ip("-n", namespace, "-j", "route", "get", address)) as { dev: string }[];
  return route!.dev;
}

/**
 * Sets cubic for every socket over a device, Node's included. A namespace refuses cubic by its sysctl
 * where the host's default is another; the route's own setting is always taken.
 */
export function useCubic(namespace: string, device: string): void {
  for (const family of ["-4", "-6"]) {
    const routes = JSON.parse(ip("-n", namespace, "-j", family, "route", "show", "dev", device) || "[]") as {
      dst: string;
      prefsrc?: string;
      metric?: number;
    }[];
    for (const { dst, prefsrc, metric } of routes) {
      const source = prefsrc === undefined ? [] : ["proto", "kernel", "scope", "link", "src", prefsrc];
      const order = metric === undefined ? [] : ["metric", String(metric)];
      ip(
        "-n",
        namespace,
        family,
        "route",
        "replace",
        dst,
        "dev",
        device,
        ...source,
        ...order,
        "congctl",
        "cubic",
      );
    }
  }
}

/**
 * Drops a share of the TCP packets that a router forwards, in either direction; 0 takes the rule away. Only a router's drop
 * is a loss: what a filter refuses at the sender's own output, TCP is told of and sends again unpunished.
 */
export function dropForwarded(router: string, share: number): void {
  const lines = ["table inet loss {}", "delete table inet loss"];
  if (share > 0) {
    lines.push("table inet loss { chain forward { type filter hook forward priority 0; }; }");
    lines.push(
      `add rule inet loss forward meta l4proto tcp numgen random mod 1000 < ${Math.round(1000 * share)} drop`,
    );
  }
  const done = spawnSync("ip", ["netns", "exec", router, "nft", "-f", "-"], {
    input: `${lines.join("\n")}\n`,
    encoding: "utf8",
  });
  if (done.error !== undefined || done.status !== 0) {
    throw new Failure(`nft: ${done.stderr?.trim() || "it is not there: install nftables"}`);
  }
}

/** Makes a namespace forward packets. */
export function forward(router: string): void {
  sysctl(router, "net.ipv4.ip_forward", "1");
}

/** Routes everything that no link of a namespace reaches over `gateway`, with a congestion control. */
export function addDefaultRoute(namespace: string, gateway: string, congestion = "cubic"): void {
  ip("-n", namespace, "route", "add", "default", "via", gateway, "congctl", congestion);
}

/** Has the kernel's TCP hand single packets to a device: no segmentation below it, in hardware or software. */
export function sendSinglePackets(namespace: string, device: string): void {
  ip("-n", namespace, "link", "set", "dev", device, "gso_max_segs", "1");
}

/** Runs a command in a namespace to its end, and gives its standard output. */
export function runIn(namespace: string, ...command: string[]): string {
  return ip("netns", "exec", namespace, ...command);
}

/**
 * Starts a command in a namespace. `ip netns exec` and setpriv become the command, so `pid` is its own; and it
 * dies with this process, even by SIGKILL.
 */
export function spawnIn(namespace: string, command: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn("ip", ["netns", "exec", namespace, ...MORTAL, ...command], options);
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Ends a child: SIGTERM, so that it can clean up, and SIGKILL if it has not gone within 3 s. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const hard = setTimeout(() => child.kill("SIGKILL"), 3000);
  child.kill("SIGTERM");
  await gone;
  clearTimeout(hard);
}

/** Removes one namespace, and with it every link in it. */
export function removeNamespace(name: string): void {
  if (namespaces.delete(name)) spawnSync("ip", ["netns", "del", name]);
}

/** Ends what is still running and removes what is left, at once; safe to call twice. */
export function cleanUp(): void {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
  for (const name of namespaces) removeNamespace(name);
}

// Every way out but SIGKILL comes by the exit handler; the next run sweeps up after that one.
function arm(): void {
  if (armed) return;
  armed = true;
  process.on("exit", cleanUp);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      void Promise.all([...children].map(stop)).then(() => process.exit(signal === "SIGINT" ? 130 : 143));
    });
  }
  sweep();
}

function sweep(): void {
  for (const line of ip("netns", "list").split("\n")) {
    const name = line.split(" ", 1)[0]!;
    const owner = new RegExp(`^${PREFIX}-(\\d+)-\\d+$`).exec(name)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) spawnSync("ip", ["netns", "del", name]);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function sysctl(namespace: string, name: string, value: string): void {
  ip("netns", "exec", namespace, "sysctl", "-qw", `${name}=${value}`);
}

function ip(...args: string[]): string {
  const done = spawnSync("ip", args, { encoding: "utf8" });
  if (done.error !== undefined) throw new Failure(`ip: ${done.error.message} (install iproute2)`);
  if (done.status !== 0) {
    throw new Failure(`ip ${args.join(" ")}: ${done.stderr.trim() || `exit ${done.status}`}`);
  }
  return done.stdout;
}
