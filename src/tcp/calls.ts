/**
 * The user calls on a TCB (RFC 9293 3.10.1-3.10.6): OPEN (active), SEND, RECEIVE, CLOSE, ABORT. STATUS is
 * `stack/inspect-tcb.ts`. Passive OPEN is a listener's (stack/listener.ts). Errors are returned or noted, never thrown.
 */

import type { ErrorCode } from "../base/errors.ts";
import { add } from "../base/seq.ts";
import { type Micros, NEVER } from "../base/time.ts";
import { receiveScale, type TcpConfig } from "./config.ts";
import type { TcpContext } from "./context.ts";
import { settleFastOpen } from "./fast-open.ts";
import { beginProbing } from "./mtu-probe.ts";
import { mssToOffer } from "./output.ts";
import { unsent } from "./send-policy.ts";
import {
  CLOSE_WAIT,
  CLOSED,
  CLOSING,
  ESTABLISHED,
  FIN_WAIT_1,
  FIN_WAIT_2,
  LAST_ACK,
  SYN_RECEIVED,
  SYN_SENT,
  TIME_WAIT,
} from "./state.ts";
import { EVENT_CLOSE, EVENT_CONNECT, EVENT_FINISH, enterState, type Tcb } from "./tcb.ts";
import { limitFinWait2, startKeepAlive } from "./timers.ts";
import { readLimit } from "./urgent.ts";
import { taken } from "./window.ts";

/** Active OPEN (3.10.1): chooses the ISS and queues the SYN. */
export function open(tcb: Tcb, ctx: TcpContext): void {
  const snd = tcb.snd;
  snd.iss = ctx.isn(tcb.family, tcb.local, tcb.remote, tcb.localPort, tcb.remotePort);
  snd.una = snd.iss;
  snd.nxt = add(snd.iss, 1);
  snd.up = snd.iss;
  snd.small = snd.iss;
  tcb.recover = snd.iss;
  tcb.lostMark = snd.iss;
  tcb.resendHint = snd.iss;
  tcb.tsOffset = ctx.timestampOffset(tcb.family, tcb.local, tcb.remote);
  tcb.rcv.scale = tcb.windowScale ? receiveScale(tcb.rcv.isFixed ? tcb.rcv.buffer : 0, ctx.config) : 0;
  tcb.active = true;
  setKeepInit(tcb, tcb.keepInit, ctx);
  ctx.counters.ActiveOpens++;
  enterState(tcb, SYN_SENT);
  if (ctx.now < ctx.quietUntil) {
    // RFC 9293 3.4.3: the SYN waits; its timer sends it.
    tcb.retries = -1;
    tcb.retransmitAt = ctx.quietUntil;
    ctx.rearm(tcb);
    return;
  }
  if (tcb.fastOpen?.isDeferred === true) return;
  tcb.synQueued = true;
  ctx.markDirty(tcb);
}

/** SEND (3.10.2). Returns false when the buffer is now full, or nothing can be sent any more. */
export function send(tcb: Tcb, bytes: Uint8Array, copy: boolean, ctx: TcpContext): boolean {
  if (tcb.finQueued || !canSend(tcb)) return false;
  if (bytes.length > 0) {
    tcb.sendBuffer.append(bytes, ctx.arena, copy);
    tcb.events &= ~EVENT_FINISH;
    startDeferred(tcb);
    ctx.markDirty(tcb);
  }
  if (tcb.cwnd * 2 > tcb.sendLimit && !tcb.isSendLimitFixed)
    tcb.sendLimit = Math.min(tcb.cwnd * 2, largestSendLimit(tcb, ctx.config));
  if (tcb.queuedToSend < tcb.sendLimit && unsent(tcb) < tcb.notSentLowat) return true;
  tcb.wantsDrain = true;
  return false;
}

/**
 * How far the send buffer may grow. Where nothing is lost the congestion window grows for ever, and what is then in flight only
 * waits in the peer's receive buffer. Copies fall out of the cache meanwhile, and leave from memory: `bench kernel`'s `down`
 * over the net API made 14 % more with 2 MiB than with 4. So there are no more of them than the fastest link has on its way.
 */
