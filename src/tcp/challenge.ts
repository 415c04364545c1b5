/**
 * Challenge ACKs (RFC 5961): the answer to a RST, SYN or ACK that might be forged. Limited a stack and a
 * connection, so that neither an attacker nor a confused peer can make two stacks talk for ever.
 */
import { diff, gt } from "../base/seq.ts";
import { MS } from "../base/time.ts";
import type { Segment } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";
import { ACK_NOW, type Tcb } from "./tcb.ts";

/** Owes the peer a challenge ACK, within the limits. */
export function challenge(tcb: Tcb, ctx: TcpContext): void {
  if (ctx.now - tcb.lastChallenge < ctx.config.challengeInterval || !ctx.allowChallenge()) return;
  tcb.lastChallenge = ctx.now;
  ctx.counters.TCPChallengeACK++;
  tcb.isChallenged = true;
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
}

/**
 * Answers a segment that carries no text and is outside the window, or acknowledges what was never sent (RFC 9293 3.10.7.4
 * steps 1 and 5). Two ends that lost each other's place answer each other's answers: as long as nothing acceptable arrives
 * in between, each answer waits twice as long as the one before, so that the storm dies out on a path of any length.
 */
export function answerUnacceptable(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  if (tcb.lastAckReceived > tcb.lastChallenge) tcb.answers = 0;
  // A keepalive of the peer's (RFC 9293 3.8.4) is no part of a storm, and wants its answer each time.
  const keepAlive = diff(tcb.rcv.nxt, seg.seq) === 1 && !gt(seg.ack, tcb.snd.nxt);
  const wait = ctx.config.challengeInterval * (keepAlive ? 1 : 2 ** tcb.answers);
  if (ctx.now - tcb.lastChallenge < wait || !ctx.allowChallenge()) return;
  tcb.lastChallenge = ctx.now;
  if (!keepAlive && tcb.answers < ANSWERS_MAX) tcb.answers++;
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
}

/** The longest wait: 2^6 intervals, 32 s. */
const ANSWERS_MAX = 6;

/** The same limit for a connection that is a record: whether it may be answered now. `at` is its column for the time, in ms. */
export function mayAnswerRecord(record: Int32Array, at: number, ctx: TcpContext): boolean {
  // Never 0, which says that there was none.
  const now = Math.floor(ctx.now / MS) | 1;
  const last = record[at]!;
  if (last !== 0 && ((now - last) | 0) < ctx.config.challengeInterval / MS) return false;
  if (!ctx.allowChallenge()) return false;
  record[at] = now;
  return true;
}
