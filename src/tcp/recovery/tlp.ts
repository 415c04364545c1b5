/**
 * Tail loss probes (RFC 8985 7): when ACKs stop coming, one segment is sent after about two round trips, so that the loss
 * of a flight's end is found by RACK and not by a timeout. Sets the timer and judges the answer; output sends the probe.
 * Without SACK there are none: the answer would tell nothing (7.1).
 */
import { gt, lt, type Seq } from "../../base/seq.ts";
import { type Micros, MS, NEVER } from "../../base/time.ts";
import type { TcpContext } from "../context.ts";
import { CA_CWR, CA_OPEN, FOR_PROBE, type Tcb } from "../tcb.ts";
import { startRetransmitAfter } from "../timers.ts";
import { TLP_NEW, TLP_NONE, TLP_RESENT } from "./recovery-state.ts";

/** TLP.max_ack_delay: what a delayed ACK may take where nothing is negotiated. Linux: TCP_RTO_MIN. */
const MAX_ACK_DELAY: Micros = 200 * MS;
/** A little more than two round trips, for timers' granularity. Linux: TCP_TIMEOUT_MIN. */
const GRANULARITY: Micros = 2 * MS;

/** RFC 8985 7.2: arms the probe timeout instead of the retransmission timer; `rto` is what is left of that. False: no probe. */
export function startProbe(tcb: Tcb, ctx: TcpContext, rto: Micros): boolean {
  if (!ctx.config.tlp || !tcb.sackPermitted || !tcb.synAcked) return false;
  if ((tcb.caState !== CA_OPEN && tcb.caState !== CA_CWR) || tcb.persistAt !== NEVER) return false;
  const ring = tcb.sentRing;
  if (ring.count === 0) return false;
  let pto = ctx.config.rtoInitial;
  if (tcb.srttUs >= 0) {
    const isAlone = ring.count === 1 && ring.lengthAt(0) <= tcb.snd.mss;
    pto = 2 * tcb.srttUs + (isAlone ? MAX_ACK_DELAY : GRANULARITY);
  }
  const wait = Math.min(pto, rto);
  // The user timeout is the retransmission timer's to find.
  if (tcb.userTimeout > 0 && ctx.now + wait > tcb.progressAt + tcb.userTimeout) return false;
  startRetransmitAfter(tcb, ctx, wait, FOR_PROBE);
  return true;
}

/** RFC 8985 7.3: the probe went out, of new text or of what was sent before. */
export function probeSent(tcb: Tcb, resent: boolean): void {
  tcb.recovery.tlpOut = resent ? TLP_RESENT : TLP_NEW;
  tcb.recovery.tlpEnd = tcb.snd.nxt;
}

/**
 * RFC 8985 7.4.2: what an ACK tells of the probe. True: the probe repaired a loss, to which congestion control must answer.
 */
export function probeAcknowledged(tcb: Tcb, ack: Seq, isPureDuplicate: boolean): boolean {
  const rec = tcb.recovery;
  if (rec.tlpOut === TLP_NONE || lt(ack, rec.tlpEnd)) return false;
  if (rec.tlpOut === TLP_NEW || rec.dsackOfProbe) {
    rec.tlpOut = TLP_NONE;
  } else if (gt(ack, rec.tlpEnd)) {
    rec.tlpOut = TLP_NONE;
    return true;
  } else if (isPureDuplicate) {
    // Both the original and the probe arrived.
    rec.tlpOut = TLP_NONE;
  }
  return false;
}