function largestSendLimit(tcb: Tcb, { sendBuffer, sendBufferMax }: TcpConfig): number {
  if (!tcb.sendsCopies || tcb.minRttUs < 0) return Math.max(sendBufferMax, tcb.sendLimit);
  return Math.max(sendBuffer, Math.min(sendBufferMax, Math.max(CACHED, tcb.minRttUs * FASTEST_LINK)));
}

/** Bytes a microsecond: 65 Gbit/s. */
const FASTEST_LINK = 8_192;
/** Bytes of copies that caches hold. */
const CACHED = 2 * 1024 * 1024;

/** Fast Open: the SYN that waited for text. */
export function startDeferred(tcb: Tcb): void {
  if (tcb.fastOpen === null || !tcb.fastOpen.isDeferred) return;
  tcb.fastOpen.isDeferred = false;
  tcb.synQueued = true;
}

function canSend(tcb: Tcb): boolean {
  const s = tcb.state;
  return s === ESTABLISHED || s === CLOSE_WAIT || s === SYN_SENT || s === SYN_RECEIVED;
}

/** RECEIVE (3.10.3): up to `max` bytes as a view, null when there are none. */
export function receive(tcb: Tcb, max: number, ctx: TcpContext): Uint8Array | null {
  if (tcb.queuedToRead === 0) return null;
  const bytes = tcb.receiveBuffer.shift(tcb.urgent === null ? max : readLimit(tcb, max));
  if (bytes !== null && tcb.slot >= 0 && tcb.state !== TIME_WAIT) taken(tcb, bytes.length, ctx);
  return bytes;
}

/** CLOSE (3.10.4): FIN after what is queued. Receiving goes on. */
export function close(tcb: Tcb, ctx: TcpContext): void {
  switch (tcb.state) {
    case SYN_SENT:
      // "Delete the TCB and return 'closing' to any queued SENDs."
      ctx.counters.AttemptFails++;
      ctx.release(tcb, null);
      return;
    case SYN_RECEIVED:
    case ESTABLISHED:
      enterState(tcb, FIN_WAIT_1);
      break;
    case CLOSE_WAIT:
      enterState(tcb, LAST_ACK);
      break;
    default:
      return;
  }
  tcb.finQueued = true;
  ctx.markDirty(tcb);
}

/**
 * CLOSE by an application that reads no more (RFC 9293 3.6.1, RFC 2525 2.17): unread text means that something is lost, which
 * only an RST can tell. With linger 0 always an RST.
 */
export function closeBoth(tcb: Tcb, ctx: TcpContext): void {
  tcb.readClosed = true;
  tcb.events &= EVENT_CLOSE;
  tcb.wantsDrain = false;
  const isLost = tcb.queuedToRead > 0 && ctx.config.closeUnread === "reset";
  if (tcb.state >= ESTABLISHED && tcb.state !== TIME_WAIT && (isLost || tcb.linger === 0)) {
    if (tcb.linger !== 0) ctx.counters.TCPAbortOnClose++;
    tcb.freeReceiving();
    abort(tcb, ctx, tcb.linger === 0 ? null : "ECONNABORTED");
    return;
  }
  tcb.freeReceiving();
  close(tcb, ctx);
  if (tcb.slot < 0) {
    // The end waited behind text that nobody reads now.
    if (tcb.events !== 0) ctx.note(tcb, 0);
    return;
  }
  if (isOrphanTooMany(tcb, ctx)) return;
  if (tcb.linger > 0 && tcb.state !== FIN_WAIT_2) {
    tcb.lingerAt = ctx.now + tcb.linger;
    if (tcb.lingerAt < tcb.wheelAt) ctx.rearm(tcb);
  }
  limitFinWait2(tcb, ctx);
}

/** Counts the connection as nobody's; above the limit it is reset, so that closing costs no memory without bound. */
function isOrphanTooMany(tcb: Tcb, ctx: TcpContext): boolean {
  if (tcb.isOrphan) return false;
  if (ctx.orphans >= ctx.config.orphansMax) {
    ctx.counters.TCPAbortOnMemory++;
    abort(tcb, ctx, "ECONNABORTED");
    return true;
  }
  tcb.isOrphan = true;
  ctx.orphans++;
  return false;
}

