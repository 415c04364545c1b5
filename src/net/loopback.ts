/**
 * node:net over a stack that lives in this process and answers on 127.0.0.0/8, ::1 and
 * localhost. No root, no TUN; nothing leaves the process.
 */
import { parseIpv6Address } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import { createPipe } from "../device/pipe.ts";
import { createStack, type RunningStack } from "../driver/create-stack.ts";
import { createNet, type Net } from "./net.ts";

/** The stack below: `snapshot()`, `capture()`. */
export const loopbackStack: RunningStack = createStack({
  device: createPipe()[0],
  addresses: ["127.0.0.1/8", "::1/128"],
  inTurns: true,
});
loopbackStack.unref();

/** What `usertcp/loopback` exports as default. */
export const loopbackNet: Net = createNet({
  connect(options, handler) {
    if (!isHere(options.host)) {
      throw new NetworkError("ENETUNREACH", "connect", options.host, options.port);
    }
    return loopbackStack.connect(options, handler);
  },
  listen: (options, handler) => loopbackStack.listen(options, handler),
});

/** Whether this stack is the only host that can have the address: what leaves it arrives nowhere. */
function isHere(address: string): boolean {
  return address.startsWith("127.") || parseIpv6Address(address)?.join() === "0,0,0,1";
}
