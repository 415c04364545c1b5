/**
 * Which records count as lost: by time (RACK, `rack.ts`), by SACK alone where RACK is off (RFC 6675 4, IsLost), by duplicate
 * ACKs where SACK is off (RFC 5681 3.2, RFC 6582). They mark; `recovery.ts` acts.
 */
import { diff, lt } from "../../base/seq.ts";
import type { Micros } from "../../base/time.ts";
import { LOST, SACKED } from "../buffer/sent-ring.ts";
import type { AckSample } from "../congestion/congestion.ts";
import type { TcpContext } from "../context.ts";
import { CA_RECOVERY, type Tcb } from "../tcb.ts";
import { detectLosses } from "./rack.ts";
import { limitRecord, markLost } from "./scoreboard.ts";

/** DupThresh (RFC 5681 3.2). */
export const DUP_THRESH = 3;
/** Linux: tcp_max_reordering. */
const REORDERING_MAX = 300;

/** Marks what this ACK shows to be lost. Returns how long RACK wants to wait for what may only be late; 0: for nothing; -1: it had nothing to look at. */
export function detectLoss(tcb: Tcb, sample: AckSample, ctx: TcpContext): Micros {
  if (tcb.sentRing.count === 0) return -1;
  if (!tcb.sackPermitted) detectByDuplicates(tcb, sample);
  else if (!ctx.config.rack) detectBySack(tcb);
  else if (tcb.recovery.advanced) return detectLosses(tcb, ctx);
  return -1;
}

/** RFC 6675 4 (IsLost): a record is lost when DupThresh discontiguous sequences, or as many segments' worth of bytes, are SACKED above it. */
function detectBySack(tcb: Tcb): void {
  const ring = tcb.sentRing;
  if (ring.sacked === 0) return;
  const enough = (DUP_THRESH - 1) * tcb.snd.mss;
  let above = 0;
  let sequences = 0;
  let inSequence = false;
  let i = ring.count - 1;
  for (; i >= 0 && above <= enough && sequences < DUP_THRESH; i--) {
    const isSacked = (ring.flagsAt(i) & SACKED) !== 0;
    if (isSacked) {
      above += ring.lengthAt(i);
      if (!inSequence) sequences++;
    } else if (lt(ring.seqAt(i), tcb.lostMark) && above === 0) {
      return;
    }
    inSequence = isSacked;
  }
  if (above <= enough && sequences < DUP_THRESH) return;
  const top = i + 1;
  for (; i >= 0 && !lt(ring.seqAt(i), tcb.lostMark); i--) {
    if ((ring.flagsAt(i) & (SACKED | LOST)) === 0) markLost(tcb, i);
  }
  tcb.lostMark = ring.seqAt(top);
}

/** RFC 6582 3.2: the third duplicate ACK, or a partial ACK, means that the oldest segment is lost. */
function detectByDuplicates(tcb: Tcb, sample: AckSample): void {
  const ring = tcb.sentRing;
  const isThird = tcb.caState < CA_RECOVERY && tcb.dupAcks >= tcb.reordering;
  const isPartial = tcb.caState === CA_RECOVERY && sample.acked > 0;
  if (!(isThird || isPartial) || (ring.flagsAt(0) & LOST) !== 0) return;
  limitRecord(tcb, 0, tcb.snd.mss);
  markLost(tcb, 0);
}

/**
 * Without SACK a duplicate ACK stands for one segment that left the network. More of them than are outstanding beside the
 * hole mean that the path reorders or duplicates (Linux: tcp_limit_reno_sacked). Returns the bytes delivered.
 */
export function addDuplicate(tcb: Tcb): number {
  const { mss, nxt, una } = tcb.snd;
  const out = Math.ceil(diff(nxt, una) / mss);
  const holes = Math.min(Math.max(1, Math.ceil(tcb.sentRing.lost / mss)), out);
  const before = tcb.dupAcks;
  tcb.dupAcks++;
  if (tcb.dupAcks + holes > out) {
    tcb.dupAcks = Math.max(0, out - holes);
    tcb.reordering = Math.min(Math.max(out, DUP_THRESH), REORDERING_MAX);
  }
  return Math.max(0, tcb.dupAcks - before) * mss;
}

/**
 * `acked` bytes were acknowledged: one segment was the hole, the others had their duplicate ACKs. Returns the bytes newly
 * delivered (RFC 9937 6.1).
 */
export function eatDuplicates(tcb: Tcb, acked: number): number {
  const { mss } = tcb.snd;
  const segments = Math.ceil(acked / mss);
  const delivered = Math.max(Math.min(acked, mss), acked - tcb.dupAcks * mss);
  tcb.dupAcks = Math.max(0, tcb.dupAcks - (segments - 1));
  return delivered;
}
