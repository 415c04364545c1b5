/**
 * The scoreboard: what SACK blocks say of the records in flight (RFC 2018, RFC 6675 4), what counts as in
 * flight, and which bytes to send again next. It answers; output sends.
 */
import { add, diff, geq, gt, leq, lt, max, type Seq, seq } from "../../base/seq.ts";
import type { Segment } from "../../wire/segment.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED } from "../buffer/sent-ring.ts";
import type { TcpContext } from "../context.ts";
import { noteLost } from "../delivery-rate.ts";
import { CA_OPEN, type Tcb } from "../tcb.ts";

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
 * Takes the SACK blocks of a segment. Returns the bytes newly SACKed. Blocks that are inverted, below SND.UNA or
 * beyond SND.NXT are counted and skipped; a first block that reports a duplicate (RFC 2883) is counted.
 */
export function takeSack(tcb: Tcb, seg: Segment, ctx: TcpContext): number {
  const snd = tcb.snd;
  const edges = seg.sackEdges;
  let newly = 0;
  let first = 0;
  if (isDuplicateReport(tcb, seg)) {
    tcb.dsackDups++;
    ctx.counters.TCPDSACKRecv++;
    first = 1;
  }
  const una = max(snd.una, seg.ack);
  // A block shorter than a segment splits records; a peer that reports byte by byte must not make thousands of them.
  const isCrowded = tcb.sentRing.count > 64 + 2 * Math.ceil(diff(snd.nxt, snd.una) / snd.mss);
  for (let i = first; i < seg.sackCount; i++) {
    const left = seq(edges[2 * i]!);
    const right = seq(edges[2 * i + 1]!);
    if (geq(left, right) || gt(right, snd.nxt) || lt(left, snd.una)) {
      ctx.counters.TCPSACKDiscard++;
      continue;
    }
    if (leq(right, una)) continue;
    if (isCrowded && diff(right, left) < snd.mss) {
      ctx.counters.TCPSACKDiscard++;
      continue;
    }
    newly += tcb.sentRing.sack(max(left, una), right);
  }
  return newly;
}

/** RFC 2883 4: the first block lies below the cumulative ACK, or inside the second block. */
function isDuplicateReport(tcb: Tcb, seg: Segment): boolean {
  const left = seq(seg.sackEdges[0]!);
  const right = seq(seg.sackEdges[1]!);
  if (geq(left, right) || gt(right, tcb.snd.nxt)) return false;
  if (lt(left, seg.ack)) return true;
  if (seg.sackCount < 2) return false;
  return geq(left, seq(seg.sackEdges[2]!)) && leq(right, seq(seg.sackEdges[3]!));
}

/** Marks record `i` lost, and whatever retransmission of it was in flight too. */
export function markLost(tcb: Tcb, i: number): void {
  const ring = tcb.sentRing;
  const flags = ring.flagsAt(i);
  tcb.lost += ring.lengthAt(i);
  if (tcb.rate !== null) noteLost(tcb, i);
  ring.setFlags(i, (flags & EVER_RETRANSMITTED) | LOST);
  const at = ring.seqAt(i);
  if (lt(at, tcb.resendHint) || lt(tcb.resendHint, tcb.snd.una)) tcb.resendHint = at;
}

/** Index of the first record that is lost and not sent again, or -1. */
export function nextRetransmit(tcb: Tcb): number {
  const ring = tcb.sentRing;
  if (ring.lost <= 0 || ring.lost === ring.retransmitted) return -1;
  for (let i = ring.find(max(tcb.resendHint, tcb.snd.una)); i < ring.count; i++) {
    if ((ring.flagsAt(i) & (LOST | RETRANSMITTED)) === LOST) {
      tcb.resendHint = ring.seqAt(i);
      return i;
    }
  }
  return -1;
}

/** Marks everything not SACKED as lost (RFC 6675 5.1): the retransmission timer expired. */
export function markAllLost(tcb: Tcb, ctx: TcpContext): void {
  const ring = tcb.sentRing;
  if (ring.count === 0) return;
  // RFC 2018 8: the oldest data is SACKED, yet not acknowledged: the receiver reneged.
  const reneged = (ring.flagsAt(0) & SACKED) !== 0;
  if (reneged) ctx.counters.TCPSACKReneging++;
  for (let i = 0; i < ring.count; i++) {
    if (reneged || (ring.flagsAt(i) & SACKED) === 0) markLost(tcb, i);
  }
  tcb.resendHint = tcb.snd.una;
  tcb.lostMark = tcb.snd.nxt;
}

/** Forgets what was in flight (the whole of it is acknowledged). */
export function settle(tcb: Tcb): void {
  tcb.dupAcks = 0;
  tcb.caState = CA_OPEN;
  tcb.lostMark = tcb.snd.una;
}

/**
 * Drops the records that `una` acknowledges, and returns the send time of the newest, or NONE when one of them was sent
 * again: what a retransmission released waited for it, and tells no round trip (Karn, RFC 6298 3).
 */
export function acknowledgeRecords(tcb: Tcb, una: Seq): number {
  const ring = tcb.sentRing;
  let sentAt = NONE;
  let ambiguous = false;
  while (ring.count > 0 && lt(ring.seqAt(0), una)) {
    const flags = ring.flagsAt(0);
    if ((flags & EVER_RETRANSMITTED) !== 0) ambiguous = true;
    else if ((flags & SACKED) === 0) sentAt = ring.sentAt(0);
    if (gt(ring.endAt(0), una)) ring.trimFirst(una);
    else ring.shift();
  }
  return ambiguous ? NONE : sentAt;
}

/** Not an int32, so that it is no send time. */
export const NONE: number = 2 ** 40;

/** Splits record `i` so that its first part is at most `length` bytes. */
export function limitRecord(tcb: Tcb, i: number, length: number): void {
  const ring = tcb.sentRing;
  if (ring.lengthAt(i) > length) ring.split(i, add(ring.seqAt(i), length));
}
