/**
 * TIME-WAIT as a compact record: a few int32 in the flow table, no TCB. It acknowledges what the peer repeats,
 * outlives resets (RFC 1337) and makes way for a newer connection (RFC 6191).
 */
import { add, diff, gt, type Seq, seq, toInt } from "../base/seq.ts";
import * as drop from "../wire/drop.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { mayAnswerRecord } from "./challenge.ts";
import { type TcpContext, timestampClock } from "./context.ts";
import type { SegmentOut } from "./segment-out.ts";
import type { Tcb } from "./tcb.ts";
import { acceptanceWindow, advertise } from "./window.ts";

const SND_NXT = 0;
const RCV_NXT = 1;
const WND = 2;
const FLAGS = 3;
const TS_RECENT = 4;
const TS_RECENT_AT = 5;
const TS_OFFSET = 6;
/** The window of the acceptability tests, in bytes. */
const ACCEPTS = 7;
/** When an unacceptable segment was last answered, ms. */
const ANSWERED_AT = 8;

const HAS_TS = 1;

/** What a segment did to a connection in TIME-WAIT. */
export const IGNORED = 0;
export const ANSWER = 1;
export const RESTART = 2;
export const REUSE = 3;
export const END = 4;

/** Writes what TIME-WAIT needs of `tcb` into the record at `at`. */
export function fillTimeWait(record: Int32Array, at: number, tcb: Tcb, ctx: TcpContext): void {
  record[at + SND_NXT] = toInt(tcb.snd.nxt);
  record[at + RCV_NXT] = toInt(tcb.rcv.nxt);
  // No less than the ACK of the FIN says, which leaves after this: the right edge stays where it was promised.
  record[at + WND] = advertise(tcb, ctx) | (tcb.rcv.scale << 16);
  record[at + FLAGS] = tcb.timestamps ? HAS_TS : 0;
  record[at + TS_RECENT] = tcb.tsRecent;
  record[at + TS_RECENT_AT] = tcb.tsRecentSecond;
  record[at + TS_OFFSET] = tcb.tsOffset;
  record[at + ANSWERED_AT] = 0;
  // The ACK of the FIN, which leaves after this, promises what is free.
  const promised = Math.min(tcb.rcv.buffer - tcb.queuedToRead, 65_535 * 2 ** tcb.rcv.scale);
  record[at + ACCEPTS] = Math.max(1, promised, acceptanceWindow(tcb, ctx.config));
}

/** SND.NXT of the old connection, which a reuse must start above. */
export function sendNext(record: Int32Array, at: number): Seq {
  return seq(record[at + SND_NXT]!);
}

/** A segment for a connection in TIME-WAIT. Returns IGNORED to END. */
export function arrivesTimeWait(record: Int32Array, at: number, seg: Segment, ctx: TcpContext): number {
  const next = seq(record[at + RCV_NXT]!);
  if ((seg.flags & RST) !== 0) {
    // RFC 1337 3, fix (F1): a reset does not end TIME-WAIT.
    if (
      ctx.config.timeWaitReset === "accept" &&
      (ctx.config.insecureRst ? isInWindow(record, at, seg) : seg.seq === next)
    ) {
      ctx.counters.InRsts++;
      return END;
    }
    ctx.drop(drop.TCP_TIME_WAIT);
    return IGNORED;
  }
  const hasTs = (record[at + FLAGS]! & HAS_TS) !== 0 && seg.hasTimestamps;
  const newer = (seg.tsval - record[at + TS_RECENT]!) | 0;
  const opens = ctx.config.dropSynFin === "never" ? SYN | ACK : SYN | ACK | FIN;
  if ((seg.flags & opens) === SYN) {
    // RFC 6191 2: a SYN with a later timestamp, or where timestamps can't tell a higher sequence number, is a new connection.
    // Its first case: timestamps now, none before.
    const firstTs = (record[at + FLAGS]! & HAS_TS) === 0 && seg.hasTimestamps;
    if (hasTs && newer !== 0 ? newer > 0 : firstTs || gt(seg.seq, next)) return REUSE;
    if (!ctx.config.timeWaitNeedsAck) return ANSWER;
  }
  if ((seg.flags & ACK) === 0 && ctx.config.timeWaitNeedsAck) {
    ctx.drop(drop.TCP_NO_ACK);
    return IGNORED;
  }
  const stale = hasTs && newer < 0;
  const length = seg.len;
  if ((seg.flags & (SYN | ACK)) === 0 && !stale && isInWindow(record, at, seg)) {
    ctx.drop(drop.TCP_NO_ACK);
    return IGNORED;
  }
  if (length === 0) {
    // A bare ACK at RCV.NXT is the peer's last one; any other is answered, at a limited rate.
    if (!stale && seg.seq === next) return IGNORED;
    return mayAnswerRecord(record, at + ANSWERED_AT, ctx) ? ANSWER : IGNORED;
  }
  // RFC 9293 3.10.7.4: "The only thing that can arrive in this state is a retransmission of the remote FIN."
  const repeated = (seg.flags & FIN) !== 0 && add(seg.seq, length) === next;
  return repeated ? RESTART : ANSWER;
}

/** The tests of RFC 9293 table 6 against the window last advertised. */
function isInWindow(record: Int32Array, at: number, seg: Segment): boolean {
  const offset = diff(seg.seq, seq(record[at + RCV_NXT]!));
  if (offset >= 0) return offset < record[at + ACCEPTS]!;
  return offset + seg.len > 0;
}

/** Fills `out` with <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>. */
export function timeWaitAck(record: Int32Array, at: number, ctx: TcpContext, out: SegmentOut): void {
  out.reset();
  out.seq = seq(record[at + SND_NXT]!);
  out.ack = seq(record[at + RCV_NXT]!);
  out.flags = ACK;
  out.wnd = record[at + WND]! & 0xffff;
  if ((record[at + FLAGS]! & HAS_TS) !== 0) {
    out.timestamps = true;
    out.tsval = timestampClock(ctx.now, record[at + TS_OFFSET]!);
    out.tsecr = record[at + TS_RECENT]!;
  }
}
