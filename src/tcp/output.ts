/**
 * What to send next: the ladder RST, SYN, retransmission, new text with FIN, probe, ACK or window update. Asked
 * again and again by the flush until it says that there is nothing. It fills the scratch segment and takes the
 * segment as sent: sequence variables, records and timers move here.
 */
import { add, diff, gt, max, min, type Seq } from "../base/seq.ts";
import { MS, NEVER } from "../base/time.ts";
import { ACK, ECE, FIN, PSH, RST, SYN, URG } from "../wire/segment.ts";
import { SACKED } from "./buffer/sent-ring.ts";
import { noteUsage } from "./congestion/validation.ts";
import type { TcpContext } from "./context.ts";
import { timestampClock } from "./context.ts";
import { checkAppLimited, noteSent } from "./delivery-rate.ts";
import { askFlags, markNewText } from "./ecn.ts";
import { fillSyn } from "./fast-open.ts";
import { mtuProbeSent, probeText } from "./mtu-probe.ts";
import { depart, isPaced } from "./pacing.ts";
import { countSent } from "./recovery/prr.ts";
import { noteResent } from "./recovery/rack.ts";
import { TLP_NONE } from "./recovery/recovery-state.ts";
import { inFlight, limitRecord, nextRetransmit } from "./recovery/scoreboard.ts";
import { probeSent, startProbe } from "./recovery/tlp.ts";
import { noteResend } from "./recovery/undo.ts";
import { fillSack } from "./sack-blocks.ts";
import type { SegmentOut } from "./segment-out.ts";
import { largestText, nextText, segmentText, unsent } from "./send-policy.ts";
import { CLOSED, ESTABLISHED, SYN_RECEIVED, SYN_SENT, TIME_WAIT } from "./state.ts";
import { ACK_DELAYED, ACK_NONE, ACK_NOW, CA_LOSS, CA_RECOVERY, FOR_REORDERING, type Tcb } from "./tcb.ts";
import { restartRetransmit, rtoLeft, startPersist, startRetransmit } from "./timers.ts";
import { advertise } from "./window.ts";

/** Fills `out` with the connection's next segment. False: nothing to send now. */
export function nextSegment(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  out.reset();
  if (tcb.resetQueued) return reset(tcb, ctx, out);
  if (tcb.state === CLOSED) return false;
  if (tcb.synQueued) return syn(tcb, ctx, out);
  if (tcb.state < SYN_RECEIVED) return false;
  if (tcb.state === TIME_WAIT) return lastAck(tcb, ctx, out);
  // RFC 7413 4.2.2: a Fast Open server may answer before the third segment.
  if (tcb.state >= ESTABLISHED || tcb.fastOpen?.onSettled != null) {
    const rec = tcb.recoveryIfAny;
    if (rec?.tlpDue && lossProbe(tcb, ctx, out)) return finish(tcb, ctx, out);
    if (rec?.newFirst && newText(tcb, ctx, out)) return finish(tcb, ctx, out);
    if (retransmission(tcb, ctx, out)) return finish(tcb, ctx, out);
    if (newText(tcb, ctx, out)) return finish(tcb, ctx, out);
  }
  if (finAlone(tcb, ctx, out)) return finish(tcb, ctx, out);
  if (tcb.probeQueued) {
    probe(tcb, ctx, out);
    return finish(tcb, ctx, out);
  }
  if (tcb.ack !== ACK_NOW) return false;
  out.seq = acceptableSeq(tcb, ctx);
  const repeats = ctx.config.repeatFin && tcb.finSent && tcb.snd.una !== tcb.snd.nxt && !tcb.isChallenged;
  tcb.isChallenged = false;
  if (repeats) {
    out.seq = add(tcb.snd.nxt, -1);
    out.flags |= FIN;
  }
  return finish(tcb, ctx, out);
}

/**
 * SND.NXT for a segment without text, or where the peer's window ends if that is less: behind a window probe that the peer
 * refused, it would drop the segment as outside of its window (RFC 9293 3.10.7.4), and the ACK with it. An edge that moved back
 * by less than a unit of the peer's scale was only rounded (RFC 7323 2.4). Linux: tcp_acceptable_seq, which takes the unit of
 * its own windows instead.
 */
