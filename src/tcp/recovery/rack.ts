/**
 * RACK (RFC 8985 6): a segment is lost when one that was sent sufficiently later was delivered. It marks records and says
 * how long to wait for those that are only late; it must not know of windows, and sends nothing.
 */
import { diff, geq, gt, lt, max, type Seq } from "../../base/seq.ts";
import { type Micros, NEVER } from "../../base/time.ts";
import type { Segment } from "../../wire/segment.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from "../buffer/sent-ring.ts";
import { type TcpContext, timestampClock } from "../context.ts";
import { CA_RECOVERY, type Tcb } from "../tcb.ts";
import { lastOfRun, markLost } from "./scoreboard.ts";

/** Recoveries for which a widened reordering window stays (RFC 8985 6.2 step 4). */
const PERSIST = 16;
/** Linux: tcp_max_reordering. */
const REORDERING_MAX = 300;

/** RFC 8985 6.2 steps 2 and 3: record `i` was delivered just now, up to `end`. */
export function noteDelivered(tcb: Tcb, i: number, end: Seq, seg: Segment, ctx: TcpContext): void {
  const rec = tcb.recovery;
  const ring = tcb.sentRing;
  const age = ((ctx.now | 0) - ring.sentAt(i)) >>> 0;
  const xmitAt = Math.floor(ctx.now) - age;
  if ((ring.flagsAt(i) & EVER_RETRANSMITTED) !== 0) {
    rec.sawResent = true;
    // It may have been the original that arrived: then this tells nothing of when the retransmission did.
    if (tcb.minRttUs >= 0 && age < tcb.minRttUs) return;
    if (tcb.timestamps && seg.hasTimestamps && isEchoBefore(seg, timestampClock(xmitAt, tcb.tsOffset)))
      return;
  } else {
    const at = ring.seqAt(i);
    if (lt(at, rec.fack) && (!rec.sawReordering || lt(at, rec.reorderedAt))) {
      rec.sawReordering = true;
      rec.reorderedAt = at;
    }
    if (!gt(end, tcb.recover)) rec.sawOriginal = true;
  }
  rec.advanced = true;
  rec.rttUs = age;
  if (isSentAfter(xmitAt, end, rec.xmitAt, rec.endSeq)) {
    rec.xmitAt = xmitAt;
    rec.endSeq = end;
  }
}

/** RFC 8985 6.2 step 3, and by how many segments the path reorders (Linux: tcp_check_sack_reordering). */
export function checkReordering(tcb: Tcb, low: Seq): void {
  const rec = tcb.recovery;
  const metric = Math.ceil(diff(rec.fack, low) / tcb.snd.mss);
  if (metric <= 0) return;
  if (metric > tcb.reordering) tcb.reordering = Math.min(metric, REORDERING_MAX);
  rec.reorderings++;
}

/** RFC 8985 6.2 step 4: a DSACK says that the window was too narrow; once a round trip. */
export function adaptWindow(tcb: Tcb): void {
  const rec = tcb.recovery;
  if (rec.inDsackRound && geq(tcb.snd.una, rec.dsackRound)) rec.inDsackRound = false;
  // Of probes and of what no reordering explains a DSACK says nothing about the window.
  if (!rec.sawDsack || rec.dsackOfProbe || rec.inDsackRound || rec.reorderings === 0) return;
  rec.inDsackRound = true;
  rec.dsackRound = tcb.snd.nxt;
  rec.reoWndMult = Math.min(rec.reoWndMult + 1, 255);
  rec.reoWndPersist = PERSIST;
}

/** RFC 8985 6.2 step 4: each recovery that ends with its losses real brings the window nearer to where it began. */
export function settleWindow(tcb: Tcb): void {
  const rec = tcb.recovery;
  if (rec.reoWndPersist > 0) rec.reoWndPersist--;
  if (rec.reoWndPersist === 0) rec.reoWndMult = 1;
}

/** Step 4: how late a segment may be. */
function reorderingWindow(tcb: Tcb): number {
  const rec = tcb.recovery;
  if (rec.reorderings === 0) {
    if (tcb.caState >= CA_RECOVERY) return 0;
    // DupThresh, where nothing was ever seen to come late: as soon as RFC 6675 would.
    const ring = tcb.sentRing;
    if (ring.sackedCount >= tcb.reordering || ring.sacked >= tcb.reordering * tcb.snd.mss) return 0;
  }
  return Math.min((Math.max(tcb.minRttUs, 0) >> 2) * rec.reoWndMult, Math.max(tcb.srttUs, 0));
}

