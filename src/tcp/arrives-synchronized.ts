/**
 * SEGMENT ARRIVES in SYN-RECEIVED, ESTABLISHED and the closing states (RFC 9293 3.10.7.4): the eight steps, one
 * function each, in the RFC's order. TIME-WAIT has no TCB here (arrives-time-wait.ts). A step returns false to end
 * the processing of the segment.
 */

import { add, diff, geq, gt, lt, min } from "../base/seq.ts";
import { NEVER } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { ACK, FIN, RST, type Segment, SYN, URG } from "../wire/segment.ts";
import { acknowledge, isAckAcceptable } from "./ack.ts";
import { refuse } from "./arrives-closed.ts";
import { established } from "./calls.ts";
import { answerUnacceptable, challenge } from "./challenge.ts";
import type { TcpContext } from "./context.ts";
import { settleFastOpen, settleSynText } from "./fast-open.ts";
import { isLate, isStale, remember } from "./paws.ts";
import { sampleHandshake } from "./rtt.ts";
import { noteDuplicate } from "./sack-blocks.ts";
import {
  CLOSE_WAIT,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  TIME_WAIT,
} from "./state.ts";
import { ACK_DELAYED, ACK_NONE, ACK_NOW, EVENT_END, enterState, type Tcb } from "./tcb.ts";
import { takeText, trimToWindow } from "./text.ts";
import { limitFinWait2, startDelayedAck, startRetransmit } from "./timers.ts";
import { takeUrgent } from "./urgent.ts";
import { acceptanceWindow } from "./window.ts";

/** Takes one segment. Returns whether the packet's memory is kept. */
export function arrivesSynchronized(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if (tcb.fastOpen?.onSettled != null && lacksSynAck(tcb, seg)) {
    tcb.synQueued = true;
    ctx.markDirty(tcb);
    return false;
  }
  if (tcb.state === SYN_RECEIVED) stripRepeatedSyn(tcb, seg);
  if (!checkSequence(tcb, seg, ctx)) return false;
  if (!checkRst(tcb, seg, ctx)) return false;
  // Third: security and compartment. Not used on the Internet (RFC 9293 3.10.7.4 note).
  if (!checkSyn(tcb, seg, ctx)) return false;
  if (!checkAck(tcb, seg, ctx)) return false;
  takeUrgent(tcb, seg, ctx);
  const kept = takeTextStep(tcb, seg, ctx);
  takeFin(tcb, seg, ctx);
  return kept;
}

/** The SYN of a Fast Open client again, with or without its text: it lacks our SYN-ACK, as with a half-open connection. */
function lacksSynAck(tcb: Tcb, seg: Segment): boolean {
  return (seg.flags & (SYN | ACK | RST | FIN)) === SYN && seg.seq === tcb.rcv.irs;
}

/**
 * In a simultaneous open the peer's SYN-ACK repeats the SYN we have, below RCV.NXT. By the letter of step 1 its ACK would be
 * lost; RFC 793's figure 8 and Linux take it.
 */
function stripRepeatedSyn(tcb: Tcb, seg: Segment): void {
  if ((seg.flags & (SYN | ACK | RST)) !== (SYN | ACK) || seg.seq !== tcb.rcv.irs) return;
  if (!gt(seg.ack, tcb.snd.una) || gt(seg.ack, tcb.snd.nxt)) return;
  seg.seq = add(seg.seq, 1);
  seg.flags &= ~SYN;
}

/** First: the sequence number, with timestamps before it (RFC 7323 5.3). */
function checkSequence(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if (tcb.timestamps) {
    if (seg.hasTimestamps) {
      if (isStale(tcb, seg, ctx) && (seg.flags & RST) === 0 && !isLate(tcb, seg)) {
        ctx.counters.PAWSEstab++;
        ctx.drop(drop.TCP_PAWS);
        answerUnacceptable(tcb, seg, ctx);
        return false;
      }
    } else if ((seg.flags & RST) === 0 && ctx.config.timestampsRequired) {
      // RFC 7323 3.2: "the TCP SHOULD silently drop" a segment that lacks the option it agreed to send.
      ctx.drop(drop.TCP_MISSING_TIMESTAMP);
      return false;
    }
  }
  if (!isAcceptable(tcb, seg, ctx)) {
    if (ctx.config.takesOldAcks && keepOldAck(tcb, seg, ctx)) return true;
    ctx.drop(drop.TCP_SEQUENCE);
    if ((seg.flags & RST) !== 0) return false;
    if (seg.textLength > 0 && (seg.flags & SYN) === 0) {
      noteDuplicate(tcb, seg.seq, min(add(seg.seq, seg.textLength), tcb.rcv.nxt), ctx);
      tcb.ack = ACK_NOW;
      ctx.markDirty(tcb);
    } else if ((seg.flags & SYN) !== 0) {
      ctx.counters.TCPSYNChallenge++;
      challenge(tcb, ctx);
    } else {
      answerUnacceptable(tcb, seg, ctx);
    }
    // "If the RCV.WND is zero, no segments will be acceptable, but special allowance should be made to accept valid ACKs":
    // and a peer whose FIN we have may repeat it with news in its ACK.
    return false;
  }
  if (tcb.timestamps && seg.hasTimestamps) remember(tcb, seg, ctx);
  return true;
}