function acceptableSeq(tcb: Tcb, ctx: TcpContext): Seq {
  const { una, nxt, wnd, scale } = tcb.snd;
  if (!tcb.synAcked) return nxt;
  // Beyond a closed window lies the octet of a probe, which was refused; without such probes, what else was sent.
  const mayBeRounded = wnd > 0 || ctx.config.windowProbe === "bare";
  const edge = add(una, wnd);
  return mayBeRounded && diff(nxt, edge) < 1 << scale ? nxt : min(nxt, edge);
}

/** ABORT (RFC 9293 3.10.5): <SEQ=SND.NXT><CTL=RST>, with the ACK that every segment of a synchronized connection has. */
function reset(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  tcb.resetQueued = false;
  out.seq = acceptableSeq(tcb, ctx);
  out.ack = tcb.rcv.nxt;
  out.flags = RST | ACK;
  tcb.segsOut++;
  return true;
}

/** The SYN of an active open, or the SYN-ACK of a simultaneous one; first time or again. */
function syn(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  tcb.synQueued = false;
  const answering = tcb.state !== SYN_SENT;
  out.seq = tcb.snd.iss;
  if (answering) out.flags = SYN | ACK | (tcb.ecn ? ECE : 0);
  else out.flags = SYN | askFlags(tcb, ctx);
  out.ack = tcb.rcv.nxt;
  // Without (BSD's TCP_NOOPT) the peer takes 536 for granted, 1,220 over IPv6: a departure from RFC 9293 3.7.1 SHLD-5.
  if (!tcb.noOptions) out.mss = mssToOffer(tcb, ctx);
  if (tcb.windowScale) out.wscale = tcb.rcv.scale;
  out.sackPermitted = tcb.sackPermitted;
  if (tcb.timestamps) {
    out.timestamps = true;
    out.tsval = timestampClock(ctx.now, tcb.tsOffset);
    out.tsecr = answering ? tcb.tsRecent : 0;
  }
  // RFC 7323 2.2: the window of a SYN is not scaled.
  out.wnd = Math.min(65_535, tcb.rcv.buffer);
  if (answering) {
    tcb.ack = ACK_NONE;
    tcb.rcv.wnd = out.wnd;
    tcb.rcv.edge = max(tcb.rcv.edge, add(tcb.rcv.nxt, out.wnd));
    tcb.lastAckSent = tcb.rcv.nxt;
  }
  if (tcb.fastOpen !== null && !tcb.noOptions) fillSyn(tcb, tcb.fastOpen, ctx, out);
  if (tcb.retries > 0) ctx.counters.RetransSegs++;
  tcb.segsOut++;
  tcb.lastSent = ctx.now;
  if (tcb.progressAt < 0) tcb.progressAt = ctx.now;
  startRetransmit(tcb, ctx);
  return true;
}

/** The MSS option: what the path takes, or less where the application says so. */
export function mssToOffer(tcb: Tcb, ctx: TcpContext): number {
  const limit = tcb.maxSegment || ctx.config.mss;
  const clamp = tcb.path.mssClamp;
  const most = clamp > 0 ? Math.min(clamp, mssOf(tcb)) : mssOf(tcb);
  return limit > 0 ? Math.min(limit, most) : most;
}

/** The MSS that the path allows (RFC 9293 3.7.1): the interface's MTU less fixed headers. */
export function mssOf(tcb: Tcb): number {
  return tcb.path.mtu - (tcb.family === 4 ? 40 : 60);
}

