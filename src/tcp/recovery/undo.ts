/**
 * Undoing a reduction of the window that was for nothing: Eifel detection by timestamps (RFC 3522), by DSACKs for all that
 * was sent again (RFC 3708), and the response (RFC 4015 3.2: what was before is restored). Unlike RFC 4015, RTO is left to
 * the samples that follow, as in Linux.
 */
import { gt, leq, type Seq } from "../../base/seq.ts";
import type { Segment } from "../../wire/segment.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED } from "../buffer/sent-ring.ts";
import { type TcpContext, timestampClock } from "../context.ts";
import { CA_CWR, CA_RECOVERY, type Tcb } from "../tcb.ts";
import { isEchoBefore } from "./rack.ts";

/** Remembers the window before a reduction that could turn out to be for nothing. */
export function rememberWindow(tcb: Tcb): void {
  const rec = tcb.recovery;
  const { cwnd, ssthresh } = tcb;
  tcb.priorCwnd = cwnd;
  // In a reduction cwnd is on its way; ssthresh says where to (Linux: tcp_current_ssthresh).
  const isReducing = tcb.caState === CA_CWR || tcb.caState === CA_RECOVERY;
  tcb.priorSsthresh = isReducing ? ssthresh : Math.max(ssthresh, (cwnd >> 1) + (cwnd >> 2));
  rec.canUndo = true;
  rec.undoMarker = tcb.snd.una;
  rec.undoRetrans = segmentsResent(tcb);
}

/** Retransmissions in flight may be reported by DSACK as well; -1 for none, as 0 would mean that all were. */
function segmentsResent(tcb: Tcb): number {
  const ring = tcb.sentRing;
  let segments = tcb.recovery.tlpOut === 2 ? 1 : 0;
  for (let i = 0; ring.retransmitted > 0 && i < ring.count; i++) {
    if ((ring.flagsAt(i) & RETRANSMITTED) !== 0) segments += Math.ceil(ring.lengthAt(i) / tcb.snd.mss);
  }
  return segments === 0 ? -1 : segments;
}

/** Notes that `length` bytes are sent again. */
export function noteResend(tcb: Tcb, length: number, ctx: TcpContext): void {
  const rec = tcb.recovery;
  rec.undoRetrans = Math.max(rec.undoRetrans, 0) + Math.ceil(length / tcb.snd.mss);
  if (rec.hasResent) return;
  rec.hasResent = true;
  rec.resentStamp = timestampClock(ctx.now, tcb.tsOffset);
}

/** RFC 3708 2: `segments` that were sent again are reported as duplicates. */
export function noteDsack(tcb: Tcb, start: Seq, end: Seq, segments: number): void {
  const rec = tcb.recovery;
  if (!rec.canUndo || rec.undoRetrans <= 0 || !gt(end, rec.undoMarker)) return;
  if (!leq(end, tcb.snd.una)) {
    const ring = tcb.sentRing;
    const i = ring.find(start);
    if (i === ring.count || (ring.flagsAt(i) & EVER_RETRANSMITTED) === 0) return;
  }
  rec.undoRetrans = Math.max(0, rec.undoRetrans - segments);
}

/** RFC 3522 3.2: what was acknowledged had been sent before the first retransmission, or nothing was sent again. */
export function isDelayed(tcb: Tcb, seg: Segment): boolean {
  const rec = tcb.recovery;
  if (!rec.hasResent) return true;
  return tcb.timestamps && seg.hasTimestamps && isEchoBefore(seg, rec.resentStamp);
}

/** Whether the reduction is known to have been for nothing. */
export function mayUndo(tcb: Tcb, seg: Segment): boolean {
  const rec = tcb.recovery;
  return rec.canUndo && (rec.undoRetrans === 0 || isDelayed(tcb, seg));
}

/** RFC 4015 3.2: the window of before. With `unmark` nothing counts as lost any more. */
export function undo(tcb: Tcb, unmark: boolean): void {
  const rec = tcb.recovery;
  if (unmark) unmarkLost(tcb);
  if (tcb.priorSsthresh > 0) {
    tcb.congestion.onUndo(tcb);
    tcb.cwrQueued = false;
  }
  rec.canUndo = false;
  // RACK looks again at what it need not have marked.
  rec.advanced = true;
}

function unmarkLost(tcb: Tcb): void {
  const ring = tcb.sentRing;
  for (let i = 0; ring.lost > 0 && i < ring.count; i++) {
    const flags = ring.flagsAt(i);
    if ((flags & LOST) !== 0) ring.setFlags(i, flags & ~LOST);
  }
  tcb.lostMark = tcb.snd.una;
}

/** Whether something that was sent again is still outstanding (Linux: tcp_any_retrans_done). */
export function isAnythingResent(tcb: Tcb): boolean {
  const ring = tcb.sentRing;
  return ring.retransmitted > 0 || (ring.count > 0 && (ring.flagsAt(0) & EVER_RETRANSMITTED) !== 0);
}
