/**
 * A connection of the stack under the real net.Socket: the methods of libuv's TCP handle as Node's JavaScript calls them, on
 * the native base of a stream of JavaScript (`JSStream`), so that TLS and HTTP/2 can stand on it in C++. Bytes of
 * a plain socket never pass through the native part: they are pushed and taken here (methods.ts), and only what
 * C++ consumes is copied into its buffers.
 */
import { ERRNO, NetworkError } from "../base/errors.ts";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler } from "../stack/events.ts";
import type { NetStack } from "./arguments.ts";
import { asBuffer, isIgnored } from "./chunk.ts";
import { whenClosed } from "./closing.ts";
import type { ConnectRequest, HandleSocket, Name, Router } from "./handle.ts";
import { findInternals, type Internals } from "./internals.ts";
import { Link, type LinkOwner } from "./link.ts";
import { Liveness } from "./liveness.ts";
import { checkLocal, isAny } from "./local-address.ts";
import { userBuffer } from "./user-buffer.ts";
import { rhythmOf, wishesOf } from "./wishes.ts";

const CANCELED = -125;
/** Stands for what this Node does not have. */
const NOTHING = {
  JSStream: Object,
  Tcp: Object,
  owner: Symbol(),
  reinitialize: Symbol(),
} as unknown as Internals;

const INERT: ConnectionHandler = {};

const found = findInternals() ?? NOTHING;
const { Tcp, owner: OWNER, reinitialize } = found;
const Stream: Internals["JSStream"] = found.JSStream;

/** A client's handle, or that of an accepted connection. Only to be made where `findInternals` finds something. */
export class TcpHandle extends Stream implements LinkOwner, ConnectionHandler {
  /** Node keeps here whether it asked for bytes; a TLS socket above replaces it by an accessor. */
  reading = false;
  readonly link: Link = new Link(this, null);
  private readonly router: Router;
  private readonly liveness = new Liveness();
  /** Bytes go to C++: the HTTP parser, HTTP/2 or TLS. */
  private isConsumed = false;
  /** Our FIN was asked for: what C++ writes after it fails, as on libuv's handle. */
  private isFinished = false;
  isClosed = false;
  private typeOfService = 0;
  /** The local side that `bind` asked for. */
  private bound: { address: string; port: number } | null = null;
  private attempt: { request: ConnectRequest; connection: Connection | null } | null = null;
  /** Writes of C++'s that are not told as finished: TLS ends with one while another waits. */
  private readonly nativeWrites = new Set<object>();
  private nativeShutdown: object | null = null;

  constructor(router: Router, connection?: Connection, isMapped = false) {
    super();
    this.router = router;
    if (connection === undefined) return;
    this.link.isMapped = isMapped;
    this.adopt(connection);
  }

  private get socket(): HandleSocket {
    return (this as unknown as Record<symbol, HandleSocket>)[OWNER]!;
  }

  get connecting(): boolean {
    return this.attempt !== null;
  }

  /** The one that there is, or that opens. */
  get connection(): Connection | null {
    return this.link.connection ?? this.attempt?.connection ?? null;
  }

  get bytesRead(): number {
    return this.link.bytesRead;
  }

  get bytesWritten(): number {
    return this.link.bytesSent;
  }

  get writeQueueSize(): number {
    return this.link.isBlocked ? (this.link.connection?.sendQueue ?? 0) : 0;
  }

  get fd(): number {
    return -1;
  }

  /** Whoever asks this is about to consume in C++ (the HTTP parser and HTTP/2; TLS calls `onreadstart`). */
  get isStreamBase(): boolean {
    this.isConsumed = true;
    return true;
  }

  readStart(): number {
    if (this.link.connection === null) return -ERRNO.ENOTCONN;
    this.link.startReading();
    return 0;
  }

  readStop(): number {
    this.link.stopReading();
    return 0;
  }

  /** FIN after everything written; done when it is queued, as shutdown(2) is: 1 tells Node so. */
  shutdown(_request: object): number {
    if (!this.link.open) return -ERRNO.ENOTCONN;
    this.isFinished = true;
    this.link.finish(() => {});
    return 1;
  }

  close(callback?: () => void): void {
    if (!this.isClosed) this.dispose(false);
    setImmediate(whenClosed, () => this.closed(callback));
  }

  reset(callback?: () => void): number {
    if (!this.isClosed) this.dispose(true);
    setImmediate(whenClosed, () => this.closed(callback));
    return 0;
  }

