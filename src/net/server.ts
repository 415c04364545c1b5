/**
 * net.Server over a raw Listener, by a function constructor, on the prototype chain of the real net.Server for
 * `instanceof` (docs/decisions/0002-net-over-duplex.md). What an accepted socket does is socket.ts.
 */
import dns from "node:dns";
import { EventEmitter } from "node:events";
import net, { type AddressInfo, isIP } from "node:net";
import { getDefaultHighWaterMark } from "node:stream";
import { NetworkError } from "../base/errors.ts";
import type { Connection } from "../stack/connection.ts";
import type { ListenerHandler } from "../stack/events.ts";
import type { Listener } from "../stack/listener.ts";
import {
  backlogOf,
  checkFunction,
  checkIdle,
  checkNumber,
  checkSignal,
  type ListenOptions,
  type NetStack,
  normalize,
  type ServerOptions,
  toIdle,
  toPort,
} from "./arguments.ts";
import { alreadyListening, invalidType, invalidValue, notRunning, notSupported } from "./errors.ts";
import { extendServers } from "./extras.ts";
import { MAPPED } from "./link.ts";
import { Liveness } from "./liveness.ts";
import type { Socket, SocketConstructor, SocketOwner } from "./socket.ts";

// The real constructor as it was when this module loaded: install() may patch it in place later.
const Base = net.Server as unknown as typeof EventEmitter;
const constructEmitter = EventEmitter as unknown as { call(self: EventEmitter): void };
const lookup = dns.lookup;

/** The backlog of Node's `listen` where none is given. */
const DEFAULT_BACKLOG = 511;

/** Both sides of a connection that `maxConnections` refused, as 'drop' tells them. */
export interface DropArgument {
  localAddress: string;
  localPort: number;
  localFamily: "IPv4" | "IPv6";
  remoteAddress: string;
  remotePort: number;
  remoteFamily: "IPv4" | "IPv6";
}

/** Everything of a Server but its constructor, which `serverConstructor` makes for each stack. */
export class Server extends Base implements SocketOwner, ListenerHandler {
  // Prefixed, because programs leave fields of their own on servers.
  declare private readonly _tcpStack: NetStack;
  declare private readonly _tcpSocket: SocketConstructor;
  declare private _tcpListener: Listener | null;
  /** A look-up that comes back to an older call of `listen` is void. */
  declare private _tcpListens: number;
  declare private _tcpLife: Liveness;

  declare _connections: number;
  declare allowHalfOpen: boolean;
  declare pauseOnConnect: boolean;
  declare noDelay: boolean;
  declare keepAlive: boolean;
  /** Milliseconds, in whole seconds; 0 for the stack's own. */
  declare keepAliveInitialDelay: number;
  declare highWaterMark: number;
  /** More than these are closed at once, with 'drop'. */
  declare maxConnections?: number;

  listen(options: ListenOptions, listener?: () => void): this;
  listen(port?: number | string, host?: string, backlog?: number, listener?: () => void): this;
  listen(port?: number | string, backlog?: number, listener?: () => void): this;
  listen(port?: number | string, host?: string, listener?: () => void): this;
  listen(port?: number | string, listener?: () => void): this;
  listen(listener?: () => void): this;
  listen(...args: unknown[]): this {
    const { options, callback } = normalize<ListenOptions & { fd?: unknown }>(args);
    if (this._tcpListener !== null) throw alreadyListening();
    if (callback !== null) this.once("listening", callback);
    const generation = ++this._tcpListens;
    if (options.signal !== undefined) closeOnAbort(this, options.signal);
    if (typeof options.fd === "number") throw notSupported("options.fd");
    const first = args[0];
    const anyPort = first === undefined || first === null || typeof first === "function";
    const port = anyPort || ("port" in options && (options.port ?? null) === null) ? 0 : options.port;
    if (typeof port !== "number" && typeof port !== "string") throw badListenOptions(options);
    const address = { port: toPort(port, "options.port"), backlog: options.backlog || backlogOf(args) };
    const host = options.host;
    if (!host) {
      this._listenOn(null, address.port, address.backlog);
    } else if (isIP(host) !== 0) {
      this._listenOn(host, address.port, address.backlog, Boolean(options.ipv6Only));
    } else {
      lookup(host, (error, found) => {
        if (generation !== this._tcpListens) return;
        if (error) this.emit("error", error);
        else this._listenOn(found, address.port, address.backlog);
      });
    }
    return this;
  }

