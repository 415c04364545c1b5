/**
 * What was asked of a socket beyond node:net, kept by socket: a connection that opens later, or again, starts with it.
 * It knows no handle and no socket.
 */
import { type ConnectionSettings, checkSettings } from "../stack/settings.ts";
import type { CongestionName } from "../tcp/congestion/congestion.ts";

/** Settings of the connection; the keepalive's rhythm is Node's to apply, and stays apart. */
export interface Wishes extends ConnectionSettings {
  readonly congestion?: CongestionName;
}

/** TCP_KEEPINTVL in milliseconds, TCP_KEEPCNT in probes. */
export interface KeepAliveRhythm {
  readonly intervalMs: number | undefined;
  readonly count: number | undefined;
}

const wishes = new WeakMap<object, Wishes>();
const rhythms = new WeakMap<object, KeepAliveRhythm>();

/** Adds to what was asked of `socket`. Throws `ArgumentError` for a value out of its range. */
export function wish(socket: object, more: Wishes): void {
  checkSettings(more);
  wishes.set(socket, { ...wishes.get(socket), ...more });
}

/** What was asked of it. */
export function wishesOf(socket: object): Wishes | undefined {
  return wishes.get(socket);
}

/** Remembers how often keepalive asks. Throws `ArgumentError` for a value out of its range. */
export function wishRhythm(socket: object, rhythm: KeepAliveRhythm): void {
  const { intervalMs, count } = rhythm;
  checkSettings({
    ...(intervalMs === undefined ? {} : { keepIntervalMs: intervalMs }),
    ...(count === undefined ? {} : { keepCount: count }),
  });
  rhythms.set(socket, rhythm);
}

/** As `wishRhythm` said. */
export function rhythmOf(socket: object): KeepAliveRhythm | undefined {
  return rhythms.get(socket);
}
