/**
 * What sending waits for, and for how long: tcp_info's busy_time, rwnd_limited and sndbuf_limited (Linux:
 * tcp_chrono_start). Looked at whenever the flush has nothing more to send on a connection. It changes nothing.
 */
import { diff } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";
import { unsent } from "./send-policy.ts";
import type { Tcb } from "./tcb.ts";

/** Nothing is queued or outstanding. */
export const IDLE = 0;
/** Something is on its way, or waits for the congestion window or pacing. */
export const BUSY = 1;
/** Text waits for the peer's window. */
export const RWND_LIMITED = 2;
/** Everything queued is sent, and the application waits for room in the send buffer. */
export const SNDBUF_LIMITED = 3;

/** Microseconds spent in each condition, the present one since `at`. */
export class Chrono {
  condition: number = IDLE;
  at: Micros = -0.5;
  readonly spent: Float64Array = new Float64Array(4);

  /** Microseconds in `condition` until `now`. */
  total(condition: number, now: Micros): number {
    return this.spent[condition]! + (this.condition === condition ? now - this.at : 0);
  }
}

/** Notes what the connection waits for from now on. */
export function noteCondition(tcb: Tcb, now: Micros): void {
  const next = conditionOf(tcb);
  let { chrono } = tcb;
  if (chrono === null) {
    if (next === IDLE) return;
    chrono = tcb.chrono = new Chrono();
    chrono.at = now;
  }
  if (next === chrono.condition) return;
  chrono.spent[chrono.condition]! += now - chrono.at;
  chrono.condition = next;
  chrono.at = now;
}

function conditionOf(tcb: Tcb): number {
  const { snd } = tcb;
  if (tcb.queuedToSend === 0 && snd.nxt === snd.una) return IDLE;
  const pending = unsent(tcb);
  if (pending <= 0) return tcb.wantsDrain ? SNDBUF_LIMITED : BUSY;
  const usable = snd.wnd - diff(snd.nxt, snd.una);
  return usable < Math.min(pending, snd.mss) && !tcb.cwndLimited ? RWND_LIMITED : BUSY;
}
