/**
 * BBR's answer to loss (draft-ietf-ccwg-bbr 5.3.1.3, 5.5.10, 5.5.11): what a lost record says of the volume in flight, the
 * end of Startup by losses, and taking it all back when the loss was none.
 */
import type { Micros } from "../../base/time.ts";
import { CA_RECOVERY, type Tcb } from "../tcb.ts";
import { bdpMultiple, targetInflight } from "./bbr-model.ts";
import {
  type BbrState,
  BETA,
  LOSS_THRESH,
  NO_STATE,
  PROBE_BW_UP,
  PROBE_RTT,
  STARTUP,
  STARTUP_FULL_LOSS_COUNT,
} from "./bbr-state.ts";
import { enterStartup, resetFullBw, startDown, startRefill } from "./bbr-states.ts";

/** SaveCwnd: the last cwnd that neither recovery nor ProbeRTT held down. */
export function saveCwnd(tcb: Tcb, bbr: BbrState): void {
  const isFree = tcb.caState < CA_RECOVERY && bbr.state !== PROBE_RTT;
  bbr.priorCwnd = isFree ? tcb.cwnd : Math.max(bbr.priorCwnd, tcb.cwnd);
}

export function restoreCwnd(tcb: Tcb, bbr: BbrState): void {
  tcb.cwnd = Math.max(tcb.cwnd, bbr.priorCwnd);
}

/** NoteLoss, SaveStateUponLoss. A congestion mark counts as one. */
export function noteLoss(tcb: Tcb, bbr: BbrState): void {
  if (!bbr.isLossInRound) {
    bbr.lossRoundDelivered = tcb.delivered;
    saveState(tcb, bbr);
  }
  bbr.isLossInRound = true;
}

/** SaveStateUponLoss. */
export function saveState(tcb: Tcb, bbr: BbrState): void {
  saveCwnd(tcb, bbr);
  bbr.undoState = NO_STATE;
  bbr.undoBwShortterm = bbr.bwShortterm;
  bbr.undoInflightShortterm = bbr.inflightShortterm;
  bbr.undoInflightLongterm = bbr.inflightLongterm;
}

/** IsInflightTooHigh: more than 2 % of what was in flight is lost; without SACK, anything. */
export function isInflightTooHigh(tcb: Tcb, txInFlight: number, lost: number): boolean {
  return lost > txInFlight * LOSS_THRESH || (lost > 0 && !tcb.sackPermitted);
}

/** HandleLostPacket: `txInFlight` and `lost` as of the lost record, not of what revealed it. */
export function handleLost(
  tcb: Tcb,
  bbr: BbrState,
  length: number,
  txInFlight: number,
  lost: number,
  isAppLimited: boolean,
  now: Micros,
): void {
  noteLoss(tcb, bbr);
  if (!bbr.isBwProbeSample || !isInflightTooHigh(tcb, txInFlight, lost)) return;
  // InflightAtLoss: the part of the record with which losses reached the threshold.
  const before = txInFlight - length;
  const prefix = (LOSS_THRESH * before - (lost - length)) / (1 - LOSS_THRESH);
  bbr.prevProbeTooHigh = true;
  bbr.isBwProbeSample = false;
  if (!isAppLimited)
    bbr.inflightLongterm = Math.max(before + Math.max(0, prefix), BETA * targetInflight(tcb, bbr));
  if (bbr.state !== PROBE_BW_UP) return;
  bbr.undoState = PROBE_BW_UP;
  startDown(tcb, bbr, now);
}

/** CheckStartupHighLoss, at an ACK; `lost` and `txInFlight` as of what it delivered. */
export function checkStartupHighLoss(tcb: Tcb, bbr: BbrState, lost: number): void {
  if (bbr.fullBwReached || !bbr.lossRoundStart || tcb.caState !== CA_RECOVERY) return;
  if (tcb.sackPermitted && bbr.lossEvents < STARTUP_FULL_LOSS_COUNT) return;
  if (!isInflightTooHigh(tcb, bbr.rate.txInFlight, lost)) return;
  bbr.undoState = STARTUP;
  bbr.fullBwReached = true;
  bbr.inflightLongterm = Math.max(bdpMultiple(bbr, bbr.bw, 1), bbr.inflightLatest);
}

/** HandleSpuriousLossDetection. */
export function undoLoss(tcb: Tcb, bbr: BbrState): void {
  restoreCwnd(tcb, bbr);
  bbr.isLossInRound = false;
  resetFullBw(bbr, 0);
  bbr.bwShortterm = Math.max(bbr.bwShortterm, bbr.undoBwShortterm);
  bbr.inflightShortterm = Math.max(bbr.inflightShortterm, bbr.undoInflightShortterm);
  bbr.inflightLongterm = Math.max(bbr.inflightLongterm, bbr.undoInflightLongterm);
  const isFree = bbr.state !== PROBE_RTT;
  if (bbr.undoState === STARTUP && bbr.state !== STARTUP) {
    bbr.fullBwReached = false;
    if (isFree) enterStartup(bbr);
  } else if (bbr.undoState === PROBE_BW_UP && bbr.state !== PROBE_BW_UP && isFree) {
    startRefill(tcb, bbr);
  }
  bbr.undoState = NO_STATE;
}