/**
 * The four tests of RFC 9293 table 6, and one case more: an ACK without text at the right edge. A peer that filled the
 * window and lost a segment of it acknowledges from there; Linux and FreeBSD take it, and send it.
 */
function isAcceptable(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  const rcv = tcb.rcv;
  const wnd = acceptanceWindow(tcb, ctx.config);
  const offset = diff(seg.seq, rcv.nxt);
  const length = seg.len;
  if (length === 0) {
    return offset >= 0 && (offset < wnd || (offset === wnd && (wnd === 0 || (seg.flags & RST) === 0)));
  }
  if (wnd === 0) return offset === 0 && zeroWindowAllowance(seg);
  const last = offset + length - 1;
  return (offset >= 0 && offset < wnd) || (last >= 0 && last < wnd);
}

/** BSD: what is below the window is cut off and answered, and the ACK goes on. Returns whether `seg` is of that kind. */
function keepOldAck(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & (SYN | ACK | RST)) !== ACK || !lt(seg.seq, tcb.rcv.nxt)) return false;
  if (seg.textLength > 0) noteDuplicate(tcb, seg.seq, min(add(seg.seq, seg.textLength), tcb.rcv.nxt), ctx);
  seg.textLength = 0;
  seg.flags &= ~(FIN | URG);
  seg.seq = tcb.rcv.nxt;
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
  return true;
}

/** MUST-66: with a zero window, ACKs, URGs and RSTs are still taken; text and FIN are cut off (text.ts). */
function zeroWindowAllowance(seg: Segment): boolean {
  return (seg.flags & (ACK | RST)) !== 0 && (seg.flags & SYN) === 0;
}

/** Second: the RST bit, by RFC 5961 3.2. */
function checkRst(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & RST) === 0) return true;
  if (seg.seq !== tcb.rcv.nxt && !ctx.config.insecureRst) {
    ctx.drop(drop.TCP_RST_OUT_OF_WINDOW);
    challenge(tcb, ctx);
    return false;
  }
  ctx.counters.InRsts++;
  switch (tcb.state) {
    case SYN_RECEIVED:
      ctx.counters.AttemptFails++;
      settleFastOpen(tcb, true);
      ctx.release(tcb, tcb.active ? "ECONNREFUSED" : "ECONNRESET");
      break;
    case CLOSING:
    case LAST_ACK:
      // The peer is gone after both FINs: closed, and nothing was lost but its ACK.
      ctx.release(tcb, ctx.config.resetErrors === "bsd" ? "ECONNRESET" : null);
      break;
    case CLOSE_WAIT:
      ctx.counters.EstabResets++;
      // The peer's end of file was orderly; whoever writes now gets EPIPE (Linux: tcp_reset).
      ctx.release(tcb, ctx.config.resetErrors === "bsd" ? "ECONNRESET" : "EPIPE");
      break;
    default:
      if (tcb.state === ESTABLISHED) ctx.counters.EstabResets++;
      ctx.release(tcb, "ECONNRESET");
  }
  return false;
}

/** Fourth: the SYN bit. RFC 5961 4.2: a challenge ACK, whatever the sequence number. */
function checkSyn(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & SYN) === 0) return true;
  ctx.counters.TCPSYNChallenge++;
  ctx.drop(drop.TCP_SEQUENCE);
  if (ctx.config.insecureSyn && !lt(seg.seq, tcb.rcv.nxt)) resetBySyn(tcb, ctx);
  else challenge(tcb, ctx);
  return false;
}

/** RFC 793 3.9 p. 71: "if the SYN is in the window it is an error, send a reset", in every state. */
function resetBySyn(tcb: Tcb, ctx: TcpContext): void {
  tcb.resetQueued = true;
  ctx.counters.OutRsts++;
  if (tcb.state === ESTABLISHED || tcb.state === CLOSE_WAIT) ctx.counters.EstabResets++;
  ctx.markDirty(tcb);
  ctx.release(tcb, "ECONNRESET");
}

/** Fifth: the ACK field, and what an acknowledged FIN means. */
function checkAck(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & ACK) === 0) {
    ctx.drop(drop.TCP_NO_ACK);
    return false;
  }
  if (!synAcknowledged(tcb, seg, ctx)) return false;
  if (!isAckAcceptable(tcb, seg)) {
    ctx.drop(drop.TCP_ACK_UNACCEPTABLE);
    ctx.counters.TCPChallengeACK++;
    answerUnacceptable(tcb, seg, ctx);
    return false;
  }
  acknowledge(tcb, seg, ctx);
  if (!tcb.finSent || tcb.snd.una !== tcb.snd.nxt) return true;
  switch (tcb.state) {
    case FIN_WAIT_1:
      enterState(tcb, FIN_WAIT_2);
      limitFinWait2(tcb, ctx);
      if (!tcb.readClosed) tcb.lingerAt = NEVER;
      return true;
    case CLOSING:
      enterState(tcb, TIME_WAIT);
      ctx.toTimeWait(tcb);
      return false;
    case LAST_ACK:
      ctx.release(tcb, null);
      return false;
    default:
      return true;
  }
}

