/**
 * A connection as the application holds it: RFC 9293's user calls (3.10.1-6) under the names that network
 * programmers know. Placeholder: the lead is writing this file; the signatures stand.
 */
import type { ConnectionHandler } from "./events.ts";
import type { TcpInfo } from "./inspect.ts";
import type { StateName } from "../tcp/state.ts";

/** The raw API. Methods never throw on network outcomes: those arrive by `handler.onClose`. */
export declare class Connection {
  /** Callbacks; replace them at any time. */
  handler: ConnectionHandler;
  /** Anything the application wants to find again. */
  context: unknown;
  readonly id: number;
  readonly family: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly state: StateName;
  /** Bytes given to `send` that the peer has not acknowledged. */
  readonly sendQueue: number;
  /** Bytes received in order that the application has not taken. */
  readonly receiveQueue: number;
  /** Bytes acknowledged by the peer; bytes received in order. */
  readonly bytesAcked: number;
  readonly bytesReceived: number;
  /**
   * SEND. Takes all of `bytes`; large chunks are kept by reference until acknowledged, so leave them unchanged (or pass
   * `copy: true`). Returns false when the send buffer is now full: wait for `onDrain` before sending more.
   * After `end()`, or when the connection is over, nothing is sent and false is returned.
   */
  send(bytes: Uint8Array, copy?: boolean): boolean;
  /** RECEIVE, the pull way (paused connections, or no `onData`): up to `max` bytes, null when there are none. */
  read(max?: number): Uint8Array | null;
  /** No `onData` and no `onEnd` until `resume`; the receive window closes as its buffer fills. */
  pause(): void;
  resume(): void;
  /** CLOSE: FIN after everything queued. Receiving goes on (half-close). */
  end(): void;
  /** CLOSE by an application that will read no more: as `end()`, but unread or later data makes an RST (RFC 2525 2.17), and FIN-WAIT-2 is limited. No events but onClose follow. */
  close(): void;
  /** ABORT: RST now. `onClose` gets ECONNABORTED. */
  abort(): void;
  /** Nagle off (true) or on (false, the default). */
  setNoDelay(on: boolean): void;
  /** Keepalive (RFC 9293 3.8.4), milliseconds. Defaults 7,200,000, 75,000, 9. */
  setKeepAlive(on: boolean, idleMs?: number, intervalMs?: number, count?: number): void;
  /** RFC 5482, milliseconds; 0 for the default. */
  setUserTimeout(ms: number): void;
  /** null: off. 0: `close()` resets. More: `close()` resets after that many milliseconds if data is still unacknowledged. */
  setLinger(ms: number | null): void;
  info(): TcpInfo;
}
