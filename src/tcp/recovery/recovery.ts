/**
 * The state machine of loss recovery, in Linux's states: open, disorder, CWR, recovery (RFC 6675 5, RFC 8985, RFC 6582
 * 3.2), loss (RFC 5681 3.1 after a timeout). It asks the mechanisms beside it and tells congestion control; it never sends.
 */
import { add, diff, geq, gt, max } from "../../base/seq.ts";
import { MS } from "../../base/time.ts";
import type { Segment } from "../../wire/segment.ts";
import { SACKED } from "../buffer/sent-ring.ts";
import { AckSample } from "../congestion/congestion.ts";
import type { TcpContext } from "../context.ts";
import { takeRate } from "../delivery-rate.ts";
import { isProbeLoss } from "../mtu-probe.ts";
import {
  CA_CWR,
  CA_DISORDER,
  CA_LOSS,
  CA_OPEN,
  CA_RECOVERY,
  FOR_REORDERING,
  FOR_RETRANSMISSION,
  type Tcb,
} from "../tcb.ts";
import { restartRetransmit, startRetransmitAfter } from "../timers.ts";
import { FRTO_SPURIOUS, judgeTimeout } from "./frto.ts";
import { addDuplicate, DUP_THRESH, detectLoss, eatDuplicates } from "./loss-detection.ts";
import { beginReduction, endReduction, isReducing, reduce } from "./prr.ts";
import { adaptWindow, checkReordering, detectLosses, settleWindow } from "./rack.ts";
import { TLP_NONE } from "./recovery-state.ts";
import { inFlight, markAllLost } from "./scoreboard.ts";
import { probeAcknowledged } from "./tlp.ts";
import { isAnythingResent, isDelayed, mayUndo, rememberWindow, undo } from "./undo.ts";

/** After SND.UNA and the scoreboard took in an ACK. `duplicate` as RFC 5681 2 defines it. */
export function onAck(tcb: Tcb, seg: Segment, sample: AckSample, duplicate: boolean, ctx: TcpContext): void {
  const rec = tcb.recovery;
  const { lost } = tcb;
  sample.lost = 0;
  if (
    tcb.caState === CA_OPEN &&
    !duplicate &&
    sample.sacked === 0 &&
    !rec.sawDsack &&
    !sample.ece &&
    rec.tlpOut === TLP_NONE
  ) {
    noteDelivered(tcb, sample);
    if (sample.acked > 0 || tcb.congestion.ownsWindow) tcb.congestion.onAck(tcb, sample);
    return;
  }
  rec.newFirst = false;
  if (!tcb.sackPermitted) countDuplicates(tcb, sample, duplicate);
  noteDelivered(tcb, sample);
  if (tcb.sackPermitted) noteOrder(tcb, sample.sacked);
  adaptWindow(tcb);
  const isPure = duplicate && sample.sacked === 0;
  if (probeAcknowledged(tcb, tcb.snd.una, isPure)) repairedByProbe(tcb, sample, ctx);
  judge(tcb, seg, sample, duplicate, ctx);

  sample.lost = tcb.lost - lost;
  // PRR leads the window down; elsewhere, slow start after a timeout included, it opens.
  if (isReducing(tcb)) reduce(tcb, sample);
  else if (isProgress(tcb, sample)) tcb.congestion.onAck(tcb, sample);
}

/** On a path that reorders, what is SACKED opens the window as well (Linux: tcp_may_raise_cwnd). */
function isProgress(tcb: Tcb, sample: AckSample): boolean {
  if (sample.acked > 0 || tcb.congestion.ownsWindow) return true;
  return tcb.reordering > DUP_THRESH && sample.delivered > 0;
}

/** An ACK while nothing is outstanding: DSACKs still tell of what was sent twice (RFC 3708), duplicates of a probe. */
export function onIdleAck(tcb: Tcb, isRepeated: boolean, ctx: TcpContext): void {
  adaptWindow(tcb);
  probeAcknowledged(tcb, tcb.snd.una, isRepeated);
  if (tcb.caState <= CA_DISORDER) undoByDsack(tcb, ctx);
}

function noteDelivered(tcb: Tcb, sample: AckSample): void {
  tcb.delivered += sample.delivered;
  if (tcb.rate !== null) takeRate(tcb, tcb.rate, sample);
}