/** SYN-RECEIVED (or FIN-WAIT-1 from it): our SYN must be acknowledged first. */
function synAcknowledged(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  const snd = tcb.snd;
  if (tcb.synAcked) return true;
  if (!gt(seg.ack, snd.una) || gt(seg.ack, snd.nxt)) {
    ctx.drop(drop.TCP_ACK_UNACCEPTABLE);
    refuse(seg, ctx);
    return false;
  }
  settleSynText(tcb, seg);
  snd.una = add(snd.iss, 1);
  snd.wnd = seg.wnd << snd.scale;
  snd.maxWnd = Math.max(snd.maxWnd, snd.wnd);
  snd.wl1 = seg.seq;
  snd.wl2 = seg.ack;
  tcb.progressAt = ctx.now;
  // A FIN sent in SYN-RECEIVED is still outstanding.
  if (snd.una === snd.nxt) tcb.retransmitAt = NEVER;
  else startRetransmit(tcb, ctx);
  sampleHandshake(tcb, seg, ctx);
  if (tcb.state === SYN_RECEIVED) enterState(tcb, ESTABLISHED);
  established(tcb, ctx);
  ctx.markDirty(tcb);
  return true;
}

/** Seventh: the text, in the states that take it. */
export function takeTextStep(tcb: Tcb, seg: Segment, ctx: TcpContext): boolean {
  if (seg.textLength === 0 && (seg.flags & FIN) === 0) return false;
  const state = tcb.state;
  if (state !== ESTABLISHED && state !== FIN_WAIT_1 && state !== FIN_WAIT_2) return false;
  if (!trimToWindow(tcb, seg, ctx)) return false;
  if (tcb.ack === ACK_NOW) ctx.markDirty(tcb);
  if (seg.textLength === 0) return false;
  if (tcb.readClosed) {
    // RFC 9293 3.6.1, RFC 1122 4.2.2.13: text after CLOSE is lost, and the peer must learn it.
    ctx.counters.TCPAbortOnData++;
    ctx.drop(drop.TCP_AFTER_CLOSE);
    // The reset is of the segment, as if the connection were gone already (Linux, BSD).
    refuse(seg, ctx);
    ctx.release(tcb, "ECONNABORTED");
    seg.flags &= ~FIN;
    return false;
  }
  return takeText(tcb, seg, ctx);
}

/** Eighth: the FIN bit, now or when the gap before it is filled. */
export function takeFin(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const state = tcb.state;
  if (state < ESTABLISHED || tcb.finReceived) return;
  const rcv = tcb.rcv;
  if ((seg.flags & FIN) !== 0) {
    const at = add(seg.seq, seg.textLength);
    if (gt(at, rcv.nxt)) {
      // Ahead of a gap: RCV.NXT will get there.
      if (!tcb.finAhead) {
        tcb.finAhead = true;
        tcb.finSeq = at;
        if (ctx.config.sackFin) tcb.assembler.holdFin(at);
      }
      tcb.ack = ACK_NOW;
      ctx.markDirty(tcb);
      return;
    }
  } else if (!tcb.finAhead || !geq(rcv.nxt, tcb.finSeq)) {
    return;
  }
  tcb.finReceived = true;
  tcb.finAhead = false;
  if (tcb.hasGaps) tcb.assembler.clear();
  rcv.nxt = add(rcv.nxt, 1);
  if (gt(rcv.nxt, rcv.edge)) rcv.edge = rcv.nxt;
  acknowledgeFin(tcb, ctx);
  ctx.markDirty(tcb);
  if (!tcb.readClosed) ctx.note(tcb, EVENT_END);
  switch (state) {
    case ESTABLISHED:
      enterState(tcb, CLOSE_WAIT);
      break;
    case FIN_WAIT_1:
      // Our FIN is not acknowledged, or step five would have entered FIN-WAIT-2.
      enterState(tcb, CLOSING);
      break;
    case FIN_WAIT_2:
      enterState(tcb, TIME_WAIT);
      ctx.toTimeWait(tcb);
      break;
    default:
  }
}

/** At once, or with what answers the text before it; text in the SYN (RFC 7413) had its answer. */
function acknowledgeFin(tcb: Tcb, ctx: TcpContext): void {
  const delays = ctx.config.finAck === "delayed" && tcb.state === ESTABLISHED;
  if (!delays || tcb.bytesReceived === 0 || tcb.fastOpen !== null) tcb.ack = ACK_NOW;
  if (tcb.ack !== ACK_NONE) return;
  tcb.ack = ACK_DELAYED;
  startDelayedAck(tcb, ctx);
}
