/**
 * TCP_DEFER_ACCEPT, as Linux has it: a handshake's third segment without text does not make the connection yet. It stays half
 * open and silent until text comes; when the time is over the SYN-ACK is sent again, and what answers makes the connection.
 */
import { defer, isDeferred, RETRIES } from "../tcp/half-open.ts";
import type { Segment } from "../wire/segment.ts";
import type { Listener } from "./listener.ts";

/** Seconds as the number of the SYN-ACK's timeouts of 1, 2, 4 ... s that they reach (Linux: secs_to_retrans). */
export function timeoutsIn(seconds: number): number {
  let count = 0;
  for (let reached = 0, timeout = 1; reached < seconds && count < 255; count++) {
    reached += timeout;
    timeout = Math.min(2 * timeout, TIMEOUT_MAX);
  }
  return count;
}

/** Linux: TCP_RTO_MAX, in seconds. */
const TIMEOUT_MAX = 120;

/** Whether the third segment of a handshake leaves the connection half open; the record at `at` then says so. */
export function waitsForText(listener: Listener, seg: Segment, record: Int32Array, at: number): boolean {
  if (seg.len > 0 || record[at + RETRIES]! >= listener.deferTimeouts) return false;
  defer(record, at);
  return true;
}

/** After how many timeouts the half-open connection is given up. */
export function patience(
  listener: Listener | undefined,
  record: Int32Array,
  at: number,
  retries: number,
): number {
  return isDeferred(record, at) ? Math.max(retries, listener?.deferTimeouts ?? 0) : retries;
}

/** Whether this timeout passes without a SYN-ACK: the peer has answered, and the time for its text is not over. */
export function isQuiet(
  listener: Listener | undefined,
  record: Int32Array,
  at: number,
  retries: number,
): boolean {
  return isDeferred(record, at) && retries < (listener?.deferTimeouts ?? 0) - 1;
}
