/**
 * SEGMENT ARRIVES in SYN-SENT (RFC 9293 3.10.7.3): ACK, RST, security, SYN, in that order.
 */
import { add, gt, leq } from "../base/seq.ts";
import { type Micros, MS, NEVER, SECOND } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { refuse } from "./arrives-closed.ts";
import { takeFin, takeTextStep } from "./arrives-synchronized.ts";
import { established, roundReceiveBuffer } from "./calls.ts";
import { type TcpContext, timestampClock } from "./context.ts";
import { agree } from "./ecn.ts";
import { takeSynAck } from "./fast-open.ts";
import { sampleHandshake } from "./rtt.ts";
import { CLOSE_WAIT, ESTABLISHED, SYN_RECEIVED } from "./state.ts";
import { ACK_NOW, EVENT_END, enterState, FOR_RETRANSMISSION, type Tcb } from "./tcb.ts";
import { startRetransmitAfter } from "./timers.ts";

/** For the RST to be there first (Linux: TCP_TIMEOUT_MIN, two jiffies). */
const AFTER_RESET: Micros = 2 * MS;

/** Returns whether the packet's memory is kept. */
export function arrivesSynSent(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  const snd = tcb.snd;
  const hasAck = (seg.flags & ACK) !== 0;
  if (hasAck && (leq(seg.ack, snd.iss) || gt(seg.ack, snd.nxt))) {
    ctx.drop(drop.TCP_ACK_UNACCEPTABLE);
    refuse(seg, ctx);
    if (ctx.config.synAfterReset && tcb.retries === 0) {
      startRetransmitAfter(tcb, ctx, AFTER_RESET, FOR_RETRANSMISSION);
    }
    return false;
  }
  if (hasAck && (seg.flags & RST) === 0 && !isEchoOurs(tcb, seg, ctx)) {
    ctx.counters.PAWSActive++;
    ctx.drop(drop.TCP_ACK_UNACCEPTABLE);
    refuse(seg, ctx);
    return false;
  }
  if ((seg.flags & RST) !== 0) {
    // RFC 5961 3.2: only an RST that acknowledges our SYN counts.
    if (hasAck) {
      ctx.counters.AttemptFails++;
      ctx.counters.InRsts++;
      ctx.release(tcb, "ECONNREFUSED");
    } else {
      ctx.drop(drop.TCP_RST_OUT_OF_WINDOW);
    }
    return false;
  }
  if ((seg.flags & SYN) === 0) {
    ctx.drop(drop.TCP_SEQUENCE);
    return false;
  }
  synchronize(tcb, seg, ctx);
  if (!hasAck) {
    // Both ends opened at once: answer with <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>.
    enterState(tcb, SYN_RECEIVED);
    tcb.synQueued = true;
    ctx.markDirty(tcb);
    // Its FIN will be sent again; 4.4BSD takes it with the SYN.
    if ((seg.flags & FIN) !== 0 && seg.textLength === 0 && ctx.config.dropSynFin === "never")
      takeFinOfSyn(tcb, ctx);
    return false;
  }
  takeSynAck(tcb, seg, ctx);
  sampleHandshake(tcb, seg, ctx);
  tcb.retransmitAt = NEVER;
  tcb.progressAt = ctx.now;
  enterState(tcb, ESTABLISHED);
  established(tcb, ctx);
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
  // "If there are other controls or text in the segment, then continue processing at the sixth step."
  seg.seq = add(seg.seq, 1);
  seg.flags &= ~SYN;
  const kept = takeTextStep(tcb, seg, ctx);
  takeFin(tcb, seg, ctx);
  return kept;
}

/** The echoed timestamp is of a SYN of ours, or none: else the SYN-ACK is of an earlier connection (Linux: PAWSActive). */
function isEchoOurs(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if (!tcb.timestamps || !seg.hasTimestamps || seg.tsecr === 0 || tcb.progressAt < 0) return true;
  const first = timestampClock(tcb.progressAt, tcb.tsOffset);
  return ((seg.tsecr - first) | 0) >= 0 && ((timestampClock(ctx.now, tcb.tsOffset) - seg.tsecr) | 0) >= 0;
}

/** SYN-RECEIVED -> CLOSE-WAIT, before our SYN is acknowledged. */
function takeFinOfSyn(tcb: Tcb, ctx: TcpContext): void {
  tcb.finReceived = true;
  tcb.rcv.nxt = add(tcb.rcv.nxt, 1);
  enterState(tcb, CLOSE_WAIT);
  ctx.note(tcb, EVENT_END);
}

/** RCV.NXT, IRS and what the SYN's options agree. */
export function synchronize(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const snd = tcb.snd;
  const rcv = tcb.rcv;
  rcv.irs = seg.seq;
  rcv.nxt = add(seg.seq, 1);
  rcv.up = seg.seq;
  rcv.wnd = Math.min(65_535, rcv.buffer);
  rcv.edge = add(rcv.nxt, rcv.wnd);
  tcb.lastAckSent = rcv.nxt;
  if (seg.mss > 0) snd.peerMss = seg.mss;
  roundReceiveBuffer(tcb, ctx);
  tcb.windowScale = tcb.windowScale && seg.wscale >= 0;
  snd.scale = tcb.windowScale ? seg.wscale : 0;
  if (!tcb.windowScale) rcv.scale = 0;
  tcb.sackPermitted = tcb.sackPermitted && seg.sackPermitted;
  tcb.timestamps = tcb.timestamps && seg.hasTimestamps;
  agree(tcb, seg);
  if (tcb.timestamps) {
    tcb.tsRecent = seg.tsval;
    tcb.tsRecentSecond = Math.floor(ctx.now / SECOND);
  }
  // RFC 7323 2.2: the window in a SYN is never scaled.
  snd.wnd = seg.wnd;
  snd.maxWnd = Math.max(snd.maxWnd, seg.wnd);
  snd.wl1 = seg.seq;
  snd.wl2 = seg.ack;
}
