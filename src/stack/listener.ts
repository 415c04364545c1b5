/** A listener. Placeholder: the lead is writing this file; the signatures stand. */
import type { Connection } from "./connection.ts";
import type { ListenerHandler } from "./events.ts";
import type { ListenerStats } from "./inspect.ts";

export declare class Listener {
  handler: ListenerHandler;
  /** What it listens on: an address, a prefix, or "0.0.0.0"; the port (the ephemeral one chosen when 0 was asked). */
  readonly address: string;
  readonly port: number;
  /** Takes a connection from the accept queue, or null. */
  accept(): Connection | null;
  /** Leaves connections in the accept queue until `resume`. */
  pause(): void;
  resume(): void;
  stats(): ListenerStats;
  /** Half-open connections are dropped, queued ones reset; accepted ones go on. */
  close(): void;
}
