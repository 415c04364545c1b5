/**
 * What happens when a connection's timer expires: retransmission (RFC 6298 5.4-5.7), persist, delayed ACK,
 * keepalive, FIN-WAIT-2 and linger. It queues; output sends.
 */
import { NEVER } from "../base/time.ts";
import { abort } from "./calls.ts";
import type { TcpContext } from "./context.ts";
import { suspectBlackhole } from "./fast-open.ts";
import { suspectMtu } from "./mtu-probe.ts";
import { mtuTimeout } from "./path-mtu.ts";
import { onReorderingTimeout, onTimeout } from "./recovery/recovery.ts";
import { backOff } from "./rtt.ts";
import { SOFT_ERRORS } from "./soft-errors.ts";
import { ESTABLISHED, FIN_WAIT_2, SYN_RECEIVED, SYN_SENT } from "./state.ts";
import { ACK_NOW, EVENT_TROUBLE, FOR_PROBE, FOR_RETRANSMISSION, LONG_AGO, type Tcb } from "./tcb.ts";
import { startKeepAlive, startPersist, startRetransmit } from "./timers.ts";

/** Runs whatever of the connection's timers is due at `ctx.now`. */
export function expire(tcb: Tcb, ctx: TcpContext): void {
  const now = ctx.now;
  if (tcb.delayedAckAt <= now) {
    tcb.delayedAckAt = NEVER;
    tcb.ack = ACK_NOW;
    // Neither a second segment nor an answer came meanwhile: whoever waits for this ACK shall not wait for the next ones too.
    tcb.quickAcks = QUICK_ACKS;
    ctx.markDirty(tcb);
  }
  if (tcb.paceAt <= now) {
    tcb.paceAt = NEVER;
    ctx.markDirty(tcb);
  }
  if (tcb.retransmitAt <= now) retransmitTimeout(tcb, ctx);
  if (tcb.persistAt <= now) persistTimeout(tcb, ctx);
  if (tcb.keepAliveAt <= now) keepAliveTimeout(tcb, ctx);
  if (tcb.lingerAt <= now) lingerTimeout(tcb, ctx);
}

/** ACKs not delayed after one was in vain. */
const QUICK_ACKS = 8;

function retransmitTimeout(tcb: Tcb, ctx: TcpContext): void {
  tcb.retransmitAt = NEVER;
  if (tcb.retransmitFor !== FOR_RETRANSMISSION) {
    if (tcb.retransmitFor === FOR_PROBE) tcb.recovery.tlpDue = true;
    else onReorderingTimeout(tcb, ctx);
    ctx.markDirty(tcb);
    return;
  }
  if (tcb.retries < 0) {
    // The end of the quiet time: nothing was sent yet.
    tcb.retries = 0;
    tcb.synQueued = true;
    ctx.markDirty(tcb);
    return;
  }
  ctx.counters.TCPTimeouts++;
  if (gaveUp(tcb, ctx, retryLimit(tcb, ctx), tcb.retries)) return;
  tcb.retries++;
  suspectBlackhole(tcb, ctx);
  if (tcb.retries === ctx.config.r1) {
    ctx.suspectPath(tcb);
    ctx.note(tcb, EVENT_TROUBLE);
  }
  if (!tcb.synAcked) {
    // The SYN (or SYN-ACK) is what is missing.
    if (tcb.state === SYN_SENT && tcb.retries === ctx.config.rexmitDropOptions) dropOptions(tcb);
    backOff(tcb, ctx.config);
    tcb.synQueued = true;
    startRetransmit(tcb, ctx);
  } else {
    mtuTimeout(tcb, ctx);
    const probed = suspectMtu(tcb, ctx);
    noteTimeout(tcb, ctx);
    onTimeout(tcb, ctx, probed);
    backOff(tcb, ctx.config);
    startRetransmit(tcb, ctx);
  }
  ctx.markDirty(tcb);
}

/** For tcp_info (Linux: tcp_update_rto_stats): timeouts, and how long the connection was without an answer. */
function noteTimeout(tcb: Tcb, ctx: TcpContext): void {
  tcb.timeouts++;
  if (tcb.timeoutSince !== LONG_AGO) return;
  tcb.timeoutRuns++;
  tcb.timeoutSince = ctx.now;
}

/** The SYN goes on without the options that a middlebox may not like (FreeBSD: rexmit_drop_options). */
function dropOptions(tcb: Tcb): void {
  tcb.windowScale = tcb.timestamps = tcb.sackPermitted = false;
  tcb.rcv.scale = 0;
}