  get listening(): boolean {
    return this._tcpListener !== null;
  }

  /** Node keeps its handle here; null or not is what programs look at. */
  get _handle(): Listener | null {
    return this._tcpListener;
  }

  set _handle(_value: unknown) {
    // Inheritors of net.Server assign null here before they listen.
  }

  address(): AddressInfo | null {
    const listener = this._tcpListener;
    if (listener === null) return null;
    const { address, port } = listener;
    return { address, family: address.includes(":") ? "IPv6" : "IPv4", port };
  }

  /** No new connections; 'close' when the last one has ended. */
  close(callback?: (error?: Error) => void): this {
    this._tcpListens++;
    const listener = this._tcpListener;
    if (typeof callback === "function") {
      this.once("close", listener === null ? () => callback(notRunning()) : callback);
    }
    if (listener !== null) {
      this._tcpListener = null;
      this._tcpLife.setActive(false);
      listener.close();
    }
    this._emitCloseIfDrained();
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this._tcpListener === null) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.close((error) => (error ? reject(error) : resolve()));
    });
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    checkFunction(callback, "callback");
    process.nextTick(callback, null, this._connections);
    return this;
  }

  /** The process lives while this server listens. */
  ref(): this {
    this._tcpLife.ref();
    return this;
  }

  /** The process may end while this server listens. */
  unref(): this {
    this._tcpLife.unref();
    return this;
  }

  /** The stack went down. */
  onClose(): void {
    this._tcpLife.setActive(false);
  }

  onConnection(connection: Connection): void {
    if (this.maxConnections !== undefined && this._connections >= this.maxConnections) {
      const dropped = dropArgument(connection, this._isDual);
      connection.close();
      this.emit("drop", dropped);
      return;
    }
    const socket = new this._tcpSocket({
      handle: connection,
      isMapped: this._isDual && connection.family === 4,
      allowHalfOpen: this.allowHalfOpen,
      pauseOnCreate: this.pauseOnConnect,
      highWaterMark: this.highWaterMark,
      noDelay: this.noDelay,
      keepAlive: this.keepAlive,
      keepAliveInitialDelay: this.keepAliveInitialDelay,
    });
    this._connections++;
    socket.server = this;
    socket._server = this;
    this.emit("connection", socket);
  }

  /** Whether it listens on "::", where Node shows IPv4 addresses as IPv6 (RFC 4291 2.5.5.2). */
  private get _isDual(): boolean {
    return this._tcpListener?.address === "::";
  }

  _emitCloseIfDrained(): void {
    if (this._tcpListener !== null || this._connections > 0) return;
    process.nextTick(emitClose, this);
  }

  _listen2(address: string | null, port: number, _family: number, backlog: number): void {
    this._listenOn(address, port, backlog);
  }

  _setupWorker(): void {
    throw notSupported("cluster");
  }

  /** The constructor's work, on an object that inherits from a prototype of `serverConstructor`. */
  static initialize(server: Server, first: unknown, second: unknown): void {
    constructEmitter.call(server);
    const onlyListener = typeof first === "function";
    if (!onlyListener && first !== undefined && first !== null && typeof first !== "object") {
      throw invalidType("options", "of type object", first);
    }
    const options: ServerOptions = onlyListener ? {} : ((first as ServerOptions | null | undefined) ?? {});
    const listener = onlyListener ? first : second;
    if (typeof listener === "function") server.on("connection", listener as (socket: Socket) => void);
    checkIdle(options.keepAliveInitialDelay);
    const { highWaterMark } = options;
    if (highWaterMark !== undefined) checkNumber(highWaterMark, "options.highWaterMark");
    server._tcpListener = null;
    server._tcpListens = 0;
    server._tcpLife = new Liveness();
    server._connections = 0;
    server.allowHalfOpen = options.allowHalfOpen || false;
    server.pauseOnConnect = Boolean(options.pauseOnConnect);
    server.noDelay = Boolean(options.noDelay);
    server.keepAlive = Boolean(options.keepAlive);
    server.keepAliveInitialDelay = toIdle(options.keepAliveInitialDelay);
    const usable = highWaterMark !== undefined && highWaterMark >= 0;
    server.highWaterMark = usable ? highWaterMark : getDefaultHighWaterMark(false);
  }

  /** Node tells outcomes in the next tick, so that `listen` can be called before `on`. */
  private _listenOn(host: string | null, port: number, backlog: number, ipv6Only = false): void {
    const options = { port, backlog: backlog || DEFAULT_BACKLOG, ...(ipv6Only ? { ipv6Only } : {}) };
    try {
      // Without a host on every address that the stack has, of both families, as Node.
      this._tcpListener = this._tcpStack.listen(host === null ? options : { ...options, host }, this);
    } catch (error) {
      process.nextTick(emitError, this, named(error as Error, host ?? "::", port));
      return;
    }
    this._tcpLife.setActive(true);
    process.nextTick(emitListening, this);
  }
}

