/**
 * The scoreboard: what SACK blocks say of the records in flight (RFC 2018, RFC 6675 4), what counts as in
 * flight, and which bytes to send again next. It answers; output sends.
 */
import { add, diff, geq, gt, leq, lt, max, type Seq, seq, toInt } from "../../base/seq.ts";
import type { Segment } from "../../wire/segment.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from "../buffer/sent-ring.ts";
import type { TcpContext } from "../context.ts";
import { noteLost } from "../delivery-rate.ts";
import type { Tcb } from "../tcb.ts";
import { isRecent, noteDelivered } from "./rack.ts";
import { noteDsack } from "./undo.ts";

/** Bytes thought to be in the network: RFC 6675's "pipe", counted in bytes. */
export function inFlight(tcb: Tcb): number {
  const outstanding = diff(tcb.snd.nxt, tcb.snd.una);
  if (outstanding <= 0) return 0;
  const ring = tcb.sentRing;
  let pipe = outstanding - ring.sacked - ring.lost + ring.retransmitted;
  // Without SACK each duplicate ACK says that one segment left the network (RFC 6582 3.2, RFC 3042).
  if (!tcb.sackPermitted) pipe -= tcb.dupAcks * tcb.snd.mss;
  return Math.max(pipe, 0);
}

/**
 * Takes the SACK blocks of a segment, at SND.UNA as it was before. Returns the bytes newly SACKed. Blocks that are inverted,
 * below SND.UNA or beyond SND.NXT are counted and skipped; a first block that reports a duplicate (RFC 2883) is noted.
 */
export function takeSack(tcb: Tcb, seg: Segment, ctx: TcpContext): number {
  const snd = tcb.snd;
  const edges = seg.sackEdges;
  let newly = 0;
  let first = 0;
  const una = max(snd.una, seg.ack);
  if (isDuplicateReport(seg)) {
    takeDsack(tcb, seq(edges[0]!), seq(edges[1]!), ctx);
    first = 1;
  }
  forgetRuns(tcb, una);
  tcb.recovery.sackTop = una;
  for (let i = first; i < seg.sackCount; i++) {
    const left = seq(edges[2 * i]!);
    const right = seq(edges[2 * i + 1]!);
    if (geq(left, right) || gt(right, snd.nxt) || lt(left, snd.una)) {
      ctx.counters.TCPSACKDiscard++;
      continue;
    }
    if (gt(right, una)) newly += takeBlock(tcb, max(left, una), right, i - first, seg, ctx);
  }
  return newly;
}

/** RFC 2883 4: the first block lies below the cumulative ACK, or inside the second block. */
function isDuplicateReport(seg: Segment): boolean {
  const left = seq(seg.sackEdges[0]!);
  const right = seq(seg.sackEdges[1]!);
  if (geq(left, right)) return false;
  if (lt(left, seg.ack)) return true;
  if (seg.sackCount < 2) return false;
  return geq(left, seq(seg.sackEdges[2]!)) && leq(right, seq(seg.sackEdges[3]!));
}

/** A duplicate arrived. It proves something only if we can have caused it: of no more segments than we sent twice (RFC 3708 3). */
function takeDsack(tcb: Tcb, left: Seq, right: Seq, ctx: TcpContext): void {
  const { snd, recovery: rec } = tcb;
  const length = diff(right, left);
  if (gt(right, snd.nxt) || length > snd.maxWnd || diff(snd.una, right) > snd.maxWnd) {
    ctx.counters.TCPSACKDiscard++;
    return;
  }
  const segments = Math.ceil(length / snd.mss);
  ctx.counters.TCPDSACKRecv++;
  tcb.dsackDups += segments;
  if (tcb.dsackDups > tcb.retransmits) return;
  rec.sawDsack = true;
  // It took its room on the path, twice (Linux: tcp_dsack_seen). For PRR it is no news (RFC 9937 6.1).
  tcb.delivered += length;
  rec.dsackOfProbe = rec.tlpOut !== 0 && right === rec.tlpEnd && segments === 1;
  noteDsack(tcb, left, right, segments);
}

