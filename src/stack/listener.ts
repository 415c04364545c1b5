/**
 * A listener: what it listens on, its SYN queue (half-open slots of the flow table, counted here) and its accept
 * queue (connections that nobody has taken yet). Bounded both, with counters of what did not fit.
 */
import type { Family } from "../base/address.ts";
import type { CongestionName } from "../tcp/congestion/congestion.ts";
import type { Binding } from "./bindings.ts";
import type { Connection } from "./connection.ts";
import { timeoutsIn } from "./defer-accept.ts";
import type { ConnectionHandler, ListenerHandler } from "./events.ts";
import type { ListenerStats } from "./inspect.ts";
import type { Listeners } from "./listeners.ts";
import { type ConnectionSettings, checkSettings } from "./settings.ts";

/** A passive OPEN. Made by `Stack.listen`. */
export class Listener {
  /** Callbacks; replace them at any time. */
  handler: ListenerHandler;
  /** Anything the application wants to find again. */
  context: unknown = null;
  /** The address or prefix as it was given; "0.0.0.0" or "::" for any. */
  readonly address: string;
  /** The port; 0 listens on every port. */
  readonly port: number;
  readonly backlog: number;
  #settings: ConnectionSettings = {};
  readonly synQueueMax: number;
  /** Congestion control of its connections. */
  readonly congestion: CongestionName;
  /** Its number in half-open records. */
  readonly id: number;
  /** The address and how many of its bits count (`Binding`). */
  readonly family: Family;
  readonly key: number;
  readonly words: Int32Array;
  readonly bits: number;
  /** Of "::": IPv6 alone. */
  readonly v6Only: boolean;
  isClosed = false;
  /** Connections that are ESTABLISHED and not accepted; the oldest first. */
  readonly acceptQueue: Connection[] = [];
  synQueue = 0;
  /** TCP_FASTOPEN: connections accepted by their SYN that may wait for the third segment; 0: none, -1: as `TcpConfig.fastOpen` says. */
  fastOpenMax = -1;
  fastOpenPending = 0;
  #deferAccept = 0;
  /** `deferAccept` as a number of the SYN-ACK's timeouts. @internal */
  deferTimeouts = 0;
  /** Until when those that were reset hold their places. @internal */
  readonly fastOpenResets: number[] = [];
  readonly #stats: ListenerStats;
  readonly #listeners: Listeners;
  #paused = false;

  /** @internal */
  constructor(
    listeners: Listeners,
    id: number,
    binding: Binding,
    backlog: number,
    synQueueMax: number,
    congestion: CongestionName,
    handler: ListenerHandler,
  ) {
    this.#listeners = listeners;
    this.id = id;
    this.address = binding.host;
    this.family = binding.family;
    this.key = binding.key;
    this.words = binding.words;
    this.v6Only = binding.v6Only;
    this.bits = binding.bits;
    this.port = binding.port;
    this.backlog = backlog;
    this.synQueueMax = synQueueMax;
    this.congestion = congestion;
    this.handler = handler;
    this.#stats = {
      synQueue: 0,
      synQueueMax,
      acceptQueue: 0,
      backlog,
      accepted: 0,
      acceptOverflows: 0,
      synDrops: 0,
      cookiesSent: 0,
      cookiesRecv: 0,
      cookiesFailed: 0,
    };
  }

  /** What connections inherit when they are accepted; `maxSegment` stands in the SYN-ACK already. */
  get settings(): ConnectionSettings {
    return this.#settings;
  }

  set settings(settings: ConnectionSettings) {
    checkSettings(settings);
    this.#settings = settings;
  }

  /** TCP_DEFER_ACCEPT: for about so many seconds connections are made by their first text only; 0: by the handshake. */
  get deferAccept(): number {
    return this.#deferAccept;
  }

  set deferAccept(seconds: number) {
    this.#deferAccept = seconds;
    this.deferTimeouts = timeoutsIn(seconds);
  }

  /** Whether a connection more would exceed the backlog. As in Linux, `backlog` + 1 fit. */
  get isFull(): boolean {
    return this.acceptQueue.length > this.backlog;
  }

  /** Takes the oldest connection of the accept queue, or null. Set its `handler` at once. */
  accept(): Connection | null {
    const connection = this.acceptQueue.shift() ?? null;
    if (connection === null) return null;
    this.#stats.accepted++;
    connection.accepted();
    return connection;
  }

  /** Leaves connections in the accept queue until `resume`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#listeners.note(this);
  }

  /** The queues and what did not fit, at this moment. */
  stats(): ListenerStats {
    return { ...this.#stats, synQueue: this.synQueue, acceptQueue: this.acceptQueue.length };
  }

  /** Counts one more of something. @internal */
  count(what: "acceptOverflows" | "synDrops" | "cookiesSent" | "cookiesRecv" | "cookiesFailed"): void {
    this.#stats[what]++;
  }

  /** Hands out what the accept queue holds. @internal */
  dispatch(): void {
    while (!this.#paused && this.handler.onConnection !== undefined && !this.isClosed) {
      const connection = this.accept();
      if (connection === null) return;
      try {
        this.handler.onConnection(connection, this);
      } catch (error) {
        // The others that wait are told by the next dispatch.
        if (!this.isClosed) this.#listeners.note(this);
        throw error;
      }
    }
  }

  /**
   * CLOSE in LISTEN (RFC 9293 3.10.4): half-open connections are forgotten, queued ones reset; accepted ones go on.
   */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#listeners.remove(this);
    for (const connection of this.acceptQueue.splice(0)) connection.abort();
  }

  /**
   * OPEN on a LISTEN (RFC 9293 3.10.1, MUST-42 family: LISTEN -> SYN-SENT): stops listening and opens actively from its port.
   */
  connect(host: string, port: number, handler: ConnectionHandler): Connection {
    this.close();
    return this.#listeners.openFrom(this, host, port, handler);
  }
}
