/**
 * CUBIC (RFC 9438), the default as in Linux and FreeBSD: between losses the window follows a cubic function of time, flat
 * around the window at which the last loss came, never slower than Reno would be. HyStart++ (RFC 9406) ends the first slow
 * start. Windows here are in segments and time in seconds, as in the RFC's formulas; `tcb.cwnd` moves by whole segments.
 * Recovery is in `recovery/`.
 */
import { type Micros, SECOND } from "../../base/time.ts";
import type { Tcb } from "../tcb.ts";
import type { AckSample, CongestionControl } from "./congestion.ts";
import { firstWindow, grow, reduced, SSTHRESH_NONE, slowStart } from "./growth.ts";
import { HyStart } from "./hystart.ts";
import { isWindowUsed } from "./validation.ts";

/** RFC 9438 4.1, 4.6, 5.1: C in segments a second cubed. */
const C = 0.4;
const BETA = 0.7;
/** As Linux rounds it: 717 / 1024. */
const BETA_1024 = 717;
/** RFC 9438 4.3: the growth a round trip at which AIMD with beta 0.7 gets as much as Reno. */
const ALPHA = (3 * (1 - BETA)) / (1 + BETA);
/** RFC 9438 4.2: W_cubic(t + RTT) at most; half a segment for each one acknowledged. */
const TARGET_MAX = 1.5;

/** No time. */
const NONE: Micros = -0.5;

/** What CUBIC remembers of a connection. */
class CubicState {
  readonly hystart: HyStart = new HyStart();
  /** When congestion avoidance began; NONE: it begins with the next ACK. */
  epochStart: Micros = NONE;
  /** Since when the window was not used; NONE: it is. */
  unusedSince: Micros = NONE;
  wMax = 0.5;
  cwndPrior = 0.5;
  k = 0.5;
  wEst = 0.5;
  /** Growth that makes no whole segment yet. */
  credit = 0.5;
  // As they were before the last reduction (4.9).
  priorEpochStart: Micros = NONE;
  priorWMax = 0.5;
  priorCwndPrior = 0.5;
  priorK = 0.5;
  priorWEst = 0.5;

  constructor() {
    // The fields above are doubles from the first: V8 then keeps one shape.
    this.wMax = this.cwndPrior = this.k = this.wEst = this.credit = 0;
  }

  /** Notes all for 4.9, once a congestion event. */
  save(): void {
    this.priorEpochStart = this.epochStart;
    this.priorWMax = this.wMax;
    this.priorCwndPrior = this.cwndPrior;
    this.priorK = this.k;
    this.priorWEst = this.wEst;
  }

  restore(): void {
    this.epochStart = this.priorEpochStart;
    this.wMax = this.priorWMax;
    this.cwndPrior = this.priorCwndPrior;
    this.k = this.priorK;
    this.wEst = this.priorWEst;
    this.credit = 0;
  }
}

/** The strategy. */
export const cubic: CongestionControl = {
  name: "cubic",
  ownsWindow: false,

  init(tcb: Tcb, initialWindow: number): void {
    tcb.cwnd = firstWindow(tcb, initialWindow);
  },

  onAck(tcb: Tcb, sample: AckSample): void {
    const state = stateOf(tcb);
    const used = isWindowUsed(tcb);
    let rest = sample.delivered;
    if (tcb.cwnd < tcb.ssthresh) {
      const first = tcb.ssthresh === SSTHRESH_NONE && tcb.hystart;
      rest = slowStart(tcb, sample, used, first ? state.hystart : null);
      if (rest === 0) return;
    }
    if (used) avoidCongestion(tcb, state, rest, sample.now);
    else if (state.unusedSince === NONE) state.unusedSince = sample.now;
  },

  onLoss(tcb: Tcb): void {
    lowerThreshold(tcb);
  },

  onTimeout(tcb: Tcb, _flight: number, first: boolean): void {
    if (first) lowerThreshold(tcb);
    // 4.8: the next congestion avoidance begins with K = 0 and W_max = cwnd.
    const state = stateOf(tcb);
    state.wMax = 0;
    state.epochStart = NONE;
    tcb.cwnd = tcb.snd.mss;
  },

  onRecovered(tcb: Tcb): void {
    if (tcb.cwnd > tcb.ssthresh) tcb.cwnd = tcb.ssthresh;
  },

  onUndo(tcb: Tcb): void {
    stateOf(tcb).restore();
    tcb.cwnd = Math.max(tcb.cwnd, tcb.priorCwnd);
    tcb.ssthresh = Math.max(tcb.ssthresh, tcb.priorSsthresh);
  },

  onIdle(tcb: Tcb, idleUs: number): void {
    // 5.8: t does not count time in which nothing was sent.
    const state = stateOf(tcb);
    if (state.epochStart === NONE) return;
    state.epochStart += idleUs;
    // Of the time in which the window was not used this was a part, and counts once.
    if (state.unusedSince !== NONE) state.unusedSince += idleUs;
  },

  onRest(tcb: Tcb): void {
    // Without a loss there is no window to come back to.
    if ((tcb.ccState as CubicState | null)?.cwndPrior === 0) tcb.ccState = null;
  },
};