  ref(): void {
    this.liveness.ref();
  }

  unref(): void {
    this.liveness.unref();
  }

  hasRef(): boolean {
    return this.liveness.hasRef;
  }

  /** An address that is the stack's to have is looked for at once, as by bind(2). */
  bind(address: string, port: number): number {
    this.bound = { address, port: port || 0 };
    const { router } = this;
    return isAny(address) || !router.connects(address) ? 0 : checkLocal(router.stack, address);
  }

  bind6(address: string, port: number): number {
    return this.bind(address, port);
  }

  connect(request: ConnectRequest, address: string, port: number): number {
    return this.open(request, address, port, 4);
  }

  connect6(request: ConnectRequest, address: string, port: number): number {
    return this.open(request, address, port, 6);
  }

  getsockname(out: Name): number {
    const { link, bound, attempt } = this;
    const connection = link.connection ?? attempt?.connection;
    if (connection) {
      const family = link.connection === null ? `IPv${connection.family}` : link.family;
      const address = link.connection === null ? connection.localAddress : link.localAddress;
      Object.assign(out, { address, family, port: connection.localPort });
    } else if (bound !== null) {
      out.address = bound.address;
      out.family = bound.address.includes(":") ? "IPv6" : "IPv4";
      out.port = bound.port;
    } else {
      return -ERRNO.EBADF;
    }
    return 0;
  }

  getpeername(out: Name): number {
    const { link } = this;
    if (link.connection === null) return -ERRNO.ENOTCONN;
    out.address = link.remoteAddress!;
    out.family = link.family!;
    out.port = link.connection.remotePort;
    return 0;
  }

  setNoDelay(enable: boolean): number {
    this.link.setNoDelay(enable);
    return 0;
  }

  setKeepAlive(enable: boolean, seconds: number, interval?: number, count?: number): number {
    const rhythm = rhythmOf(this.socket);
    const intervalMs = interval === undefined ? rhythm?.intervalMs : interval * 1000;
    this.link.setKeepAlive(enable, seconds * 1000, intervalMs, count ?? rhythm?.count);
    return 0;
  }

  setTypeOfService(typeOfService: number): number {
    this.typeOfService = typeOfService;
    this.link.connection?.set({ typeOfService });
    return 0;
  }

  getTypeOfService(): number {
    return this.typeOfService;
  }

  useUserBuffer(buffer: Uint8Array): void {
    this.link.onread = userBuffer(this.socket, buffer, () => {
      this.reading = false;
    });
  }

  // LinkOwner: what the connection has for the socket.
  readonly takesBorrowed = true;
  push(bytes: Uint8Array | null): boolean {
    const { socket } = this;
    if (bytes === null) {
      if (this.isConsumed) this.emitEOF();
      else return socket.push(null);
      return true;
    }
    if (this.isConsumed) {
      this.readBuffer(bytes);
      return true;
    }
    if (isIgnored(socket) || socket.push(asBuffer(bytes))) return true;
    this.reading = false;
    return false;
  }

  read(_size: 0): void {
    if (!this.isConsumed) this.socket.read(0);
  }

  destroy(error: Error): void {
    this.socket.destroy(error);
  }

  _unrefTimer(): void {
    this.socket._unrefTimer();
  }

  // ConnectionHandler, until the connection is there.
  onConnect(connection: Connection): void {
    const { request } = this.attempt!;
    this.attempt = null;
    this.adopt(connection);
    this._updateLife();
    request.oncomplete?.(0, this.socket._handle, request, true, true);
  }

  onClose(_connection: Connection, error: NetworkError | null): void {
    this.failConnect(this.attempt!.request, error === null ? -ERRNO.ECONNABORTED : error.errno);
  }

  // What C++ calls.
  isClosing(): boolean {
    return this.isClosed;
  }

  onreadstart(): number {
    this.isConsumed = true;
    return this.readStart();
  }

  onreadstop(): number {
    return this.readStop();
  }

  /**
   * HTTP/2 hears of a finished write at once, as from libuv's, or what it has to say last would wait and be lost. TLS must
   * not hear of it before this returns.
   */
  onwrite(request: object, buffers: Uint8Array[]): number {
    if (this.isFinished) return -ERRNO.EPIPE;
    this.nativeWrites.add(request);
    const isLater = buffers.every(({ length }) => length === 0) || isUnderTls(this);
    this.link.writeOwned(buffers, (error) => {
      const status = error ? (error as NetworkError).errno : 0;
      if (isLater) process.nextTick(() => this.finishNative(request, status));
      else this.finishNative(request, status);
    });
    this._updateLife();
    return 0;
  }

