/**
 * A passive SYN-RECEIVED as a mini-TCB: ten int32 in the flow table, no object (RFC 4987 3.5, a SYN cache). Made
 * from a SYN (or a cookie), it answers with SYN-ACKs, and becomes a TCB when the third segment is good.
 */
import { add, diff, type Seq, seq, toInt } from "../base/seq.ts";
import { SECOND } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { ACK, ECE, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { refuse } from "./arrives-closed.ts";
import { mayAnswerRecord } from "./challenge.ts";
import { defaultMss, receiveScale, type TcpConfig } from "./config.ts";
import { type TcpContext, timestampClock } from "./context.ts";
import { isSetupSyn } from "./ecn.ts";
import type { SegmentOut } from "./segment-out.ts";
import { LISTEN, SYN_RECEIVED } from "./state.ts";
import { enterState, type Tcb } from "./tcb.ts";

const ISS = 0;
const IRS = 1;
const MSS_WND = 2;
const FLAGS = 3;
const TS_RECENT = 4;
const TS_OFFSET = 5;
const SENT_AT = 6;
/** Number of the listener; the stack's. */
export const LISTENER = 7;
/** Retransmissions of the SYN-ACK. */
export const RETRIES = 8;
/** When a challenge was last answered, ms. */
const ANSWERED_AT = 9;

const SCALE_MASK = 0x0f;
const HAS_SCALE = 0x10;
const HAS_SACK = 0x20;
const HAS_TS = 0x40;
/** No SYN-ACK of ours was remembered: there is no round trip to measure. */
const FROM_COOKIE = 0x80;
const OUR_SCALE_SHIFT = 8;
const HAS_ECN = 0x1000;
/** The window offered, in the upper 16 bits. */
const WINDOW_SHIFT = 16;
/** The third segment came without text, and the listener waits for some. */
const DEFERRED = 0x2000;

/** What a segment did to a half-open connection. */
export const KEEP = 0;
export const FORGET = 1;
export const RESEND = 2;
export const ANSWER = 3;
export const COMPLETE = 4;

/**
 * Fills the record at `at` from a SYN; `buffer` is what the connection will have for text to come, `least` a bound for the ISS
 * when the 4-tuple is reused (RFC 6191), else null.
 */
export function fillHalfOpen(
  record: Int32Array,
  at: number,
  seg: Segment,
  ctx: TcpContext,
  buffer: number,
  least: Seq | null,
): void {
  const config = ctx.config;
  let iss = ctx.isn(seg.family, seg.dst, seg.src, seg.dstPort, seg.srcPort);
  if (least !== null && diff(iss, least) < REUSE_DISTANCE) iss = add(least, REUSE_DISTANCE);
  let flags = offered(buffer);
  if (config.windowScale && seg.wscale >= 0) {
    flags |= HAS_SCALE | seg.wscale | (scaleOf(buffer, config) << OUR_SCALE_SHIFT);
  }
  if (config.sack && seg.sackPermitted) flags |= HAS_SACK;
  if (config.timestamps && seg.hasTimestamps) flags |= HAS_TS;
  if (config.ecn !== "off" && isSetupSyn(seg)) flags |= HAS_ECN;
  record[at + ISS] = toInt(iss);
  record[at + IRS] = toInt(seg.seq);
  record[at + MSS_WND] = ((seg.mss > 0 ? seg.mss : defaultMss(seg.family)) << 16) | seg.wnd;
  record[at + FLAGS] = flags;
  record[at + TS_RECENT] = seg.tsval;
  record[at + TS_OFFSET] = ctx.timestampOffset(seg.family, seg.dst, seg.src);
  record[at + SENT_AT] = ctx.now | 0;
  record[at + RETRIES] = 0;
  record[at + ANSWERED_AT] = 0;
}

/** Linux and 4.4BSD start this far above the old connection's SND.NXT. */
const REUSE_DISTANCE = 65_537;

/** The listener's settings say of the buffer what the configuration does not. */
function scaleOf(buffer: number, config: TcpConfig): number {
  return receiveScale(buffer === config.receiveBuffer ? 0 : buffer, config);
}

function offered(buffer: number): number {
  return Math.min(65_535, buffer) << WINDOW_SHIFT;
}

/** Fills the record of a connection whose SYN was answered by a cookie; the third segment brings the rest. */
export function fillFromCookie(
  record: Int32Array,
  at: number,
  seg: Segment,
  options: { mss: number; wscale: number; sackPermitted: boolean; ecn: boolean },
  ctx: TcpContext,
  buffer: number,
): void {
  let flags = FROM_COOKIE | offered(buffer);
  if (seg.hasTimestamps) {
    flags |= HAS_TS;
    if (options.sackPermitted) flags |= HAS_SACK;
    if (options.ecn) flags |= HAS_ECN;
    if (options.wscale >= 0) {
      const ours = scaleOf(buffer, ctx.config);
      flags |= HAS_SCALE | options.wscale | (ours << OUR_SCALE_SHIFT);
    }
  }
  record[at + ISS] = (toInt(seg.ack) - 1) | 0;
  record[at + IRS] = (toInt(seg.seq) - 1) | 0;
  record[at + MSS_WND] = (options.mss << 16) | seg.wnd;
  record[at + FLAGS] = flags;
  record[at + TS_RECENT] = seg.tsval;
  record[at + TS_OFFSET] = ctx.timestampOffset(seg.family, seg.dst, seg.src);
  record[at + SENT_AT] = ctx.now | 0;
  record[at + RETRIES] = 0;
  record[at + ANSWERED_AT] = 0;
}

/** Fills `out` with <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK> and the options that were offered. `mss` is ours. */
export function synAck(record: Int32Array, at: number, mss: number, ctx: TcpContext, out: SegmentOut): void {
  const flags = record[at + FLAGS]!;
  out.reset();
  out.seq = seq(record[at + ISS]!);
  out.ack = seq(record[at + IRS]! + 1);
  out.flags = (flags & HAS_ECN) !== 0 ? SYN | ACK | ECE : SYN | ACK;
  out.wnd = flags >>> WINDOW_SHIFT;
  out.mss = mss;
  if ((flags & HAS_SCALE) !== 0) out.wscale = (flags >> OUR_SCALE_SHIFT) & SCALE_MASK;
  out.sackPermitted = (flags & HAS_SACK) !== 0;
  if ((flags & HAS_TS) !== 0) {
    out.timestamps = true;
    out.tsval = timestampClock(ctx.now, record[at + TS_OFFSET]!);
    out.tsecr = record[at + TS_RECENT]!;
  }
}

/** ISS, the sequence number of the SYN-ACK. */
export function initialSequence(record: Int32Array, at: number): Seq {
  return seq(record[at + ISS]!);
}

/** SEG.SEQ of the RST that ends the half-open connection: RCV.NXT. */
export function expectedReset(record: Int32Array, at: number): Seq {
  return seq(record[at + IRS]! + 1);
}

/** Fills `out` with <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>: the answer to a segment that may not be the peer's. */
export function halfOpenAck(record: Int32Array, at: number, ctx: TcpContext, out: SegmentOut): void {
  synAck(record, at, 0, ctx, out);
  const flags = record[at + FLAGS]!;
  if ((flags & HAS_SCALE) !== 0) out.wnd >>= (flags >> OUR_SCALE_SHIFT) & SCALE_MASK;
  out.seq = add(out.seq, 1);
  out.flags = ACK;
}

/**
 * A segment for a half-open connection: the steps of RFC 9293 3.10.7.4 for a passive SYN-RECEIVED, in their order.
 * Returns KEEP to COMPLETE.
 */
export function arrivesHalfOpen(record: Int32Array, at: number, seg: Segment, ctx: TcpContext): number {
  const offset = diff(seg.seq, seq(record[at + IRS]! + 1));
  const hasTs = (record[at + FLAGS]! & HAS_TS) !== 0;
  // By the letter the peer's SYN is old and gets an ACK; what it lacks is our SYN,ACK (RFC 9293 3.8.1; Linux, BSD).
  if ((seg.flags & (SYN | ACK | RST | FIN)) === SYN && offset === -1) return RESEND;
  if ((seg.flags & RST) === 0 && hasTs && (seg.hasTimestamps || ctx.config.timestampsRequired)) {
    if (!seg.hasTimestamps) {
      ctx.drop(drop.TCP_MISSING_TIMESTAMP);
      return KEEP;
    }
    if (((seg.tsval - record[at + TS_RECENT]!) | 0) < 0) {
      ctx.drop(drop.TCP_PAWS);
      return mayAnswerRecord(record, at + ANSWERED_AT, ctx) ? ANSWER : KEEP;
    }
  }
  if (!isInWindow(offset, seg.len, record[at + FLAGS]! >>> WINDOW_SHIFT)) {
    ctx.drop(drop.TCP_SEQUENCE);
    return (seg.flags & RST) === 0 && mayAnswerRecord(record, at + ANSWERED_AT, ctx) ? ANSWER : KEEP;
  }
  if ((seg.flags & RST) !== 0) {
    if (offset !== 0 && !ctx.config.insecureRst) {
      ctx.drop(drop.TCP_RST_OUT_OF_WINDOW);
      return mayAnswerRecord(record, at + ANSWERED_AT, ctx) ? ANSWER : KEEP;
    }
    // "If this connection was initiated with a passive OPEN, then return this connection to the LISTEN state."
    ctx.counters.InRsts++;
    ctx.counters.AttemptFails++;
    return FORGET;
  }
  if ((seg.flags & SYN) !== 0) {
    // The same for a SYN: the peer started anew, and its next SYN finds LISTEN.
    ctx.drop(drop.TCP_SEQUENCE);
    ctx.counters.AttemptFails++;
    return FORGET;
  }
  if ((seg.flags & ACK) === 0) {
    ctx.drop(drop.TCP_NO_ACK);
    return KEEP;
  }
  if (toInt(seg.ack) !== ((record[at + ISS]! + 1) | 0)) {
    ctx.drop(drop.TCP_ACK_UNACCEPTABLE);
    refuse(seg, ctx);
    return KEEP;
  }
  return COMPLETE;
}

/** The tests of RFC 9293 table 6 for `length` numbers from RCV.NXT + `offset` on. */
function isInWindow(offset: number, length: number, wnd: number): boolean {
  if (offset >= 0) return offset < wnd;
  return length > 0 && offset + length - 1 >= 0;
}

/** Notes that the third segment came and that the connection waits for text (`Listener.deferAccept`). */
export function defer(record: Int32Array, at: number): void {
  record[at + FLAGS]! |= DEFERRED;
}

/** Whether `defer` noted it. */
export function isDeferred(record: Int32Array, at: number): boolean {
  return (record[at + FLAGS]! & DEFERRED) !== 0;
}

/** Makes `tcb` the SYN-RECEIVED connection that the record stands for; the third segment then arrives at it. */
export function complete(tcb: Tcb, record: Int32Array, at: number, ctx: TcpContext): void {
  const { snd, rcv } = tcb;
  const flags = record[at + FLAGS]!;
  snd.iss = seq(record[at + ISS]!);
  snd.una = snd.iss;
  snd.nxt = add(snd.iss, 1);
  snd.up = snd.small = tcb.recover = tcb.lostMark = tcb.resendHint = snd.iss;
  snd.peerMss = record[at + MSS_WND]! >>> 16;
  snd.wnd = record[at + MSS_WND]! & 0xffff;
  snd.maxWnd = snd.wnd;
  rcv.irs = seq(record[at + IRS]!);
  rcv.nxt = add(rcv.irs, 1);
  rcv.up = rcv.irs;
  rcv.wnd = flags >>> WINDOW_SHIFT;
  rcv.edge = add(rcv.nxt, rcv.wnd);
  tcb.windowScale = (flags & HAS_SCALE) !== 0;
  snd.scale = tcb.windowScale ? flags & SCALE_MASK : 0;
  rcv.scale = tcb.windowScale ? (flags >> OUR_SCALE_SHIFT) & SCALE_MASK : 0;
  tcb.sackPermitted = (flags & HAS_SACK) !== 0;
  tcb.timestamps = (flags & HAS_TS) !== 0;
  tcb.ecn = (flags & HAS_ECN) !== 0;
  tcb.tsRecent = record[at + TS_RECENT]!;
  tcb.tsRecentSecond = Math.floor(ctx.now / SECOND);
  tcb.tsOffset = record[at + TS_OFFSET]!;
  tcb.lastAckSent = rcv.nxt;
  tcb.retries = record[at + RETRIES]!;
  if ((flags & FROM_COOKIE) === 0) tcb.lastSent = ctx.now - (((ctx.now | 0) - record[at + SENT_AT]!) >>> 0);
  enterState(tcb, LISTEN);
  enterState(tcb, SYN_RECEIVED);
}
