/**
 * Opens the TUN device and a stack on it, as the options say; what goes wrong is told in one line that says
 * what to do. The only file of the command line that knows how a stack is made.
 */
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { formatIpv6, parseIpv6Address } from "../base/address.ts";
import { createShards, type RunningShards } from "../driver/create-shards.ts";
import { type CreateStackOptions, createStack, type RunningStack } from "../driver/create-stack.ts";
import { type CliError, codeOf, failure, oneLine } from "./cli-error.ts";
import type { LinkOptions, LinkOptions6, ServeOptions } from "./serve-options.ts";

/** The device is up when this returns; packets flow. */
export function bringUp(options: LinkOptions): RunningStack {
  const stack = stackOptions(options, freeV6(options));
  try {
    return createStack(stack);
  } catch (error) {
    throw explainTun(error, options.tun);
  }
}

/** The same over several queues, a worker for each, which serves as `options` say once it is told to. */
export async function bringUpShards(options: ServeOptions): Promise<RunningShards> {
  const { queues, steering } = options;
  const v6 = freeV6(options);
  // From whichever chunk this ends up in.
  const program = new URL("../cli/serve-worker.js", import.meta.url);
  const stack = stackOptions(options, v6);
  const workerData: ServeOptions = { ...options, v6 };
  try {
    return await createShards(program, { ...stack, queues, steering, workerData });
  } catch (error) {
    if (steering === "bpf" && ["bpf", "TUNSETSTEERINGEBPF"].includes(syscallOf(error))) {
      throw failure(`--steering bpf: ${oneLine(error)}: it takes CAP_BPF (root); --steering kernel does not`);
    }
    throw explainTun(error, options.tun);
  }
}

function syscallOf(error: unknown): string {
  return error instanceof Error && "syscall" in error ? String(error.syscall) : "";
}

/** Throws where an address is taken; the IPv6 addresses to use. */
function freeV6(options: LinkOptions): LinkOptions6 | null {
  requireFree(options.tun, "", options.host, options.stack);
  return usableV6(options);
}

function stackOptions(options: LinkOptions, v6: LinkOptions6 | null) {
  return {
    tun: {
      name: options.tun,
      addresses: v6 === null ? [options.host] : [options.host, v6.host],
      mtu: options.mtu,
      offload: options.offload,
      ...(options.spinUs === null ? {} : { spinUs: options.spinUs }),
    },
    addresses: [
      `${options.stack}/${options.prefixLength}`,
      ...(v6 === null ? [] : [`${v6.stack}/${v6.prefixLength}`]),
    ],
    ...(options.mssClamp === null ? {} : { mssClamp: options.mssClamp }),
    bigTcp: options.bigTcp,
    tcp: { congestion: options.congestion },
  } satisfies CreateStackOptions;
}

/** What an operator can do about a TUN device that did not open. */
export function explainTun(error: unknown, tun: string): CliError {
  const lab = "'usertcp lab' for a private network namespace";
  switch (codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return failure(`/dev/net/tun: permission denied: run as root, or ${lab}`);
    case "ENOENT":
    case "ENODEV":
    case "ENXIO":
      return failure(
        "/dev/net/tun: not there: load the module (modprobe tun), or give the container the device",
      );
    case "EBUSY":
      return failure(`--tun ${tun}: another process has this device: choose another name`);
    case "EINVAL":
      return failure(
        `--tun ${tun}: the kernel refuses it: ${tun} exists and is no TUN device, or the name is not allowed`,
      );
    default:
      return failure(oneLine(error));
  }
}

/** The IPv6 addresses to use; null where there is no IPv6, or nobody asked for it and it is taken. */
function usableV6(options: LinkOptions): LinkOptions6 | null {
  const { v6, tun } = options;
  if (v6 === null) return null;
  try {
    if (!hasIpv6()) throw failure(`--stack6 ${v6.stack}: the kernel has no IPv6 here: --stack6 none`);
    requireFree(tun, "6", v6.host, v6.stack);
    return v6;
  } catch (error) {
    if (v6.isDefault) return null;
    throw error;
  }
}

function hasIpv6(): boolean {
  try {
    return readFileSync("/proc/sys/net/ipv6/conf/default/disable_ipv6", "utf8").trim() === "0";
  } catch {
    return false;
  }
}

// Linux takes one address on two interfaces, and then answers on neither as meant.
function requireFree(tun: string, suffix: "" | "6", host: string, stack: string): void {
  const address = canonical(host.split("/", 1)[0]!);
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const taken of addresses ?? []) {
      if (taken.address === address && name !== tun) {
        const names = `--host${suffix} and --stack${suffix}`;
        throw failure(
          `--host${suffix} ${host}: ${name} has this address already: choose another network for ${names}`,
        );
      }
      if (taken.address === canonical(stack)) {
        throw failure(`--stack${suffix} ${stack}: the kernel has this address on ${name}: choose another`);
      }
    }
  }
}

function canonical(address: string): string {
  const words = parseIpv6Address(address);
  return words === null ? address : formatIpv6(words);
}
