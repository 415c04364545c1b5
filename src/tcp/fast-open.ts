/**
 * TCP Fast Open on one connection (RFC 7413): text in the SYN, either way. What a destination's cookie is, is
 * `fast-open-cache.ts`'s to know; which SYN a listener accepts, the stack's.
 */

import { add, diff, lt } from "../base/seq.ts";
import { type Micros, NEVER } from "../base/time.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";
import { FAST_OPEN_CLIENT, FAST_OPEN_CLIENT_BARE } from "./fast-open-config.ts";
import { mssToOffer } from "./output.ts";
import type { SegmentOut } from "./segment-out.ts";
import { hasDrained } from "./send-policy.ts";
import { SYN_SENT } from "./state.ts";
import { EVENT_DRAIN, EVENT_FINISH, type Tcb } from "./tcb.ts";

/** What the options of a SYN may take of a segment: text in it leaves room for all of them (Linux: MAX_TCP_OPTION_SPACE). */
const OPTIONS_MAX = 40;

/** What a connection that uses Fast Open has beside its TCB; `tcb.fastOpen` is null for all others. */
export class FastOpen {
  /** Client: the cookie to send; null: ask for one, unless `bare`. Server: one to replace the peer's. */
  cookie: Uint8Array | null = null;
  /** Client: text leaves without a cookie. */
  bare = false;
  /** Client: the SYN waits for the first SEND, whose text it will carry (TCP_FASTOPEN_CONNECT). */
  isDeferred = false;
  /** Client: the next SYN is an ordinary one. */
  isPlain = false;
  /** The SYN carried the option. */
  asked = false;
  /** Text that the SYN carried and that is not acknowledged, in bytes. */
  text = 0;
  /** Text in the SYN was accepted, by the peer or by us: TCPI_OPT_SYN_DATA. */
  isAccepted = false;
  /** Server: until the third segment; told when that, or the end, came. */
  onSettled: ((reset: boolean) => void) | null = null;
  /** When the SYN or SYN-ACK left; text may have followed it. */
  synAt: Micros = NEVER;
}

/** Prepares an active open with Fast Open, where it is allowed and the destination is not known to refuse it. */
export function prepareFastOpen(tcb: Tcb, ctx: TcpContext): void {
  const { fastOpen } = ctx.config;
  const cache = ctx.fastOpen;
  if ((fastOpen & FAST_OPEN_CLIENT) === 0 || !cache.isAllowed(tcb.family, who(tcb, ctx), ctx.now)) return;
  const attempt = new FastOpen();
  attempt.cookie = cache.cookie(tcb.family, who(tcb, ctx));
  attempt.bare = attempt.cookie === null && (fastOpen & FAST_OPEN_CLIENT_BARE) !== 0;
  attempt.isDeferred = attempt.cookie !== null || attempt.bare;
  tcb.fastOpen = attempt;
}

/** The destination, as the cache knows it: an IPv6 key may stand for another address tomorrow. */
function who(tcb: Tcb, ctx: TcpContext): number {
  return ctx.identity(tcb.family, tcb.remote);
}

/** How much text the SYN may carry (RFC 7413 4.1.3: the MSS that the destination offered before, 4.2.1); 0: none. */
export function synRoom(tcb: Tcb, ctx: TcpContext): number {
  const { fastOpen } = tcb;
  if (fastOpen === null || (fastOpen.cookie === null && !fastOpen.bare) || tcb.slot < 0) return 0;
  const known = ctx.fastOpen.mss(tcb.family, who(tcb, ctx)) || tcb.snd.peerMss;
  return Math.max(0, Math.min(known, mssToOffer(tcb, ctx)) - OPTIONS_MAX);
}

/** Adds the option, and the text if there is a cookie, to the SYN in `out`. A repeated SYN has neither (RFC 7413 4.1.3.1). */
export function fillSyn(tcb: Tcb, attempt: FastOpen, ctx: TcpContext, out: SegmentOut): void {
  attempt.synAt = ctx.now;
  if (tcb.retries > 0 || attempt.isPlain) return;
  if (tcb.state !== SYN_SENT) {
    if (!tcb.active && attempt.cookie !== null) out.fastOpen(attempt.cookie, attempt.cookie.length);
    return;
  }
  if (!attempt.bare) {
    attempt.asked = true;
    out.fastOpen(attempt.cookie, attempt.cookie?.length ?? 0);
  }
  const length = Math.min(synRoom(tcb, ctx), tcb.queuedToSend);
  if (length === 0) return;
  out.textPosition = tcb.sendBuffer.position;
  out.textLength = length;
  attempt.text = length;
  tcb.snd.nxt = add(tcb.snd.iss, 1 + length);
  tcb.bytesSent += length;
  tcb.dataSegsOut++;
}