/** Without SACK: each duplicate ACK stands for a segment (RFC 9937 6.1, RFC 6582 3.2). */
function countDuplicates(tcb: Tcb, sample: AckSample, duplicate: boolean): void {
  if (sample.acked > 0) {
    sample.delivered = eatDuplicates(tcb, sample.acked);
    if (tcb.caState !== CA_RECOVERY) tcb.dupAcks = 0;
  } else if (duplicate && (tcb.caState !== CA_LOSS || gt(tcb.snd.nxt, tcb.recover))) {
    sample.delivered = addDuplicate(tcb);
  }
}

/** RFC 8985 6.2 step 3: how far the path delivered, and whether out of order. */
function noteOrder(tcb: Tcb, sacked: number): void {
  const rec = tcb.recovery;
  rec.fack = max(rec.fack, tcb.snd.una);
  if (sacked > 0) rec.fack = max(rec.fack, rec.sackTop);
  if (rec.sawReordering && (tcb.caState !== CA_LOSS || rec.canUndo)) checkReordering(tcb, rec.reorderedAt);
}

/** RFC 8985 7.4.2: a loss at the end of a flight, repaired by the probe, still was a sign of congestion. */
function repairedByProbe(tcb: Tcb, sample: AckSample, ctx: TcpContext): void {
  ctx.counters.TCPLossProbeRecovery++;
  if (tcb.caState >= CA_CWR) return;
  enterCwr(tcb, sample);
  endReduction(tcb);
  keepOpen(tcb);
}

/** What the ACK means for the state (Linux: tcp_fastretrans_alert). */
function judge(tcb: Tcb, seg: Segment, sample: AckSample, duplicate: boolean, ctx: TcpContext): void {
  if (hasReneged(tcb, sample, ctx)) return;
  if (tcb.caState === CA_OPEN) {
    if (tcb.sentRing.retransmitted === 0) tcb.recovery.hasResent = false;
  } else if (tcb.caState === CA_CWR && gt(tcb.snd.una, tcb.recover)) {
    // Held until something above the point is acknowledged, so that CWR reached the peer (RFC 3168 6.1.2).
    endReduction(tcb);
    tcb.caState = CA_OPEN;
  } else if (tcb.caState === CA_RECOVERY && geq(tcb.snd.una, tcb.recover)) {
    if (recovered(tcb, seg, ctx)) return;
  }
  if (tcb.caState === CA_RECOVERY) inRecovery(tcb, seg, sample, ctx);
  else if (tcb.caState === CA_LOSS) inLoss(tcb, seg, sample, duplicate, ctx);
  else inOrder(tcb, sample, ctx);
}

/** RFC 2018 8: the oldest segment is SACKED and not acknowledged. A little patience, then all counts as lost (as Linux). */
function hasReneged(tcb: Tcb, sample: AckSample, ctx: TcpContext): boolean {
  const ring = tcb.sentRing;
  if (sample.acked === 0 || ring.count === 0 || (ring.flagsAt(0) & SACKED) === 0) return false;
  const wait = Math.max(tcb.srttUs >> 1, 10 * MS);
  startRetransmitAfter(tcb, ctx, wait, FOR_RETRANSMISSION);
  tcb.recovery.timerSet = true;
  return true;
}

/** Open, disorder, CWR. */
function inOrder(tcb: Tcb, sample: AckSample, ctx: TcpContext): void {
  const rec = tcb.recovery;
  if (tcb.caState <= CA_DISORDER) undoByDsack(tcb, ctx);
  lookForLoss(tcb, sample, ctx);
  if (tcb.sentRing.lost > 0 && !isProbeLoss(tcb, ctx)) {
    enterRecovery(tcb, sample, ctx);
    return;
  }
  if (!isAnythingResent(tcb)) rec.hasResent = false;
  if (sample.ece) enterCwr(tcb, sample);
  if (tcb.caState !== CA_CWR) keepOpen(tcb);
}