/**
 * Marks what lies in a block, whole segments only: a peer that reports byte by byte splits no record into bytes (CVE-2019-11477
 * and its kin), and neither does Linux. What was walked once is skipped the next time.
 */
function takeBlock(tcb: Tcb, left: Seq, right: Seq, slot: number, seg: Segment, ctx: TcpContext): number {
  const { sentRing: ring, recovery: rec } = tcb;
  const { mss } = tcb.snd;
  let newly = 0;
  let i = ring.find(left);
  if (i < ring.count && (ring.flagsAt(i) & SACKED) === 0 && lt(ring.seqAt(i), left)) {
    const whole = Math.ceil(diff(left, ring.seqAt(i)) / mss) * mss;
    if (whole < ring.lengthAt(i)) ring.split(i, add(ring.seqAt(i), whole));
    i++;
  }
  const first = i;
  for (; i < ring.count && lt(ring.seqAt(i), right); i++) {
    if ((ring.flagsAt(i) & SACKED) !== 0) {
      i = lastOfRun(tcb, i);
      continue;
    }
    if (gt(ring.endAt(i), right)) {
      const whole = Math.floor(diff(right, ring.seqAt(i)) / mss) * mss;
      if (whole <= 0) break;
      ring.split(i, add(ring.seqAt(i), whole));
    }
    noteSackRtt(tcb, i, ctx);
    noteDelivered(tcb, i, ring.endAt(i), seg, ctx);
    ring.takeSacked(i);
    rec.sackTop = max(rec.sackTop, ring.endAt(i));
    newly += ring.lengthAt(i);
  }
  if (i > first) rememberRun(tcb, slot, ring.seqAt(first), ring.endAt(i - 1));
  return newly;
}

/** The oldest segment newly SACKed gives the round trip where no cumulative ACK does (Karn's rule holds). */
function noteSackRtt(tcb: Tcb, i: number, ctx: TcpContext): void {
  const rec = tcb.recovery;
  const ring = tcb.sentRing;
  if ((ring.flagsAt(i) & EVER_RETRANSMITTED) !== 0) return;
  const age = ((ctx.now | 0) - ring.sentAt(i)) >>> 0;
  if (age > rec.sackRttUs) rec.sackRttUs = age;
}

function rememberRun(tcb: Tcb, slot: number, left: Seq, right: Seq): void {
  const rec = tcb.recovery;
  rec.runs ??= new Int32Array(8);
  rec.runs[2 * slot] = toInt(left);
  rec.runs[2 * slot + 1] = toInt(right);
}

/** What lies below `una` is acknowledged: 2^31 bytes on, its edges would compare as ahead. */
function forgetRuns(tcb: Tcb, una: Seq): void {
  const { runs } = tcb.recovery;
  if (runs === null) return;
  const none = tcb.sentRing.sacked === 0;
  for (let k = 0; k < 8; k += 2) if (none || leq(seq(runs[k + 1]!), una)) runs[k] = runs[k + 1] = 0;
}

/** The last record of the run of SACKED ones that `i` is known to lie in. */
export function lastOfRun(tcb: Tcb, i: number): number {
  const { runs } = tcb.recovery;
  if (runs === null) return i;
  const at = tcb.sentRing.seqAt(i);
  let last = i;
  for (let k = 0; k < 8; k += 2) {
    const right = seq(runs[k + 1]!);
    if (lt(at, seq(runs[k]!)) || !lt(at, right)) continue;
    last = Math.max(last, tcb.sentRing.find(right) - 1);
  }
  return last;
}

