/**
 * The ways into BBR's states (draft-ietf-ccwg-bbr 5.3). When to take which is decided in `bbr-probe.ts` and
 * `bbr-loss.ts`.
 */
import type { Micros } from "../../base/time.ts";
import type { Tcb } from "../tcb.ts";
import { resetCongestionSignals, resetShortTermModel, startRound } from "./bbr-model.ts";
import {
  ACKS_PROBE_STARTING,
  ACKS_PROBE_STOPPING,
  ACKS_REFILLING,
  type BbrState,
  DEFAULT_CWND_GAIN,
  DOWN_PACING_GAIN,
  DRAIN,
  DRAIN_PACING_GAIN,
  PROBE_BW_CRUISE,
  PROBE_BW_DOWN,
  PROBE_BW_REFILL,
  PROBE_BW_UP,
  PROBE_RTT,
  PROBE_RTT_CWND_GAIN,
  STARTUP,
  STARTUP_PACING_GAIN,
  UP_CWND_GAIN,
  UP_PACING_GAIN,
} from "./bbr-state.ts";

function enter(bbr: BbrState, state: number, pacingGain: number, cwndGain: number): void {
  bbr.state = state;
  bbr.pacingGain = pacingGain;
  bbr.cwndGain = cwndGain;
}

export function enterStartup(bbr: BbrState): void {
  enter(bbr, STARTUP, STARTUP_PACING_GAIN, DEFAULT_CWND_GAIN);
}

export function enterDrain(bbr: BbrState): void {
  enter(bbr, DRAIN, DRAIN_PACING_GAIN, DEFAULT_CWND_GAIN);
  bbr.drainStartRound = bbr.roundCount;
}

export function startDown(tcb: Tcb, bbr: BbrState, now: Micros): void {
  resetCongestionSignals(bbr);
  bbr.probeUpAckedPerInc = Number.POSITIVE_INFINITY;
  // PickProbeWait (5.3.3.8): 2 to 3 seconds, and 62 or 63 rounds.
  bbr.roundsSinceProbeUp = bbr.draw() < 0.5 ? 0 : 1;
  bbr.bwProbeWait = (2 + bbr.draw()) * 1e6;
  bbr.cycleStamp = now;
  bbr.ackPhase = ACKS_PROBE_STOPPING;
  startRound(tcb, bbr);
  enter(bbr, PROBE_BW_DOWN, DOWN_PACING_GAIN, DEFAULT_CWND_GAIN);
}

export function startCruise(bbr: BbrState): void {
  enter(bbr, PROBE_BW_CRUISE, 1, DEFAULT_CWND_GAIN);
}

export function startRefill(tcb: Tcb, bbr: BbrState): void {
  resetShortTermModel(bbr);
  bbr.bwProbeUpRounds = 0;
  bbr.bwProbeUpAcked = 0;
  bbr.prevProbePrecautionary = false;
  bbr.ackPhase = ACKS_REFILLING;
  startRound(tcb, bbr);
  enter(bbr, PROBE_BW_REFILL, 1, DEFAULT_CWND_GAIN);
}

export function startUp(tcb: Tcb, bbr: BbrState, deliveryRate: number): void {
  bbr.ackPhase = ACKS_PROBE_STARTING;
  startRound(tcb, bbr);
  resetFullBw(bbr, deliveryRate);
  enter(bbr, PROBE_BW_UP, UP_PACING_GAIN, UP_CWND_GAIN);
  raiseLongtermSlope(tcb, bbr);
}

export function enterProbeRtt(bbr: BbrState): void {
  enter(bbr, PROBE_RTT, 1, PROBE_RTT_CWND_GAIN);
}

/** ResetFullBW: the pipe is to be found full again, from `baseline` on. */
export function resetFullBw(bbr: BbrState, baseline: number): void {
  bbr.fullBw = baseline;
  bbr.fullBwCount = 0;
  bbr.fullBwNow = false;
}

/** RaiseInflightLongtermSlope: in UP the limit grows by 1, 2, 4, ... segments a round. */
export function raiseLongtermSlope(tcb: Tcb, bbr: BbrState): void {
  const growth = 2 ** bbr.bwProbeUpRounds;
  bbr.bwProbeUpRounds = Math.min(bbr.bwProbeUpRounds + 1, 30);
  bbr.probeUpAckedPerInc = Math.max(tcb.cwnd / growth, tcb.snd.mss);
}
