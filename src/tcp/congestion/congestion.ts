/**
 * Congestion control behind one interface. It answers how much may be in flight (`tcb.cwnd`, bytes) and never
 * sends. To add one: a file beside this one, and a line in `CONGESTION_CONTROLS`.
 */
import type { Micros } from "../../base/time.ts";
import type { Tcb } from "../tcb.ts";
import { newReno } from "./newreno.ts";

/** What one ACK told. One scratch object is reused. */
export class AckSample {
  now: Micros = -0.5;
  /** Bytes newly acknowledged cumulatively, and newly SACKed. */
  acked = 0;
  sacked = 0;
  /** Bytes in flight before the ACK. */
  inFlight = 0;
  /** Round-trip time by Karn's rule in microseconds, -1 when the ACK gave none. */
  rttUs = -1;
}

/** A congestion control. State lives in the TCB; the object itself is shared by all connections. */
export interface CongestionControl {
  readonly name: string;
  /** The connection is established: set cwnd and ssthresh. */
  init(tcb: Tcb, initialWindow: number): void;
  /** New data was acknowledged outside of fast recovery. */
  onAck(tcb: Tcb, sample: AckSample): void;
  /** Loss was found by duplicate ACKs or SACK: once a window. */
  onLoss(tcb: Tcb, flight: number): void;
  /** The retransmission timer expired; `first` unless it had already for the same data. */
  onTimeout(tcb: Tcb, flight: number, first: boolean): void;
  /** Recovery ended. */
  onRecovered(tcb: Tcb, inFlight: number): void;
  /** Data is to be sent after nothing was for longer than RTO (RFC 5681 4.1). */
  onIdle(tcb: Tcb, initialWindow: number): void;
}

/** Those that can be chosen, by the name that `ss -i` prints. */
export const CONGESTION_CONTROLS: { readonly newreno: CongestionControl } = { newreno: newReno };