/** Marks record `i` lost, and whatever retransmission of it was in flight too. */
export function markLost(tcb: Tcb, i: number): void {
  const ring = tcb.sentRing;
  const flags = ring.flagsAt(i);
  if ((flags & (LOST | RETRANSMITTED)) !== LOST) {
    tcb.lost += ring.lengthAt(i);
    if (tcb.rate !== null) noteLost(tcb, i);
    ring.setFlags(i, (flags & EVER_RETRANSMITTED) | LOST);
  }
  const at = ring.seqAt(i);
  if (lt(at, tcb.resendHint) || lt(tcb.resendHint, tcb.snd.una)) tcb.resendHint = at;
}

/** Index of the first record that is lost and not sent again, or -1. */
export function nextRetransmit(tcb: Tcb): number {
  const ring = tcb.sentRing;
  if (ring.toResend === 0) return -1;
  for (let i = ring.find(max(tcb.resendHint, tcb.snd.una)); i < ring.count; i++) {
    if ((ring.flagsAt(i) & (LOST | RETRANSMITTED)) === LOST) {
      tcb.resendHint = ring.seqAt(i);
      return i;
    }
  }
  return -1;
}

/**
 * The retransmission timer expired: everything not SACKED is lost (RFC 6675 5.1), but for what was sent so recently that its
 * ACK cannot be here (RFC 8985 6.3).
 */
export function markAllLost(tcb: Tcb, ctx: TcpContext): void {
  const ring = tcb.sentRing;
  if (ring.count === 0) return;
  // RFC 2018 8: the oldest data is SACKED, yet not acknowledged: the receiver reneged.
  const reneged = (ring.flagsAt(0) & SACKED) !== 0;
  if (reneged) {
    ctx.counters.TCPSACKReneging++;
    tcb.recovery.runs?.fill(0);
    tcb.recovery.fack = tcb.snd.una;
  }
  const spares = tcb.sackPermitted && ctx.config.rack && !reneged;
  for (let i = 0; i < ring.count; i++) {
    if (reneged) ring.setFlags(i, ring.flagsAt(i) & ~SACKED);
    else if ((ring.flagsAt(i) & SACKED) !== 0 || (i > 0 && spares && isRecent(tcb, i, ctx))) continue;
    markLost(tcb, i);
  }
  tcb.resendHint = tcb.snd.una;
  tcb.lostMark = spares ? tcb.snd.una : tcb.snd.nxt;
}

/**
 * Drops the records that `una` acknowledges, and returns the send time of the newest, or NONE when one of them was sent
 * again: what a retransmission released waited for it, and tells no round trip (Karn, RFC 6298 3).
 */
export function acknowledgeRecords(tcb: Tcb, una: Seq, seg: Segment, ctx: TcpContext): number {
  const ring = tcb.sentRing;
  let sentAt = NONE;
  let ambiguous = false;
  while (ring.count > 0 && lt(ring.seqAt(0), una)) {
    const flags = ring.flagsAt(0);
    const isPart = gt(ring.endAt(0), una);
    if ((flags & EVER_RETRANSMITTED) !== 0) ambiguous = true;
    else if ((flags & SACKED) === 0) sentAt = ring.sentAt(0);
    if ((flags & SACKED) === 0) noteDelivered(tcb, 0, isPart ? una : ring.endAt(0), seg, ctx);
    if (isPart) ring.trimFirst(una);
    else ring.shift();
  }
  return ambiguous ? NONE : sentAt;
}

/** Not an int32, so that it is no send time. */
export const NONE: number = 2 ** 40;

/** Nothing is outstanding any more. */
export function settle(tcb: Tcb): void {
  tcb.dupAcks = 0;
  tcb.lostMark = tcb.snd.una;
  tcb.recovery.tlpDue = false;
}

/** Splits record `i` so that its first part is at most `length` bytes. */
export function limitRecord(tcb: Tcb, i: number, length: number): void {
  const ring = tcb.sentRing;
  if (ring.lengthAt(i) > length) ring.split(i, add(ring.seqAt(i), length));
}
