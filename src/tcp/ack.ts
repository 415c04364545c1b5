/**
 * The ACK field of a segment on a synchronized connection (RFC 9293 3.10.7.4, fifth step, from "ESTABLISHED
 * STATE" on): SND.UNA, the window, round-trip time, recovery, congestion control, and the retransmission timer.
 * It must not know what a state means; `arrives-synchronized.ts` draws those conclusions.
 */

import { add, diff, geq, gt, leq, lt } from "../base/seq.ts";
import { NEVER } from "../base/time.ts";
import { ECE, FIN, type Segment, SYN } from "../wire/segment.ts";
import { AckSample } from "./congestion/congestion.ts";
import { MAX_ECHO_MS, type TcpContext, timestampClock } from "./context.ts";
import { probeAcked } from "./mtu-probe.ts";
import { paceByWindow } from "./pacing.ts";
import { mtuAcked } from "./path-mtu.ts";
import { onAck, onIdleAck } from "./recovery/recovery.ts";
import { TLP_NONE } from "./recovery/recovery-state.ts";
import { acknowledgeRecords, inFlight, NONE, settle, takeSack } from "./recovery/scoreboard.ts";
import { startProbe } from "./recovery/tlp.ts";
import { sampleRtt } from "./rtt.ts";
import { hasDrained } from "./send-policy.ts";
import { EVENT_DRAIN, EVENT_FINISH, LONG_AGO, type Tcb } from "./tcb.ts";
import { startKeepAlive, startPersist, startRetransmit } from "./timers.ts";

const sample = new AckSample();

/** Takes SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT (checked by the caller) into the TCB. */
export function acknowledge(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const snd = tcb.snd;
  tcb.lastAckReceived = ctx.now;
  if (tcb.keepAlive) {
    tcb.keepProbes = 0;
    startKeepAlive(tcb, ctx, tcb.keepAliveIdle);
  }
  const outstanding = snd.nxt !== snd.una;
  tcb.recoveryIfAny?.forgetAck();
  sample.now = ctx.now;
  sample.acked = diff(seg.ack, snd.una);
  sample.sacked = 0;
  sample.delivered = 0;
  sample.rttUs = -1;
  sample.ece = tcb.ecn && (seg.flags & ECE) !== 0;
  if (sample.acked < 0) {
    if (seg.sackCount > 0) takeLate(tcb, seg, ctx);
    return;
  }
  const wnd = seg.wnd << snd.scale;
  const isRepeated =
    sample.acked === 0 && seg.textLength === 0 && (seg.flags & (SYN | FIN)) === 0 && wnd === snd.wnd;
  sample.inFlight = inFlight(tcb);
  if (seg.sackCount > 0 && tcb.sackPermitted) sample.sacked = takeSack(tcb, seg, ctx);
  const duplicate = outstanding && isRepeated && tcb.recoveryIfAny?.sawDsack !== true;
  if (outstanding) {
    const sacked = tcb.sentRing.sacked;
    if (sample.acked > 0 && (tcb.mtuAcked < snd.mss + 40 || tcb.mtuClaim > 0)) mtuAcked(tcb, sample.acked);
    if (sample.acked > 0 && tcb.mtuSearch !== null) probeAcked(tcb, tcb.mtuSearch, seg.ack, ctx);
    if (sample.acked > 0) advance(tcb, seg, ctx);
    // What was SACKED before, and is acknowledged now, arrived before.
    sample.delivered = sample.acked + sample.sacked - (sacked - tcb.sentRing.sacked);
  }
  updateWindow(tcb, seg, wnd, ctx);
  if (!outstanding) {
    const rec = tcb.recoveryIfAny;
    if (rec !== null && (rec.sawDsack || rec.tlpOut !== TLP_NONE)) onIdleAck(tcb, isRepeated, ctx);
    return;
  }

  if (sample.rttUs < 0 && tcb.recovery.sackRttUs >= 0) {
    sample.rttUs = tcb.recovery.sackRttUs;
    sampleRtt(tcb, sample.rttUs, ctx.now, ctx.config);
  }
  onAck(tcb, seg, sample, duplicate, ctx);
  if (sample.ece) tcb.deliveredCe += sample.delivered;
  if (ctx.config.pacing && !tcb.congestion.ownsWindow) paceByWindow(tcb, sample.inFlight);
  if (snd.una === snd.nxt) {
    settle(tcb);
    tcb.retransmitAt = NEVER;
    // A probe got through. While the window is open the next wait for it begins anew (RFC 9293 3.8.6.2.1); with nothing
    // left to send there is nothing to probe for.
    if (snd.wnd > 0 || !owesText(tcb)) endPersist(tcb);
  } else if (sample.acked > 0 && tcb.persistAt === NEVER && !tcb.recovery.timerSet) {
    if (!startProbe(tcb, ctx, tcb.rtoUs)) startRetransmit(tcb, ctx);
  }
  ctx.markDirty(tcb);
}

/** An ACK that newer ones overtook: what it SACKs or reports as duplicate is true all the same. */
function takeLate(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  if (!tcb.sackPermitted) return;
  sample.acked = 0;
  sample.inFlight = inFlight(tcb);
  sample.sacked = takeSack(tcb, seg, ctx);
  sample.delivered = sample.sacked;
  if (tcb.snd.una === tcb.snd.nxt) {
    if (tcb.recovery.sawDsack) onIdleAck(tcb, false, ctx);
  } else if (sample.sacked > 0 || tcb.recovery.sawDsack) {
    onAck(tcb, seg, sample, false, ctx);
    ctx.markDirty(tcb);
  }
}

