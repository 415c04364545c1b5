/**
 * net.Socket over a raw Connection: a stream.Duplex with Node's surface, by a function constructor, because inheritors
 * call `net.Socket.call(this)`. No `instanceof` of the real one: docs/decisions/0002-net-over-duplex.md. What happens
 * between bytes and connection is link.ts; how a connection is opened is connect.ts.
 */
import dns from "node:dns";
import type { AddressInfo } from "node:net";
import { addAbortSignal, Duplex, type DuplexOptions } from "node:stream";
import type { Connection } from "../stack/connection.ts";
import { refuseWrites } from "./after-fin.ts";
import {
  type ConnectOptions,
  checkFunction,
  checkSocketOptions,
  type NetStack,
  normalize,
  onReadOf,
  type SocketOptions,
  toDuration,
  toIdle,
} from "./arguments.ts";
import { byteLength, type Callback, type Chunk } from "./chunk.ts";
import { Attempt, type Connecting, checkTarget, type Lookup, resolve } from "./connect.ts";
import { missingPort, notSupported, socketClosed } from "./errors.ts";
import { extendSockets, type SocketExtras } from "./extras.ts";
import { Link, type LinkOwner } from "./link.ts";
import { Liveness } from "./liveness.ts";
import { rhythmOf } from "./wishes.ts";

/** The server's side of an accepted socket: it counts. */
export interface SocketOwner {
  _connections: number;
  _emitCloseIfDrained(): void;
}

const constructDuplex = Duplex as unknown as { call(self: Duplex, options: DuplexOptions): void };
const duplex = Duplex.prototype;
// As it was when this module loaded: it may be patched in place later.
const lookup = dns.lookup as Lookup;

/** Everything of a Socket but its constructor, which `socketConstructor` makes for each stack. */
export class Socket extends Duplex implements LinkOwner, Connecting {
  // Prefixed, because programs leave fields of their own on sockets.
  declare private readonly _tcpStack: NetStack;
  declare private _tcpLink: Link;
  declare private _tcpAttempt: Attempt | null;
  declare private _tcpTimer: NodeJS.Timeout | null;
  declare private _tcpReset: boolean;
  declare private _tcpLife: Liveness;

  declare connecting: boolean;
  /** Milliseconds of `setTimeout`. */
  declare timeout?: number;
  declare server: SocketOwner | null;
  declare _server: SocketOwner | null;
  declare _parent: null;
  declare _host: string | null;
  /** `address:port` of each attempt of a name with several addresses. */
  declare autoSelectFamilyAttemptedAddresses?: string[];

  connect(options: ConnectOptions, listener?: () => void): this;
  connect(port: number | string, host: string, listener?: () => void): this;
  connect(port: number | string, listener?: () => void): this;
  connect(...args: unknown[]): this {
    const { options, callback } = normalize<ConnectOptions>(args);
    if (callback !== null) this.once("connect", callback);
    if (options.path) throw notSupported("options.path");
    if (options.port === undefined) throw missingPort();
    const target = checkTarget(options);
    if (Object.hasOwn(this, "write")) delete (this as { write?: unknown }).write;
    if (this.destroyed || (this._tcpLink.connection !== null && !this._tcpLink.open)) this.renew();
    this._unrefTimer();
    this.connecting = true;
    this._updateLife();
    this._tcpAttempt = new Attempt(this, this._tcpStack, target);
    resolve(this, this._tcpAttempt, options, lookup);
    return this;
  }

  /** The attempt succeeded. */
  _connected(connection: Connection): void {
    if (this.destroyed) return;
    const link = this._tcpLink;
    this.connecting = false;
    this._tcpAttempt = null;
    link.adopt(connection, link.isReading);
    this._unrefTimer();
    this._updateLife();
    this.emit("connect");
    link.flush();
    this.emit("ready");
    if (this.destroyed) return;
    // A listener of 'readable' makes a stream look paused, though it reads.
    if (this.isPaused() && !link.isReading) link.hold();
    else this.read(0);
  }

  setTimeout(msecs: number, callback?: () => void): this {
    if (this.destroyed) return this;
    this.timeout = msecs;
    const ms = toDuration(msecs, "msecs");
    if (this._tcpTimer !== null) clearTimeout(this._tcpTimer);
    this._tcpTimer = null;
    if (callback !== undefined) checkFunction(callback, "callback");
    if (ms === 0) {
      if (callback !== undefined) this.removeListener("timeout", callback);
      return this;
    }
    this._tcpTimer = setTimeout(fireTimeout, ms, this).unref();
    if (callback !== undefined) this.once("timeout", callback);
    return this;
  }

