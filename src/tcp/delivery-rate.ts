/**
 * Delivery-rate samples (draft-ietf-ccwg-bbr 4.1, before it draft-cheng-iccrg-delivery-rate-estimation; Linux: tcp_rate.c):
 * how fast the network delivered the latest flight, and whether the application held it back. Kept only for connections
 * whose congestion control asks (`needsRate`). What a sample means for the window is that control's business.
 */
import type { Micros } from "../base/time.ts";
import {
  APP_LIMITED,
  DELIVERED,
  DELIVERED_AT,
  FIRST_SENT_AT,
  FLAGS,
  IN_FLIGHT,
  LOST_BEFORE,
  SENT_AT,
} from "./buffer/rate-columns.ts";
import { EVER_RETRANSMITTED } from "./buffer/sent-ring.ts";
import type { AckSample } from "./congestion/congestion.ts";
import { inFlight } from "./recovery/scoreboard.ts";
import type { Tcb } from "./tcb.ts";

/** The draft's C.* of one connection, and its RS.* of the ACK at hand. C.delivered is `tcb.delivered`. */
export class DeliveryRate {
  /** C.delivered_time, C.first_send_time. */
  deliveredAt: Micros = -0.5;
  firstSentAt: Micros = -0.5;
  /** C.app_limited: samples of what was sent before C.delivered passes it say what the application did; 0: none does. */
  appLimitedUntil = 0;
  /** RS.has_data; RS.delivered, RS.interval in microseconds, RS.tx_in_flight and P.lost; RS.rtt, -1 without. */
  hasData = false;
  delivered = 0;
  interval: Micros = -0.5;
  txInFlight = 0;
  lostBefore = 0;
  rttUs = -1;
  /** The latest sample worth keeping (Linux: tcpi_delivery_rate, tcpi_delivery_rate_app_limited). */
  latest = 0;
  latestIsLimited = false;
}

/** Starts sampling on a connection. What is in flight already says little: it counts as limited by the application. */
export function trackRate(tcb: Tcb): void {
  const ring = tcb.sentRing;
  if (tcb.rate !== null) return;
  const rate = new DeliveryRate();
  tcb.rate = rate;
  ring.trackRate();
  if (ring.count === 0) return;
  rate.firstSentAt = rate.deliveredAt = tcb.lastSent;
  markAppLimited(tcb, rate);
  for (let i = 0; i < ring.count; i++) {
    const sentAt = ring.sentAt(i);
    ring.rate!.stamp(ring.rateRow(i), tcb.delivered, sentAt, sentAt, inFlight(tcb), tcb.lost, true);
  }
}

/** Record `i` has just been sent, for the first time or again (OnPacketSent). */
export function noteSent(tcb: Tcb, rate: DeliveryRate, i: number, now: Micros): void {
  const ring = tcb.sentRing;
  const columns = ring.rate;
  if (columns === null) return;
  const flight = inFlight(tcb);
  if (flight <= ring.lengthAt(i)) {
    const resumes = rate.deliveredAt >= 0;
    rate.firstSentAt = now;
    rate.deliveredAt = now;
    if (resumes && rate.appLimitedUntil > 0) tcb.congestion.onRestart?.(tcb, now);
  }
  const { deliveredAt, firstSentAt, appLimitedUntil } = rate;
  const row = ring.rateRow(i);
  columns.stamp(row, tcb.delivered, deliveredAt, firstSentAt, flight, tcb.lost, appLimitedUntil > 0);
}

/** Record `i` is taken for lost; the caller marks and counts it. */
export function noteLost(tcb: Tcb, i: number): void {
  const ring = tcb.sentRing;
  const columns = ring.rate;
  if (columns === null || tcb.congestion.onMarkedLost === undefined) return;
  const row = ring.rateRow(i);
  const lost = ((tcb.lost | 0) - columns.at(row, LOST_BEFORE)) | 0;
  const wasLimited = columns.at(row, APP_LIMITED) !== 0;
  tcb.congestion.onMarkedLost(tcb, ring.lengthAt(i), columns.at(row, IN_FLIGHT), lost, wasLimited);
}

/** Nothing waits to be sent, and the window has room: the application is what holds sending back (4.1.2.4). */
export function checkAppLimited(tcb: Tcb, rate: DeliveryRate): void {
  if (tcb.sentRing.toResend === 0 && inFlight(tcb) < tcb.cwnd) markAppLimited(tcb, rate);
}

/** MarkConnectionAppLimited. */
export function markAppLimited(tcb: Tcb, rate: DeliveryRate): void {
  rate.appLimitedUntil = Math.max(1, tcb.delivered + inFlight(tcb));
}

/** GenerateRateSample, once a new ACK is counted in `tcb.delivered`. `sample.rttUs` stays as the retransmission timer took it. */
export function takeRate(tcb: Tcb, rate: DeliveryRate, sample: AckSample): void {
  const columns = tcb.sentRing.rate;
  const now = sample.now;
  sample.deliveryRate = 0;
  sample.priorDelivered = -1;
  rate.hasData = false;
  rate.rttUs = -1;
  rate.delivered = 0;
  if (sample.delivered > 0) rate.deliveredAt = now;
  if (rate.appLimitedUntil > 0 && tcb.delivered > rate.appLimitedUntil) rate.appLimitedUntil = 0;
  if (columns === null || !columns.hasNewest) return;
  columns.hasNewest = false;

  const newest = columns.newest;
  const sentAt = newest[SENT_AT]!;
  rate.hasData = true;
  rate.delivered = ((tcb.delivered | 0) - newest[DELIVERED]!) | 0;
  rate.txInFlight = newest[IN_FLIGHT]!;
  rate.lostBefore = newest[LOST_BEFORE]!;
  sample.priorDelivered = tcb.delivered - rate.delivered;
  sample.isAppLimited = newest[APP_LIMITED] !== 0;
  const wasResent = (newest[FLAGS]! & EVER_RETRANSMITTED) !== 0;
  const age = ((now | 0) - sentAt) | 0;
  if (!wasResent) rate.rttUs = Math.max(1, age);
  // 4.1.1.2.3: the slower of the send rate and the ACK rate, so that compressed ACKs do not count as speed.
  const sendElapsed = (sentAt - newest[FIRST_SENT_AT]!) | 0;
  const ackElapsed = ((now | 0) - newest[DELIVERED_AT]!) | 0;
  rate.interval = Math.max(sendElapsed, ackElapsed);
  rate.firstSentAt = now - age;
  // An acknowledgment that may be of the first transmission came too soon for the second.
  if (rate.interval <= 0 || (tcb.minRttUs >= 0 && rate.interval < tcb.minRttUs)) return;
  sample.deliveryRate = (rate.delivered * 1e6) / rate.interval;
  if (!sample.isAppLimited || sample.deliveryRate >= rate.latest) {
    rate.latest = sample.deliveryRate;
    rate.latestIsLimited = sample.isAppLimited;
  }
}

/** RS.lost: bytes taken for lost between the sending and the acknowledgment of what the sample is about. */
export function lostSince(tcb: Tcb, rate: DeliveryRate): number {
  return ((tcb.lost | 0) - rate.lostBefore) | 0;
}
