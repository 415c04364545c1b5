/**
 * What loss-based congestion controls share: the first window (RFC 6928), growth in slow start and congestion avoidance
 * (RFC 5681 3.1) counted in bytes acknowledged (RFC 3465). In bytes; Linux counts segments, and where a figure shows in
 * tcp_info it is a whole number of them here too.
 */
import type { Tcb } from "../tcb.ts";
import type { AckSample } from "./congestion.ts";
import type { HyStart } from "./hystart.ts";

/** The largest window: RFC 7323 2.3 lets no peer offer more. */
export const CWND_MAX: number = 2 ** 30;

/** ssthresh before any loss: "arbitrarily high" (RFC 5681 3.1). */
export const SSTHRESH_NONE = 0x7fffffff;

/** RFC 6928 2: `segments` of them, or 1,460 bytes each where that is less, but two at least. */
export function initialBytes(tcb: Tcb, segments: number): number {
  const mss = tcb.snd.mss;
  return Math.min(segments * mss, Math.max(2 * mss, 1_460 * segments));
}

/** The window of a connection that begins. RFC 5681 3.1: a lost SYN or SYN-ACK leaves one segment. */
export function firstWindow(tcb: Tcb, segments: number): number {
  return tcb.retries > 0 ? tcb.snd.mss : initialBytes(tcb, segments);
}

/** `share` (from 0 to 1, in 1024ths) of `bytes` in whole segments, two at least (RFC 5681 3.1 (4), RFC 9438 4.6). */
export function reduced(tcb: Tcb, bytes: number, share1024: number): number {
  const mss = tcb.snd.mss;
  const segments = Math.floor((Math.floor(bytes / mss) * share1024) / 1_024);
  return Math.max(segments, 2) * mss;
}

/**
 * Slow start's share of an ACK: cwnd grows by what was acknowledged up to ssthresh, by less where `hystart` says so (null:
 * not used); `used`: the window may open. Returns the bytes left for congestion avoidance. RFC 3465 with no L, as Linux: one
 * ACK acknowledges many segments where the peer has GRO, or takes packets in batches as we do. What counts is what this ACK
 * delivered: what was SACKED before did not wait for it.
 */
export function slowStart(tcb: Tcb, sample: AckSample, used: boolean, hystart: HyStart | null): number {
  let acked = sample.delivered;
  if (hystart !== null) {
    const growth = hystart.onAck(tcb, acked, sample.rttUs);
    if (growth < 0) {
      tcb.ssthresh = tcb.cwnd;
      return used ? acked : 0;
    }
    acked = growth;
  }
  if (!used) return 0;
  const grown = Math.min(tcb.cwnd + acked, tcb.ssthresh, CWND_MAX);
  const rest = tcb.ssthresh > grown ? 0 : acked - (grown - tcb.cwnd);
  tcb.cwnd = grown;
  return rest;
}

/** Congestion avoidance: a segment more for every `window` bytes acknowledged (RFC 3465 2.1). */
export function additiveIncrease(tcb: Tcb, window: number, acked: number): void {
  // What was saved while the window was larger counts once (Linux: tcp_cong_avoid_ai).
  if (tcb.cwndAcked >= window) {
    tcb.cwndAcked = 0;
    grow(tcb, 1);
  }
  tcb.cwndAcked += acked;
  if (tcb.cwndAcked < window) return;
  const segments = Math.floor(tcb.cwndAcked / window);
  tcb.cwndAcked -= segments * window;
  grow(tcb, segments);
}

/** `segments` more. */
export function grow(tcb: Tcb, segments: number): void {
  tcb.cwnd = Math.min(tcb.cwnd + segments * tcb.snd.mss, CWND_MAX);
}

/** RFC 2861 3.2: three quarters of a window that was proved once stay as ssthresh. */
export function keptThreshold(tcb: Tcb): number {
  if (tcb.ssthresh === SSTHRESH_NONE) return SSTHRESH_NONE;
  const mss = tcb.snd.mss;
  return Math.max(tcb.ssthresh, Math.floor((3 * tcb.cwnd) / (4 * mss)) * mss);
}
