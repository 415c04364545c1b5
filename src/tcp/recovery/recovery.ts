/**
 * The state machine of loss recovery: open, disorder, recovery (RFC 6675 5, RFC 6582 3.2), loss (RFC 5681 3.1 after a
 * timeout). It reads what the scoreboard and loss detection say and tells congestion control; it never sends.
 */
import { diff, geq, gt, lt } from "../../base/seq.ts";
import type { AckSample } from "../congestion/congestion.ts";
import type { TcpContext } from "../context.ts";
import { takeRate } from "../delivery-rate.ts";
import { CA_CWR, CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, type Tcb } from "../tcb.ts";
import { DUP_THRESH, detectBySack, loseOldest } from "./loss-detection.ts";
import { beginReduction, endReduction, isReducing, reduce } from "./prr.ts";
import { markAllLost, settle } from "./scoreboard.ts";

/** After SND.UNA and the scoreboard took in an ACK. `duplicate` as RFC 5681 2 defines it. */
export function onAck(tcb: Tcb, sample: AckSample, duplicate: boolean, ctx: TcpContext): void {
  const progressed = sample.acked > 0;
  const dupAcks = tcb.dupAcks;
  const lost = tcb.lost;
  sample.lost = 0;
  if (tcb.caState === CA_OPEN && !duplicate && sample.sacked === 0) {
    noteDelivered(tcb, sample);
    if (progressed) tcb.congestion.onAck(tcb, sample);
    return;
  }
  if (tcb.caState >= CA_CWR && hasRecovered(tcb)) {
    if (tcb.caState !== CA_LOSS) endReduction(tcb);
    settle(tcb);
  }
  if (tcb.sackPermitted) {
    noteDelivered(tcb, sample);
    detectBySack(tcb);
  } else {
    countDuplicates(tcb, sample, duplicate);
    countDelivered(tcb, sample, duplicate, dupAcks);
    noteDelivered(tcb, sample);
  }

  if (tcb.caState <= CA_CWR) {
    if (tcb.sentRing.lost > 0) enterRecovery(tcb, sample, ctx);
    else if (tcb.caState !== CA_CWR)
      tcb.caState = tcb.sentRing.sacked > 0 || tcb.dupAcks > 0 ? CA_DISORDER : CA_OPEN;
  }
  sample.lost = tcb.lost - lost;
  // PRR leads the window down; elsewhere, slow start after a timeout included, it opens.
  if (isReducing(tcb)) reduce(tcb, sample);
  else if (progressed || tcb.congestion.ownsWindow) tcb.congestion.onAck(tcb, sample);
}

function noteDelivered(tcb: Tcb, sample: AckSample): void {
  tcb.delivered += sample.delivered;
  if (tcb.rate !== null) takeRate(tcb, tcb.rate, sample);
}

/** CWR is held until something above the point is acknowledged, so that CWR reached the peer (Linux; RFC 3168 6.1.2). */
function hasRecovered(tcb: Tcb): boolean {
  return tcb.caState === CA_CWR ? gt(tcb.snd.una, tcb.recover) : geq(tcb.snd.una, tcb.recover);
}

/** RFC 9937 6.1: without SACK each duplicate ACK tells of one segment, which later cumulative ACKs then tell again. */
function countDelivered(tcb: Tcb, sample: AckSample, duplicate: boolean, dupAcks: number): void {
  if (duplicate) sample.delivered = tcb.snd.mss;
  else if (sample.acked > 0)
    sample.delivered = Math.max(Math.min(sample.acked, tcb.snd.mss), sample.acked - dupAcks * tcb.snd.mss);
}

/** RFC 6582: duplicate ACKs and partial ACKs, where the peer does not SACK. */
function countDuplicates(tcb: Tcb, sample: AckSample, duplicate: boolean): void {
  if (duplicate) {
    tcb.dupAcks++;
    // 3.2 step 1: after a timeout, duplicates of what was sent before it prove nothing.
    if (tcb.dupAcks >= DUP_THRESH && tcb.caState <= CA_DISORDER && gt(tcb.snd.una, tcb.recover))
      loseOldest(tcb);
    return;
  }
  if (sample.acked === 0) return;
  if (tcb.caState === CA_RECOVERY && lt(tcb.snd.una, tcb.recover)) {
    tcb.dupAcks = Math.max(0, tcb.dupAcks - Math.ceil(sample.acked / tcb.snd.mss) + 1);
    loseOldest(tcb);
  } else {
    tcb.dupAcks = 0;
  }
}

function enterRecovery(tcb: Tcb, sample: AckSample, ctx: TcpContext): void {
  if (tcb.sackPermitted) ctx.counters.TCPSackRecovery++;
  else ctx.counters.TCPRenoRecovery++;
  // In CWR the window comes down already; losses of the same round trip take no more of it.
  if (tcb.caState !== CA_CWR) beginCwr(tcb, sample);
  tcb.caState = CA_RECOVERY;
}

/** Congestion was echoed (RFC 3168 6.1.2), or a probe repaired a loss: the window comes down, nothing is sent again. */
export function enterCwr(tcb: Tcb, sample: AckSample): void {
  if (tcb.caState >= CA_CWR) return;
  beginCwr(tcb, sample);
  tcb.caState = CA_CWR;
}

function beginCwr(tcb: Tcb, sample: AckSample): void {
  tcb.recover = tcb.snd.nxt;
  tcb.priorCwnd = tcb.cwnd;
  tcb.priorSsthresh = tcb.ssthresh;
  beginReduction(tcb, sample);
  tcb.congestion.onLoss(tcb, diff(tcb.snd.nxt, tcb.snd.una), sample);
}

/** The retransmission timer expired with data outstanding: everything unSACKED is lost (RFC 6675 5.1, RFC 5681 3.1). */
export function onTimeout(tcb: Tcb, ctx: TcpContext): void {
  const flight = diff(tcb.snd.nxt, tcb.snd.una);
  // In recovery ssthresh was lowered for these losses already, and what was sent beyond them inflates FlightSize (Linux: tcp_enter_loss).
  tcb.congestion.onTimeout(tcb, flight, tcb.caState < CA_RECOVERY || geq(tcb.snd.una, tcb.recover));
  tcb.caState = CA_LOSS;
  tcb.recover = tcb.snd.nxt;
  tcb.dupAcks = 0;
  markAllLost(tcb, ctx);
}
