/**
 * Congestion control behind one interface. It answers how much may be in flight (`tcb.cwnd`, bytes) and never
 * sends. To add one: a file beside this one, and a line in `CONGESTION_CONTROLS`.
 */
import type { Micros } from "../../base/time.ts";
import type { Tcb } from "../tcb.ts";
import { bbr } from "./bbr.ts";
import { cubic } from "./cubic.ts";
import { newReno } from "./newreno.ts";

/** What one ACK told. One scratch object is reused. */
export class AckSample {
  now: Micros = -0.5;
  /** Bytes newly acknowledged cumulatively, and newly SACKed. */
  acked = 0;
  sacked = 0;
  /** Bytes newly known to have arrived: `acked` less what was SACKed before, and `sacked` (RFC 9937: DeliveredData). */
  delivered = 0;
  /** Bytes newly taken for lost. */
  lost = 0;
  /** Bytes in flight before the ACK. */
  inFlight = 0;
  /** Round-trip time by Karn's rule in microseconds, -1 when the ACK gave none. */
  rttUs = -1;
  /** The peer echoes congestion (RFC 3168 ECE). */
  ece = false;
  /** Delivery rate over the flight of the newest segment delivered (draft-ietf-ccwg-bbr 4.1), bytes a second; 0: no sample. */
  deliveryRate = 0;
  /** `tcb.delivered` when that segment was sent; -1: no sample. */
  priorDelivered = -1;
  /** The rate was measured while the application, not the network, held sending back. */
  isAppLimited = false;
}

/** A congestion control: one object for all connections. What it remembers of one lies in `tcb.ccState`, made on first use. */
export interface CongestionControl {
  readonly name: string;
  /** cwnd follows the model on every ACK, in recovery too (BBR): PRR keeps its hands off, and `onAck` comes for every ACK. */
  readonly ownsWindow: boolean;
  /** The connection is established: set cwnd and ssthresh. */
  init(tcb: Tcb, initialWindow: number): void;
  /** New data was acknowledged outside of fast recovery; with `ownsWindow`, any ACK. */
  onAck(tcb: Tcb, sample: AckSample): void;
  /** Loss was found by duplicate ACKs or SACK, or congestion was echoed (RFC 3168): once a window. Sets ssthresh; PRR brings cwnd there. */
  onLoss(tcb: Tcb, flight: number, sample: AckSample): void;
  /** The retransmission timer expired; `first` unless it had already for the same data. */
  onTimeout(tcb: Tcb, flight: number, first: boolean): void;
  /** Recovery ended; PRR has set cwnd to ssthresh, but with `ownsWindow`. */
  onRecovered(tcb: Tcb, inFlight: number): void;
  /** The reduction was for nothing (RFC 4015, DSACK, F-RTO): `tcb.priorCwnd`, `tcb.priorSsthresh` are what was before. */
  onUndo(tcb: Tcb): void;
  /** It needs delivery-rate samples (`delivery-rate.ts`). */
  readonly needsRate?: boolean;
  /** Text leaves with nothing else in flight after the application held back (draft-ietf-ccwg-bbr 5.4). With `needsRate` only. */
  onRestart?(tcb: Tcb, now: Micros): void;
  /**
   * A record of `length` bytes is taken for lost: what was in flight when it was sent, what was lost since, itself included,
   * and whether the application was the limit then (draft-ietf-ccwg-bbr 5.5.10.2). With `needsRate` only.
   */
  onMarkedLost?(tcb: Tcb, length: number, txInFlight: number, lost: number, isAppLimited: boolean): void;
  /** The connection has been idle for long: `tcb.ccState` may go if a new one would do. */
  onRest?(tcb: Tcb): void;
  /** Text is to be sent when nothing is outstanding, `idleUs` after the last; what cwnd loses by that is `validation.ts`'s. */
  onIdle(tcb: Tcb, idleUs: number): void;
}

/** Those that can be chosen, by the name that options take; `name` is what `ss -i` prints. */
export const CONGESTION_CONTROLS: {
  readonly newreno: CongestionControl;
  readonly cubic: CongestionControl;
  readonly bbr: CongestionControl;
} = {
  newreno: newReno,
  cubic,
  bbr,
};

/** A name that options take. */
export type CongestionName = keyof typeof CONGESTION_CONTROLS;

/** Whether options may say `name`. */
export function isCongestionName(name: unknown): name is CongestionName {
  return typeof name === "string" && Object.hasOwn(CONGESTION_CONTROLS, name);
}

/** Gives a connection another congestion control. The windows stay: they are what is known of the path (Linux: tcp_set_congestion_control). */
export function setCongestion(tcb: Tcb, name: CongestionName, initialWindow: number): void {
  const control = CONGESTION_CONTROLS[name];
  if (control === tcb.congestion) return;
  tcb.congestion = control;
  tcb.ccState = null;
  tcb.cwndAcked = 0;
  tcb.pacingRate = tcb.maxPacingRate;
  if (!tcb.synAcked) return;
  const { cwnd, ssthresh } = tcb;
  control.init(tcb, initialWindow);
  tcb.cwnd = cwnd;
  tcb.ssthresh = ssthresh;
}
