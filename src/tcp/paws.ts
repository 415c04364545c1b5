/**
 * Timestamps on receipt (RFC 7323): PAWS, and which TSval to echo.
 */
import { leq } from "../base/seq.ts";
import { SECOND } from "../base/time.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";
import type { Tcb } from "./tcb.ts";

/** RFC 7323 5.5: TS.Recent of a connection idle longer than this says nothing. Seconds. */
const TS_RECENT_VALID = 24 * 86_400;

/** R1 of RFC 7323 5.3: the segment is older than what was already accepted. */
export function isStale(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  return ((seg.tsval - tcb.tsRecent) | 0) < 0 && ctx.now / SECOND - tcb.tsRecentSecond <= TS_RECENT_VALID;
}

/**
 * A stale segment that may fill a gap all the same. Once a retransmission filled the first gap, what was sent shortly before
 * it and comes late looks old by R1 alone, so that a path that reorders loses a handful of segments for each one lost
 * (the loss of 1 in 1,000 took half of the throughput in the simulator). A deviation from R1: an old duplicate of other
 * bytes would need 2^32 of them within `LATE_MAX`, more than 300 Gbit/s at the usual tick of 1 ms.
 */
export function isLate(tcb: Tcb, seg: Segment): boolean {
  return tcb.hasGaps && seg.textLength > 0 && ((tcb.tsRecent - seg.tsval) | 0) <= LATE_MAX;
}

/** Ticks of the peer's timestamp clock. */
const LATE_MAX = 100;

/**
 * R3 with RFC 7323 4.3 (2): echo the TSval of the segment that holds, or precedes, the last ACK sent. After 24 days
 * the old one is forgotten for whatever comes (5.5).
 */
export function remember(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  if (leq(seg.seq, tcb.lastAckSent) && !isStale(tcb, seg, ctx)) {
    tcb.tsRecent = seg.tsval;
    tcb.tsRecentSecond = Math.floor(ctx.now / SECOND);
  }
}
