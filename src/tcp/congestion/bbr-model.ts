/**
 * BBR's model of the path (draft-ietf-ccwg-bbr 5.5): rounds, bandwidth, aggregation of ACKs, and the volumes that follow
 * from them (5.6.4.2). It reads samples; which state the connection is in is no business of it, but for the budget of UP.
 */
import { quantum } from "../pacing.ts";
import type { Tcb } from "../tcb.ts";
import {
  type BbrState,
  BETA,
  EXTRA_ACKED_ROUNDS,
  HEADROOM,
  isProbingBw,
  MIN_PIPE_SEGMENTS,
  MIN_RTT_FILTER,
  PROBE_BW_UP,
  PROBE_RTT_INTERVAL,
} from "./bbr-state.ts";
import type { AckSample } from "./congestion.ts";

/** StartRound: the round ends with the first ACK for what is sent from now on. */
export function startRound(tcb: Tcb, bbr: BbrState): void {
  bbr.nextRoundDelivered = tcb.delivered;
}

/** UpdateLatestDeliverySignals, near the start of an ACK (5.5.10.3). */
export function updateLatestDelivery(tcb: Tcb, bbr: BbrState, sample: AckSample): void {
  bbr.lossRoundStart = false;
  bbr.bwLatest = Math.max(bbr.bwLatest, sample.deliveryRate);
  bbr.inflightLatest = Math.max(bbr.inflightLatest, bbr.rate.delivered);
  if (sample.priorDelivered >= bbr.lossRoundDelivered) {
    bbr.lossRoundDelivered = tcb.delivered;
    bbr.lossRoundStart = true;
  }
}

/** AdvanceLatestDeliverySignals, near its end. */
export function advanceLatestDelivery(bbr: BbrState, sample: AckSample): void {
  if (!bbr.lossRoundStart) return;
  bbr.bwLatest = sample.deliveryRate;
  bbr.inflightLatest = bbr.rate.delivered;
}

export function resetCongestionSignals(bbr: BbrState): void {
  bbr.isLossInRound = false;
  bbr.bwLatest = 0;
  bbr.inflightLatest = 0;
}

/** UpdateCongestionSignals: bandwidth on every ACK, the answer to losses once a round trip. */
export function updateCongestionSignals(tcb: Tcb, bbr: BbrState, sample: AckSample): void {
  updateMaxBw(tcb, bbr, sample);
  if (!bbr.lossRoundStart) return;
  if (bbr.isLossInRound && !isProbingBw(bbr)) adaptLowerBounds(tcb, bbr);
  bbr.isLossInRound = false;
}

/** UpdateMaxBw and UpdateRound (5.5.1, 5.5.5). */
function updateMaxBw(tcb: Tcb, bbr: BbrState, sample: AckSample): void {
  bbr.roundStart = sample.priorDelivered >= bbr.nextRoundDelivered;
  if (bbr.roundStart) {
    startRound(tcb, bbr);
    bbr.roundCount++;
    bbr.roundsSinceProbeUp++;
  }
  const rate = sample.deliveryRate;
  if (rate > bbr.bwOfCycle && (!sample.isAppLimited || rate >= bbr.maxBw)) bbr.bwOfCycle = rate;
}

/** AdvanceMaxBwFilter: a cycle that gave no sample forgets nothing (as Linux). */
export function advanceMaxBwFilter(bbr: BbrState): void {
  if (bbr.bwOfCycle === 0) return;
  bbr.bwOfLastCycle = bbr.bwOfCycle;
  bbr.bwOfCycle = 0;
}

/** InitLowerBounds, LossLowerBounds: the short-term model comes down to what was delivered, by 30 % at most. */
function adaptLowerBounds(tcb: Tcb, bbr: BbrState): void {
  if (bbr.bwShortterm === Number.POSITIVE_INFINITY) bbr.bwShortterm = bbr.maxBw;
  if (bbr.inflightShortterm === Number.POSITIVE_INFINITY) bbr.inflightShortterm = tcb.cwnd;
  bbr.bwShortterm = Math.max(bbr.bwLatest, BETA * bbr.bwShortterm);
  bbr.inflightShortterm = Math.max(bbr.inflightLatest, BETA * bbr.inflightShortterm);
}

