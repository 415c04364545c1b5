/**
 * Round-trip time and retransmission timeout (RFC 6298). Samples are in microseconds, taken by Karn's rule from
 * segments sent once, or from timestamps (RFC 7323 4) where only retransmitted ones were acknowledged.
 */
import { type Micros, MS } from "../base/time.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpConfig } from "./config.ts";
import { type TcpContext, timestampClock } from "./context.ts";
import { MinRtt } from "./min-rtt.ts";
import { LONG_AGO, type Tcb } from "./tcb.ts";

/** Takes a sample (RFC 6298 2.2, 2.3) and ends back-off (Karn: only a valid sample does). */
export function sampleRtt(tcb: Tcb, rttUs: number, now: Micros, config: TcpConfig): void {
  // Whole microseconds: a fraction would make boxed doubles of all that follows from it.
  const r = Math.max(1, Math.round(rttUs));
  if (tcb.srttUs < 0) {
    tcb.srttUs = r;
    tcb.rttvarUs = r >> 1;
  } else {
    const err = r - tcb.srttUs;
    tcb.rttvarUs += (Math.abs(err) - tcb.rttvarUs) >> 2;
    tcb.srttUs = Math.max(1, tcb.srttUs + (err >> 3));
  }
  takeMinRtt(tcb, r, now);
  tcb.rtoUs = computeRto(tcb, config);
  tcb.backoff = 0;
}

/** The first sample needs no memory but itself: most of many connections never take a second one. */
function takeMinRtt(tcb: Tcb, r: number, now: Micros): void {
  if (tcb.minRttUs < 0) {
    tcb.minRttUs = r;
    tcb.minRttMs = Math.floor(now / MS);
    return;
  }
  if (tcb.minRtt === null) {
    tcb.minRtt = new MinRtt();
    tcb.minRtt.take(tcb.minRttUs, tcb.minRttMs * MS);
  }
  tcb.minRttUs = tcb.minRtt.take(r, now);
}

/** RTO = SRTT + max(G, 4 x RTTVAR), between the bounds. */
export function computeRto(tcb: Tcb, config: TcpConfig): number {
  if (tcb.srttUs < 0) return config.rtoInitial;
  // As Linux, the lower bound holds for the variance term, so that RTO never comes near SRTT on a steady path.
  const rto = tcb.srttUs + Math.max(config.rtoMin, 4 * tcb.rttvarUs) + config.rtoSlop;
  return Math.min(rto, config.rtoMax);
}

/** RFC 6298 5.5. */
export function backOff(tcb: Tcb, config: TcpConfig): void {
  // The slop is added to each timeout, and is not doubled; the SYN's first has none.
  const hasSlop = tcb.srttUs >= 0 || tcb.backoff > 0;
  const rto = hasSlop ? tcb.rtoUs - config.rtoSlop : tcb.rtoUs;
  tcb.backoff++;
  tcb.rtoUs = Math.min(rto * 2 + config.rtoSlop, config.rtoMax);
}

/** The handshake's round trip, unless the SYN or SYN-ACK was sent twice (Karn) and no timestamp tells which one this answers. */
export function sampleHandshake(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  // A SYN cookie remembers no SYN-ACK to measure from.
  if (tcb.lastSent === LONG_AGO) return;
  const sentAt = tcb.fastOpen === null ? tcb.lastSent : tcb.fastOpen.synAt;
  if (tcb.retries === 0) {
    sampleRtt(tcb, ctx.now - sentAt, ctx.now, ctx.config);
  } else if (tcb.timestamps && seg.tsecr !== 0) {
    const ticks = (timestampClock(ctx.now, tcb.tsOffset) - seg.tsecr) | 0;
    if (ticks >= 0) sampleRtt(tcb, ticks * 1_000, ctx.now, ctx.config);
    else tcb.rtoUs = ctx.config.rtoInitial;
  } else {
    // RFC 6298 5.7: after a timeout of the SYN the timeout for data starts at 3 seconds.
    tcb.rtoUs = Math.max(tcb.rtoUs, SYN_TIMED_OUT_RTO);
  }
}

const SYN_TIMED_OUT_RTO = 3_000_000;