/**
 * RFC 8985 6.2 step 5: marks what is lost. Returns the microseconds after which more may be, 0: none waits.
 *
 * Records sent once are as old as their place says, so those below `lostMark` need no second look. Those sent again are
 * searched only when one may be old enough.
 */
export function detectLosses(tcb: Tcb, ctx: TcpContext): Micros {
  tcb.recovery.advanced = false;
  const patience = tcb.recovery.rttUs + reorderingWindow(tcb);
  return Math.max(amongOriginals(tcb, patience, ctx), amongResent(tcb, patience, ctx));
}

function amongOriginals(tcb: Tcb, patience: number, ctx: TcpContext): Micros {
  const rec = tcb.recovery;
  const ring = tcb.sentRing;
  let wait = 0;
  let mark = -1;
  let i = ring.find(max(tcb.lostMark, tcb.snd.una));
  for (; i < ring.count; i++) {
    const flags = ring.flagsAt(i);
    if ((flags & SACKED) !== 0) {
      i = lastOfRun(tcb, i);
      continue;
    }
    if ((flags & EVER_RETRANSMITTED) !== 0) continue;
    const age = ((ctx.now | 0) - ring.sentAt(i)) >>> 0;
    if (!isSentAfter(rec.xmitAt, rec.endSeq, Math.floor(ctx.now) - age, ring.endAt(i))) break;
    if ((flags & LOST) !== 0) continue;
    const remaining = patience - age;
    if (remaining <= 0) {
      markLost(tcb, i);
      continue;
    }
    if (mark < 0) mark = i;
    wait = Math.max(wait, remaining);
  }
  if (mark < 0) mark = i;
  tcb.lostMark = mark < ring.count ? ring.seqAt(mark) : tcb.snd.nxt;
  return wait;
}

function amongResent(tcb: Tcb, patience: number, ctx: TcpContext): Micros {
  const rec = tcb.recovery;
  if (rec.oldestResend > rec.xmitAt) return 0;
  const ring = tcb.sentRing;
  const end = ring.find(rec.resendTop);
  let wait = 0;
  let oldest: Micros = NEVER;
  for (let i = 0; i < end; i++) {
    const flags = ring.flagsAt(i);
    if ((flags & EVER_RETRANSMITTED) === 0 || (flags & SACKED) !== 0) continue;
    if ((flags & (LOST | RETRANSMITTED)) === LOST) continue;
    const age = ((ctx.now | 0) - ring.sentAt(i)) >>> 0;
    const xmitAt = Math.floor(ctx.now) - age;
    if (isSentAfter(rec.xmitAt, rec.endSeq, xmitAt, ring.endAt(i))) {
      const remaining = patience - age;
      if (remaining <= 0) {
        markLost(tcb, i);
        rec.lostResend = true;
        ctx.counters.TCPLostRetransmit++;
        continue;
      }
      wait = Math.max(wait, remaining);
    }
    oldest = Math.min(oldest, xmitAt);
  }
  rec.oldestResend = oldest;
  return wait;
}

/** RFC 8985 6.3: at a timeout, whether record `i` was sent too recently to be lost. */
export function isRecent(tcb: Tcb, i: number, ctx: TcpContext): boolean {
  const age = ((ctx.now | 0) - tcb.sentRing.sentAt(i)) >>> 0;
  return tcb.recovery.rttUs - age > 0;
}

/** Notes that a record that ends at `end` is sent again now. */
export function noteResent(tcb: Tcb, end: Seq, ctx: TcpContext): void {
  const rec = tcb.recovery;
  rec.oldestResend = Math.min(rec.oldestResend, Math.floor(ctx.now));
  rec.resendTop = max(rec.resendTop, end);
}

/** RACK_sent_after (RFC 8985 6.1): of two sent at once the later in the stream counts as later. */
function isSentAfter(t1: Micros, end1: Seq, t2: Micros, end2: Seq): boolean {
  return t1 > t2 || (t1 === t2 && gt(end1, end2));
}

/** Whether the segment echoes a timestamp older than `stamp`. */
export function isEchoBefore(seg: Segment, stamp: number): boolean {
  return seg.tsecr !== 0 && ((seg.tsecr - stamp) | 0) < 0;
}
