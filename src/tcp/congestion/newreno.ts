/**
 * NewReno's window: slow start and congestion avoidance (RFC 5681), counted in bytes (RFC 3465), first window of ten
 * segments (RFC 6928), HyStart++ in the first slow start (RFC 9406 names Reno too; Linux's reno has none). Loss halves the
 * window; recovery itself is in `recovery/`.
 */
import type { Tcb } from "../tcb.ts";
import type { AckSample, CongestionControl } from "./congestion.ts";
import { additiveIncrease, firstWindow, reduced, SSTHRESH_NONE, slowStart } from "./growth.ts";
import { HyStart } from "./hystart.ts";
import { isWindowUsed } from "./validation.ts";

/** RFC 5681 3.1 (4): half of FlightSize, in 1024ths. */
const HALF = 512;

/** RFC 5681 3.1 (4). What Limited Transmit added (RFC 3042 2) is in flight, but never was in cwnd. */
function halved(tcb: Tcb, flight: number): number {
  return reduced(tcb, Math.min(flight, tcb.cwnd), HALF);
}

/** The strategy. */
export const newReno: CongestionControl = {
  name: "reno",
  ownsWindow: false,

  init(tcb: Tcb, initialWindow: number): void {
    tcb.cwnd = firstWindow(tcb, initialWindow);
  },

  onAck(tcb: Tcb, sample: AckSample): void {
    let rest = sample.delivered;
    if (tcb.cwnd < tcb.ssthresh) {
      rest = slowStart(tcb, sample, isWindowUsed(tcb), hystartOf(tcb));
      if (rest === 0) return;
    } else if (!isWindowUsed(tcb)) {
      return;
    }
    additiveIncrease(tcb, tcb.cwnd, rest);
  },

  onLoss(tcb: Tcb, flight: number): void {
    tcb.ssthresh = halved(tcb, flight);
    tcb.cwndAcked = 0;
  },

  onTimeout(tcb: Tcb, flight: number, first: boolean): void {
    // RFC 5681 3.1: ssthresh is held when the same segment times out again.
    if (first) tcb.ssthresh = halved(tcb, flight);
    tcb.cwnd = tcb.snd.mss;
    tcb.cwndAcked = 0;
  },

  onRecovered(): void {},

  onUndo(tcb: Tcb): void {
    tcb.cwnd = Math.max(tcb.cwnd, tcb.priorCwnd);
    tcb.ssthresh = Math.max(tcb.ssthresh, tcb.priorSsthresh);
  },

  onIdle(): void {},

  onRest(tcb: Tcb): void {
    tcb.ccState = null;
  },
};

function hystartOf(tcb: Tcb): HyStart | null {
  if (tcb.ssthresh !== SSTHRESH_NONE || !tcb.hystart) return null;
  tcb.ccState ??= new HyStart();
  return tcb.ccState as HyStart;
}
