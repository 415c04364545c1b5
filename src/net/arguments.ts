/**
 * The shapes in which node:net takes its arguments, made one, and the checks at the API's edge with Node's
 * `ERR_*` codes. It knows no socket and no stack.
 */
import type { LookupFunction } from "node:net";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../stack/events.ts";
import type { Listener } from "../stack/listener.ts";
import { badPort, invalidType, invalidValue, notSupported, outOfRange } from "./errors.ts";
import type { Wishes } from "./wishes.ts";

/** What this layer needs of a stack: `RunningStack` of the driver, or `Stack` itself in a simulation. */
export interface NetStack {
  connect(
    options: Wishes & { host: string; port: number; localAddress?: string; localPort?: number },
    handler: ConnectionHandler,
  ): Connection;
  listen(
    options: { host?: string; port: number; backlog?: number; ipv6Only?: boolean; reuseAddr?: boolean },
    handler: ListenerHandler,
  ): Listener;
}

/** Reads into the application's own buffer instead of a stream, as `onread` of node:net. */
export interface OnReadOptions {
  buffer: Uint8Array | (() => Uint8Array);
  /** Returning false pauses until `socket.resume()`. */
  callback(bytesRead: number, buffer: Uint8Array): unknown;
}

/** Options of `new Socket`; those of node:net that a TCP stack can honour. */
export interface SocketOptions {
  allowHalfOpen?: boolean | undefined;
  readable?: boolean | undefined;
  writable?: boolean | undefined;
  highWaterMark?: number | undefined;
  readableHighWaterMark?: number | undefined;
  writableHighWaterMark?: number | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
  signal?: AbortSignal | undefined;
  onread?: OnReadOptions | undefined;
  /** A raw connection to carry. */
  handle?: Connection | undefined;
  /** With `handle`: IPv4, shown as IPv6 as everything that a server on "::" accepts. */
  isMapped?: boolean | undefined;
  /** With `handle`: read nothing until `resume()`. */
  pauseOnCreate?: boolean | undefined;
}

/** Options of `socket.connect` and, with those of the socket, of `net.connect`. */
export interface ConnectOptions {
  port?: number | string | undefined;
  host?: string | undefined;
  path?: string | null | undefined;
  localAddress?: string | undefined;
  localPort?: number | undefined;
  family?: number | string | undefined;
  hints?: number | undefined;
  lookup?: LookupFunction | undefined;
  autoSelectFamily?: boolean | undefined;
}

/** Options of `net.connect`. */
export interface CreateConnectionOptions extends SocketOptions, ConnectOptions {
  /** Milliseconds, as by `socket.setTimeout`. */
  timeout?: number | undefined;
}

/** Options of `net.createServer`. */
export interface ServerOptions {
  allowHalfOpen?: boolean | undefined;
  pauseOnConnect?: boolean | undefined;
  noDelay?: boolean | undefined;
  keepAlive?: boolean | undefined;
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined;
  highWaterMark?: number | undefined;
}

/** Options of `server.listen`. */
export interface ListenOptions {
  port?: number | string | null | undefined;
  host?: string | undefined;
  path?: string | undefined;
  backlog?: number | undefined;
  /** With the host "::": no IPv4. */
  ipv6Only?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Arguments of `connect` or `listen` in one shape. */
export interface Normalized<Options> {
  options: Options;
  callback: (() => void) | null;
}

/** `(options)`, `(port, host)`, `(path)`, `()`, each with a callback or without. */
export function normalize<Options extends object>(args: readonly unknown[]): Normalized<Options> {
  const first = args[0];
  const last = args[args.length - 1];
  let options: Record<string, unknown> = {};
  if (typeof first === "object" && first !== null) {
    options = first as Record<string, unknown>;
  } else if (isPath(first)) {
    options["path"] = first;
  } else if (args.length > 0) {
    options["port"] = first;
    if (typeof args[1] === "string") options["host"] = args[1];
  }
  return { options: options as Options, callback: typeof last === "function" ? (last as () => void) : null };
}

/** The backlog among the arguments of `listen`: `(port, backlog)` or `(port, host, backlog)`; 0 when none. */
export function backlogOf(args: readonly unknown[]): number {
  return toNumber(args[1]) || toNumber(args[2]) || 0;
}

/** A port as an integer; `name` as Node says it in the error. */
export function toPort(port: unknown, name: string): number {
  const wrongType = typeof port !== "number" && typeof port !== "string";
  const value = Number(port);
  const empty = typeof port === "string" && port.trim() === "";
  if (wrongType || empty || !Number.isInteger(value) || value < 0 || value > 65_535)
    throw badPort(name, port);
  return value;
}

/** Milliseconds of a timer, clamped as Node's timers are. */
export function toDuration(ms: unknown, name: string): number {
  checkNumber(ms, name);
  if (ms < 0 || !Number.isFinite(ms)) throw outOfRange(name, "a non-negative finite number", ms);
  return Math.min(ms, 2 ** 31 - 1);
}

/** Milliseconds of `keepAliveInitialDelay`: whole seconds, as `setsockopt` takes them; 0 for the stack's own. */
export function toIdle(ms: number | undefined): number {
  const seconds = Math.trunc(Number(ms) / 1000);
  return seconds > 0 ? seconds * 1000 : 0;
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number") throw invalidType(name, "of type number", value);
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== "function") throw invalidType(name, "of type function", value);
}

export function checkSignal(value: unknown, name: string): void {
  const isSignal = typeof value === "object" && value !== null && "aborted" in value;
  if (!isSignal) throw invalidType(name, "an instance of AbortSignal", value);
}

/** Refuses what node:net takes and a TCP stack cannot honour. */
export function checkSocketOptions(options: SocketOptions & { fd?: unknown }): void {
  for (const mode of ["objectMode", "readableObjectMode", "writableObjectMode"]) {
    const value = (options as Record<string, unknown>)[mode];
    if (value) throw invalidValue(`options.${mode}`, value, "is not supported");
  }
  if (options.fd !== undefined) throw notSupported("options.fd");
  checkIdle(options.keepAliveInitialDelay);
  if (options.signal !== undefined) checkSignal(options.signal, "signal");
}

/** `onread` when it is complete, else null, as node:net ignores it. */
export function onReadOf({ onread }: SocketOptions): OnReadOptions | null {
  if (typeof onread !== "object" || onread === null || typeof onread.callback !== "function") return null;
  return onread.buffer instanceof Uint8Array || typeof onread.buffer === "function" ? onread : null;
}

export function checkIdle(ms: unknown): void {
  if (ms !== undefined) checkNumber(ms, "options.keepAliveInitialDelay");
}

function isPath(value: unknown): boolean {
  return typeof value === "string" && toNumber(value) === null;
}

function toNumber(value: unknown): number | null {
  if (value === undefined) return null;
  const number = Number(value);
  return number >= 0 ? number : null;
}
