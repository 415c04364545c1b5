/**
 * A POSIX socket over the raw API: what `read`, `poll` and `getsockopt` see of a connection or a listener. It blocks nobody: an
 * operation that would is told so, and tried again when something happened.
 */
import type { ErrorCode } from "../../base/errors.ts";
import type { Connection } from "../../stack/connection.ts";
import type { Listener } from "../../stack/listener.ts";
import type { Stack } from "../../stack/stack.ts";
import { unsent } from "../../tcp/send-policy.ts";
import type { Tcb } from "../../tcp/tcb.ts";
import type { SocketSettings } from "./socket-options.ts";

/** What became of an operation: a result, an error's name, or null for "it would block". */
export type Outcome = number | ErrnoName | null;

/** The name of an errno; systems number them differently. */
export type ErrnoName = string;

/** One socket, or an end that `accept` gave. */
export class PosixSocket {
  nonBlocking = false;
  /** Set by `bind`; null: not bound. */
  boundPort: number | null = null;
  boundHost: string | null = null;
  listener: Listener | null = null;
  connection: Connection | null = null;
  /** The TCB of the connection, also after it left the stack's table. */
  tcb: Tcb | null = null;
  settings: SocketSettings;
  /** `connect` was called and the handshake is not over. */
  isConnecting = false;
  isConnected = false;
  /** A `connect` has told that it is connected. */
  isConnectTold = false;
  /** The peer's FIN was seen and all before it read. */
  isOver = false;
  readShut = false;
  writeShut = false;
  /** SO_ERROR. */
  error: ErrnoName | null = null;
  /** Counts what happened, for edge-triggered epoll. */
  news = 1;
  readonly #closeWaitError: ErrnoName;

  constructor(settings: SocketSettings, closeWaitError: ErrnoName) {
    this.settings = settings;
    this.#closeWaitError = closeWaitError;
  }

  /** Changes with everything that wakes who waits for the socket, arrivals of text and connections included. */
  get stamp(): number {
    return this.news + (this.tcb?.bytesReceived ?? 0) + (this.listener?.acceptQueue.length ?? 0);
  }

  /** Takes over `connection`, which the stack just made or handed out. */
  attach(connection: Connection, stack: Stack): void {
    this.connection = connection;
    const tcb = stack.tcbs[connection.id] ?? null;
    this.tcb = tcb?.owner === connection ? tcb : null;
    const news = (): void => {
      this.news++;
    };
    connection.handler = {
      onConnect: () => {
        news();
        this.isConnecting = false;
        this.isConnected = true;
      },
      onUrgent: news,
      onEnd: news,
      onDrain: news,
      onFinish: news,
      onClose: (_, error) => {
        news();
        this.#ended(error?.code ?? null);
      },
    };
  }

  #ended(error: ErrorCode | null): void {
    this.isConnecting = false;
    this.isOver = true;
    if (error !== null) this.error ??= error === "EPIPE" ? this.#closeWaitError : error;
  }

  /** Why the connection is over, even while unread text holds the news back. */
  pendingError(): ErrnoName | null {
    const error = this.connection?.error ?? null;
    if (this.error === null && error !== null && !this.isOver) this.#ended(error);
    return this.error;
  }

  takeError(): ErrnoName | null {
    const error = this.pendingError();
    this.error = null;
    return error;
  }

  /** The peer's FIN was received. */
  get isEnded(): boolean {
    return this.readShut || this.isOver || this.tcb?.finReceived === true;
  }

  /** Room in the send buffer. */
  get room(): number {
    const tcb = this.tcb;
    if (tcb === null || unsent(tcb) >= tcb.notSentLowat) return 0;
    return Math.max(0, tcb.sendLimit - tcb.queuedToSend);
  }

  get isAlive(): boolean {
    return this.connection !== null && this.connection.error === null && !this.isOver;
  }

  /** RECEIVE of up to `most` bytes; `peek` leaves them. */
  receive(most: number, peek: boolean, waitAll: boolean): Outcome {
    const { connection } = this;
    if (connection === null) return "ENOTCONN";
    const queued = connection.receiveQueue;
    if (queued > 0 && !this.readShut) {
      if (waitAll && queued < most && !this.isEnded) return null;
      if (peek) return Math.min(queued, most);
      let taken = 0;
      // A read ends at the urgent mark (RFC 6093 3.2).
      while (taken < most && !(taken > 0 && connection.atMark)) {
        const bytes = connection.read(most - taken);
        if (bytes === null) break;
        taken += bytes.length;
      }
      // The urgent byte, out of band, was all there was.
      if (taken > 0) return taken;
    }
    const error = this.takeError();
    if (error !== null) return error;
    return this.isEnded ? 0 : null;
  }

  /** SEND of `count` bytes, as many as there is room for. */
  transmit(count: number, isUrgent: boolean, isMore: boolean): Outcome {
    const { connection } = this;
    const error = this.takeError();
    if (error !== null) return error;
    if (connection === null || this.writeShut || !this.isAlive) return "EPIPE";
    if (count === 0) return 0;
    const room = Math.min(this.room, count);
    if (room === 0) return null;
    // MSG_MORE corks until a write without it.
    const isCorked = this.settings.get("TCP_CORK") === 1;
    if (isMore && !isCorked) connection.set({ cork: true });
    if (isUrgent) connection.sendUrgent(new Uint8Array(room));
    else connection.send(new Uint8Array(room));
    if (!isMore && !isCorked && this.tcb?.cork === true) connection.set({ cork: false });
    return room;
  }

  /** recv with MSG_OOB: the urgent byte, once; EINVAL where there is none, or where it is in line (tcp_recv_urg). */
  receiveUrgent(peek: boolean): Outcome {
    const { connection, tcb } = this;
    if (connection === null || tcb === null) return "ENOTCONN";
    if (tcb.oobInline || tcb.urgent === null || tcb.urgent.isRead) return "EINVAL";
    if (!tcb.urgent.isHere) return "EAGAIN";
    if (!peek) connection.receiveUrgent();
    return 1;
  }

  /** `shutdown`. */
  shutdown(read: boolean, write: boolean): Outcome {
    const { connection } = this;
    if (connection === null || this.isOver || !(this.isConnected || this.isConnecting)) return "ENOTCONN";
    if (read) this.readShut = true;
    if (write && !this.writeShut) {
      this.writeShut = true;
      connection.end();
    }
    this.news++;
    return 0;
  }

  /** `close`. */
  close(): void {
    this.listener?.close();
    this.connection?.close();
  }
}
