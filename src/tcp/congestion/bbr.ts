/**
 * BBR version 3 (draft-ietf-ccwg-bbr-06): keeps as much in flight as the path's bandwidth times its round trip, and paces at
 * that bandwidth, both measured; losses up to 2 % of a round trip do not slow it. This file joins its parts and sets what
 * they ask for: pacing rate and cwnd (5.6). The model is in `bbr-model.ts`, the states in `bbr-states.ts` and
 * `bbr-probe.ts`, losses in `bbr-loss.ts`.
 */
import type { Micros } from "../../base/time.ts";
import { lostSince, trackRate } from "../delivery-rate.ts";
import { setPacingRate } from "../pacing.ts";
import { CA_RECOVERY, type Tcb } from "../tcb.ts";
import {
  checkStartupHighLoss,
  handleLost,
  noteLoss,
  restoreCwnd,
  saveCwnd,
  saveState,
  undoLoss,
} from "./bbr-loss.ts";
import {
  advanceLatestDelivery,
  boundBw,
  inflightWithHeadroom,
  minPipe,
  updateAckAggregation,
  updateCongestionSignals,
  updateLatestDelivery,
  updateMaxInflight,
  updateMinRtt,
} from "./bbr-model.ts";
import {
  checkFullBw,
  checkProbeRtt,
  checkProbeRttDone,
  checkStartupAndDrain,
  probeRttCwnd,
  updateCycle,
} from "./bbr-probe.ts";
import {
  BbrState,
  isInProbeBw,
  PACING_MARGIN,
  PROBE_BW_CRUISE,
  PROBE_RTT,
  STARTUP_PACING_GAIN,
} from "./bbr-state.ts";
import type { AckSample, CongestionControl } from "./congestion.ts";
import { initialBytes } from "./growth.ts";

/** The connection's model. */
function stateOf(tcb: Tcb): BbrState {
  return tcb.ccState as BbrState;
}

/** The strategy. */
export const bbr: CongestionControl = {
  name: "bbr",
  ownsWindow: true,
  needsRate: true,

  init(tcb: Tcb, initialWindow: number): void {
    trackRate(tcb);
    const state = new BbrState(tcb.rate!, hash(tcb));
    tcb.ccState = state;
    tcb.cwnd = tcb.retries > 0 ? tcb.snd.mss : initialBytes(tcb, initialWindow);
    state.initialCwnd = tcb.cwnd;
    if (tcb.srttUs > 0) state.minRttUs = tcb.srttUs;
    initPacingRate(tcb, state);
  },

  onAck(tcb: Tcb, sample: AckSample): void {
    const state = stateOf(tcb);
    if (state.minRttStamp < 0)
      state.minRttStamp = state.probeRttMinStamp = state.extraAckedStart = sample.now;
    leaveRecovery(tcb, state);
    if (state.rate.hasData && sample.deliveryRate > 0) updateModel(tcb, state, sample);
    if (!state.hasSeenRtt && tcb.srttUs > 0) initPacingRate(tcb, state);
    setRate(tcb, state, state.pacingGain);
    setCwnd(tcb, state, sample.delivered);
  },

  /** The losses themselves came by `onMarkedLost`; congestion that was echoed counts as one (3.7). */
  onLoss(tcb: Tcb, _flight: number, sample: AckSample): void {
    const state = stateOf(tcb);
    saveCwnd(tcb, state);
    if (sample.ece) noteLoss(tcb, state);
  },

  onTimeout(tcb: Tcb): void {
    const state = stateOf(tcb);
    saveState(tcb, state);
    state.inRecovery = true;
    tcb.cwnd = tcb.snd.mss;
  },

  onRecovered(tcb: Tcb): void {
    const state = stateOf(tcb);
    restoreCwnd(tcb, state);
    state.inRecovery = false;
  },

  onUndo(tcb: Tcb): void {
    undoLoss(tcb, stateOf(tcb));
  },

  /** 5.4.1: cwnd stays; `onRestart` paces. */
  onIdle(): void {},

  onRestart(tcb: Tcb, now: Micros): void {
    const state = stateOf(tcb);
    state.idleRestart = true;
    state.extraAckedStart = now;
    if (isInProbeBw(state)) setRate(tcb, state, 1);
    else if (state.state === PROBE_RTT) checkProbeRttDone(tcb, state, now);
  },

  onMarkedLost(tcb: Tcb, length: number, txInFlight: number, lost: number, isAppLimited: boolean): void {
    handleLost(tcb, stateOf(tcb), length, txInFlight, lost, isAppLimited, tcb.lastAckReceived);
  },
};