/**
 * ABORT (3.10.5), by the application or because of `error`: an RST where the peer may hold a connection, and CLOSED. A
 * null `error` ends it as an orderly close does.
 */
export function abort(tcb: Tcb, ctx: TcpContext, error: ErrorCode | null): void {
  const state = tcb.state;
  // In TIME-WAIT there is nothing to abort but the record, which RFC 1337 wants kept; the ACK of the FIN still leaves.
  if (state === CLOSED || state === TIME_WAIT) return;
  if (state >= SYN_RECEIVED && state !== CLOSING && state !== LAST_ACK) {
    tcb.resetQueued = true;
    ctx.counters.OutRsts++;
    if (state === ESTABLISHED || state === CLOSE_WAIT) ctx.counters.EstabResets++;
    ctx.markDirty(tcb);
  }
  ctx.release(tcb, error);
}

/** Keepalive on or off; times in microseconds. */
export function setKeepAlive(tcb: Tcb, on: boolean, ctx: TcpContext): void {
  tcb.keepAlive = on;
  tcb.keepProbes = 0;
  if (on && tcb.state >= ESTABLISHED && tcb.slot >= 0) startKeepAlive(tcb, ctx, tcb.keepAliveIdle);
}

/** How long the handshake of an active open may take (TCP_KEEPINIT); counts from the SYN, 0: no limit of its own. */
export function setKeepInit(tcb: Tcb, limit: Micros, ctx: TcpContext): void {
  tcb.keepInit = limit;
  if (!tcb.active || tcb.state >= ESTABLISHED || tcb.slot < 0) return;
  tcb.keepAliveAt = NEVER;
  const since = tcb.progressAt < 0 ? ctx.now : tcb.progressAt;
  if (limit > 0) startKeepAlive(tcb, ctx, Math.max(0, since + limit - ctx.now));
}

/** TCP_MAXSEG: segments become no larger than `limit`, and the SYN says so if it has not left. */
export function setMaxSegment(tcb: Tcb, limit: number, ctx: TcpContext): void {
  tcb.maxSegment = limit;
  if (tcb.state >= ESTABLISHED && tcb.slot >= 0) updateMss(tcb, ctx);
}

/** ESTABLISHED is reached from either side: agreed values, congestion control, and the news. */
export function established(tcb: Tcb, ctx: TcpContext): void {
  tcb.synAcked = true;
  settleFastOpen(tcb, false);
  updateMss(tcb, ctx);
  beginProbing(tcb, ctx);
  roundReceiveBuffer(tcb, ctx);
  tcb.congestion.init(tcb, ctx.config.initialWindow);
  tcb.retries = 0;
  tcb.softError = 0;
  tcb.backoff = 0;
  tcb.takenSince = ctx.now | 0;
  tcb.lastAckReceived = ctx.now;
  tcb.keepAliveAt = NEVER;
  if (tcb.keepAlive) startKeepAlive(tcb, ctx, tcb.keepAliveIdle);
  if (tcb.active) ctx.note(tcb, EVENT_CONNECT);
}

/** 4.4BSD's tcp_mss, called when the peer's MSS is known: whole segments fit the buffer. */
export function roundReceiveBuffer(tcb: Tcb, ctx: TcpContext): void {
  if (!ctx.config.receiveBufferRounded) return;
  const segment = Math.min(tcb.snd.peerMss, mssToOffer(tcb, ctx));
  tcb.rcv.buffer = Math.ceil(tcb.rcv.buffer / segment) * segment;
}

/** Effective send MSS (RFC 9293 3.7.1, RFC 6691): the peer's or the path's, whichever is less, without our options. */
export function updateMss(tcb: Tcb, ctx: TcpContext): void {
  const offered = mssToOffer(tcb, ctx);
  const probed = tcb.mtuSearch === null ? offered : tcb.mtuSearch.low - (tcb.family === 4 ? 40 : 60);
  tcb.snd.mss = Math.max(MSS_MIN, Math.min(tcb.snd.peerMss, offered, probed) - (tcb.timestamps ? 12 : 0));
  tcb.rcv.mss = Math.min(tcb.rcv.mss, offered);
}

/** A peer may not make us send one byte a segment (Linux: tcp_min_snd_mss = 48). */
const MSS_MIN = 36;
