/**
 * What net.Socket and net.Server have here that Node's lack: settings and figures of the connection below, by
 * methods and accessors that go onto any of our prototypes. Each setting may be made before there is a connection; what the
 * kernel carries has none of it.
 */
import type net from "node:net";
import { ArgumentError } from "../base/errors.ts";
import { congestionArgument } from "../stack/arguments.ts";
import type { ListenerStats, TcpInfo } from "../stack/inspect.ts";
import { CONGESTION_CONTROLS, type CongestionName } from "../tcp/congestion/congestion.ts";
import type { StateName } from "../tcp/state.ts";
import { checkNumber } from "./arguments.ts";
import { connectionOf, isForeign, listenerOf } from "./below.ts";
import { notSupported } from "./errors.ts";
import { type Wishes, wish, wishesOf, wishRhythm } from "./wishes.ts";

/**
 * More of a socket on a stack. What sets something throws `ERR_OUT_OF_RANGE` or `ERR_INVALID_ARG_TYPE` for a value that
 * cannot be, and `ERR_FEATURE_UNAVAILABLE_ON_PLATFORM` on a socket whose connection is the kernel's (usertcp/install). It may be
 * called before `connect`; the connection then starts with it.
 */
export interface SocketExtras {
  /** The connection's state in RFC 9293's words; "CLOSED" without one, null for the kernel's. */
  readonly state: StateName | null;
  /** TCP_CONGESTION: "cubic", "bbr" or "newreno". Null: the stack's default, or no connection of a stack. */
  congestion: CongestionName | null;
  /** SO_MAX_PACING_RATE: bytes a second that are never exceeded; 0: no limit. */
  pacing: number;
  /** TCP_INFO with Linux's names (tcp(7)); null without a connection of a stack. */
  info(): TcpInfo | null;
  /**
   * Node's `setKeepAlive` with the interval between probes (milliseconds, TCP_KEEPINTVL, default 1000) and their number
   * (1 to 127, TCP_KEEPCNT, default 10), as Node has it from version 24 on.
   */
  setKeepAlive(enable?: boolean, initialDelayMs?: number, intervalMs?: number, count?: number): this;
  /** TCP_USER_TIMEOUT (RFC 5482): milliseconds that text may stay unacknowledged before ETIMEDOUT; 0: off. */
  setUserTimeout(ms: number): this;
  /** SO_LINGER: null: off. 0: closing resets. More: closing resets after so many milliseconds with text unacknowledged. */
  setLinger(ms: number | null): this;
  /** IP_TOS, IPV6_TCLASS: the Diffserv octet, 0 to 255 (a DSCP is its upper six bits; the two of ECN are TCP's own). */
  setTypeOfService(typeOfService: number): this;
  /** As set; 0 at first. */
  getTypeOfService(): number;
  /** TCP_MAXSEG: the largest segment to send, and to offer in the SYN if set before `connect`; 64 to 65495 bytes, 0: what the path takes. */
  setMaxSegment(bytes: number): this;
}

/** More of a server on a stack. */
export interface ServerExtras {
  /** SYN queue, accept queue, what they dropped, SYN cookies; null without a listener of a stack. */
  stats(): ListenerStats | null;
}

/** net.Socket on a stack. */
export interface TcpSocket extends net.Socket, Omit<SocketExtras, "setKeepAlive"> {
  /** As in `SocketExtras`. */
  setKeepAlive(enable?: boolean, initialDelayMs?: number, intervalMs?: number, count?: number): this;
}

/** net.Server on a stack. */
export interface TcpServer extends net.Server, ServerExtras {}

/** Puts the extras of a socket on `prototype`, whose own `setKeepAlive` and `setTypeOfService` they use. */
export function extendSockets(prototype: object): void {
  const real = prototype as net.Socket & { setTypeOfService?: unknown };
  define(prototype, METHODS);
  define(prototype, { setKeepAlive: withRhythm(real.setKeepAlive) });
  if (real.setTypeOfService === undefined) define(prototype, TYPE_OF_SERVICE);
  Object.defineProperties(prototype, {
    state: { get: stateOf, set: shadow, configurable: true },
    congestion: { get: congestionOf, set: setCongestion, configurable: true },
    pacing: { get: pacingOf, set: setPacing, configurable: true },
  });
}