  /** The idle timer starts again. */
  _unrefTimer(): void {
    const timer = this._tcpTimer;
    if (timer !== null) timer.refresh();
  }

  /** A slow write that moves is activity: no 'timeout' for it. */
  _onTimeout(): void {
    if (this._tcpLink.moved()) this._unrefTimer();
    else this.emit("timeout");
  }

  setNoDelay(enable?: boolean): this {
    this._tcpLink.setNoDelay(enable === undefined || Boolean(enable));
    return this;
  }

  setKeepAlive(enable?: boolean, initialDelayMs?: number): this {
    const rhythm = rhythmOf(this);
    this._tcpLink.setKeepAlive(Boolean(enable), toIdle(initialDelayMs), rhythm?.intervalMs, rhythm?.count);
    return this;
  }

  /** The process lives while this socket opens, reads or has a write that waits. */
  ref(): this {
    this._tcpLife.ref();
    return this;
  }

  /** The process may end without this socket. */
  unref(): this {
    this._tcpLife.unref();
    return this;
  }

  _updateLife(): void {
    this._tcpLife.setActive(!this.destroyed && (this.connecting || this._tcpLink.isWaiting));
  }

  /** The local side, as `{address, family, port}`; `{}` before there is one. */
  address(): AddressInfo | Record<string, never> {
    return this._getsockname();
  }

  get bytesRead(): number {
    return this._tcpLink.bytesRead;
  }

  /** Bytes that the connection took. */
  get _bytesDispatched(): number {
    return this._tcpLink.bytesSent;
  }

  /** Bytes written, those that wait in the stream included. */
  get bytesWritten(): number {
    const buffered = (this as unknown as { writableBuffer?: readonly Chunk[] }).writableBuffer;
    return (
      this._tcpLink.bytesSent +
      this._tcpLink.bytesWaiting +
      (buffered === undefined ? 0 : byteLength(buffered))
    );
  }

  get bufferSize(): number | undefined {
    return this._tcpLink.connection === null ? undefined : this.writableLength;
  }

  get pending(): boolean {
    return this.connecting || !this._tcpLink.open;
  }

  get _connecting(): boolean {
    return this.connecting;
  }

  get readyState(): "opening" | "open" | "readOnly" | "writeOnly" | "closed" {
    if (this.connecting) return "opening";
    if (this.readable) return this.writable ? "open" : "readOnly";
    return this.writable ? "writeOnly" : "closed";
  }

  /** None: Node's http, http2 and tls then use the socket as the stream that it is. */
  get _handle(): null {
    return null;
  }

  set _handle(_value: unknown) {
    // Inheritors of net.Socket assign null here when they let go.
  }

  get localAddress(): string | undefined {
    return this._tcpLink.localAddress;
  }

  get localPort(): number | undefined {
    return this._tcpLink.connection?.localPort;
  }

  get localFamily(): "IPv4" | "IPv6" | undefined {
    return this._tcpLink.family;
  }

  get remoteAddress(): string | undefined {
    return this._tcpLink.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this._tcpLink.connection?.remotePort;
  }

  get remoteFamily(): "IPv4" | "IPv6" | undefined {
    return this._tcpLink.family;
  }

  _getsockname(): AddressInfo | Record<string, never> {
    const { localAddress: address, localFamily: family, localPort: port } = this;
    return address === undefined ? {} : { address, family: family!, port: port! };
  }

  _getpeername(): AddressInfo | Record<string, never> {
    const { remoteAddress: address, remoteFamily: family, remotePort: port } = this;
    return address === undefined ? {} : { address, family: family!, port: port! };
  }

  override pause(): this {
    if (this._tcpLink.onread !== null) this._tcpLink.stopReading();
    return duplex.pause.call(this) as this;
  }

  override resume(): this {
    if (this._tcpLink.onread !== null && !this.connecting) this._tcpLink.startReading();
    return duplex.resume.call(this) as this;
  }

  override read(size?: number): unknown {
    if (this._tcpLink.onread !== null && !this.connecting) this._tcpLink.startReading();
    return duplex.read.call(this, size);
  }

  override _read(): void {
    this._tcpLink.startReading();
  }

  override _write(chunk: Uint8Array | string, encoding: BufferEncoding, callback: Callback): void {
    this._tcpLink.write(chunk, encoding, callback);
    if (this._tcpLink.isBlocked) this._updateLife();
  }

  override _writev(chunks: readonly Chunk[], callback: Callback): void {
    this._tcpLink.writev(chunks, callback);
    if (this._tcpLink.isBlocked) this._updateLife();
  }