function stateOf(tcb: Tcb): CubicState {
  tcb.ccState ??= new CubicState();
  return tcb.ccState as CubicState;
}

/**
 * 4.6, 4.7. From cwnd, not FlightSize: what is not in flight did not let it grow (`validation.ts`, which 4.6 asks for), and
 * Linux and FreeBSD do.
 */
function lowerThreshold(tcb: Tcb): void {
  const state = stateOf(tcb);
  state.save();
  const cwnd = tcb.cwnd / tcb.snd.mss;
  // 4.7, fast convergence: a window smaller than at the loss before means that others need room.
  state.wMax = cwnd < state.wMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
  state.cwndPrior = cwnd;
  state.epochStart = NONE;
  state.unusedSince = NONE;
  state.credit = 0;
  tcb.ssthresh = reduced(tcb, tcb.cwnd, BETA_1024);
}

/** 4.2 to 4.5: growth for `acked` bytes. */
function avoidCongestion(tcb: Tcb, state: CubicState, acked: number, now: Micros): void {
  const { mss } = tcb.snd;
  const cwnd = tcb.cwnd / mss;
  const segments = acked / mss;
  if (state.epochStart === NONE) beginEpoch(state, cwnd, now);
  else if (state.unusedSince !== NONE) state.epochStart += now - state.unusedSince; // 5.8
  state.unusedSince = NONE;

  const t = (now - state.epochStart) / SECOND;
  // 4.3: once the window is what it was at the loss, Reno's own one segment a round trip.
  state.wEst += ((state.wEst >= state.cwndPrior ? 1 : ALPHA) * segments) / cwnd;
  // A window that shrank by disuse is behind W_est by much: it follows no faster than 4.2 allows, not in one burst.
  const most = state.credit + (TARGET_MAX - 1) * segments;
  const target = wholeTarget(state, t + Math.max(0, tcb.srttUs) / SECOND);
  const bounded = Math.min(Math.max(target, cwnd), TARGET_MAX * cwnd);
  state.credit += ((bounded - cwnd) / cwnd) * segments;
  if (cubicWindow(state, t) < state.wEst) {
    state.credit = Math.max(state.credit, Math.min(state.wEst - cwnd, most));
  }
  if (state.credit < 1) return;
  const whole = Math.floor(state.credit);
  state.credit -= whole;
  grow(tcb, whole);
}

/** W_cubic(t), 4.2 (1). */
function cubicWindow(state: CubicState, t: number): number {
  const d = t - state.k;
  return C * d * d * d + state.wMax;
}

/**
 * W_cubic(t) in whole segments, which W_max rounds to from either side: where the curve is flat the window goes ahead by at
 * most one, so that small ones do not wait for seconds (Linux: bictcp_update).
 */
function wholeTarget(state: CubicState, t: number): number {
  const d = t - state.k;
  return Math.floor(state.wMax) + Math.trunc(C * d * d * d);
}

/** 4.2 (2); without a loss before, K is 0 and W_max the window (4.8, 4.10). */
function beginEpoch(state: CubicState, cwnd: number, now: Micros): void {
  state.epochStart = now;
  state.wEst = cwnd;
  state.credit = 0;
  if (cwnd < state.wMax) {
    state.k = Math.cbrt((state.wMax - cwnd) / C);
  } else {
    state.k = 0;
    state.wMax = cwnd;
  }
}
