/**
 * Proportional Rate Reduction (RFC 9937): brings cwnd down to ssthresh over one round trip, in recovery and after
 * congestion was echoed (CWR), by what each ACK says was delivered. It sets cwnd and knows neither how loss is found nor
 * how much congestion control takes away. Bytes throughout.
 */
import { diff } from "../../base/seq.ts";
import type { AckSample } from "../congestion/congestion.ts";
import { CA_CWR, CA_RECOVERY, type Tcb } from "../tcb.ts";
import { inFlight } from "./scoreboard.ts";

/** RFC 9937 6.2: recovery begins, with the ACK that `sample` tells of already on the scoreboard. */
export function beginReduction(tcb: Tcb, sample: AckSample): void {
  const rec = tcb.recovery;
  rec.prrDelivered = 0;
  rec.prrOut = 0;
  // What was SACKED before will not be delivered during recovery; what this ACK brought will.
  const before = tcb.sackPermitted ? tcb.sentRing.sacked - sample.sacked : 0;
  rec.recoverFs = Math.max(tcb.snd.mss, diff(tcb.snd.nxt, tcb.snd.una) - before + sample.acked);
}

/** Whether cwnd follows PRR now. */
export function isReducing(tcb: Tcb): boolean {
  return (tcb.caState === CA_CWR || tcb.caState === CA_RECOVERY) && !tcb.congestion.ownsWindow;
}

/** RFC 9937 6.2, on every ACK: how much may leave for what was delivered. */
export function reduce(tcb: Tcb, sample: AckSample): void {
  if (sample.delivered <= 0) return;
  const rec = tcb.recovery;
  const { mss } = tcb.snd;
  const pipe = inFlight(tcb);
  rec.prrDelivered += sample.delivered;
  let allowed: number;
  if (pipe > tcb.ssthresh) {
    allowed = Math.ceil((rec.prrDelivered * tcb.ssthresh) / rec.recoverFs) - rec.prrOut;
  } else {
    // The conservative bound: a segment for a segment. One more (the slow start bound) only where the ACK is safe.
    allowed = Math.max(rec.prrDelivered - rec.prrOut, sample.delivered);
    const safeAck = sample.acked > 0 && sample.lost === 0;
    if (safeAck) allowed += mss;
    allowed = Math.min(tcb.ssthresh - pipe, allowed);
  }
  // "Force a fast retransmit upon entering recovery."
  if (rec.prrOut === 0) allowed = Math.max(allowed, mss);
  tcb.cwnd = pipe + Math.max(0, allowed);
}

/** Notes what is sent (prr_out). */
export function countSent(tcb: Tcb, bytes: number): void {
  if (tcb.caState === CA_RECOVERY || tcb.caState === CA_CWR) tcb.recovery.prrOut += bytes;
}

/** RFC 9937 6.2, at the end of recovery. */
export function endReduction(tcb: Tcb): void {
  if (!tcb.congestion.ownsWindow) tcb.cwnd = tcb.ssthresh;
  tcb.congestion.onRecovered(tcb, inFlight(tcb));
}