/** SEG.ACK > SND.UNA: lets go of what is acknowledged. */
function advance(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const snd = tcb.snd;
  // The FIN is no byte of the buffer; SYN was acknowledged before (calls and arrives-syn-sent count it).
  const finAcked = tcb.finSent && seg.ack === snd.nxt;
  const text = sample.acked - (finAcked ? 1 : 0);
  snd.una = seg.ack;
  const sentAt = acknowledgeRecords(tcb, seg.ack, seg, ctx);
  keepNear(tcb);
  takeRtt(tcb, seg, sentAt, ctx);
  if (text > 0) tcb.sendBuffer.discard(text);
  tcb.bytesAcked += text;
  tcb.retries = 0;
  tcb.softError = 0;
  if (tcb.timeoutSince !== LONG_AGO) {
    tcb.timeoutTime = Math.max(0, tcb.timeoutTime) + ctx.now - tcb.timeoutSince;
    tcb.timeoutSince = LONG_AGO;
  }
  tcb.progressAt = ctx.now;
  if (hasDrained(tcb)) {
    tcb.wantsDrain = false;
    ctx.note(tcb, EVENT_DRAIN);
  }
  if (tcb.queuedToSend === 0 && (finAcked || !tcb.finQueued)) ctx.note(tcb, EVENT_FINISH);
}

/** Marks that lie behind SND.UNA move up with it: left 2^31 behind, they would compare as ahead. */
function keepNear(tcb: Tcb): void {
  const { snd } = tcb;
  const { una } = snd;
  if (lt(snd.up, una)) snd.up = una;
  if (lt(snd.small, una)) snd.small = una;
  if (lt(tcb.lostMark, una)) tcb.lostMark = una;
  if (lt(tcb.resendHint, una)) tcb.resendHint = una;
  if (lt(tcb.recover, una)) tcb.recover = add(una, -1);
  const rec = tcb.recovery;
  if (lt(rec.fack, una)) rec.fack = una;
  if (lt(rec.resendTop, una)) rec.resendTop = una;
  if (rec.inDsackRound && geq(una, rec.dsackRound)) rec.inDsackRound = false;
  if (rec.canUndo && diff(una, rec.undoMarker) > MAX_DISTANCE) rec.canUndo = false;
}

/** A sample by Karn's rule, else from the echoed timestamp (RFC 7323 4.1: only ACKs of new data count). */
function takeRtt(tcb: Tcb, seg: Segment, sentAt: number, ctx: TcpContext): void {
  if (sentAt !== NONE) {
    sample.rttUs = ((ctx.now | 0) - sentAt) | 0;
  } else if (tcb.timestamps && seg.hasTimestamps && seg.tsecr !== 0) {
    const ticks = (timestampClock(ctx.now, tcb.tsOffset) - seg.tsecr) | 0;
    if (ticks >= 0 && ticks < MAX_ECHO_MS) sample.rttUs = ticks * 1_000;
  }
  if (sample.rttUs >= 0) sampleRtt(tcb, sample.rttUs, ctx.now, ctx.config);
}

/** RFC 9293 3.10.7.4: SND.WND from segments that are newer than the one it came from. */
function updateWindow(tcb: Tcb, seg: Segment, wnd: number, ctx: TcpContext): void {
  const snd = tcb.snd;
  if (!(lt(snd.wl1, seg.seq) || (snd.wl1 === seg.seq && leq(snd.wl2, seg.ack)))) return;
  snd.wl1 = seg.seq;
  snd.wl2 = seg.ack;
  tcb.probes = tcb.persistAt === NEVER ? 0 : tcb.probes;
  if (wnd === snd.wnd) {
    if (wnd === 0) answerToProbe(tcb, ctx);
    return;
  }
  snd.wnd = wnd;
  if (wnd > snd.maxWnd) snd.maxWnd = wnd;
  if (wnd === 0) answerToProbe(tcb, ctx);
  else if (tcb.persistAt !== NEVER) leavePersist(tcb, ctx);
  ctx.markDirty(tcb);
}

/** MUST-37: while the peer answers probes the connection stays, however long; only unanswered ones count against R2. */
function answerToProbe(tcb: Tcb, ctx: TcpContext): void {
  tcb.retries = 0;
  // The news that the window is closed is fresh: the next probe waits from here on (Linux: tcp_ack_probe).
  if (owesText(tcb) && (tcb.persistAt === NEVER || tcb.snd.una === tcb.snd.nxt)) startPersist(tcb, ctx);
}

/** Whether text or a FIN waits to be sent or acknowledged. */
function owesText(tcb: Tcb): boolean {
  return tcb.queuedToSend > 0 || (tcb.finQueued && !(tcb.finSent && tcb.snd.una === tcb.snd.nxt));
}

function endPersist(tcb: Tcb): void {
  tcb.persistAt = NEVER;
  tcb.probes = 0;
}

/** The window opened. A probe's byte that the peer did not take is unsent again, so that it leaves in a whole segment. */
function leavePersist(tcb: Tcb, ctx: TcpContext): void {
  const snd = tcb.snd;
  endPersist(tcb);
  if (snd.una === snd.nxt) return;
  if (!tcb.finSent && diff(snd.nxt, snd.una) === 1) {
    tcb.sentRing.clear();
    snd.nxt = snd.una;
    if (gt(snd.small, snd.nxt)) snd.small = snd.nxt;
  } else {
    startRetransmit(tcb, ctx);
  }
}

/** Beyond it what is remembered of the past says nothing any more: no window is larger (RFC 7323 2.3). */
const MAX_DISTANCE = 0x4000_0000;

/** Whether SEG.ACK is one that RFC 5961 5.2 accepts. */
export function isAckAcceptable(tcb: Tcb, seg: Segment): boolean {
  const oldest = add(tcb.snd.una, -Math.max(tcb.snd.maxWnd, 1));
  return !gt(seg.ack, tcb.snd.nxt) && !lt(seg.ack, oldest);
}