/** UpdateModelAndState (5.2.3). */
function updateModel(tcb: Tcb, state: BbrState, sample: AckSample): void {
  const lost = lostSince(tcb, state.rate);
  if (sample.lost > 0) state.lossEvents++;
  updateLatestDelivery(tcb, state, sample);
  updateCongestionSignals(tcb, state, sample);
  updateAckAggregation(tcb, state, sample);
  checkFullBw(state, sample);
  checkStartupHighLoss(tcb, state, lost);
  checkStartupAndDrain(tcb, state, sample.now);
  updateCycle(tcb, state, sample, lost);
  updateMinRtt(state, sample);
  checkProbeRtt(tcb, state, sample.now);
  if (state.lossRoundStart) state.lossEvents = 0;
  advanceLatestDelivery(state, sample);
  boundBw(state);
}

/** Recovery after a timeout ends without `onRecovered`. */
function leaveRecovery(tcb: Tcb, state: BbrState): void {
  const isRecovering = tcb.caState >= CA_RECOVERY;
  if (state.inRecovery && !isRecovering) restoreCwnd(tcb, state);
  state.inRecovery = isRecovering;
}

/** InitPacingRate (5.6.2), again once there is a round trip to go by. */
function initPacingRate(tcb: Tcb, state: BbrState): void {
  state.hasSeenRtt = tcb.srttUs > 0;
  const nominal = (state.initialCwnd * 1e6) / (state.hasSeenRtt ? tcb.srttUs : 1_000);
  setPacingRate(tcb, STARTUP_PACING_GAIN * nominal);
}

/** SetPacingRateWithGain: until the pipe was full once, only upwards. */
function setRate(tcb: Tcb, state: BbrState, gain: number): void {
  const rate = gain * state.bw * PACING_MARGIN;
  if (rate >= 1 && (state.fullBwReached || rate > tcb.pacingRate)) setPacingRate(tcb, rate);
}

/** SetCwnd (5.6.4.6). */
function setCwnd(tcb: Tcb, state: BbrState, delivered: number): void {
  updateMaxInflight(tcb, state);
  let cwnd = tcb.cwnd;
  if (state.fullBwReached) cwnd = Math.min(cwnd + delivered, state.maxInflight);
  else if (cwnd < state.maxInflight || tcb.delivered < state.initialCwnd) cwnd += delivered;
  cwnd = Math.max(cwnd, minPipe(tcb));
  if (state.state === PROBE_RTT) cwnd = Math.min(cwnd, probeRttCwnd(tcb, state));
  tcb.cwnd = Math.floor(Math.min(cwnd, volumeCap(tcb, state)));
}

/** BoundCwndForModel (5.6.4.7). */
function volumeCap(tcb: Tcb, state: BbrState): number {
  let cap = Number.POSITIVE_INFINITY;
  if (state.state === PROBE_RTT || state.state === PROBE_BW_CRUISE) cap = inflightWithHeadroom(tcb, state);
  else if (isInProbeBw(state)) cap = state.inflightLongterm;
  return Math.max(Math.min(cap, state.inflightShortterm), minPipe(tcb));
}

/** Different for each connection, and no secret of it: the 4-tuple, mixed. */
function hash(tcb: Tcb): number {
  let h = tcb.local ^ Math.imul(tcb.remote, 0x9e3779b1);
  h = Math.imul(h ^ (tcb.localPort << 16) ^ tcb.remotePort, 0x85ebca6b);
  return h ^ (h >>> 13);
}
