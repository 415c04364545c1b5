/**
 * Which records count as lost: by SACK (RFC 6675 4, IsLost), by duplicate ACKs where SACK is off (RFC 5681 3.2,
 * RFC 6582). They mark; `recovery.ts` acts.
 */
import { lt } from "../../base/seq.ts";
import { LOST, SACKED } from "../buffer/sent-ring.ts";
import type { Tcb } from "../tcb.ts";
import { limitRecord, markLost } from "./scoreboard.ts";

/** DupThresh (RFC 5681 3.2). */
export const DUP_THRESH = 3;

/** RFC 6675: a record is lost when DupThresh segments' worth of bytes above it is SACKED. */
export function detectBySack(tcb: Tcb): void {
  const ring = tcb.sentRing;
  if (ring.sacked === 0) return;
  // RFC 6675 4 (IsLost): more than (DupThresh - 1) * SMSS bytes SACKED above.
  const enough = (DUP_THRESH - 1) * tcb.snd.mss;
  let above = 0;
  let i = ring.count - 1;
  for (; i >= 0 && above <= enough; i--) {
    if ((ring.flagsAt(i) & SACKED) !== 0) above += ring.lengthAt(i);
    else if (lt(ring.seqAt(i), tcb.lostMark) && above === 0) return;
  }
  if (above <= enough) return;
  const top = i + 1;
  for (; i >= 0 && !lt(ring.seqAt(i), tcb.lostMark); i--) {
    if ((ring.flagsAt(i) & (SACKED | LOST)) === 0) markLost(tcb, i);
  }
  tcb.lostMark = ring.seqAt(top);
}

/** RFC 6582 3.2: the third duplicate ACK, or a partial ACK, means that the oldest segment is lost. */
export function loseOldest(tcb: Tcb): void {
  const ring = tcb.sentRing;
  if (ring.count === 0 || (ring.flagsAt(0) & LOST) !== 0) return;
  limitRecord(tcb, 0, tcb.snd.mss);
  markLost(tcb, 0);
}
