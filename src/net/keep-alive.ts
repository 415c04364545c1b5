/** Keepalive as `socket.setKeepAlive` asks for it, before and after there is a connection. It knows no socket. */
import type { Connection } from "../stack/connection.ts";

/** libuv sets both with a keepalive delay, and Node documents them at `socket.setKeepAlive`. */
const INTERVAL_MS = 1000;
const COUNT = 10;

/** What was asked of one socket. */
export class KeepAlive {
  private isOn = false;
  /** Milliseconds; 0 for the stack's own. */
  private idleMs = 0;
  private intervalMs: number | undefined;
  private count: number | undefined;

  /** Whether there is something new to apply. `intervalMs` and `count` default to libuv's. */
  set(on: boolean, idleMs: number, intervalMs?: number, count?: number): boolean {
    const isNew = on !== this.isOn || (on && idleMs !== this.idleMs);
    if (!isNew && intervalMs === undefined && count === undefined) return false;
    this.isOn = on;
    this.idleMs = idleMs;
    this.intervalMs = intervalMs;
    this.count = count;
    return true;
  }

  /** To a connection that is new. */
  start(connection: Connection): void {
    if (this.isOn) this.apply(connection);
  }

  apply(connection: Connection): void {
    const { isOn, idleMs, intervalMs, count } = this;
    const isGiven = idleMs > 0 || intervalMs !== undefined || count !== undefined;
    if (isGiven) connection.setKeepAlive(isOn, idleMs, intervalMs || INTERVAL_MS, count || COUNT);
    else connection.setKeepAlive(isOn);
  }
}
