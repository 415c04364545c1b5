/**
 * Active OPEN at the stack's edge (RFC 9293 3.10.1): addresses, route, source (RFC 6724), port (RFC 6056), and a TCB.
 */
import {
  type Family,
  isLimitedBroadcast,
  isMulticast,
  isMulticastV6,
  isUnspecified,
  isUnspecifiedV6,
} from "../base/address.ts";
import { NetworkError } from "../base/errors.ts";
import { open, send, startDeferred } from "../tcp/calls.ts";
import { CONGESTION_CONTROLS, type CongestionName } from "../tcp/congestion/congestion.ts";
import { prepareFastOpen } from "../tcp/fast-open.ts";
import { Tcb } from "../tcp/tcb.ts";
import { addressArgument, checkPort, congestionArgument } from "./arguments.ts";
import { Connection } from "./connection.ts";
import type { ConnectionHandler } from "./events.ts";
import { KIND_TCB } from "./flow-table.ts";
import type { StackInterface } from "./interface.ts";
import { applySettings, type ConnectionSettings } from "./settings.ts";
import { insertFlow } from "./slots.ts";
import type { Stack } from "./stack.ts";

/** Where to, and from where. */
export interface ConnectOptions extends ConnectionSettings {
  /** An IP address; names are for the layers above. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** One of the stack's own addresses; default by RFC 6724. */
  readonly localAddress?: string;
  /** Default: an ephemeral one. In a shard (`joinShard`) it must be a port that makes the flow the shard's: EADDRNOTAVAIL. */
  readonly localPort?: number;
  /**
   * Fast Open (RFC 7413), if `TcpConfig.fastOpen` allows it. With bytes: what sendto(MSG_FASTOPEN) does; they are sent, in the
   * SYN if a cookie is known, else after the handshake, while the SYN asks for one. `true`: what TCP_FASTOPEN_CONNECT does; with
   * a cookie the SYN waits for the first `send`, without one it leaves at once. `Connection.synRoom` says how much of
   * what is sent then rides on the SYN; all the rest follows the handshake.
   */
  readonly fastOpen?: Uint8Array | boolean;
  /** Congestion control; default: the stack's. */
  readonly congestion?: CongestionName;
}

/** Opens. Throws as `Stack.connect` says. */
export function connect(stack: Stack, options: ConnectOptions, handler: ConnectionHandler): Connection {
  const { family, words } = addressArgument("host", options.host);
  checkPort("port", options.port, 1);
  if (family === 4) return openTo(stack, family, words[0]!, options, handler);
  const remote = stack.addresses.intern(words);
  try {
    return openTo(stack, family, remote, options, handler);
  } finally {
    stack.addresses.release(remote);
  }
}

function openTo(
  stack: Stack,
  family: Family,
  remote: number,
  options: ConnectOptions,
  handler: ConnectionHandler,
): Connection {
  const { host, port } = options;
  const fail: Fail = (code) => new NetworkError(code, "connect", host, port);
  // RFC 9293 3.10.1 (MUST-46, MUST-57): TCP is for one peer.
  if (!isOneHost(stack, family, remote)) throw fail("ENETUNREACH");
  const link = stack.interfaces.route(family, remote);
  if (link === null) throw fail("ENETUNREACH");
  const local = chooseLocal(stack, family, remote, link, options);
  if (local === null || !stack.interfaces.isOwn(family, local)) throw fail("EADDRNOTAVAIL");
  const localPort = choosePort(stack, family, local, remote, options, fail);
  const congestion = CONGESTION_CONTROLS[congestionArgument(options.congestion) ?? stack.config.congestion];
  const path = stack.interfaces.pathTo(family, remote, link);
  const tcb = new Tcb(family, local, remote, localPort, port, path, stack.config, congestion);
  applySettings(tcb, options, stack);
  const slot = insertFlow(stack, family, local, remote, localPort, port, KIND_TCB);
  if (slot < 0) throw fail("ENOBUFS");
  stack.adopt(tcb, slot);
  const connection = new Connection(stack, tcb, tcb.slot, handler, true);
  const { fastOpen } = options;
  if (fastOpen !== undefined && fastOpen !== false) prepareFastOpen(tcb, stack);
  open(tcb, stack);
  if (fastOpen instanceof Uint8Array) {
    send(tcb, fastOpen, true, stack);
    startDeferred(tcb);
    stack.markDirty(tcb);
  }
  return connection;
}

type Fail = (code: "EADDRNOTAVAIL" | "ENETUNREACH" | "ENOBUFS" | "EADDRINUSE") => NetworkError;

function isOneHost(stack: Stack, family: number, key: number): boolean {
  if (family === 6) {
    const { words } = stack.addresses;
    return !isUnspecifiedV6(words, 4 * key) && !isMulticastV6(words, 4 * key);
  }
  return !(
    isMulticast(key) ||
    isLimitedBroadcast(key) ||
    isUnspecified(key) ||
    stack.interfaces.isDirectedBroadcast(key)
  );
}

function chooseLocal(
  stack: Stack,
  family: number,
  remote: number,
  link: StackInterface,
  options: ConnectOptions,
): number | null {
  if (options.localAddress === undefined) return stack.interfaces.sourceFor(family, remote, link);
  const local = addressArgument("localAddress", options.localAddress);
  if (local.family !== family) return null;
  return family === 4 ? local.words[0]! : stack.addresses.find(local.words);
}

function choosePort(
  stack: Stack,
  family: number,
  local: number,
  remote: number,
  options: ConnectOptions,
  fail: Fail,
): number {
  const { port, localPort } = options;
  const taken = (candidate: number): boolean => stack.flows.find(family, local, remote, candidate, port) >= 0;
  // The answers to it would go to another shard.
  const isForeign = (candidate: number): boolean =>
    stack.shard !== null && !stack.shard.owns(stack, family, local, remote, candidate, port);
  if (localPort !== undefined && localPort !== 0) {
    checkPort("localPort", localPort, 0);
    if (stack.listeners.isBound(family, local, localPort)) throw fail("EADDRINUSE");
    if (taken(localPort) || isForeign(localPort)) throw fail("EADDRNOTAVAIL");
    return localPort;
  }
  const chosen = stack.ports.choose(
    family,
    stack.identity(family, local),
    stack.identity(family, remote),
    port,
    (p) => isForeign(p) || taken(p) || stack.listeners.isBound(family, local, p),
  );
  if (chosen < 0) throw fail("EADDRNOTAVAIL");
  return chosen;
}
