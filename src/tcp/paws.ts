/**
 * Timestamps on receipt (RFC 7323): PAWS, and which TSval to echo.
 */
import { leq } from "../base/seq.ts";
import { SECOND } from "../base/time.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";
import type { Tcb } from "./tcb.ts";

/** RFC 7323 5.5: TS.Recent of a connection idle longer than this says nothing. */
const TS_RECENT_VALID = 24 * 86_400 * SECOND;

/** R1 of RFC 7323 5.3: the segment is older than what was already accepted. */
export function isStale(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  return ((seg.tsval - tcb.tsRecent) | 0) < 0 && ctx.now - tcb.tsRecentAt <= TS_RECENT_VALID;
}

/**
 * R3 with RFC 7323 4.3 (2): echo the TSval of the segment that holds, or precedes, the last ACK sent. After 24 days
 * the old one is forgotten for whatever comes (5.5).
 */
export function remember(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  if (leq(seg.seq, tcb.lastAckSent) && !isStale(tcb, seg, ctx)) {
    tcb.tsRecent = seg.tsval;
    tcb.tsRecentAt = ctx.now;
  }
}
