/**
 * Active OPEN at the stack's edge (RFC 9293 3.10.1): addresses, route, source (RFC 6724), port (RFC 6056), and a TCB.
 */
import { isLimitedBroadcast, isMulticast, isUnspecified } from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import { open } from "../tcp/calls.ts";
import { CONGESTION_CONTROLS, type CongestionName } from "../tcp/congestion/congestion.ts";
import { Tcb } from "../tcp/tcb.ts";
import { addressArgument, checkPort, congestionArgument } from "./arguments.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHandler } from "./events.ts";
import { applySettings, type ConnectionSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

/** Where to, and from where. */
export interface ConnectOptions extends ConnectionSettings {
  /** An IPv4 address; names are for the layers above. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** One of the stack's own addresses; default by RFC 6724. */
  readonly localAddress?: string;
  /** Default: an ephemeral one. */
  readonly localPort?: number;
  /** Congestion control; default: the stack's. */
  readonly congestion?: CongestionName;
}

/** Opens. Throws as `Stack.connect` says. */
export function connect(stack: Stack, options: ConnectOptions, handler: ConnectionHandler): Connection {
  const { host, port } = options;
  const remote = addressArgument("host", host);
  checkPort("port", port, 1);
  const fail = (code: "EADDRNOTAVAIL" | "ENETUNREACH" | "ENOBUFS" | "EADDRINUSE"): NetworkError =>
    new NetworkError(code, "connect", host, port);
  if (
    isMulticast(remote) ||
    isLimitedBroadcast(remote) ||
    isUnspecified(remote) ||
    stack.interfaces.isDirectedBroadcast(remote)
  ) {
    // RFC 9293 3.10.1 (MUST-46, MUST-57): TCP is for one peer.
    throw fail("ENETUNREACH");
  }
  const link = stack.interfaces.route(remote);
  if (link === null) throw fail("ENETUNREACH");
  const local =
    options.localAddress === undefined
      ? stack.interfaces.sourceFor(remote, link)
      : addressArgument("localAddress", options.localAddress);
  if (local === null || !stack.interfaces.isOwn(local)) throw fail("EADDRNOTAVAIL");
  const localPort = choosePort(stack, local, remote, options, fail);
  const congestion = CONGESTION_CONTROLS[congestionArgument(options.congestion) ?? stack.config.congestion];
  const tcb = new Tcb(
    4,
    local,
    remote,
    localPort,
    port,
    stack.interfaces.pathTo(remote, link),
    stack.config,
    congestion,
  );
  applySettings(tcb, options, stack);
  if (!stack.adopt(tcb, -1)) throw fail("ENOBUFS");
  const connection = new Connection(stack, tcb, tcb.slot, handler, true);
  open(tcb, stack);
  return connection;
}

function choosePort(
  stack: Stack,
  local: number,
  remote: number,
  options: ConnectOptions,
  fail: (code: "EADDRNOTAVAIL" | "EADDRINUSE") => NetworkError,
): number {
  const { port, localPort } = options;
  const taken = (candidate: number): boolean => stack.flows.find(4, local, remote, candidate, port) >= 0;
  if (localPort !== undefined && localPort !== 0) {
    checkPort("localPort", localPort, 0);
    if (stack.listeners.isBound(local, localPort)) throw fail("EADDRINUSE");
    if (taken(localPort)) throw fail("EADDRNOTAVAIL");
    return localPort;
  }
  const chosen = stack.ports.choose(
    4,
    local,
    remote,
    port,
    (p) => taken(p) || stack.listeners.isBound(local, p),
  );
  if (chosen < 0) throw fail("EADDRNOTAVAIL");
  return chosen;
}