/** What recovery takes for lost, as far as cwnd allows. After a timeout the first segment always may leave. */
function retransmission(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  if (tcb.persistAt !== NEVER || tcb.snd.una === tcb.snd.nxt) return false;
  const rec = tcb.recovery;
  if (rec.newFirst) {
    // RFC 5682 2.1 step 2 b: new text instead, when pacing lets it; where none could leave, F-RTO is over.
    if (gt(tcb.snd.nxt, tcb.recover)) return false;
    if (unsent(tcb) > 0 && isPaced(tcb, ctx)) return false;
    rec.newFirst = rec.frto = false;
  }
  const i = nextRetransmit(tcb);
  if (i < 0) return false;
  const mss = segmentText(tcb);
  const flight = inFlight(tcb);
  const room = flight === 0 ? Math.max(tcb.cwnd, mss) : tcb.cwnd - flight;
  const ring = tcb.sentRing;
  // RFC 6675 5 (C): one segment leaves while cwnd - pipe >= 1 SMSS; the first of a recovery in any case (its step 4.3, RFC
  // 5681 3.2 (3), RFC 9937 6.2), and the hole that a partial ACK shows (RFC 6582 3.2 step 3).
  const isForced = tcb.caState === CA_RECOVERY && (rec.prrOut === 0 || (i === 0 && !tcb.sackPermitted));
  if (room < Math.min(mss, ring.lengthAt(i)) && !isForced) {
    noteUsage(tcb, true, ctx);
    return false;
  }
  if (isPaced(tcb, ctx)) return false;
  const most = Math.min(largestText(tcb), Math.max(mss, room - (room % mss)));
  // RFC 9293 3.8.6 SHLD-16: what is left of a window that shrank; into a closed one, a segment that serves as its probe.
  const windowed = diff(add(tcb.snd.una, tcb.snd.wnd || mss), ring.seqAt(i));
  if (windowed <= 0) return false;
  limitRecord(tcb, i, Math.min(most, windowed));
  if (tcb.caState === CA_LOSS) ctx.counters.TCPSlowStartRetrans++;
  else ctx.counters.TCPFastRetrans++;
  resend(tcb, i, ctx, out, false);
  return true;
}

/** RFC 8985 7.3: one segment of new text, whatever cwnd says, or the last one again. */
function lossProbe(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  const { snd, sentRing: ring, recovery: rec } = tcb;
  rec.tlpDue = false;
  const last = ring.count - 1;
  const isFresh = rec.tlpOut === TLP_NONE && tcb.caState < CA_RECOVERY && tcb.persistAt === NEVER;
  if (last < 0 || !isFresh) {
    if (last >= 0 && tcb.persistAt === NEVER) restartRetransmit(tcb, ctx);
    return false;
  }
  const mss = segmentText(tcb);
  const length = tcb.finSent ? 0 : Math.min(unsent(tcb), snd.wnd - diff(snd.nxt, snd.una), mss);
  if (length > 0) {
    sendText(tcb, length, ctx, out);
  } else if ((ring.flagsAt(last) & SACKED) === 0) {
    const over = ring.lengthAt(last) % mss;
    const tail = over === 0 ? mss : over;
    if (ring.lengthAt(last) > mss) ring.split(last, add(ring.endAt(last), -tail));
    resend(tcb, ring.count - 1, ctx, out, true);
  } else {
    restartRetransmit(tcb, ctx);
    return false;
  }
  ctx.counters.TCPLossProbes++;
  probeSent(tcb, length <= 0);
  startRetransmit(tcb, ctx);
  return true;
}

/** Fills `out` with record `i` again. */
function resend(tcb: Tcb, i: number, ctx: TcpContext, out: SegmentOut, isProbe: boolean): void {
  const ring = tcb.sentRing;
  const at = ring.seqAt(i);
  const length = ring.lengthAt(i);
  const fin = tcb.finSent && add(at, length) === tcb.snd.nxt;
  fillText(tcb, out, at, length - (fin ? 1 : 0));
  // What was pushed the first time is pushed again: the last of the text (RFC 9293 3.9.1.2).
  if (out.textLength > 0 && add(at, length) === tcb.snd.nxt && unsent(tcb) <= 0) out.flags |= PSH;
  if (fin) out.flags |= FIN;
  ring.resent(i, ctx.now, isProbe);
  noteResent(tcb, add(at, length), ctx);
  noteResend(tcb, length, ctx);
  countSent(tcb, length);
  depart(tcb, length, ctx);
  if (tcb.rate !== null) noteSent(tcb, tcb.rate, i, ctx.now);
  const segments = Math.max(1, Math.ceil(out.textLength / tcb.snd.mss));
  tcb.retransmits += segments;
  tcb.bytesRetransmitted += out.textLength;
  ctx.counters.RetransSegs += segments;
  // The oldest segment starts its timeout anew (Linux: tcp_xmit_retransmit_queue); so does what follows a probe's timer.
  if (tcb.retransmitAt === NEVER || (i === 0 && tcb.retransmitFor !== FOR_REORDERING))
    startRetransmit(tcb, ctx);
}

