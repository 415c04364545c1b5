/**
 * What the raw API tells an application: plain callbacks, no streams, no promises. They are called between
 * batches of packets (`Stack.dispatch`), never while a segment is being worked on; any of them may call
 * any method of any connection. An exception thrown by one reaches the driver's caller as it is, and costs
 * no other connection its events.
 */
import type { NetworkError } from "../base/errors.ts";
import type { Connection } from "./connection.ts";
import type { Listener } from "./listener.ts";

/** Callbacks of one connection. Every one is optional. */
export interface ConnectionHandler {
  /** ESTABLISHED was reached by `Stack.connect` (accepted connections already are). */
  onConnect?(connection: Connection): void;
  /** The peer marked urgent data (RFC 9293 3.8.5 MUST-32), which may be still to come. Told before the data; see `Connection.atMark`. */
  onUrgent?(connection: Connection): void;
  /**
   * Bytes arrived, in order. They are the application's to keep unless it `borrowsData`; they may be a view of a larger slab, so
   * copy what is small and kept for long. Not called while paused: the receive window closes instead.
   */
  onData?(connection: Connection, bytes: Uint8Array): void;
  /**
   * True: `onData` only borrows its bytes, and copies what it needs of them before it returns; then the device may overwrite
   * them. `send` may be given them: it copies below 2 KiB, and from there up they are kept until acknowledged. Saves the memory
   * traffic of fresh slabs. Default false.
   */
  borrowsData?: boolean;
  /**
   * True: what it gives to `send` it has just copied, and a cache still holds it. The send buffer then grows to no more than a
   * link of 65 Gbit/s has on its way, at least 2 MiB, so that over the shortest paths the bytes leave from there. Default false.
   */
  sendsCopies?: boolean;
  /** The peer sent FIN and everything before it was delivered. Sending goes on until `end()`. */
  onEnd?(connection: Connection): void;
  /** After `send` returned false: the send buffer has room again. */
  onDrain?(connection: Connection): void;
  /** Everything given to `send`, and the FIN after `end()`, was acknowledged by the peer. */
  onFinish?(connection: Connection): void;
  /**
   * The connection is in trouble and goes on: retransmissions reached R1 (ETIMEDOUT), or a router reported an error
   * (EHOSTUNREACH, ENETUNREACH). RFC 9293 3.9.1.8's asynchronous report.
   */
  onTrouble?(connection: Connection, error: NetworkError): void;
  /**
   * The last event: the connection is over for the application. `error` is null after an orderly close (both FINs),
   * or says why not: ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ECONNABORTED (own `abort`).
   * TIME-WAIT, if owed, goes on in the stack without it.
   */
  onClose?(connection: Connection, error: NetworkError | null): void;
}

/** A SYN, before it is answered. */
export interface SynFlow {
  readonly family: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** After "hold": answer it now. Returns false when the SYN timed out or was reset meanwhile. */
  accept(): boolean;
  /** After "hold": refuse it now, by RST for ECONNREFUSED (the default) or by the ICMP unreachable that the code stands for. */
  refuse(code?: "ECONNREFUSED" | "EHOSTUNREACH" | "ENETUNREACH"): boolean;
}

/** What to do with a SYN: answer it, refuse it, or leave it unanswered in the SYN queue until `flow.accept()` or `flow.refuse()`. */
export type SynVerdict = "accept" | "refuse" | "hold";

/** Callbacks of one listener. */
export interface ListenerHandler {
  /**
   * A connection left the accept queue. Set `connection.handler` here. Without this callback connections stay in the
   * accept queue until `listener.accept()` takes them.
   */
  onConnection?(connection: Connection, listener: Listener): void;
  /** Decides on each SYN. Default: accept all. */
  onSyn?(flow: SynFlow): SynVerdict;
  /** The stack went down, and the listener with it; not for `listener.close()`. */
  onClose?(listener: Listener): void;
}
