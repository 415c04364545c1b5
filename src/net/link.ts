/**
 * The joint between a raw Connection and a stream.Duplex: bytes, back-pressure both ways, half-close and the two
 * ends of life. One object a socket is the handler of its connection, so that no callback costs a closure. It knows
 * nothing of how connections are opened, of options, timers or Node's names for things.
 */
import type { ErrorCode, NetworkError } from "../base/errors.ts";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler } from "../stack/events.ts";
import type { OnReadOptions } from "./arguments.ts";
import { asBuffer, both, byteLength, type Callback, type Chunk, type Waiting } from "./chunk.ts";
import { BLOCK_MAX, CopiesInFlight } from "./copy-pool.ts";
import { closedBeforeConnection, socketClosed, streamError } from "./errors.ts";
import { KeepAlive } from "./keep-alive.ts";
import { isThisTurn, markTurn } from "./turn.ts";
import { fill } from "./user-buffer.ts";

/** Who stands on a link: a Duplex itself, or a handle below one. */
export interface LinkOwner {
  readonly connecting: boolean;
  /** Takes bytes, or the end of them; false: no more for now. */
  push(bytes: Uint8Array | null): boolean;
  /** `push` takes borrowed bytes, and keeps or copies them itself. */
  readonly takesBorrowed?: true;
  read(size: 0): unknown;
  destroy(error: Error): unknown;
  /** Told of each activity, for the idle timer. */
  _unrefTimer(): void;
  /** Whether the link reads, or has a write that waits, changed: what keeps the process alive. */
  _updateLife(): void;
}

/** Shorter writes are copied by the stack, which joins neighbours. */
const POOLED_FROM = 2048;

const INERT: ConnectionHandler = {};

/** Before an IPv4 address in IPv6's notation (RFC 4291 2.5.5.2). */
export const MAPPED = "::ffff:";

/** A raw connection under a Duplex. */
export class Link implements ConnectionHandler {
  /** IPv4, accepted by a server on "::": its addresses show as IPv6. */
  isMapped = false;
  /** Null until there is one. Kept after its end for its addresses. */
  connection: Connection | null = null;
  bytesRead = 0;
  /** Bytes that the connection took. */
  bytesSent = 0;
  onread: OnReadOptions | null;
  /** Bytes are borrowed: C++ and `onread` copy them, `asBuffer` keeps or copies what goes to a stream, and some are nobody's. */
  readonly borrowsData = true;
  /** Node's writes are done when they return: the application may write to its memory again. */
  readonly sendsCopies = true;

  private readonly owner: LinkOwner;
  private reading = false;
  /** FIN was delivered: from here an RST is nobody's read error (tcp(7); tcp_reset in Linux gives CLOSE-WAIT an EPIPE). */
  private ended = false;
  private endTold = false;
  /** The turn in which bytes were delivered last, and how many events wait for another one. */
  private dataTurn = -1;
  private laters = 0;
  /** No more can be sent; `failure` says why when it was not an orderly close. */
  private over = false;
  private failure: ErrorCode | null = null;
  /** A failure that came while nobody read or wrote; the next reader or writer gets it. */
  private failureUnseen = false;
  private waiting: Waiting | null = null;
  /** The write that filled the send buffer. */
  private blocked: Callback | null = null;
  private copies: CopiesInFlight | null = null;
  /** Bytes acknowledged when `moved` was last asked. */
  private acked = 0;
  private noDelay = false;
  private keepAlive = new KeepAlive();
  /** Bytes that `onread` has not taken. */
  private leftover: Uint8Array | null = null;

  constructor(owner: LinkOwner, onread: OnReadOptions | null) {
    this.owner = owner;
    this.onread = onread;
  }

  /** Takes an established connection; it delivers at once, whether or not somebody asked for it yet. */
  adopt(connection: Connection, isReading = true): void {
    this.connection = connection;
    connection.handler = this;
    this.reading = isReading;
    if (this.noDelay) connection.setNoDelay(true);
    this.keepAlive.start(connection);
  }

  /** Sends what was written before the connection. */
  flush(): void {
    const waiting = this.waiting;
    if (waiting === null) return;
    this.waiting = null;
    this.writev(waiting.chunks, waiting.callback);
  }

  /** Whether bytes can be given to it. */
  get open(): boolean {
    return this.connection !== null && !this.over;
  }

  /** Its successor, when the socket connects again: the same settings, nothing of the past. */
  renewed(): Link {
    const link = new Link(this.owner, this.onread);
    link.noDelay = this.noDelay;
    link.keepAlive = this.keepAlive;
    return link;
  }