/** The ACK of the peer's FIN that brought TIME-WAIT; later ones come from the compact record. */
function lastAck(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  if (tcb.ack !== ACK_NOW) return false;
  out.seq = tcb.snd.nxt;
  return finish(tcb, ctx, out);
}

function newText(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  if (tcb.queuedToSend === 0 || tcb.finSent) return false;
  if (unsent(tcb) > 0 && isPaced(tcb, ctx)) return false;
  const search = tcb.mtuSearch;
  const probe = search === null ? 0 : probeText(tcb, search, ctx);
  if (search !== null && probe > 0) {
    // One packet of a size that may be too large; not a small segment in Nagle's sense.
    const { small } = tcb.snd;
    sendText(tcb, probe, ctx, out);
    out.gsoSize = 0;
    tcb.snd.small = small;
    mtuProbeSent(tcb, search, probe);
    return true;
  }
  const length = nextText(tcb, ctx);
  if (length === 0) {
    tcb.isPacing = false;
    if (tcb.rate !== null && unsent(tcb) <= 0) checkAppLimited(tcb, tcb.rate);
    if (tcb.snd.una === tcb.snd.nxt && tcb.persistAt === NEVER) startPersist(tcb, ctx);
    return false;
  }
  sendText(tcb, length, ctx, out);
  return true;
}

/** Fills `out` with `length` bytes of new text, and the FIN if it is next. */
function sendText(tcb: Tcb, length: number, ctx: TcpContext, out: SegmentOut): void {
  const snd = tcb.snd;
  const last = length === unsent(tcb);
  const at = snd.nxt;
  if (tcb.snd.una === snd.nxt) tcb.progressAt = ctx.now;
  fillText(tcb, out, at, length);
  if (last || (out.gsoSize > 0 && ctx.config.pushSuper)) out.flags |= PSH;
  if (tcb.ecn) markNewText(tcb, out);
  let sequenceLength = length;
  const windowed = snd.wnd - diff(add(at, length), snd.una);
  if (last && tcb.finQueued && windowed > 0) {
    out.flags |= FIN;
    tcb.finSent = true;
    sequenceLength++;
  }
  snd.nxt = add(at, sequenceLength);
  if (length % segmentText(tcb) !== 0) snd.small = snd.nxt;
  tcb.sentRing.push(at, sequenceLength, ctx.now);
  countSent(tcb, sequenceLength);
  depart(tcb, length, ctx);
  if (tcb.rate !== null) noteSent(tcb, tcb.rate, tcb.sentRing.count - 1, ctx.now);
  tcb.persistAt = NEVER;
  tcb.lastSent = ctx.now;
  noteUsage(tcb, false, ctx);
  startTimer(tcb, ctx);
}

/** New text or a FIN left: the probe timer starts anew, or RTO if it does not run. */
function startTimer(tcb: Tcb, ctx: TcpContext): void {
  if (tcb.retransmitAt === NEVER) startRetransmit(tcb, ctx);
  if (tcb.retransmitFor !== FOR_REORDERING) startProbe(tcb, ctx, rtoLeft(tcb, ctx));
}

/** A FIN with no text to ride on. It needs one number of window, or a probe (RFC 9293 3.8.6.1) will carry it. */
function finAlone(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  if (!tcb.finQueued || tcb.finSent || unsent(tcb) > 0) return false;
  const snd = tcb.snd;
  if (snd.wnd - diff(snd.nxt, snd.una) <= 0 && !tcb.probeQueued) {
    if (snd.una === snd.nxt && tcb.persistAt === NEVER) startPersist(tcb, ctx);
    return false;
  }
  if (snd.una === snd.nxt) tcb.progressAt = ctx.now;
  tcb.probeQueued = false;
  out.seq = snd.nxt;
  out.flags |= FIN;
  tcb.finSent = true;
  tcb.sentRing.push(snd.nxt, 1, ctx.now);
  snd.nxt = add(snd.nxt, 1);
  if (tcb.rate !== null) noteSent(tcb, tcb.rate, tcb.sentRing.count - 1, ctx.now);
  tcb.lastSent = ctx.now;
  if (tcb.persistAt === NEVER) startTimer(tcb, ctx);
  return true;
}