function persistTimeout(tcb: Tcb, ctx: TcpContext): void {
  tcb.persistAt = NEVER;
  // Unanswered probes only: every ACK of the peer resets `retries` (RFC 9293 3.8.6.1 MUST-37).
  if (gaveUp(tcb, ctx, tcb.readClosed ? ctx.config.orphanRetries : ctx.config.r2, tcb.retries)) return;
  if (isOrphanStuck(tcb, ctx)) {
    timedOut(tcb, ctx);
    return;
  }
  tcb.retries++;
  ctx.counters.TCPWinProbe++;
  tcb.probes++;
  startPersist(tcb, ctx);
  tcb.probeQueued = true;
  ctx.markDirty(tcb);
}

/**
 * RFC 6429 3: a peer that answers every probe and opens no window holds a connection that the application left as long as
 * it likes. Like Linux (tcp_probe_timer), not once the back-off is at its longest.
 */
function isOrphanStuck(tcb: Tcb, ctx: TcpContext): boolean {
  const { orphanRetries, rtoMax } = ctx.config;
  return tcb.readClosed && tcb.probes >= orphanRetries && tcb.rtoUs * 2 ** Math.min(tcb.probes, 16) >= rtoMax;
}

/** R2 (RFC 9293 3.8.3), by state and by whether anybody holds the connection. */
function retryLimit(tcb: Tcb, ctx: TcpContext): number {
  const config = ctx.config;
  if (tcb.state === SYN_SENT) return tcb.synRetries;
  if (tcb.state === SYN_RECEIVED) return config.synAckRetries;
  return tcb.readClosed ? config.orphanRetries : config.r2;
}

/** Ends the connection with ETIMEDOUT when the retries, or the user timeout (RFC 5482), are used up. */
function gaveUp(tcb: Tcb, ctx: TcpContext, limit: number, retries: number): boolean {
  const overdue = tcb.userTimeout > 0 && ctx.now - tcb.progressAt >= tcb.userTimeout;
  if (tcb.userTimeout > 0 ? !overdue : retries < limit) return false;
  timedOut(tcb, ctx);
  return true;
}

/** RFC 5461: an ICMP error that was only noted explains the timeout better than ETIMEDOUT. */
function timedOut(tcb: Tcb, ctx: TcpContext): void {
  ctx.counters.TCPAbortOnTimeout++;
  if (tcb.state < ESTABLISHED) ctx.counters.AttemptFails++;
  const error = SOFT_ERRORS[tcb.softError]!;
  // An idle connection that a keepalive gives up.
  const isIdle = tcb.keepProbes > 0;
  if (ctx.config.timeoutResets || isIdle) abort(tcb, ctx, error);
  else ctx.release(tcb, error);
}

function keepAliveTimeout(tcb: Tcb, ctx: TcpContext): void {
  tcb.keepAliveAt = NEVER;
  if (tcb.state < ESTABLISHED) {
    // keepInit: the handshake took too long.
    timedOut(tcb, ctx);
    return;
  }
  if (!tcb.keepAlive) return;
  const idle = ctx.now - Math.max(tcb.lastAckReceived, tcb.lastDataReceived);
  if (tcb.snd.una !== tcb.snd.nxt || tcb.persistAt !== NEVER) {
    // Retransmissions and window probes already find out whether the peer is there (MUST-26: only when nothing is sent).
    startKeepAlive(tcb, ctx, tcb.keepAliveIdle);
    return;
  }
  if (tcb.keepProbes === 0 && idle < tcb.keepAliveIdle) {
    startKeepAlive(tcb, ctx, tcb.keepAliveIdle - idle);
    return;
  }
  const overdue = tcb.userTimeout > 0 && tcb.keepProbes > 0 && idle >= tcb.userTimeout;
  if (overdue || tcb.keepProbes >= tcb.keepAliveCount) {
    timedOut(tcb, ctx);
    return;
  }
  tcb.keepProbes++;
  ctx.counters.TCPKeepAlive++;
  tcb.probeQueued = true;
  ctx.markDirty(tcb);
  startKeepAlive(tcb, ctx, tcb.keepAliveInterval);
}

/** FIN-WAIT-2 that nobody owns ends silently, as in every BSD; a linger that ran out resets. */
function lingerTimeout(tcb: Tcb, ctx: TcpContext): void {
  tcb.lingerAt = NEVER;
  if (tcb.state === FIN_WAIT_2) {
    ctx.release(tcb, null);
    return;
  }
  ctx.counters.TCPAbortOnLinger++;
  abort(tcb, ctx, "ETIMEDOUT");
}
