/**
 * What BBR remembers of a connection (draft-ietf-ccwg-bbr 2), under the draft's names, and its constants. Bytes, bytes a
 * second, microseconds. It decides nothing.
 */
import type { Micros } from "../../base/time.ts";
import type { DeliveryRate } from "../delivery-rate.ts";

/** States (5.1.1), in the order in which a connection meets them. */
export const STARTUP = 0;
export const DRAIN = 1;
export const PROBE_BW_DOWN = 2;
export const PROBE_BW_CRUISE = 3;
export const PROBE_BW_REFILL = 4;
export const PROBE_BW_UP = 5;
export const PROBE_RTT = 6;
/** `undoState` when there is nothing to go back to. */
export const NO_STATE = -1;

/** What ACKs now tell of the last bandwidth probe. */
export const ACKS_INIT = 0;
export const ACKS_REFILLING = 1;
export const ACKS_PROBE_STARTING = 2;
export const ACKS_PROBE_FEEDBACK = 3;
export const ACKS_PROBE_STOPPING = 4;

/** 2.5 to 2.16: gains, thresholds, times. */
export const STARTUP_PACING_GAIN = 2.77;
export const DRAIN_PACING_GAIN = 0.5;
export const DOWN_PACING_GAIN = 0.9;
export const UP_PACING_GAIN = 1.25;
export const DEFAULT_CWND_GAIN = 2;
export const UP_CWND_GAIN = 2.25;
export const PROBE_RTT_CWND_GAIN = 0.5;
/** Pacing stays 1 % below the bandwidth, so that queues drain. */
export const PACING_MARGIN = 0.99;
/** Loss of a round trip that says that too much was in flight. */
export const LOSS_THRESH = 0.02;
/** Least share of the model that one round trip of losses leaves: CUBIC's. */
export const BETA = 0.7;
/** Share of inflight_longterm that is left to others. */
export const HEADROOM = 0.15;
/** Discontiguous losses in one round trip that end Startup. */
export const STARTUP_FULL_LOSS_COUNT = 6;
export const MIN_PIPE_SEGMENTS = 4;
export const MIN_RTT_FILTER: Micros = 10_000_000;
export const PROBE_RTT_INTERVAL: Micros = 5_000_000;
export const PROBE_RTT_DURATION: Micros = 200_000;
/** Rounds that extra_acked is remembered after Startup; kept as two slots of half of them (as Linux). */
export const EXTRA_ACKED_ROUNDS = 10;

/** The model and the state machine of one connection. */
export class BbrState {
  /** The samples it lives on: `tcb.rate`, never null here. */
  readonly rate: DeliveryRate;
  state: number = STARTUP;
  pacingGain: number = STARTUP_PACING_GAIN;
  cwndGain: number = DEFAULT_CWND_GAIN;
  initialCwnd = 0;
  hasSeenRtt = false;
  idleRestart = false;

  // Rounds (5.5.1).
  nextRoundDelivered = 0;
  roundStart = false;
  roundCount = 0;

  // Rates: the best of the previous ProbeBW cycle and of this one (5.5.2), and what is used.
  bwOfLastCycle = 0;
  bwOfCycle = 0;
  bw = 0.5;
  bwShortterm: number = Number.POSITIVE_INFINITY;
  bwLatest = 0;

  // Round trips (5.3.4.3); NEVER-like until there is one.
  minRttUs: number = Number.POSITIVE_INFINITY;
  minRttStamp: Micros = -0.5;
  probeRttMinDelay: number = Number.POSITIVE_INFINITY;
  probeRttMinStamp: Micros = -0.5;
  probeRttExpired = false;
  probeRttDoneStamp: Micros = -0.5;
  probeRttRoundDone = false;

  // Volumes.
  inflightLongterm: number = Number.POSITIVE_INFINITY;
  inflightShortterm: number = Number.POSITIVE_INFINITY;
  inflightLatest = 0;
  maxInflight = 0;
  priorCwnd = 0;

  // Aggregation of ACKs (5.5.9).
  extraAckedStart: Micros = -0.5;
  extraAckedDelivered = 0;
  extraAckedOld = 0;
  extraAckedNew = 0;
  extraAckedRounds = 0;

  // Full pipe (5.3.1.2).
  fullBwReached = false;
  fullBwNow = false;
  fullBw = 0.5;
  fullBwCount = 0;
  drainStartRound = 0;

  // Losses of the round (5.5.10).
  isLossInRound = false;
  lossRoundDelivered = 0;
  lossRoundStart = false;
  lossEvents = 0;
  inRecovery = false;

  // Probing for bandwidth (5.3.3).
  ackPhase: number = ACKS_INIT;
  cycleStamp: Micros = -0.5;
  bwProbeWait: Micros = -0.5;
  roundsSinceProbeUp = 0;
  bwProbeUpRounds = 0;
  bwProbeUpAcked = 0;
  probeUpAckedPerInc: number = Number.POSITIVE_INFINITY;
  isBwProbeSample = false;
  prevProbeTooHigh = false;
  prevProbePrecautionary = false;

  // What a spurious recovery gives back (5.5.11).
  undoState: number = NO_STATE;
  undoBwShortterm: number = Number.POSITIVE_INFINITY;
  undoInflightShortterm: number = Number.POSITIVE_INFINITY;
  undoInflightLongterm: number = Number.POSITIVE_INFINITY;

  /** Of its own, so that flows probe at different times: never 0. */
  random: number;

  constructor(rate: DeliveryRate, seed: number) {
    this.rate = rate;
    this.random = seed | 1;
  }

  /** BBR.max_bw. */
  get maxBw(): number {
    return Math.max(this.bwOfLastCycle, this.bwOfCycle);
  }

  get extraAcked(): number {
    return Math.max(this.extraAckedOld, this.extraAckedNew);
  }

  /** A number from 0 to below 1 (xorshift32: mixing, no secret). */
  draw(): number {
    let x = this.random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.random = x;
    return (x >>> 0) / 0x1_0000_0000;
  }
}

/** Whether it is in one of ProbeBW's four states. */
export function isInProbeBw(bbr: BbrState): boolean {
  return bbr.state >= PROBE_BW_DOWN && bbr.state <= PROBE_BW_UP;
}

/** Whether it sends faster than it knows to be possible, to learn. */
export function isProbingBw(bbr: BbrState): boolean {
  return bbr.state === STARTUP || bbr.state === PROBE_BW_REFILL || bbr.state === PROBE_BW_UP;
}