/**
 * The SYN-ACK of an active open: takes what it acknowledges of the SYN's text, and learns. What it does not is unsent again,
 * and leaves without any response of congestion control (RFC 7413 4.2.2).
 */
export function takeSynAck(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const { fastOpen: attempt, snd } = tcb;
  snd.una = seg.ack;
  if (attempt === null) return;
  const acked = diff(seg.ack, snd.iss) - 1;
  const refused = attempt.text > 0 && acked < attempt.text;
  attempt.isAccepted = acked > 0 && !refused;
  if (attempt.isAccepted) ctx.counters.TCPFastOpenActive++;
  else if (refused) ctx.counters.TCPFastOpenActiveFail++;
  if (acked > 0) {
    tcb.sendBuffer.discard(acked);
    tcb.bytesAcked += acked;
    if (hasDrained(tcb)) {
      tcb.wantsDrain = false;
      ctx.note(tcb, EVENT_DRAIN);
    }
    if (tcb.queuedToSend === 0) ctx.note(tcb, EVENT_FINISH);
  }
  attempt.text = 0;
  snd.nxt = seg.ack;
  learn(tcb, attempt, seg, refused, ctx);
}

/** RFC 7413 4.1.3: what the SYN-ACK says is kept for the next connection. */
function learn(tcb: Tcb, attempt: FastOpen, seg: Segment, refused: boolean, ctx: TcpContext): void {
  const { family } = tcb;
  const remote = who(tcb, ctx);
  const cache = ctx.fastOpen;
  if (seg.mss > 0) cache.learnMss(family, remote, seg.mss);
  if (!attempt.asked) return;
  if (seg.fastOpenLength > 0) cache.learn(family, remote, seg.bytes, seg.fastOpenAt, seg.fastOpenLength);
  else if (refused || attempt.cookie === null)
    cache.avoid(family, remote, ctx.now + ctx.config.fastOpenNegative);
}

/** The SYN of a simultaneous open was acknowledged: the text in it that was not is unsent again, and a FIN after it. */
export function settleSynText(tcb: Tcb, seg: Segment): void {
  const { fastOpen: attempt, snd } = tcb;
  if (attempt === null || attempt.text === 0) return;
  attempt.isAccepted = diff(seg.ack, snd.iss) > attempt.text;
  attempt.text = 0;
  if (attempt.isAccepted || !lt(seg.ack, snd.nxt)) return;
  tcb.sentRing.clear();
  tcb.finSent = false;
  snd.nxt = seg.ack;
}

/** Server: the third segment came, or the end: the place in the listener's Fast Open queue is free. */
export function settleFastOpen(tcb: Tcb, reset: boolean): void {
  const { fastOpen } = tcb;
  if (fastOpen === null || fastOpen.onSettled === null) return;
  fastOpen.onSettled(reset);
  fastOpen.onSettled = null;
}

/** A retransmission timed out: the third in a row on a connection that got nothing back says that a middlebox eats them. */
export function suspectBlackhole(tcb: Tcb, ctx: TcpContext): void {
  if (tcb.fastOpen === null || !tcb.active || tcb.retries !== 2 || tcb.bytesReceived > 0) return;
  const { fastOpenBlackhole } = ctx.config;
  if (fastOpenBlackhole === 0) return;
  ctx.counters.TCPFastOpenBlackhole++;
  ctx.fastOpen.pause(ctx.now, fastOpenBlackhole);
}

/** The SYN was too large for the path: it leaves again without text, at once (Linux: tcp_simple_retransmit). */
export function resendSynPlain(tcb: Tcb, ctx: TcpContext): void {
  const { fastOpen: attempt } = tcb;
  if (tcb.state !== SYN_SENT || attempt === null || attempt.text === 0) return;
  attempt.isPlain = true;
  tcb.synQueued = true;
  ctx.markDirty(tcb);
}