/** Puts the extras of a server on `prototype`. */
export function extendServers(prototype: object): void {
  define(prototype, {
    stats(this: object) {
      return listenerOf(this)?.stats() ?? null;
    },
  });
}

const METHODS = {
  info(this: object) {
    return connectionOf(this)?.info() ?? null;
  },
  setUserTimeout(this: object, ms: number) {
    return apply(this, "setUserTimeout", "ms", ms, { userTimeoutMs: ms });
  },
  setLinger(this: object, ms: number | null) {
    const lingerMs = ms === null ? -1 : ms;
    if (ms !== null && ms < 0)
      throw new ArgumentError("ms", "null or a number from 0", ms, "ERR_OUT_OF_RANGE");
    return apply(this, "setLinger", "ms", lingerMs, { lingerMs });
  },
  setMaxSegment(this: object, bytes: number) {
    return apply(this, "setMaxSegment", "bytes", bytes, { maxSegment: bytes });
  },
};

/** For a Node whose sockets lack them (before 24). */
const TYPE_OF_SERVICE = {
  setTypeOfService(this: object, typeOfService: number) {
    return apply(this, "setTypeOfService", "typeOfService", typeOfService, { typeOfService });
  },
  getTypeOfService(this: object) {
    return wishesOf(this)?.typeOfService ?? 0;
  },
};

function withRhythm(real: (...args: never[]) => unknown) {
  return function setKeepAlive(
    this: object,
    enable?: boolean,
    initialDelayMs?: number,
    intervalMs?: number,
    count?: number,
  ): unknown {
    // An object of options is Node's to read.
    if (intervalMs === undefined && count === undefined) {
      return real.call(this, ...([enable, initialDelayMs] as never[]));
    }
    if (intervalMs !== undefined) checkNumber(intervalMs, "interval");
    if (count !== undefined) checkNumber(count, "count");
    wishRhythm(this, { intervalMs, count });
    real.call(this, ...([enable, initialDelayMs, intervalMs, count] as never[]));
    // Before version 24 Node reads two arguments, and tells its handle nothing when neither is new.
    connectionOf(this)?.setKeepAlive(Boolean(enable), undefined, intervalMs, count);
    return this;
  };
}

function apply(socket: object, method: string, name: string, value: unknown, settings: Wishes): object {
  checkNumber(value, name);
  if (isForeign(socket)) throw notSupported(`socket.${method} of a connection of the kernel's`);
  wish(socket, settings);
  connectionOf(socket)?.set(settings);
  return socket;
}

function stateOf(this: object): StateName | null {
  return isForeign(this) ? null : (connectionOf(this)?.state ?? "CLOSED");
}

/** Programs leave fields of their own on sockets: theirs stand before ours. */
function shadow(this: object, value: unknown): void {
  Object.defineProperty(this, "state", { value, writable: true, enumerable: true, configurable: true });
}

function congestionOf(this: object): CongestionName | null {
  const running = connectionOf(this)?.info().congestion;
  if (running === undefined) return wishesOf(this)?.congestion ?? null;
  const names = Object.keys(CONGESTION_CONTROLS) as CongestionName[];
  return names.find((name) => CONGESTION_CONTROLS[name].name === running) ?? null;
}

function setCongestion(this: object, name: CongestionName): void {
  congestionArgument(name ?? "null");
  if (isForeign(this)) throw notSupported("socket.congestion of a connection of the kernel's");
  wish(this, { congestion: name });
  connectionOf(this)?.setCongestion(name);
}

function pacingOf(this: object): number {
  return connectionOf(this)?.info().max_pacing_rate ?? wishesOf(this)?.maxPacingRate ?? 0;
}

function setPacing(this: object, bytesPerSecond: number): void {
  apply(this, "pacing", "pacing", bytesPerSecond, { maxPacingRate: bytesPerSecond });
}

function define(prototype: object, methods: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(methods)) {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
