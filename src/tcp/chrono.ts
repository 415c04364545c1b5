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

/** Microseconds spent in each condition but IDLE, the present one since `at`. Whole ones: Smis until it is half an hour. */
export class Chrono {
  condition: number = IDLE;
  at: Micros = -0.5;
  #busy = 0;
  #rwnd = 0;
  #sndbuf = 0;

  /** Another condition from now on. */
  enter(next: number, now: Micros): void {
    const spent = Math.round(now - this.at);
    if (this.condition === BUSY) this.#busy += spent;
    else if (this.condition === RWND_LIMITED) this.#rwnd += spent;
    else if (this.condition === SNDBUF_LIMITED) this.#sndbuf += spent;
    this.condition = next;
    this.at = now;
  }

  /** Microseconds in `condition` until `now`. */
  total(condition: number, now: Micros): number {
    const before = condition === BUSY ? this.#busy : condition === RWND_LIMITED ? this.#rwnd : this.#sndbuf;
    return before + (this.condition === condition ? now - this.at : 0);
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
  chrono.enter(next, now);
}

function conditionOf(tcb: Tcb): number {
  const { snd } = tcb;
  if (tcb.queuedToSend === 0 && snd.nxt === snd.una) return IDLE;
  const pending = unsent(tcb);
  if (pending <= 0) return tcb.wantsDrain ? SNDBUF_LIMITED : BUSY;
  const usable = snd.wnd - diff(snd.nxt, snd.una);
  return usable < Math.min(pending, snd.mss) && !tcb.cwndLimited ? RWND_LIMITED : BUSY;
}
