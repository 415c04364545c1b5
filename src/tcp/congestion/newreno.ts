/**
 * NewReno: slow start and congestion avoidance (RFC 5681), counted in bytes (RFC 3465), first window of ten
 * segments (RFC 6928). Loss halves the window; recovery itself is in `recovery/`.
 */
import type { Tcb } from "../tcb.ts";
import type { AckSample, CongestionControl } from "./congestion.ts";

/** RFC 5681 5: the window after loss is at least two segments. */
const floor = (tcb: Tcb, bytes: number): number => Math.max(bytes, 2 * tcb.snd.mss);

/** RFC 6928 2: ten segments, or 14,600 bytes where that is less, but two segments at least. */
export function initialBytes(tcb: Tcb, segments: number): number {
  const mss = tcb.snd.mss;
  return Math.min(segments * mss, Math.max(2 * mss, 1_460 * segments));
}

/** The strategy. */
export const newReno: CongestionControl = {
  name: "reno",
  ownsWindow: false,

  init(tcb: Tcb, initialWindow: number): void {
    // RFC 5681 3.1: a lost SYN or SYN-ACK leaves one segment.
    tcb.cwnd = tcb.retries > 0 ? tcb.snd.mss : initialBytes(tcb, initialWindow);
  },

  onAck(tcb: Tcb, sample: AckSample): void {
    // RFC 7661 2, RFC 5681 4.1: a window that was not used tells nothing of the path.
    if (!tcb.cwndLimited) return;
    if (tcb.cwnd < tcb.ssthresh) {
      // RFC 3465 with no L: one ACK a batch acknowledges many segments here, as with GRO in Linux.
      tcb.cwnd = Math.min(tcb.cwnd + sample.acked, Math.max(tcb.ssthresh, tcb.cwnd + tcb.snd.mss));
      return;
    }
    tcb.cwndAcked += sample.acked;
    if (tcb.cwndAcked >= tcb.cwnd) {
      tcb.cwndAcked -= tcb.cwnd;
      tcb.cwnd += tcb.snd.mss;
    }
  },

  onLoss(tcb: Tcb, flight: number): void {
    tcb.ssthresh = floor(tcb, flight >> 1);
    tcb.cwndAcked = 0;
  },

  onTimeout(tcb: Tcb, flight: number, first: boolean): void {
    // RFC 5681 3.1: ssthresh is held when the same segment times out again.
    if (first) tcb.ssthresh = floor(tcb, flight >> 1);
    tcb.cwnd = tcb.snd.mss;
    tcb.cwndAcked = 0;
  },

  onRecovered(): void {},

  onUndo(tcb: Tcb): void {
    tcb.cwnd = Math.max(tcb.cwnd, tcb.priorCwnd);
    tcb.ssthresh = Math.max(tcb.ssthresh, tcb.priorSsthresh);
  },

  onIdle(tcb: Tcb, initialWindow: number): void {
    tcb.cwnd = Math.min(tcb.cwnd, initialBytes(tcb, initialWindow));
  },
};