/**
 * A window probe: one byte of new text, or of the oldest outstanding (RFC 9293 3.8.6.1); a FIN counts as one. With nothing
 * to send, a keepalive: the byte before SND.NXT, empty (3.8.4).
 */
function probe(tcb: Tcb, ctx: TcpContext, out: SegmentOut): void {
  tcb.probeQueued = false;
  const snd = tcb.snd;
  const isBare = ctx.config.windowProbe === "bare";
  if (tcb.persistAt !== NEVER && snd.una !== snd.nxt && tcb.sentRing.count > 0) {
    limitRecord(tcb, 0, isBare ? segmentText(tcb) : 1);
    // RFC 2018 8: the peer may have reneged. What is SACKED is not in flight; the timeout that follows will tell.
    resend(tcb, 0, ctx, out, (tcb.sentRing.flagsAt(0) & SACKED) !== 0);
    tcb.retransmitAt = NEVER;
  } else if (tcb.persistAt !== NEVER && unsent(tcb) > 0 && (snd.wnd > 0 || !isBare)) {
    // A window too small to be worth a segment is used at last (RFC 9293 3.8.6.2.1, the override timeout).
    const length = Math.max(1, Math.min(unsent(tcb), snd.wnd, segmentText(tcb)));
    fillText(tcb, out, snd.nxt, length);
    // No more can come until this is read (Linux: tcp_write_wakeup).
    if (snd.wnd > 0) out.flags |= PSH;
    tcb.sentRing.push(snd.nxt, length, ctx.now);
    snd.nxt = add(snd.nxt, length);
    if (tcb.rate !== null) noteSent(tcb, tcb.rate, tcb.sentRing.count - 1, ctx.now);
  } else {
    out.seq = add(snd.nxt, -1);
    if (ctx.config.keepAliveOctet) out.textLength = 1;
  }
}

function fillText(tcb: Tcb, out: SegmentOut, at: Seq, length: number): void {
  const first = tcb.synAcked ? tcb.snd.una : add(tcb.snd.una, 1);
  out.seq = at;
  out.textPosition = length > 0 ? tcb.sendBuffer.position + diff(at, first) : 0;
  out.textLength = length;
  const mss = segmentText(tcb);
  out.gsoSize = length > mss ? mss : 0;
  tcb.bytesSent += length;
  tcb.dataSegsOut += Math.ceil(length / mss);
}

/** What every segment of a synchronized connection carries: ACK, window, options; and nothing is owed any more. */
function finish(tcb: Tcb, ctx: TcpContext, out: SegmentOut): boolean {
  const rcv = tcb.rcv;
  out.flags |= tcb.ecnEcho ? ACK | ECE : ACK;
  out.ack = rcv.nxt;
  out.wnd = advertise(tcb, ctx);
  // A keepalive lies below SND.UNA, and so below any SND.UP.
  if (gt(tcb.snd.up, out.seq) && gt(tcb.snd.up, tcb.snd.una)) urgent(tcb, out);
  if (tcb.timestamps) {
    out.timestamps = true;
    out.tsval = timestampClock(ctx.now, tcb.tsOffset);
    out.tsecr = tcb.tsRecent;
  }
  if (tcb.sackPermitted) fillSack(tcb, out);
  if (tcb.ack === ACK_DELAYED && out.textLength === 0) ctx.counters.DelayedACKs++;
  tcb.ack = ACK_NONE;
  tcb.unackedText = 0;
  tcb.delayedAckAt = NEVER;
  tcb.lastAckSent = rcv.nxt;
  tcb.lastAckSentMs = Math.round(ctx.now / MS);
  tcb.segsOut++;
  if (out.textLength > 0) {
    tcb.lastDataSentMs = tcb.lastAckSentMs;
    // An exchange: ACKs ride on answers. What was sent long after the last text came answers nothing (Linux: pingpong mode).
    if (ctx.now - tcb.lastDataReceived < ctx.config.delayedAck) tcb.quickAcks = 0;
  }
  return true;
}

function urgent(tcb: Tcb, out: SegmentOut): void {
  out.flags |= URG;
  out.up = Math.min(65_535, diff(tcb.snd.up, out.seq));
}
