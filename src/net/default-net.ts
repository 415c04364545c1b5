/** node:net on the default stack: `import net from "usertcp/net"` in place of `import net from "node:net"`. */
import { defaultStack } from "./default-stack.ts";
import { createNet, type Net } from "./net.ts";
import { createSockets, type Sockets } from "./sockets.ts";

/** Opens the stack on first use; USERTCP_TUN and USERTCP_STACK say which. */
export const defaultNet: Net = createNet(defaultStack);

const sockets = createSockets(defaultNet);

/** `connect` and `listen` of `usertcp/sockets` on it. */
export const connect: Sockets["connect"] = sockets.connect;
export const listen: Sockets["listen"] = sockets.listen;
