/**
 * How a Socket's connection is opened: the look-up of a name, then one attempt an address until one holds, with
 * Node's events on the way ('lookup', 'connectionAttempt', 'connectionAttemptFailed'). Addresses are tried one
 * after the other, in the resolver's order; it knows nothing of bytes.
 */
import type { LookupAddress, LookupOptions } from "node:dns";
import type { EventEmitter } from "node:events";
import { isIP } from "node:net";
import { NetworkError } from "../base/errors.ts";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler } from "../stack/events.ts";
import { type ConnectOptions, checkFunction, checkNumber, type NetStack, toPort } from "./arguments.ts";
import {
  attemptsFailed,
  connectError,
  invalidAddress,
  invalidFamily,
  invalidType,
  invalidValue,
} from "./errors.ts";
import { wishesOf } from "./wishes.ts";

/** What an attempt needs of its socket. */
export interface Connecting extends EventEmitter {
  connecting: boolean;
  _host: string | null;
  autoSelectFamilyAttemptedAddresses?: string[];
  _connected(connection: Connection): void;
  _unrefTimer(): void;
  destroy(error?: Error): unknown;
}

/** Where to, checked. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly noDelay?: boolean;
}

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | LookupAddress[],
  family?: number,
) => void;

/** `dns.lookup`, or the application's own. */
export type Lookup = (host: string, options: LookupOptions, callback: LookupCallback) => void;

const INERT: ConnectionHandler = {};

/** One `connect` of a socket, over all addresses of its name. */
export class Attempt implements ConnectionHandler {
  readonly target: Target;
  private readonly socket: Connecting;
  private readonly stack: NetStack;
  private addresses: readonly LookupAddress[] = [];
  private next = 0;
  connection: Connection | null = null;
  private cancelled = false;
  private readonly errors: Error[] = [];

  constructor(socket: Connecting, stack: NetStack, target: Target) {
    this.socket = socket;
    this.stack = stack;
    this.target = target;
  }

  /** Tries them in turn. */
  start(addresses: readonly LookupAddress[]): void {
    this.addresses = addresses;
    if (addresses.length > 1) this.socket.autoSelectFamilyAttemptedAddresses = [];
    this.tryNext();
  }

  /** The socket was destroyed, or its look-up failed. */
  cancel(): void {
    this.cancelled = true;
    const connection = this.connection;
    if (connection === null) return;
    connection.handler = INERT;
    connection.close();
  }

  onConnect(connection: Connection): void {
    this.connection = null;
    this.socket._connected(connection);
  }

  onClose(_connection: Connection, error: NetworkError | null): void {
    this.connection = null;
    this.failed(error ?? new NetworkError("ECONNABORTED", "connect"));
  }

  private tryNext(): void {
    if (this.cancelled) return;
    const { address, family } = this.addresses[this.next++]!;
    const { port, localAddress, localPort } = this.target;
    this.socket.emit("connectionAttempt", address, port, family);
    if (this.cancelled) return;
    this.socket.autoSelectFamilyAttemptedAddresses?.push(`${address}:${port}`);
    try {
      this.connection = this.stack.connect(
        {
          ...wishesOf(this.socket),
          host: address,
          port,
          ...(localAddress === undefined ? {} : { localAddress }),
          ...(localPort === undefined ? {} : { localPort }),
        },
        this,
      );
    } catch (error) {
      this.failed(error as Error);
    }
  }

  private failed(cause: Error): void {
    const { address, family } = this.addresses[this.next - 1]!;
    const { port, localAddress, localPort } = this.target;
    const error =
      cause instanceof NetworkError
        ? connectError(cause.code, address, port, localAddress, localPort)
        : cause;
    this.errors.push(error);
    this.socket.emit("connectionAttemptFailed", address, port, family, error);
    if (this.next < this.addresses.length) this.tryNext();
    else this.socket.destroy(attemptsFailed(this.errors));
  }
}

/** Checks the options of `connect`; throws Node's `ERR_*`. */
export function checkTarget(options: ConnectOptions): Target {
  const { port, localAddress, localPort, lookup } = options;
  if (localAddress && isIP(localAddress) === 0) throw invalidAddress(localAddress);
  if (localPort !== undefined && localPort !== null) checkNumber(localPort, "options.localPort");
  if (typeof port !== "number" && typeof port !== "string") {
    throw invalidType("options.port", "one of type number or string", port);
  }
  const host = options.host || "localhost";
  if (typeof host !== "string") throw invalidType("hostname", "of type string", host);
  if (lookup !== undefined && lookup !== null) checkFunction(lookup, "options.lookup");
  familyOf(options);
  return {
    host,
    port: toPort(port, "Port"),
    localAddress: localAddress || undefined,
    localPort: localPort || undefined,
  };
}

/** Finds the addresses of the target, and starts. An address needs no look-up, and starts in the next tick as in Node. */
export function resolve(
  socket: Connecting,
  attempt: Attempt,
  options: ConnectOptions,
  fallback: Lookup,
): void {
  const { host, port } = attempt.target;
  const literal = isIP(host);
  if (literal !== 0) {
    process.nextTick(startLiteral, attempt, host, literal);
    return;
  }
  socket._host = host;
  const lookup = (options.lookup as Lookup | undefined) ?? fallback;
  const family = familyOf(options);
  const all = family === 0 && options.autoSelectFamily !== false;
  lookup(host, { family, hints: options.hints ?? 0, all }, (error, address, addressFamily) => {
    const found =
      typeof address === "string" ? [{ address, family: addressFamily ?? isIP(address) }] : address;
    const first = found?.[0];
    socket.emit("lookup", error, first?.address, first?.family, host);
    if (error) {
      process.nextTick(destroyWith, socket, Object.assign(error, { host, port }));
      return;
    }
    const usable = found.filter((entry) => entry.family === 4 || entry.family === 6);
    if (usable.length === 0) {
      process.nextTick(destroyWith, socket, invalidFamily(first?.family, host, port));
      return;
    }
    socket._unrefTimer();
    attempt.start(usable);
  });
}

function familyOf({ family }: ConnectOptions): 0 | 4 | 6 {
  if (family === undefined || family === null || family === 0) return 0;
  if (family === 4 || family === "IPv4") return 4;
  if (family === 6 || family === "IPv6") return 6;
  throw invalidValue("options.family", family, "must be one of: 0, 4, 6");
}

function startLiteral(attempt: Attempt, address: string, family: number): void {
  attempt.start([{ address, family }]);
}

function destroyWith(socket: Connecting, error: Error): void {
  socket.destroy(error);
}
