/**
 * Text of a segment on a synchronized connection (RFC 9293 3.10.7.4, seventh step): in order into the receive
 * buffer, ahead of a gap into the assembler, and the acknowledgment that is owed for it.
 */
import { add, diff, lt, max, min } from "../base/seq.ts";
import * as drop from "../wire/drop.ts";
import { FIN, type Segment } from "../wire/segment.ts";
import { MAX_ECHO_MS, type TcpContext, timestampClock } from "./context.ts";
import { takeCodepoint } from "./ecn.ts";
import { noteDuplicate, noteOverlap } from "./sack-blocks.ts";
import { ACK_DELAYED, ACK_NOW, EVENT_DATA, type Tcb } from "./tcb.ts";
import { startDelayedAck } from "./timers.ts";

/** Takes the text at SEG.SEQ >= RCV.NXT (the caller trimmed it to the window). Returns whether the packet's memory is kept. */
export function takeText(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  const rcv = tcb.rcv;
  const length = seg.textLength;
  tcb.dataSegsIn++;
  tcb.lastDataReceived = ctx.now;
  const segment = seg.gsoSize > 0 ? seg.gsoSize : length;
  if (segment > rcv.mss) rcv.mss = Math.min(segment, MAX_SEGMENT);
  if (tcb.ecn) takeCodepoint(tcb, seg);
  if (seg.seq !== rcv.nxt) {
    takeAhead(tcb, seg, ctx);
    return false;
  }
  const kept = tcb.receiveBuffer.append(seg.bytes, seg.textOffset, length, ctx.arena, tcb.copyBelow);
  rcv.nxt = add(rcv.nxt, length);
  let inOrder = length;
  tcb.unackedText += length;
  if (tcb.timestamps && seg.tsecr !== tcb.rcvRttEcho && length >= rcv.mss) takeReceiverRtt(tcb, seg, ctx);
  if (tcb.promptAcks > 0) tcb.promptAcks--;
  if (tcb.hasGaps) {
    noteOverlap(tcb, seg.seq, rcv.nxt, ctx);
    const filled = tcb.assembler.take(rcv.nxt, tcb.receiveBuffer);
    rcv.nxt = add(rcv.nxt, filled);
    inOrder += filled;
    // RFC 5681 4.2: a segment that fills a gap, in whole or in part, is acknowledged at once.
    tcb.ack = ACK_NOW;
  }
  tcb.bytesReceived += inOrder;
  // RFC 9293 3.8.6.3 SHLD-18: an ACK for every second full segment at least.
  if (tcb.unackedText >= 2 * rcv.mss || tcb.finAhead) {
    // A FIN ahead of a gap makes one of which the assembler knows nothing.
    tcb.ack = ACK_NOW;
  } else if (tcb.quickAcks > 0 && !((seg.flags & FIN) !== 0 && ctx.config.finAck === "delayed")) {
    tcb.quickAcks--;
    tcb.ack = ACK_NOW;
  } else if (tcb.ack === ACK_DELAYED && ctx.config.ackEvery === "any") {
    tcb.ack = ACK_NOW;
  } else if (tcb.ack === 0) {
    tcb.ack = ACK_DELAYED;
    startDelayedAck(tcb, ctx);
  }
  ctx.note(tcb, EVENT_DATA);
  ctx.markDirty(tcb);
  return kept;
}

/**
 * The round trip that a receiver of nothing but text sees: from our ACK to the first text that echoes it (Linux:
 * tcp_rcv_rtt_measure_ts). Its clock is that of the timestamps, so 1 ms is the least.
 */
function takeReceiverRtt(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  tcb.rcvRttEcho = seg.tsecr;
  const ticks = (timestampClock(ctx.now, tcb.tsOffset) - seg.tsecr) | 0;
  if (seg.tsecr === 0 || ticks < 0 || ticks > MAX_ECHO_MS) return;
  const sample = Math.max(1, ticks) * 1_000;
  tcb.rcvRttUs = tcb.rcvRttUs < 0 ? sample : tcb.rcvRttUs + ((sample - tcb.rcvRttUs) >> 3);
}

/** Text after a gap: kept, reported by SACK, and answered at once by a duplicate ACK (RFC 5681 4.2). */
function takeAhead(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const left = seg.seq;
  const right = add(left, seg.textLength);
  tcb.ack = ACK_NOW;
  tcb.promptAcks = PROMPT_ACKS;
  ctx.markDirty(tcb);
  if (tcb.assembler.covers(left, right)) {
    // RFC 2018 4: the block that holds the segment comes first, as if it were new.
    tcb.assembler.touch(left);
    noteDuplicate(tcb, left, right, ctx);
    return;
  }
  noteOverlap(tcb, left, right, ctx);
  if (tcb.assembler.insert(left, seg.bytes, seg.textOffset, seg.textLength, ctx.arena)) {
    tcb.outOfOrder++;
    ctx.counters.TCPOFOQueue++;
  } else {
    ctx.counters.TCPOFODrop++;
    ctx.drop(drop.TCP_REASSEMBLY_FULL);
  }
}

/**
 * Cuts a segment down to the window (RFC 9293 3.10.7.4, first step: "tailored"). What was received before is noted for
 * DSACK (RFC 2883 4.1). Returns false when nothing of its text and FIN is left.
 */
export function trimToWindow(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  const rcv = tcb.rcv;
  if (lt(seg.seq, rcv.nxt)) {
    const old = diff(rcv.nxt, seg.seq);
    noteDuplicate(tcb, seg.seq, min(rcv.nxt, add(seg.seq, seg.textLength)), ctx);
    if (old > seg.textLength) return false;
    seg.textOffset += old;
    seg.textLength -= old;
    seg.seq = rcv.nxt;
    tcb.ack = ACK_NOW;
  }
  const end = add(seg.seq, seg.textLength);
  const edge = max(rcv.edge, rcv.nxt);
  const beyond = diff(end, edge);
  if (beyond > 0) {
    seg.textLength = Math.max(0, seg.textLength - beyond);
    tcb.ack = ACK_NOW;
  }
  // The FIN takes a sequence number too: cut off, it will be sent again. Alone, its sender must hear that we are there; text
  // is acknowledged anyway.
  if (beyond >= 0 && (seg.flags & FIN) !== 0) {
    seg.flags &= ~FIN;
    if (seg.textLength === 0) tcb.ack = ACK_NOW;
  }
  return true;
}

/**
 * One ACK a batch is robust where nothing is lost. Where something is, that ACK may be next: RFC 5681 4.2 has one for each
 * segment behind a gap, and one for every second after it, for so many segments.
 */
const PROMPT_ACKS = 64;

/** `rcv.mss` never counts a super-segment as one segment of its size where the device does not tell. */
const MAX_SEGMENT = 16_384;
