/**
 * The timers of a connection: deadlines in the TCB, of which the wheel holds the earliest. Moving one to a
 * later time costs nothing; the wheel finds out when it comes up.
 */
import { type Micros, NEVER } from "../base/time.ts";
import type { TcpContext } from "./context.ts";
import { FIN_WAIT_2 } from "./state.ts";
import { FOR_RETRANSMISSION, type Tcb } from "./tcb.ts";

/** The earliest deadline. */
export function earliest(tcb: Tcb): Micros {
  return Math.min(
    tcb.retransmitAt,
    tcb.persistAt,
    tcb.delayedAckAt,
    tcb.keepAliveAt,
    tcb.lingerAt,
    tcb.paceAt,
  );
}

/** RFC 6298 5.1, 5.3: (re)starts the retransmission timer, cut short by the user timeout (RFC 5482). */
export function startRetransmit(tcb: Tcb, ctx: TcpContext): void {
  let wait = tcb.rtoUs;
  if (tcb.userTimeout > 0) {
    wait = Math.max(0, Math.min(wait, tcb.progressAt + tcb.userTimeout - ctx.now));
  }
  tcb.retransmitFor = FOR_RETRANSMISSION;
  tcb.retransmitAt = ctx.now + wait;
  if (tcb.retransmitAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** Starts the timer of retransmission for something that may come before RTO: a probe, late segments, a receiver that reneged. */
export function startRetransmitAfter(tcb: Tcb, ctx: TcpContext, wait: Micros, what: number): void {
  tcb.retransmitFor = what;
  tcb.retransmitAt = ctx.now + wait;
  if (tcb.retransmitAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** RTO again, counted from when the oldest record was last sent, after the timer ran for something else (Linux: tcp_rearm_rto). */
export function restartRetransmit(tcb: Tcb, ctx: TcpContext): void {
  startRetransmitAfter(tcb, ctx, rtoLeft(tcb, ctx), FOR_RETRANSMISSION);
}

/** How long RTO still has to run for the oldest record. */
export function rtoLeft(tcb: Tcb, ctx: TcpContext): Micros {
  const ring = tcb.sentRing;
  if (ring.count === 0) return tcb.rtoUs;
  return Math.max(1, tcb.rtoUs - (((ctx.now | 0) - ring.sentAt(0)) >>> 0));
}

/** Starts the persist timer (RFC 9293 3.8.6.1: first after RTO, then exponentially, SHLD-29, 30). */
export function startPersist(tcb: Tcb, ctx: TcpContext): void {
  tcb.retransmitAt = NEVER;
  let wait = Math.min(tcb.rtoUs * 2 ** Math.min(tcb.probes, 16), ctx.config.rtoMax);
  if (tcb.userTimeout > 0) wait = Math.max(0, Math.min(wait, tcb.progressAt + tcb.userTimeout - ctx.now));
  tcb.persistAt = ctx.now + wait;
  if (tcb.persistAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** Sets the delayed-ACK timer unless it runs. */
export function startDelayedAck(tcb: Tcb, ctx: TcpContext): void {
  if (tcb.delayedAckAt !== NEVER) return;
  tcb.delayedAckAt = ctx.now + ctx.config.delayedAck;
  if (tcb.delayedAckAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** Keepalive (RFC 9293 3.8.4): the next probe after `wait`. */
export function startKeepAlive(tcb: Tcb, ctx: TcpContext, wait: Micros): void {
  tcb.keepAliveAt = ctx.now + wait;
  if (tcb.keepAliveAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** FIN-WAIT-2 without an owner does not last for ever. */
export function limitFinWait2(tcb: Tcb, ctx: TcpContext): void {
  if (tcb.state !== FIN_WAIT_2 || !tcb.readClosed) return;
  tcb.lingerAt = ctx.now + ctx.config.finWait2;
  if (tcb.lingerAt < tcb.wheelAt) ctx.rearm(tcb);
}

/** Stops every timer; the TCB is leaving the table. */
export function stopTimers(tcb: Tcb): void {
  tcb.retransmitAt = NEVER;
  tcb.persistAt = NEVER;
  tcb.delayedAckAt = NEVER;
  tcb.keepAliveAt = NEVER;
  tcb.lingerAt = NEVER;
  tcb.paceAt = NEVER;
}
