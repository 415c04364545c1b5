/**
 * Opens the TUN device and a stack on it, as the options say; what goes wrong is told in one line that says
 * what to do. The only file of the command line that knows how a stack is made.
 */
import { networkInterfaces } from "node:os";
import type { RunningStack } from "../driver/create-stack.ts";
import { createStack } from "../driver/create-stack.ts";
import { type CliError, codeOf, failure, oneLine } from "./cli-error.ts";
import type { LinkOptions } from "./serve-options.ts";

/** The device is up when this returns; packets flow. */
export function bringUp(options: LinkOptions): RunningStack {
  requireFreeAddress(options);
  try {
    return createStack({
      tun: {
        name: options.tun,
        addresses: [options.host],
        mtu: options.mtu,
        offload: options.offload,
        ...(options.spinUs === null ? {} : { spinUs: options.spinUs }),
      },
      addresses: [`${options.stack}/${options.prefixLength}`],
      tcp: { congestion: options.congestion },
    });
  } catch (error) {
    throw explainTun(error, options.tun);
  }
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

// Linux takes one address on two interfaces, and then answers on neither as meant.
function requireFreeAddress(options: LinkOptions): void {
  const address = options.host.split("/", 1)[0]!;
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    for (const taken of addresses ?? []) {
      if (taken.address === address && name !== options.tun) {
        throw failure(
          `--host ${options.host}: ${name} has this address already: choose another network for --host and --stack`,
        );
      }
      if (taken.address === options.stack) {
        throw failure(`--stack ${options.stack}: the kernel has this address on ${name}: choose another`);
      }
    }
  }
}