export function resetShortTermModel(bbr: BbrState): void {
  bbr.bwShortterm = Number.POSITIVE_INFINITY;
  bbr.inflightShortterm = Number.POSITIVE_INFINITY;
}

/** UpdateACKAggregation (5.5.9): what ACKs bring beyond what the bandwidth explains, over the last rounds. */
export function updateAckAggregation(tcb: Tcb, bbr: BbrState, sample: AckSample): void {
  const { now } = sample;
  if (bbr.roundStart && ++bbr.extraAckedRounds >= (bbr.fullBwReached ? EXTRA_ACKED_ROUNDS / 2 : 1)) {
    bbr.extraAckedRounds = 0;
    bbr.extraAckedOld = bbr.extraAckedNew;
    bbr.extraAckedNew = 0;
  }
  let expected = (bbr.bw * (now - bbr.extraAckedStart)) / 1e6;
  if (bbr.extraAckedDelivered <= expected) {
    bbr.extraAckedDelivered = 0;
    bbr.extraAckedStart = now;
    expected = 0;
  }
  bbr.extraAckedDelivered += sample.delivered;
  const extra = Math.min(bbr.extraAckedDelivered - expected, tcb.cwnd);
  if (extra > bbr.extraAckedNew) bbr.extraAckedNew = extra;
}

/** UpdateMinRTT (5.3.4.3). */
export function updateMinRtt(bbr: BbrState, sample: AckSample): void {
  const { now } = sample;
  const { rttUs } = bbr.rate;
  bbr.probeRttExpired = now > bbr.probeRttMinStamp + PROBE_RTT_INTERVAL;
  if (rttUs >= 0 && (rttUs < bbr.probeRttMinDelay || bbr.probeRttExpired)) {
    bbr.probeRttMinDelay = rttUs;
    bbr.probeRttMinStamp = now;
  }
  if (bbr.probeRttMinDelay < bbr.minRttUs || now > bbr.minRttStamp + MIN_RTT_FILTER) {
    bbr.minRttUs = bbr.probeRttMinDelay;
    bbr.minRttStamp = bbr.probeRttMinStamp;
  }
}

/** BoundBWForModel. */
export function boundBw(bbr: BbrState): void {
  bbr.bw = Math.min(bbr.maxBw, bbr.bwShortterm);
}

/** BDPMultiple (5.6.4.2). */
export function bdpMultiple(bbr: BbrState, bw: number, gain: number): number {
  if (bbr.minRttUs === Number.POSITIVE_INFINITY) return bbr.initialCwnd;
  return (gain * bw * bbr.minRttUs) / 1e6;
}

/** QuantizationBudget: whatever the bandwidth, three quanta and four segments, for offload and delayed ACKs (5.5.8.1, 5.6.4.3). */
function quantized(tcb: Tcb, bbr: BbrState, volume: number): number {
  const enough = Math.max(volume, 3 * quantum(tcb), minPipe(tcb));
  return bbr.state === PROBE_BW_UP ? enough + 2 * tcb.snd.mss : enough;
}

/** BBR.MinPipeCwnd. */
export function minPipe(tcb: Tcb): number {
  return MIN_PIPE_SEGMENTS * tcb.snd.mss;
}

/** Inflight(gain). */
export function inflightFor(tcb: Tcb, bbr: BbrState, bw: number, gain: number): number {
  return quantized(tcb, bbr, bdpMultiple(bbr, bw, gain));
}

/** UpdateMaxInflight. */
export function updateMaxInflight(tcb: Tcb, bbr: BbrState): void {
  bbr.maxInflight = quantized(tcb, bbr, bdpMultiple(bbr, bbr.bw, bbr.cwndGain) + bbr.extraAcked);
}

/** TargetInflight: the BDP, unless congestion cut cwnd. */
export function targetInflight(tcb: Tcb, bbr: BbrState): number {
  return Math.min(bdpMultiple(bbr, bbr.bw, 1), tcb.cwnd);
}

/** InflightWithHeadroom: leaves room in the bottleneck's buffer to others. */
export function inflightWithHeadroom(tcb: Tcb, bbr: BbrState): number {
  const most = bbr.inflightLongterm;
  if (most === Number.POSITIVE_INFINITY) return most;
  return Math.max(most - Math.max(tcb.snd.mss, HEADROOM * most), minPipe(tcb));
}
