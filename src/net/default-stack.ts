/**
 * The stack of whoever names none: opened on first use, on the TUN device and with the addresses that the environment
 * says (USERTCP_TUN, USERTCP_STACK). It keeps no process alive by itself; its sockets and servers do.
 */
import { createStack, type RunningStack } from "../driver/create-stack.ts";
import type { NetStack } from "./arguments.ts";

/** The addresses of `usertcp serve`. */
const ADDRESSES = "10.77.0.2/24,fd77::2/64";

let running: RunningStack | null = null;

/** Opens the default stack, or returns the one that is open. Throws what opening TUN throws (EPERM, EBUSY, ENOENT). */
export function openDefaultStack(): RunningStack {
  if (running !== null) return running;
  const name = process.env["USERTCP_TUN"];
  running = createStack({ tun: name === undefined ? {} : name, addresses: defaultAddresses() });
  running.unref();
  return running;
}

/** Its addresses with their prefixes. */
export function defaultAddresses(): string[] {
  return (process.env["USERTCP_STACK"] ?? ADDRESSES).split(",").map((text) => text.trim());
}

/** The default stack as the net layer sees it: nothing is opened before the first call. */
export const defaultStack: NetStack = {
  connect: (options, handler) => openDefaultStack().connect(options, handler),
  listen: (options, handler) => openDefaultStack().listen(options, handler),
};
