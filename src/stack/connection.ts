/**
 * A connection as the application holds it: RFC 9293's user calls (3.10.1-6) under the names that network
 * programmers know. Methods never throw on what the network does: that arrives by `handler.onClose`.
 */
import { formatIpv4, formatIpv6 } from "../base/address.ts";
import { type ErrorCode, NetworkError, type Syscall } from "../base/errors.ts";
import { MS } from "../base/time.ts";
import { COPY_ALWAYS, COPY_BELOW } from "../tcp/buffer/receive-buffer.ts";
import { COPY_BELOW as KEPT_FROM } from "../tcp/buffer/send-buffer.ts";
import { abort, close, closeBoth, receive, send, setKeepAlive } from "../tcp/calls.ts";
import { type CongestionName, setCongestion } from "../tcp/congestion/congestion.ts";
import { synRoom } from "../tcp/fast-open.ts";
import { SOFT_ERRORS } from "../tcp/soft-errors.ts";
import { STATE_NAMES, type StateName, TIME_WAIT } from "../tcp/state.ts";
import {
  EVENT_CLOSE,
  EVENT_CONNECT,
  EVENT_DATA,
  EVENT_DRAIN,
  EVENT_END,
  EVENT_FINISH,
  EVENT_TROUBLE,
  EVENT_URGENT,
  type Tcb,
} from "../tcp/tcb.ts";
import { isAtMark, receiveUrgent, sendUrgent } from "../tcp/urgent.ts";
import { congestionArgument } from "./arguments.ts";
import type { ConnectionHandler } from "./events.ts";
import { KIND_TIME_WAIT } from "./flow-table.ts";
import type { TcpInfo } from "./inspect.ts";
import { tcpInfo } from "./inspect-tcb.ts";
import { giveBack, keep, lend } from "./loans.ts";
import { applySettings, type ConnectionSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

/** The raw API. Made by `Stack.connect`, or taken from a listener. */
export class Connection {
  /** Anything the application wants to find again. */
  context: unknown = null;
  /** Number of the connection in its stack. */
  readonly id: number;
  readonly #tcb: Tcb;
  readonly #stack: Stack;
  #handler: ConnectionHandler;
  #error: ErrorCode | null = null;
  #syscall: Syscall = "read";
  #isAccepted: boolean;
  #isOver = false;
  /** The IPv6 addresses, local and remote: their ids in the TCB mean nothing once it has left the table. */
  readonly #words: Int32Array | null = null;

  /** @internal */
  constructor(stack: Stack, tcb: Tcb, id: number, handler: ConnectionHandler, accepted: boolean) {
    this.#stack = stack;
    this.#tcb = tcb;
    this.id = id;
    this.#handler = handler;
    this.#isAccepted = accepted;
    tcb.owner = this;
    if (tcb.family === 6) this.#words = wordsOf(tcb, stack);
    this.#noteWaiting();
  }

  /** Callbacks; replace them at any time. What waited for a taker is told to the new one. */
  get handler(): ConnectionHandler {
    return this.#handler;
  }

  set handler(handler: ConnectionHandler) {
    this.#handler = handler;
    this.#noteWaiting();
    if (this.#tcb.events !== 0) this.#stack.note(this.#tcb, 0);
  }

  get family(): 4 | 6 {
    return this.#tcb.family === 6 ? 6 : 4;
  }

  get localAddress(): string {
    return this.#words === null ? formatIpv4(this.#tcb.local) : formatIpv6(this.#words.subarray(0, 4));
  }

  get localPort(): number {
    return this.#tcb.localPort;
  }

  get remoteAddress(): string {
    return this.#words === null ? formatIpv4(this.#tcb.remote) : formatIpv6(this.#words.subarray(4));
  }

  get remotePort(): number {
    return this.#tcb.remotePort;
  }

  /** The state in RFC 9293's words; CLOSED once 2MSL is over. */
  get state(): StateName {
    const tcb = this.#tcb;
    if (tcb.state === TIME_WAIT && !this.#isRecorded()) return "CLOSED";
    return STATE_NAMES[tcb.state]!;
  }

  /** Whether the TIME-WAIT record is still there. */
  #isRecorded(): boolean {
    const { addresses, flows } = this.#stack;
    const { family, local, remote, localPort, remotePort } = this.#tcb;
    const words = this.#words;
    const from = words === null ? local : addresses.find(words, 0);
    const to = words === null ? remote : addresses.find(words, 4);
    const slot = flows.find(family, from, to, localPort, remotePort);
    return slot >= 0 && flows.kind(slot) === KIND_TIME_WAIT;
  }

  /** Why the connection is over, as `onClose` will say it; null while it lives and after an orderly close (SO_ERROR). */
  get error(): ErrorCode | null {
    return this.#error;
  }

  /** Bytes given to `send` that the peer has not acknowledged. */
  get sendQueue(): number {
    return this.#tcb.queuedToSend;
  }

  /** Bytes received in order that the application has not taken. */
  get receiveQueue(): number {
    return this.#tcb.queuedToRead;
  }

  /** Fast Open: how many bytes the SYN that waits for the first `send` will carry; 0: it waits for none. */
  get synRoom(): number {
    return this.#tcb.fastOpen?.isDeferred === true ? synRoom(this.#tcb, this.#stack) : 0;
  }

  /** Bytes that the peer has acknowledged. */
  get bytesAcked(): number {
    return this.#tcb.bytesAcked;
  }

  /** Bytes received in order. */
  get bytesReceived(): number {
    return this.#tcb.bytesReceived;
  }

  /**
   * SEND. Takes all of `bytes`. From 2 KiB up they are kept by reference until acknowledged, so leave them unchanged, or
   * pass `copy`. Returns false when the send buffer is now full (wait for `onDrain`), and after `end()` or the
   * connection's end, when nothing is sent.
   */
  send(bytes: Uint8Array, copy = false): boolean {
    if (!copy && bytes.length >= KEPT_FROM) keep(bytes);
    return send(this.#tcb, bytes, copy, this.#stack);
  }

  /** SEND with the URGENT flag (RFC 9293 3.8.5, MSG_OOB): as `send`; the last byte is marked urgent. RFC 6093 6 advises new applications against it. */
  sendUrgent(bytes: Uint8Array): boolean {
    return sendUrgent(this.#tcb, bytes, this.#stack);
  }

  /** Out of band (`oobInline: false`): the urgent byte, once, from its arrival on; else null (recv with MSG_OOB). */
  receiveUrgent(): number | null {
    return receiveUrgent(this.#tcb);
  }

  /** SIOCATMARK: the next byte to read is the urgent one. A read, or `onData`, never goes past it from before. */
  get atMark(): boolean {
    return isAtMark(this.#tcb);
  }

  /** RECEIVE, the pull way, for paused connections or those without `onData`: up to `max` bytes, null when there are none. */
  read(max: number = Number.MAX_SAFE_INTEGER): Uint8Array | null {
    const bytes = receive(this.#tcb, max, this.#stack);
    if (this.#tcb.queuedToRead === 0 && (this.#tcb.events & (EVENT_END | EVENT_CLOSE)) !== 0)
      this.#stack.note(this.#tcb, 0);
    return bytes;
  }

  /** No `onData` and no `onEnd` until `resume`; the receive window closes as the buffer fills. */
  pause(): void {
    this.#tcb.paused = true;
    this.#noteWaiting();
  }

  resume(): void {
    if (!this.#tcb.paused) return;
    this.#tcb.paused = false;
    this.#noteWaiting();
    if (this.#tcb.queuedToRead > 0) this.#stack.note(this.#tcb, EVENT_DATA);
    else if (this.#tcb.events !== 0) this.#stack.note(this.#tcb, 0);
  }

  /** CLOSE: FIN after everything queued. Receiving goes on (half-close, RFC 9293 3.6.1). */
  end(): void {
    this.#stack.tick();
    close(this.#tcb, this.#stack);
  }

  /**
   * CLOSE by an application that will read no more: as `end()`, but unread or later data makes an RST (RFC 2525 2.17),
   * and FIN-WAIT-2 is limited. Only `onClose` follows.
   */
  close(): void {
    this.#stack.tick();
    closeBoth(this.#tcb, this.#stack);
  }

  /** ABORT: RST now. Only `onClose` follows, with ECONNABORTED. */
  abort(): void {
    this.#stack.tick();
    this.#tcb.readClosed = true;
    this.#tcb.events &= EVENT_CLOSE;
    this.#tcb.freeReceiving();
    abort(this.#tcb, this.#stack, "ECONNABORTED");
    // One that was over already: its end waited behind text that nobody reads now.
    if (this.#tcb.events !== 0) this.#stack.note(this.#tcb, 0);
  }

  /** Nagle off (true) or on. */
  setNoDelay(on: boolean): void {
    this.#tcb.noDelay = on;
    if (on && this.#tcb.queuedToSend > 0) this.#stack.markDirty(this.#tcb);
  }

  /** Keepalive (RFC 9293 3.8.4) in milliseconds; what is left out stays as it is (at first 7,200,000, 75,000, 9). */
  setKeepAlive(on: boolean, idleMs?: number, intervalMs?: number, count?: number): void {
    this.#stack.tick();
    const tcb = this.#tcb;
    if (idleMs !== undefined && idleMs > 0) tcb.keepAliveIdle = idleMs * MS;
    if (intervalMs !== undefined && intervalMs > 0) tcb.keepAliveInterval = intervalMs * MS;
    if (count !== undefined && count > 0) tcb.keepAliveCount = count;
    setKeepAlive(tcb, on, this.#stack);
  }

  /** Changes what `settings` name. Throws `ArgumentError` for a value out of its range. */
  set(settings: ConnectionSettings): void {
    this.#stack.tick();
    applySettings(this.#tcb, settings, this.#stack);
  }

  /** How long data may stay unacknowledged (RFC 5482), in milliseconds; 0: R2 decides. */
  setUserTimeout(ms: number): void {
    this.#tcb.userTimeout = ms * MS;
  }

  /** null: off. 0: `close()` resets. More: `close()` resets after so many milliseconds if data is still unacknowledged. */
  setLinger(ms: number | null): void {
    this.#tcb.linger = ms === null ? -1 : ms * MS;
  }

  /** Congestion control from now on; the window stays. Throws `ArgumentError` for a name that is none. */
  setCongestion(name: CongestionName): void {
    congestionArgument(name);
    setCongestion(this.#tcb, name, this.#stack.config.initialWindow);
  }

  /** STATUS (RFC 9293 3.10.6), as Linux's tcp_info. */
  info(): TcpInfo {
    this.#stack.tick();
    return tcpInfo(this.#tcb, this.#stack);
  }

  /** The accept queue let go of it: what happened meanwhile is told. @internal */
  accepted(): void {
    this.#isAccepted = true;
    this.#noteWaiting();
    if (this.#tcb.events !== 0) this.#stack.note(this.#tcb, 0);
  }

  /** Notes why the connection is over. @internal */
  failed(error: ErrorCode | null): void {
    this.#error = error;
    if (this.#tcb.active && this.#tcb.srttUs < 0 && this.#tcb.bytesReceived === 0) this.#syscall = "connect";
    else if (error === "EPIPE") this.#syscall = "write";
  }

  /** Tells the application what was noted, in the order of the bits. Each bit is cleared before its callback, which may throw. @internal */
  deliver(): void {
    const tcb = this.#tcb;
    if (!this.#isAccepted || this.#isOver) return;
    try {
      const { handler } = this;
      if ((tcb.events & EVENT_CONNECT) !== 0) {
        tcb.events &= ~EVENT_CONNECT;
        handler.onConnect?.(this);
      }
      if ((tcb.events & EVENT_URGENT) !== 0) {
        tcb.events &= ~EVENT_URGENT;
        this.handler.onUrgent?.(this);
      }
      if ((tcb.events & EVENT_DATA) !== 0) this.#deliverData();
      if ((tcb.events & EVENT_END) !== 0 && !tcb.paused && tcb.queuedToRead === 0) {
        tcb.events &= ~EVENT_END;
        this.handler.onEnd?.(this);
      }
      if ((tcb.events & EVENT_DRAIN) !== 0) {
        tcb.events &= ~EVENT_DRAIN;
        this.handler.onDrain?.(this);
      }
      if ((tcb.events & EVENT_FINISH) !== 0) {
        tcb.events &= ~EVENT_FINISH;
        this.handler.onFinish?.(this);
      }
      if ((tcb.events & EVENT_TROUBLE) !== 0) {
        tcb.events &= ~EVENT_TROUBLE;
        this.handler.onTrouble?.(this, new NetworkError(SOFT_ERRORS[tcb.softError]!, "write"));
      }
      if ((tcb.events & EVENT_CLOSE) !== 0) this.#deliverClose();
    } catch (error) {
      if (tcb.events !== 0) this.#stack.note(tcb, 0);
      throw error;
    }
  }

  #noteWaiting(): void {
    const tcb = this.#tcb;
    const { onData, borrowsData, sendsCopies } = this.#handler;
    tcb.sendsCopies = sendsCopies === true;
    if (tcb.paused || !this.#isAccepted || onData === undefined) tcb.copyBelow = COPY_ALWAYS;
    else tcb.copyBelow = borrowsData === true ? 0 : COPY_BELOW;
  }

  #deliverData(): void {
    const tcb = this.#tcb;
    while (!tcb.paused && tcb.queuedToRead > 0 && this.handler.onData !== undefined) {
      // An urgent byte out of band is left out on the way, and what then comes may be of another array.
      const front = tcb.urgent === null ? tcb.receiveBuffer.front : null;
      const bytes = receive(tcb, Number.MAX_SAFE_INTEGER, this.#stack);
      if (bytes === null) break;
      if (this.#handler.borrowsData === true) this.#lend(bytes, front);
      else this.handler.onData(this, bytes);
    }
    if (tcb.queuedToRead === 0) tcb.events &= ~EVENT_DATA;
  }

  #lend(bytes: Uint8Array, of: Uint8Array | null): void {
    let isFree = false;
    lend(bytes);
    try {
      this.#handler.onData!(this, bytes);
    } finally {
      isFree = giveBack();
    }
    if (isFree && of !== null) this.#stack.loans.free(bytes, of);
  }

  /** The last event waits until the application has taken what arrived before it. */
  #deliverClose(): void {
    const tcb = this.#tcb;
    if (tcb.queuedToRead > 0 && !tcb.readClosed) return;
    if ((tcb.events & EVENT_END) !== 0 && tcb.paused) return;
    tcb.events = 0;
    this.#isOver = true;
    const error = this.#error;
    const { handler } = this;
    if (handler.onClose === undefined) return;
    const remote = this.#syscall === "connect";
    handler.onClose(
      this,
      error === null
        ? null
        : remote
          ? new NetworkError(error, "connect", this.remoteAddress, this.remotePort)
          : new NetworkError(error, this.#syscall),
    );
  }
}

function wordsOf(tcb: Tcb, stack: Stack): Int32Array {
  const { words } = stack.addresses;
  const both = new Int32Array(8);
  for (let i = 0; i < 4; i++) {
    both[i] = words[4 * tcb.local + i]!;
    both[4 + i] = words[4 * tcb.remote + i]!;
  }
  return both;
}
