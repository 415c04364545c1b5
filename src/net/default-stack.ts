/**
 * The stack of whoever names none: opened on first use, on the TUN device and with the addresses that the environment
 * says (USERTCP_TUN, USERTCP_HOST, USERTCP_STACK). It keeps no process alive by itself; its sockets and servers do.
 */
import { createStack, type RunningStack } from "../driver/create-stack.ts";
import type { NetStack } from "./arguments.ts";

/** The addresses of `usertcp serve`. */
const ADDRESSES = "10.77.0.2/24,fd77::2/64";
const HOST_ADDRESSES = "10.77.0.1/24,fd77::1/64";

let running: RunningStack | null = null;

/** Opens the default stack, or returns the one that is open. Throws what opening TUN throws (EPERM, EBUSY, ENOENT). */
export function openDefaultStack(): RunningStack {
  if (running !== null) return running;
  const name = process.env["USERTCP_TUN"];
  const addresses = listed(process.env["USERTCP_HOST"] ?? (name === undefined ? HOST_ADDRESSES : ""));
  const tun = name === undefined ? { addresses } : { name, addresses };
  running = createStack({ tun, addresses: defaultAddresses() });
  running.unref();
  return running;
}

/** Its addresses with their prefixes. */
export function defaultAddresses(): string[] {
  return listed(process.env["USERTCP_STACK"] || ADDRESSES);
}

function listed(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

/** The default stack as the net layer sees it: nothing is opened before the first call. */
export const defaultStack: NetStack = {
  connect: (options, handler) => openDefaultStack().connect(options, handler),
  listen: (options, handler) => openDefaultStack().listen(options, handler),
};
