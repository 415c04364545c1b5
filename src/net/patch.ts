/** Puts a stack under the real node:net in place, for programs that cannot be changed: prototypes, not exports. */
import net from "node:net";
import { extendServers, extendSockets } from "./extras.ts";
import { findInternals } from "./internals.ts";
import { type NetRouter, serverMethods, socketMethods } from "./methods.ts";
import { hidden } from "./native.ts";

/** From here on every net.Socket and net.Server, TLS and HTTP included, asks `router` first. Throws where this Node has no way to. */
export function patchNet(router: NetRouter): void {
  const internals = findInternals();
  if (internals === null)
    throw new Error(`usertcp/install does not know how to patch Node ${process.version}`);
  const { Server, Socket } = net;
  const sockets = socketMethods(internals, router, Socket.prototype);
  const servers = serverMethods(router, Server.prototype, () => {});
  Object.defineProperties(Socket.prototype, hidden(sockets));
  Object.defineProperties(Server.prototype, hidden(servers));
  extendSockets(Socket.prototype);
  extendServers(Server.prototype);
}
