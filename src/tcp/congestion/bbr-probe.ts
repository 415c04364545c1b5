/**
 * When BBR changes its state (draft-ietf-ccwg-bbr 5.3): full pipe, Drain's end, the ProbeBW cycle, ProbeRTT. Asked on every
 * ACK, after the model took it in.
 */
import type { Micros } from "../../base/time.ts";
import { markAppLimited } from "../delivery-rate.ts";
import { inFlight } from "../recovery/scoreboard.ts";
import type { Tcb } from "../tcb.ts";
import { isInflightTooHigh, restoreCwnd, saveCwnd } from "./bbr-loss.ts";
import {
  advanceMaxBwFilter,
  bdpMultiple,
  inflightFor,
  inflightWithHeadroom,
  minPipe,
  resetShortTermModel,
  startRound,
  targetInflight,
} from "./bbr-model.ts";
import {
  ACKS_INIT,
  ACKS_PROBE_FEEDBACK,
  ACKS_PROBE_STARTING,
  ACKS_PROBE_STOPPING,
  type BbrState,
  DRAIN,
  isInProbeBw,
  PROBE_BW_CRUISE,
  PROBE_BW_DOWN,
  PROBE_BW_REFILL,
  PROBE_BW_UP,
  PROBE_RTT,
  PROBE_RTT_CWND_GAIN,
  PROBE_RTT_DURATION,
  STARTUP,
} from "./bbr-state.ts";
import {
  enterDrain,
  enterProbeRtt,
  enterStartup,
  raiseLongtermSlope,
  resetFullBw,
  startCruise,
  startDown,
  startRefill,
  startUp,
} from "./bbr-states.ts";
import type { AckSample } from "./congestion.ts";

/** CheckFullBWReached (5.3.1.2): three rounds in which the rate grew by less than a quarter. */
export function checkFullBw(bbr: BbrState, sample: AckSample): void {
  if (bbr.fullBwNow || !bbr.roundStart || sample.isAppLimited) return;
  if (sample.deliveryRate >= bbr.fullBw * 1.25) {
    resetFullBw(bbr, sample.deliveryRate);
    return;
  }
  bbr.fullBwCount++;
  bbr.fullBwNow = bbr.fullBwCount >= 3;
  if (bbr.fullBwNow) bbr.fullBwReached = true;
}

/** The rest of CheckStartupDone, and CheckDrainDone. */
export function checkStartupAndDrain(tcb: Tcb, bbr: BbrState, now: Micros): void {
  if (bbr.state === STARTUP && bbr.fullBwReached) enterDrain(bbr);
  if (bbr.state !== DRAIN) return;
  if (inFlight(tcb) <= inflightFor(tcb, bbr, bbr.bw, 1) || bbr.roundCount > bbr.drainStartRound + 3)
    startDown(tcb, bbr, now);
}

/** UpdateProbeBWCyclePhase (5.3.3.9). `lost`: RS.lost. */
export function updateCycle(tcb: Tcb, bbr: BbrState, sample: AckSample, lost: number): void {
  if (!bbr.fullBwReached || adaptLongTermModel(tcb, bbr, sample, lost)) return;
  switch (bbr.state) {
    case PROBE_BW_DOWN:
      if (isTimeToProbe(tcb, bbr, sample.now)) startRefill(tcb, bbr);
      else if (isTimeToCruise(tcb, bbr)) startCruise(bbr);
      break;
    case PROBE_BW_CRUISE:
      if (isTimeToProbe(tcb, bbr, sample.now)) startRefill(tcb, bbr);
      break;
    case PROBE_BW_REFILL:
      if (!bbr.roundStart) break;
      bbr.isBwProbeSample = true;
      startUp(tcb, bbr, sample.deliveryRate);
      break;
    case PROBE_BW_UP:
      if (!isTimeToGoDown(tcb, bbr, sample)) break;
      // No high loss yet.
      bbr.prevProbeTooHigh = false;
      startDown(tcb, bbr, sample.now);
  }
}

/** AdaptLongTermModel: where the ACKs of a probe stand, and inflight_longterm up when they were good. True: a state began. */
function adaptLongTermModel(tcb: Tcb, bbr: BbrState, sample: AckSample, lost: number): boolean {
  if (bbr.ackPhase === ACKS_PROBE_STARTING && bbr.roundStart) bbr.ackPhase = ACKS_PROBE_FEEDBACK;
  if (bbr.ackPhase === ACKS_PROBE_STOPPING && bbr.roundStart) {
    bbr.isBwProbeSample = false;
    bbr.ackPhase = ACKS_INIT;
    if (isInProbeBw(bbr)) {
      if (!sample.isAppLimited) advanceMaxBwFilter(bbr);
      // The cautious probe (5.3.3.6) came to no harm: probe on at once.
      if (bbr.prevProbePrecautionary && !bbr.prevProbeTooHigh) {
        startRefill(tcb, bbr);
        return true;
      }
    }
  }
  const { txInFlight } = bbr.rate;
  if (isInflightTooHigh(tcb, txInFlight, lost) || bbr.inflightLongterm === Number.POSITIVE_INFINITY)
    return false;
  if (txInFlight > bbr.inflightLongterm) bbr.inflightLongterm = txInFlight;
  if (bbr.state === PROBE_BW_UP) probeLongtermUpward(tcb, bbr, sample);
  return false;
}

