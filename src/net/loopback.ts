/**
 * node:net over a stack that lives in this process and answers on 127.0.0.0/8, ::1 and
 * localhost. No root, no TUN; nothing leaves the process.
 */
import { isLoopbackV6, isUnspecifiedV6, parseIpv6Address } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import { createPipe } from "../device/pipe.ts";
import { createStack, type RunningStack } from "../driver/create-stack.ts";
import type { NetStack } from "./arguments.ts";
import type { NetRouter } from "./methods.ts";
import { createNet, type Net } from "./net.ts";

/** The stack below: `snapshot()`, `capture()`. */
export const loopbackStack: RunningStack = createStack({
  device: createPipe()[0],
  addresses: ["127.0.0.1/8", "::1/128"],
  inTurns: true,
});
loopbackStack.unref();

const reachable: NetStack = {
  connect(options, handler) {
    if (!isHere(options.host)) {
      throw new NetworkError("ENETUNREACH", "connect", options.host, options.port);
    }
    return loopbackStack.connect(options, handler);
  },
  listen: (options, handler) => loopbackStack.listen(options, handler),
};

/** What `usertcp/loopback` exports as default. */
export const loopbackNet: Net = createNet(reachable);

/** For the real node:net: what goes to this host stays in the process, and everyone listens there. */
export const loopbackRouter: NetRouter = {
  stack: reachable,
  connects: isHere,
  listens: () => "stack",
};

/** Whether this stack is the only host that can have the address: what leaves it arrives nowhere. */
function isHere(address: string): boolean {
  if (address.startsWith("127.") || address === "0.0.0.0") return true;
  const words = parseIpv6Address(address);
  return words !== null && (isLoopbackV6(words, 0) || isUnspecifiedV6(words, 0));
}