  onshutdown(request: object): number {
    this.nativeShutdown = request;
    this.isFinished = true;
    this.link.finish(() => {
      setImmediate(() => {
        if (this.nativeShutdown !== request) return;
        this.nativeShutdown = null;
        this.finishShutdown(request, 0);
      });
    });
    return 0;
  }

  _updateLife(): void {
    this.liveness.setActive(!this.isClosed && (this.attempt !== null || this.link.isWaiting));
  }

  private adopt(connection: Connection): void {
    this.link.adopt(connection);
    // Node says when it reads.
    this.link.stopReading();
    if (this.typeOfService !== 0) connection.set({ typeOfService: this.typeOfService });
  }

  private open(request: ConnectRequest, address: string, port: number, family: number): number {
    if (!this.router.connects(address)) return this.openInKernel(request, address, port, family);
    // Linux: to connect to the unspecified address is to connect to this host.
    const host = isAny(address) ? (family === 6 ? "::1" : "127.0.0.1") : address;
    const { bound } = this;
    this.attempt = { request, connection: null };
    if (port === 0) {
      // Nobody listens there, as everywhere (Linux sends the SYN).
      setImmediate(() => this.failConnect(request, -ERRNO.ECONNREFUSED));
      return 0;
    }
    const options: Parameters<NetStack["connect"]>[0] = { ...wishesOf(this.socket), host, port };
    if (bound !== null && !isAny(bound.address)) options.localAddress = bound.address;
    if (bound !== null && bound.port !== 0) options.localPort = bound.port;
    try {
      this.attempt.connection = this.router.stack.connect(options, this);
    } catch (error) {
      this.attempt = null;
      this.bound ??= family === 6 ? { address: "::", port: 0 } : { address: "0.0.0.0", port: 0 };
      return error instanceof NetworkError ? error.errno : -ERRNO.EINVAL;
    }
    this._updateLife();
    return 0;
  }

  private failConnect(request: ConnectRequest, status: number): void {
    if (this.attempt?.request !== request || this.isClosed) return;
    this.attempt = null;
    this._updateLife();
    request.oncomplete?.(status, this.socket._handle, request, false, false);
  }

  /** The socket goes on with a handle of the kernel's. */
  private openInKernel(request: ConnectRequest, address: string, port: number, family: number): number {
    const { socket, bound } = this;
    const kernel = new Tcp(0);
    byChoice.add(kernel);
    (socket as unknown as Record<symbol, (handle: object) => void>)[reinitialize]!(kernel);
    if (bound !== null) {
      const failed =
        family === 6 ? kernel.bind6!(bound.address, bound.port) : kernel.bind!(bound.address, bound.port);
      if (failed !== 0) return failed;
    }
    return family === 6 ? kernel.connect6!(request, address, port) : kernel.connect(request, address, port);
  }

  private dispose(reset: boolean): void {
    this.isClosed = true;
    const { attempt } = this;
    const connection = attempt?.connection;
    if (connection) {
      connection.handler = INERT;
      connection.close();
    }
    this.link.release(reset);
    this._updateLife();
  }

  private closed(callback?: () => void): void {
    for (const request of this.nativeWrites) this.finishNative(request, CANCELED);
    if (this.nativeShutdown !== null) {
      const request = this.nativeShutdown;
      this.nativeShutdown = null;
      this.finishShutdown(request, CANCELED);
    }
    const { attempt } = this;
    this.attempt = null;
    attempt?.request.oncomplete?.(CANCELED, this, attempt.request, false, false);
    callback?.();
  }

  private finishNative(request: object, status: number): void {
    if (!this.nativeWrites.delete(request)) return;
    this.finishWrite(request, status);
    this._updateLife();
  }
}

/** Handles of the kernel that a socket was given because its address is the kernel's. */
export const byChoice: WeakSet<object> = new WeakSet<object>();

/** A TLS socket puts an accessor of its own in the place of `reading`. */
function isUnderTls(handle: object): boolean {
  return Object.getOwnPropertyDescriptor(handle, "reading")?.get !== undefined;
}