function inRecovery(tcb: Tcb, seg: Segment, sample: AckSample, ctx: TcpContext): void {
  const rec = tcb.recovery;
  if (sample.acked > 0 && rec.canUndo && isDelayed(tcb, seg)) {
    // RFC 3522: the hole was filled by what was only late. While retransmissions are out, nothing more is sent again.
    checkReordering(tcb, add(tcb.snd.una, -sample.acked));
    if (tcb.sentRing.retransmitted > 0) return;
    undo(tcb, true);
    ctx.counters.TCPPartialUndo++;
    keepOpen(tcb);
  }
  if (undoByDsack(tcb, ctx)) keepOpen(tcb);
  lookForLoss(tcb, sample, ctx);
  if (tcb.caState !== CA_RECOVERY && tcb.sentRing.lost > 0) enterRecovery(tcb, sample, ctx);
}

function inLoss(tcb: Tcb, seg: Segment, sample: AckSample, duplicate: boolean, ctx: TcpContext): void {
  const rec = tcb.recovery;
  const isSpurious = rec.frto && judgeTimeout(tcb, sample, duplicate) === FRTO_SPURIOUS;
  if (isSpurious || (sample.acked > 0 && mayUndo(tcb, seg))) {
    undoLoss(tcb, isSpurious, ctx);
  } else if (geq(tcb.snd.una, tcb.recover)) {
    settleWindow(tcb);
    // As Linux, without SACK the state is held until something above is acknowledged: RFC 6582 3.2 step 1.
    if (!isHeld(tcb)) tcb.caState = CA_OPEN;
  }
  rec.lostResend = false;
  lookForLoss(tcb, sample, ctx);
  if (tcb.caState === CA_OPEN || rec.lostResend) {
    if (tcb.sentRing.lost > 0) enterRecovery(tcb, sample, ctx);
    else keepOpen(tcb);
  }
}

/** The timeout was spurious (RFC 5682 3.1 3 b, RFC 3522): nothing is lost, and the window is what it was. */
function undoLoss(tcb: Tcb, byFrto: boolean, ctx: TcpContext): void {
  undo(tcb, true);
  tcb.recovery.frto = false;
  ctx.counters.TCPLossUndo++;
  if (byFrto) ctx.counters.TCPSpuriousRTOs++;
  tcb.retries = 0;
  if (!isHeld(tcb) && (byFrto || tcb.sackPermitted)) tcb.caState = CA_OPEN;
}

/** SND.UNA reached the recovery point. True: the state is held. */
function recovered(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  tcb.dupAcks = 0;
  const undone = mayUndo(tcb, seg);
  if (undone) {
    undo(tcb, false);
    ctx.counters.TCPFullUndo++;
  } else {
    settleWindow(tcb);
  }
  // RFC 6582 3.2 step 1: duplicates of what was sent again would start a false recovery. Linux holds the state for it.
  if (isHeld(tcb)) return true;
  if (!undone && tcb.recovery.canUndo) endReduction(tcb);
  tcb.caState = CA_OPEN;
  return false;
}

function isHeld(tcb: Tcb): boolean {
  return !tcb.sackPermitted && tcb.snd.una === tcb.recover;
}

function undoByDsack(tcb: Tcb, ctx: TcpContext): boolean {
  const rec = tcb.recovery;
  if (!rec.canUndo || rec.undoRetrans !== 0) return false;
  undo(tcb, false);
  ctx.counters.TCPDSACKUndo++;
  return true;
}

/** Marks losses; where RACK wants to wait for late segments, its timer takes the place of the retransmission timer. */
function lookForLoss(tcb: Tcb, sample: AckSample, ctx: TcpContext): void {
  const wait = detectLoss(tcb, sample, ctx);
  if (wait > 0) {
    startRetransmitAfter(tcb, ctx, Math.min(wait, tcb.rtoUs), FOR_REORDERING);
    tcb.recovery.timerSet = true;
  } else if (wait === 0 && tcb.retransmitFor === FOR_REORDERING) {
    restartRetransmit(tcb, ctx);
  }
}

/** Open, or disorder while something is SACKED, lost or sent again. */
function keepOpen(tcb: Tcb): void {
  const ring = tcb.sentRing;
  const isDisordered = ring.sacked > 0 || ring.lost > 0 || tcb.dupAcks > 0 || isAnythingResent(tcb);
  tcb.caState = isDisordered ? CA_DISORDER : CA_OPEN;
}