/** ProbeInflightLongtermUpward. */
function probeLongtermUpward(tcb: Tcb, bbr: BbrState, sample: AckSample): void {
  if (!tcb.cwndLimited || tcb.cwnd < bbr.inflightLongterm) return;
  bbr.bwProbeUpAcked += sample.delivered;
  if (bbr.bwProbeUpAcked >= bbr.probeUpAckedPerInc) {
    const delta = Math.floor(bbr.bwProbeUpAcked / bbr.probeUpAckedPerInc);
    bbr.bwProbeUpAcked -= delta * bbr.probeUpAckedPerInc;
    bbr.inflightLongterm += delta * tcb.snd.mss;
  }
  if (bbr.roundStart) raiseLongtermSlope(tcb, bbr);
}

/** IsTimeToProbeBW: after 2 to 3 seconds, or as many rounds as Reno would take, whichever is first (5.3.3.8). */
function isTimeToProbe(tcb: Tcb, bbr: BbrState, now: Micros): boolean {
  if (now > bbr.cycleStamp + bbr.bwProbeWait) return true;
  return bbr.roundsSinceProbeUp >= Math.min(targetInflight(tcb, bbr) / tcb.snd.mss, RENO_ROUNDS_MAX);
}

const RENO_ROUNDS_MAX = 63;

function isTimeToCruise(tcb: Tcb, bbr: BbrState): boolean {
  const flight = inFlight(tcb);
  return flight <= inflightWithHeadroom(tcb, bbr) && flight <= inflightFor(tcb, bbr, bbr.maxBw, 1);
}

/** IsTimeToGoDown: the last limit that hurt is reached again (5.3.3.6), or the pipe is full. */
function isTimeToGoDown(tcb: Tcb, bbr: BbrState, sample: AckSample): boolean {
  if (bbr.prevProbeTooHigh && inFlight(tcb) >= bbr.inflightLongterm) {
    bbr.prevProbePrecautionary = true;
    return true;
  }
  if (tcb.cwndLimited && tcb.cwnd >= bbr.inflightLongterm) resetFullBw(bbr, sample.deliveryRate);
  else if (bbr.fullBwNow) return true;
  return false;
}

/** CheckProbeRTT (5.3.4.3). */
export function checkProbeRtt(tcb: Tcb, bbr: BbrState, now: Micros): void {
  if (bbr.state !== PROBE_RTT && bbr.probeRttExpired && !bbr.idleRestart) {
    saveCwnd(tcb, bbr);
    enterProbeRtt(bbr);
    bbr.probeRttDoneStamp = 0;
    bbr.ackPhase = ACKS_PROBE_STOPPING;
    startRound(tcb, bbr);
  }
  if (bbr.state === PROBE_RTT) handleProbeRtt(tcb, bbr, now);
  if (bbr.rate.delivered > 0) bbr.idleRestart = false;
}

/** HandleProbeRTT: half a BDP in flight for 200 ms and a round trip. */
function handleProbeRtt(tcb: Tcb, bbr: BbrState, now: Micros): void {
  // Low rates are our own doing.
  markAppLimited(tcb, bbr.rate);
  if (bbr.probeRttDoneStamp <= 0) {
    if (inFlight(tcb) > probeRttCwnd(tcb, bbr)) return;
    bbr.probeRttDoneStamp = now + PROBE_RTT_DURATION;
    bbr.probeRttRoundDone = false;
    startRound(tcb, bbr);
    return;
  }
  if (bbr.roundStart) bbr.probeRttRoundDone = true;
  if (bbr.probeRttRoundDone) checkProbeRttDone(tcb, bbr, now);
}

/** CheckProbeRTTDone, ExitProbeRTT. */
export function checkProbeRttDone(tcb: Tcb, bbr: BbrState, now: Micros): void {
  if (bbr.probeRttDoneStamp <= 0 || now <= bbr.probeRttDoneStamp) return;
  bbr.probeRttMinStamp = now;
  restoreCwnd(tcb, bbr);
  resetShortTermModel(bbr);
  if (bbr.fullBwReached) {
    startDown(tcb, bbr, now);
    startCruise(bbr);
  } else {
    enterStartup(bbr);
  }
}

/** ProbeRTTCwnd. */
export function probeRttCwnd(tcb: Tcb, bbr: BbrState): number {
  return Math.max(bdpMultiple(bbr, bbr.bw, PROBE_RTT_CWND_GAIN), minPipe(tcb));
}
