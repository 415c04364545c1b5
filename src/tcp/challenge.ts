/**
 * Challenge ACKs (RFC 5961): the answer to a RST, SYN or ACK that might be forged. Limited a stack and a
 * connection, so that neither an attacker nor a confused peer can make two stacks talk for ever.
 */
import type { TcpContext } from "./context.ts";
import { ACK_NOW, type Tcb } from "./tcb.ts";

/** Owes the peer a challenge ACK, within the limits. */
export function challenge(tcb: Tcb, ctx: TcpContext): void {
  if (ctx.now - tcb.lastChallenge < ctx.config.challengeInterval || !ctx.allowChallenge()) return;
  tcb.lastChallenge = ctx.now;
  ctx.counters.TCPChallengeACK++;
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
}

/** Answers a segment outside the window that carries no text (RFC 9293 3.10.7.4 step 1), at a limited rate against ACK storms. */
export function answerUnacceptable(tcb: Tcb, ctx: TcpContext): void {
  if (!mayAnswer(tcb, ctx)) return;
  tcb.ack = ACK_NOW;
  ctx.markDirty(tcb);
}

/** At most one a `challengeInterval` and connection (Linux: tcp_invalid_ratelimit). */
function mayAnswer(tcb: Tcb, ctx: TcpContext): boolean {
  if (ctx.now - tcb.lastChallenge < ctx.config.challengeInterval) return false;
  tcb.lastChallenge = ctx.now;
  return true;
}