// With `captureRejections`: a listener's promise that rejects costs its socket, not the server.
Object.defineProperty(Server.prototype, EventEmitter.captureRejectionSymbol, {
  configurable: true,
  writable: true,
  value(this: Server, error: Error, event: string | symbol, socket?: Socket): void {
    if (event === "connection") socket!.destroy(error);
    else this.emit("error", error);
  },
});

// A server of a stack goes to no other thread (Node 26 and its `messaging_` symbols).
for (const name of Object.getOwnPropertySymbols(net.Server.prototype)) {
  if (!name.description?.startsWith("messaging_")) continue;
  Object.defineProperty(Server.prototype, name, { value: undefined, writable: true, configurable: true });
}

/** `net.Server`: called with `new`, without, or on an object that inherits from its prototype. */
export interface ServerConstructor {
  new (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
  new (listener?: (socket: Socket) => void): Server;
  (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
  (listener?: (socket: Socket) => void): Server;
  readonly prototype: Server;
}

/** The Server of one stack, accepting into `socket`. */
export function serverConstructor(stack: NetStack, socket: SocketConstructor): ServerConstructor {
  function construct(this: unknown, options: unknown, listener: unknown): Server | undefined {
    if (!(this instanceof Bound)) return new Bound(options as ServerOptions, listener as () => void);
    Server.initialize(this, options, listener);
    return undefined;
  }
  const Bound = construct as unknown as ServerConstructor;
  Object.defineProperty(Bound, "name", { value: "Server" });
  Object.setPrototypeOf(Bound, EventEmitter);
  const prototype = Object.create(Server.prototype, {
    constructor: { value: Bound, writable: true, configurable: true },
    _tcpStack: { value: stack },
    _tcpSocket: { value: socket },
  });
  extendServers(prototype);
  Object.defineProperty(Bound, "prototype", { value: prototype });
  return Bound;
}

function named(error: Error, host: string, port: number): Error {
  if (!(error instanceof NetworkError) || error.address !== undefined) return error;
  return new NetworkError(error.code, "listen", host, port);
}

function closeOnAbort(server: Server, signal: AbortSignal): void {
  checkSignal(signal, "options.signal");
  const abort = () => server.close();
  if (signal.aborted) {
    process.nextTick(abort);
    return;
  }
  signal.addEventListener("abort", abort);
  server.once("close", () => signal.removeEventListener("abort", abort));
}

function badListenOptions(options: ListenOptions): Error {
  if (options.path) return notSupported("options.path");
  if ("port" in options || "path" in options) return invalidValue("options", options);
  return invalidValue("options", options, 'must have the property "port" or "path"');
}

function dropArgument(connection: Connection, isDual: boolean): DropArgument {
  const family = isDual || connection.family === 6 ? "IPv6" : "IPv4";
  const prefix = isDual && connection.family === 4 ? MAPPED : "";
  return {
    localAddress: `${prefix}${connection.localAddress}`,
    localPort: connection.localPort,
    localFamily: family,
    remoteAddress: `${prefix}${connection.remoteAddress}`,
    remotePort: connection.remotePort,
    remoteFamily: family,
  };
}

function emitListening(server: Server): void {
  if (server.listening) server.emit("listening");
}

function emitError(server: Server, error: Error): void {
  server.emit("error", error);
}

function emitClose(server: Server): void {
  server.emit("close");
}