  setNoDelay(on: boolean): void {
    this.noDelay = on;
    if (this.open) this.connection!.setNoDelay(on);
  }

  /** `intervalMs` and `count` default to libuv's. */
  setKeepAlive(on: boolean, idleMs: number, intervalMs?: number, count?: number): void {
    if (this.keepAlive.set(on, idleMs, intervalMs, count) && this.open)
      this.keepAlive.apply(this.connection!);
  }

  /** Whether a write waits for room and the peer has acknowledged something since this was last asked. */
  moved(): boolean {
    if (this.blocked === null) return false;
    const before = this.acked;
    this.acked = this.connection!.bytesAcked;
    return this.acked !== before;
  }

  get family(): "IPv4" | "IPv6" | undefined {
    if (this.connection === null) return undefined;
    return this.isMapped || this.connection.family === 6 ? "IPv6" : "IPv4";
  }

  get localAddress(): string | undefined {
    return this.named(this.connection?.localAddress);
  }

  get remoteAddress(): string | undefined {
    return this.named(this.connection?.remoteAddress);
  }

  private named(address: string | undefined): string | undefined {
    return this.isMapped && address !== undefined ? `${MAPPED}${address}` : address;
  }

  /** Bytes of a write that waits for the connection. */
  get bytesWaiting(): number {
    return this.waiting === null ? 0 : byteLength(this.waiting.chunks);
  }

  /** Whether a write waits for room. */
  get isBlocked(): boolean {
    return this.blocked !== null;
  }

  /** Whether something may still happen to it: bytes that are read, or a write that waits. */
  get isWaiting(): boolean {
    return this.open && ((this.reading && !this.endTold) || this.blocked !== null);
  }

  /** Whether bytes are delivered, or will be once there is a connection. */
  get isReading(): boolean {
    return this.reading;
  }

  startReading(): void {
    if (this.reading) return;
    this.reading = true;
    if (this.connection === null) return;
    this.owner._updateLife();
    if (this.leftover !== null && !this.deliverToBuffer(this.leftover)) return;
    if (this.failureUnseen) this.failReading();
    // Somebody has heard of the failure: to all others it is the end, as to recv(2).
    else if (this.failure !== null) this.later(() => this.endReading());
    else this.connection.resume();
  }

  /** Nobody asked for bytes since `adopt`. */
  hold(): void {
    this.connection?.pause();
  }

  stopReading(): void {
    if (!this.reading || this.connection === null) return;
    this.reading = false;
    this.connection.pause();
    this.owner._updateLife();
  }

  write(chunk: Uint8Array | string, encoding: BufferEncoding, callback: Callback): void {
    if (this.connection === null && this.owner.connecting) {
      this.waiting = { chunks: [{ chunk, encoding }], callback };
      return;
    }
    const connection = this.writable(callback);
    if (connection === null) return;
    this.owner._unrefTimer();
    if (this.send(connection, chunk, encoding)) callback();
    else this.blocked = callback;
  }

  /** A run of sends in one tick: the stack flushes at the end of it, so they share segments. */
  writev(chunks: readonly Chunk[], callback: Callback): void {
    if (this.connection === null && this.owner.connecting) {
      this.waiting = { chunks, callback };
      return;
    }
    const connection = this.writable(callback);
    if (connection === null) return;
    this.owner._unrefTimer();
    let room = true;
    for (let i = 0; i < chunks.length; i++) {
      const { chunk, encoding } = chunks[i]!;
      room = this.send(connection, chunk, encoding);
    }
    if (room) callback();
    else this.blocked = callback;
  }

  /** As `writev` for memory that is ours from here on. */
  writeOwned(buffers: readonly Uint8Array[], callback: Callback): void {
    const connection = this.writable(callback);
    if (connection === null) return;
    let room = true;
    for (const bytes of buffers) {
      this.bytesSent += bytes.length;
      room = connection.send(bytes, false);
    }
    if (room) callback();
    // C++ may write while a write of its own waits.
    else this.blocked = both(this.blocked, callback);
  }

  /** FIN after everything written. Done when it is queued, as shutdown(2) is. */
  finish(callback: Callback): void {
    if (this.open) this.connection!.end();
    callback();
  }

