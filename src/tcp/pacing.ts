/**
 * Pacing: text leaves at `tcb.pacingRate` instead of in bursts of a window (draft-ietf-ccwg-bbr 5.6.2; the earliest
 * departure time of Linux's tcp_output.c). A quantum (5.6.3) may leave at once; then output waits for the timer `paceAt`.
 * Time by which a coarse timer comes late is not lost: the quanta that it delayed follow at once.
 */
import { type Micros, MS } from "../base/time.ts";
import type { TcpContext } from "./context.ts";
import type { Tcb } from "./tcb.ts";

/** A timer that is later than this loses the difference: two roundings of the Node host's millisecond, and some work. */
const LATE_MAX: Micros = 3 * MS;

/**
 * Bytes that may leave at once (5.6.3): two segments; where super-segments save work, what the rate carries in a millisecond
 * (Linux: tcp_tso_autosize).
 */
export function quantum(tcb: Tcb): number {
  if (!tcb.path.offload) return 2 * tcb.snd.mss;
  return Math.max(2 * tcb.snd.mss, Math.min(tcb.pacingRate / 1_000, QUANTUM_MAX));
}

const QUANTUM_MAX = 65_536;
/** Less than this is no wait that a clock could measure. */
const RESOLUTION: Micros = 1;

/** Whether text must wait for its turn. Sets the timer for it. */
export function isPaced(tcb: Tcb, ctx: TcpContext): boolean {
  if (tcb.pacingRate <= 0) return false;
  const ahead = tcb.departAt - ctx.now;
  if (ahead <= 0) return false;
  if (ahead <= ((quantum(tcb) - tcb.snd.mss) * 1e6) / tcb.pacingRate + RESOLUTION) return false;
  tcb.isPacing = true;
  tcb.paceAt = tcb.departAt;
  if (tcb.paceAt < tcb.wheelAt) ctx.rearm(tcb);
  return true;
}

/** `length` bytes of text leave now. */
export function depart(tcb: Tcb, length: number, ctx: TcpContext): void {
  if (tcb.pacingRate <= 0) return;
  // Only who waited for the timer catches up: silence of the application or a full window earns no burst.
  const from = tcb.isPacing ? ctx.now - LATE_MAX : ctx.now;
  tcb.departAt = Math.max(tcb.departAt, from) + (length * 1e6) / tcb.pacingRate;
}

/** Sets the rate in bytes a second, within the connection's own limit (SO_MAX_PACING_RATE); 0: no pacing but for that. */
export function setPacingRate(tcb: Tcb, rate: number): void {
  const most = tcb.maxPacingRate;
  tcb.pacingRate = most > 0 && (rate <= 0 || rate > most) ? most : rate;
}

/**
 * Pacing for a congestion control that knows nothing of it: twice cwnd a round trip while slow start doubles it, then 1.2
 * times (Linux: tcp_update_pacing_rate, tcp_pacing_ss_ratio, tcp_pacing_ca_ratio).
 */
export function paceByWindow(tcb: Tcb, flight: number): void {
  if (tcb.srttUs > 0) setPacingRate(tcb, windowRate(tcb, flight));
}

function windowRate(tcb: Tcb, flight: number): number {
  const ratio = tcb.cwnd < tcb.ssthresh / 2 ? 2 : 1.2;
  return (ratio * Math.max(tcb.cwnd, flight) * 1e6) / tcb.srttUs;
}

/**
 * Bytes of a super-segment under Linux's rule (tcp_tso_autosize): what the rate carries in a millisecond, and all of a packet
 * where the round trip is no longer than half a one (tcp_tso_rtt_log). Unlimited before the first round trip.
 */
export function autosized(tcb: Tcb, flight: number): number {
  if (tcb.srttUs <= 0) return QUANTUM_MAX;
  const rate = tcb.pacingRate > 0 ? tcb.pacingRate : windowRate(tcb, flight);
  const halvings = Math.max(0, tcb.minRttUs) >> 9;
  return Math.min(QUANTUM_MAX, rate / 1024 + (halvings < 32 ? QUANTUM_MAX >> halvings : 0));
}