  override _final(callback: Callback): void {
    if (this.connecting || this._tcpLink.connection === null)
      this.once("connect", () => this._final(callback));
    else this._tcpLink.finish(callback);
  }

  override end(...args: unknown[]): this {
    duplex.end.apply(this, args as Parameters<Duplex["end"]>);
    return this;
  }

  /** Destroys once everything written was handed to the connection. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once("finish", this.destroy);
  }

  /** Closes by RST. */
  resetAndDestroy(): this {
    if (this.connecting) this.once("connect", () => this._reset());
    else if (this._tcpLink.open) this._reset();
    else this.destroy(socketClosed());
    return this;
  }

  _reset(): this {
    this._tcpReset = true;
    return this.destroy();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.connecting = false;
    clearTimeout(this._tcpTimer ?? undefined);
    this._tcpTimer = null;
    if (this._tcpAttempt !== null) {
      this._tcpAttempt.cancel();
      this._tcpAttempt = null;
    }
    this._tcpLink.release(this._tcpReset);
    this._updateLife();
    callback(error);
    // 'close' comes from the event loop, as Node's does: after 'error', and after whoever awaited that.
    setImmediate(emitClose, this, Boolean(error));
    if (this._server !== null) {
      this._server._connections--;
      this._server._emitCloseIfDrained();
    }
  }

  /** A socket that ended connects again: its streams start afresh, its listeners stay. */
  private renew(): void {
    (this as unknown as { _undestroy(): void })._undestroy();
    this._tcpLink = this._tcpLink.renewed();
    this._tcpReset = false;
  }

  /** The constructor's work, on an object that inherits from a prototype of `socketConstructor`. */
  static initialize(socket: Socket, options: SocketOptions): void {
    checkSocketOptions(options);
    socket._tcpTimer = null;
    socket._tcpAttempt = null;
    socket._tcpReset = false;
    socket._tcpLife = new Liveness();
    socket._tcpLink = new Link(socket, onReadOf(options));
    if (options.noDelay) socket._tcpLink.setNoDelay(true);
    if (options.keepAlive) socket._tcpLink.setKeepAlive(true, toIdle(options.keepAliveInitialDelay));
    socket.connecting = false;
    socket.server = socket._server = null;
    socket._parent = null;
    socket._host = null;
    constructDuplex.call(socket, {
      allowHalfOpen: Boolean(options.allowHalfOpen),
      autoDestroy: true,
      // Ours carries `hadError`.
      emitClose: false,
      decodeStrings: false,
      readable: options.readable,
      writable: options.writable,
      highWaterMark: options.highWaterMark,
      readableHighWaterMark: options.readableHighWaterMark,
      writableHighWaterMark: options.writableHighWaterMark,
    } as DuplexOptions);
    socket.on("end", refuseWrites);
    const { handle, signal } = options;
    if (handle !== undefined) {
      socket._tcpLink.isMapped = options.isMapped === true;
      socket._tcpLink.adopt(handle);
      if (options.pauseOnCreate) {
        socket._tcpLink.stopReading();
        (socket as { readableFlowing: boolean | null }).readableFlowing = false;
      } else if (options.readable !== false) {
        socket.read(0);
      }
      socket._updateLife();
    }
    if (signal !== undefined) addAbortSignal(signal, socket);
  }
}

/** `net.Socket`: called with `new`, without, or on an object that inherits from its prototype. */
export interface SocketConstructor {
  new (options?: SocketOptions): Socket & SocketExtras;
  (options?: SocketOptions): Socket & SocketExtras;
  readonly prototype: Socket;
}

/** The Socket of one stack. */
export function socketConstructor(stack: NetStack): SocketConstructor {
  function construct(this: unknown, options: SocketOptions = {}): Socket | undefined {
    if (!(this instanceof Bound)) return new Bound(options);
    Socket.initialize(this, options);
    return undefined;
  }
  const Bound = construct as unknown as SocketConstructor;
  Object.defineProperty(Bound, "name", { value: "Socket" });
  Object.setPrototypeOf(Bound, Duplex);
  const prototype = Object.create(Socket.prototype, {
    constructor: { value: Bound, writable: true, configurable: true },
    _tcpStack: { value: stack },
  });
  extendSockets(prototype);
  Object.defineProperty(Bound, "prototype", { value: prototype });
  return Bound;
}

function fireTimeout(socket: Socket): void {
  socket._onTimeout();
}

function emitClose(socket: Socket, hadError: boolean): void {
  socket.emit("close", hadError);
}