  /** Nothing more is read or written: FIN (RST with bytes unread, as close(2) does), or RST at once. */
  release(reset: boolean): void {
    const waiting = this.waiting;
    if (waiting !== null) {
      this.waiting = null;
      process.nextTick(waiting.callback, closedBeforeConnection());
    }
    const connection = this.connection;
    if (connection === null || connection.handler !== this) return;
    // What may still be sent is the stack's alone from here.
    connection.handler = this.copies ?? INERT;
    this.copies = null;
    this.reading = false;
    this.leftover = null;
    if (this.over) return;
    this.over = true;
    if (reset) connection.abort();
    else connection.close();
    const blocked = this.blocked;
    this.blocked = null;
    if (blocked !== null) process.nextTick(blocked);
  }

  onData(connection: Connection, bytes: Uint8Array): void {
    this.bytesRead += bytes.length;
    this.dataTurn = markTurn();
    this.owner._unrefTimer();
    if (this.onread !== null) {
      this.deliverToBuffer(bytes);
      return;
    }
    const own = this.owner.takesBorrowed === true ? bytes : asBuffer(bytes);
    if (!this.owner.push(own) && this.connection === connection) this.stopReading();
  }

  /** What the last bytes set off comes before the end of them: a request is answered, then its connection half-closed. */
  onEnd(): void {
    this.ended = true;
    this.owner._unrefTimer();
    if (!isThisTurn(this.dataTurn)) this.endReading();
    else this.later(() => this.endReading());
  }

  onDrain(): void {
    const blocked = this.blocked;
    if (blocked === null) return;
    this.blocked = null;
    this.owner._unrefTimer();
    this.owner._updateLife();
    blocked();
  }

  onFinish(connection: Connection): void {
    if (this.copies !== null) this.copies.reclaim(connection.bytesAcked);
  }

  onClose(_connection: Connection, error: NetworkError | null): void {
    this.over = true;
    if (error !== null) {
      this.failure = this.ended && error.code === "ECONNRESET" ? "EPIPE" : error.code;
      this.failureUnseen = !this.ended;
    }
    if (this.laters === 0 && !isThisTurn(this.dataTurn)) this.tellClose(error);
    else this.later(() => this.tellClose(error));
  }

  private later(tell: () => void): void {
    this.laters++;
    setImmediate(() => {
      this.laters--;
      if (this.connection?.handler === this) tell();
    });
  }

  private tellClose(error: NetworkError | null): void {
    const blocked = this.blocked;
    if (this.failureUnseen && this.reading) {
      this.failReading();
    } else if (blocked !== null) {
      this.blocked = null;
      blocked(this.writeError());
    } else if (error === null) {
      this.endReading();
    }
  }

  private endReading(): void {
    if (this.endTold) return;
    this.ended = this.endTold = true;
    this.owner._updateLife();
    // read(0) ends a stream that nobody reads: without it, 'end' and the close after it would wait for a reader.
    this.owner.push(null);
    this.owner.read(0);
  }

  private failReading(): void {
    this.failureUnseen = false;
    this.owner.destroy(streamError(this.failure!, "read"));
  }

  private writable(callback: Callback): Connection | null {
    if (this.connection !== null && !this.over) return this.connection;
    callback(this.connection === null ? socketClosed() : this.writeError());
    return null;
  }

  private writeError(): Error {
    const code = this.failure ?? "EPIPE";
    this.failureUnseen = false;
    return streamError(code, "write");
  }

  /**
   * Node lets an application reuse its memory once the write called back, and this one calls back before anything was
   * acknowledged: its bytes are copied. A string's bytes are ours, and need no copy.
   */
  private send(connection: Connection, chunk: Uint8Array | string, encoding: BufferEncoding): boolean {
    if (typeof chunk === "string") {
      const bytes = Buffer.from(chunk, encoding);
      this.bytesSent += bytes.length;
      return connection.send(bytes, false);
    }
    if (chunk.length >= POOLED_FROM) return this.sendCopies(connection, chunk);
    this.bytesSent += chunk.length;
    return connection.send(chunk, true);
  }

  private sendCopies(connection: Connection, chunk: Uint8Array): boolean {
    this.copies ??= new CopiesInFlight();
    const { copies } = this;
    const { bytesAcked } = connection;
    copies.reclaim(bytesAcked);
    // All that the connection was given, by whoever holds it: not only what passed here.
    let end = bytesAcked + connection.sendQueue;
    let room = true;
    for (let from = 0; from < chunk.length; from += BLOCK_MAX) {
      const length = Math.min(BLOCK_MAX, chunk.length - from);
      this.bytesSent += length;
      end += length;
      room = connection.send(copies.copy(chunk, from, length, end), false);
    }
    return room;
  }

  /** False when the application asked for a pause. */
  private deliverToBuffer(bytes: Uint8Array): boolean {
    this.leftover = null;
    this.leftover = fill(this.onread!, bytes, this);
    return this.reading;
  }
}