function enterRecovery(tcb: Tcb, sample: AckSample, ctx: TcpContext): void {
  if (tcb.sackPermitted) ctx.counters.TCPSackRecovery++;
  else ctx.counters.TCPRenoRecovery++;
  rememberWindow(tcb);
  // Echoed congestion is no mistake. In CWR the window comes down already: losses of that round trip take no more of it.
  if (sample.ece || tcb.caState === CA_CWR) tcb.priorSsthresh = 0;
  if (tcb.caState !== CA_CWR) beginCwr(tcb, sample);
  tcb.caState = CA_RECOVERY;
}

/** Congestion was echoed (RFC 3168 6.1.2), or a probe repaired a loss: the window comes down, nothing is sent again. */
export function enterCwr(tcb: Tcb, sample: AckSample): void {
  if (tcb.caState >= CA_CWR) return;
  rememberWindow(tcb);
  tcb.recovery.canUndo = false;
  beginCwr(tcb, sample);
  tcb.caState = CA_CWR;
}

function beginCwr(tcb: Tcb, sample: AckSample): void {
  tcb.recover = tcb.snd.nxt;
  tcb.recovery.tlpOut = TLP_NONE;
  tcb.cwrQueued = tcb.ecn;
  beginReduction(tcb, sample);
  tcb.congestion.onLoss(tcb, diff(tcb.snd.nxt, tcb.snd.una), sample);
}

/** What RACK does on its own: nothing was acknowledged, but a segment's worth of patience ran out. */
const waited: AckSample = new AckSample();

/** RFC 8985 6.2: the reordering timer expired. */
export function onReorderingTimeout(tcb: Tcb, ctx: TcpContext): void {
  const lost = tcb.lost;
  const wait = detectLosses(tcb, ctx);
  if (tcb.lost !== lost && tcb.caState !== CA_RECOVERY && !isProbeLoss(tcb, ctx)) {
    waited.delivered = tcb.snd.mss;
    waited.lost = tcb.lost - lost;
    enterRecovery(tcb, waited, ctx);
    if (isReducing(tcb)) reduce(tcb, waited);
  }
  if (wait > 0) startRetransmitAfter(tcb, ctx, Math.min(wait, tcb.rtoUs), FOR_REORDERING);
  else restartRetransmit(tcb, ctx);
}

/**
 * The retransmission timer expired with data outstanding (RFC 6675 5.1, RFC 5681 3.1, RFC 8985 6.3); `probed`: with a probe of
 * the path MTU among it, whose loss F-RTO would take for something else (Linux: tcp_enter_loss).
 */
export function onTimeout(tcb: Tcb, ctx: TcpContext, probed: boolean): void {
  const rec = tcb.recovery;
  const { caState } = tcb;
  const flight = diff(tcb.snd.nxt, tcb.snd.una);
  // In recovery ssthresh was lowered for these losses already, and what was sent beyond them inflates FlightSize (Linux: tcp_enter_loss).
  const first =
    caState <= CA_DISORDER || geq(tcb.snd.una, tcb.recover) || (caState === CA_LOSS && tcb.retries <= 1);
  if (caState <= CA_DISORDER && tcb.sentRing.sackedCount >= DUP_THRESH)
    tcb.reordering = Math.min(tcb.reordering, DUP_THRESH);
  markAllLost(tcb, ctx);
  if (first) rememberWindow(tcb);
  tcb.congestion.onTimeout(tcb, flight, first);
  tcb.cwrQueued = tcb.ecn;
  tcb.dupAcks = 0;
  // What RACK spares is still in flight; one segment more than that may leave.
  if (!tcb.congestion.ownsWindow) tcb.cwnd = inFlight(tcb) + tcb.snd.mss;
  tcb.caState = CA_LOSS;
  tcb.recover = tcb.snd.nxt;
  rec.tlpOut = TLP_NONE;
  rec.tlpDue = false;
  rec.newFirst = false;
  // RFC 5682 2.1 step 1: not for a timeout that ends a recovery, whose retransmissions are out.
  rec.frto = ctx.config.frto && !probed && (caState < CA_RECOVERY || tcb.retries > 1);
}
