/**
 * Path MTU discovery by ICMP (RFC 1191, RFC 8201), with the counter-measure of RFC 5927 7.2: a message that claims less than
 * what was acknowledged before is believed only once the segment that it quotes has timed out. What was too large leaves
 * again at once in smaller segments; that is no congestion. Linux believes every message whose sequence number is in flight.
 *
 * How messages are parsed and matched, and where MTUs are kept by destination, is the stack's business.
 */

import { gt, leq, type Seq } from "../base/seq.ts";
import { LOST, RETRANSMITTED, SACKED } from "./buffer/sent-ring.ts";
import { updateMss } from "./calls.ts";
import type { TcpContext } from "./context.ts";
import { resendSynPlain } from "./fast-open.ts";
import { boundSearch, isProbeTooBig } from "./mtu-probe.ts";
import { markLost } from "./recovery/scoreboard.ts";
import { segmentText } from "./send-policy.ts";
import { CA_LOSS, CA_RECOVERY, type Tcb } from "./tcb.ts";

/** Smallest path MTU that is believed: RFC 791's 576 would be right, Linux's 552 (net.ipv4.route.min_pmtu) is kinder. */
const LEAST_IPV4 = 552;
/** RFC 8200 5. */
const LEAST_IPV6 = 1_280;

/** Bytes of a packet that are neither text nor TCP options. */
export function headerBytes(tcb: Tcb): number {
  return tcb.family === 4 ? 40 : 60;
}

/** Size of a full packet of the connection: MAXSIZESENT of RFC 5927 7.2. */
export function packetSize(tcb: Tcb): number {
  if (!tcb.synAcked) return tcb.path.mtu;
  return tcb.snd.mss + (tcb.timestamps ? 12 : 0) + headerBytes(tcb);
}

/**
 * A router says that the packet with `quoted` in it is too large; the next link takes `mtu`, 0 when it does not say (older
 * than RFC 1191); `length` is the packet's as quoted. The caller has checked that `quoted` is in flight. Returns whether the message was of use.
 */
export function packetTooBig(tcb: Tcb, quoted: Seq, mtu: number, length: number, ctx: TcpContext): boolean {
  // RFC 8201 4: such a message MUST be discarded.
  if (tcb.family === 6 && mtu < LEAST_IPV6) return false;
  if (mtu > 0 && isProbeTooBig(tcb, quoted, mtu, ctx)) return true;
  const size = packetSize(tcb);
  // One flight brings many messages; those about packets larger than they are now are old. A byte order or a header length
  // in the quote may be wrong (RFC 1191 5), so that a little more still counts.
  if (mtu === 0 && length > size + 60) return false;
  const next = Math.max(mtu === 0 ? plateauBelow(size) : mtu, tcb.family === 4 ? LEAST_IPV4 : LEAST_IPV6);
  // RFC 5927 7.2: no packet that large was sent.
  if (next >= size) return false;
  if (next < tcb.mtuAcked) {
    tcb.mtuClaim = next;
    tcb.mtuClaimSeq = quoted;
    return true;
  }
  lessen(tcb, next, ctx);
  return true;
}

/** The retransmission timer expired: a claim about the segment that is still missing was true (RFC 5927 7.2, MAXSEGRTO = 1). */
export function mtuTimeout(tcb: Tcb, ctx: TcpContext): void {
  if (tcb.mtuClaim === 0) return;
  const claim = tcb.mtuClaim;
  tcb.mtuClaim = 0;
  if (gt(tcb.snd.una, tcb.mtuClaimSeq) || claim >= packetSize(tcb)) return;
  tcb.mtuAcked = 0;
  lessen(tcb, claim, ctx);
}

/** SND.UNA is about to move by `acked`: notes the largest packet known to have arrived (MAXSIZEACKED), and forgets a claim that it disproves. */
export function mtuAcked(tcb: Tcb, acked: number): void {
  const ring = tcb.sentRing;
  const full = segmentText(tcb);
  if (ring.count > 0 && acked >= full && ring.lengthAt(0) >= full) tcb.mtuAcked = packetSize(tcb);
  if (tcb.mtuClaim > 0 && leq(tcb.mtuClaimSeq, tcb.snd.una)) tcb.mtuClaim = 0;
}

/** The path takes packets of `mtu` bytes and no more. */
export function lessen(tcb: Tcb, mtu: number, ctx: TcpContext): void {
  ctx.suspectPath(tcb, mtu);
  boundSearch(tcb, mtu);
  resize(tcb, ctx);
}

/**
 * The MSS may be smaller now: segments in flight that exceed it were dropped on the way, and leave again at once
 * (RFC 1191 6.4, RFC 8201 5.4). As Linux (tcp_simple_retransmit) neither cwnd nor ssthresh is touched.
 */
export function resize(tcb: Tcb, ctx: TcpContext): void {
  updateMss(tcb, ctx);
  resendSynPlain(tcb, ctx);
  if (!tcb.synAcked || tcb.snd.una === tcb.snd.nxt) return;
  const ring = tcb.sentRing;
  const full = segmentText(tcb);
  let lost = false;
  for (let i = 0; i < ring.count; i++) {
    const flags = ring.flagsAt(i);
    if ((flags & SACKED) !== 0 || (flags & (LOST | RETRANSMITTED)) === LOST || ring.lengthAt(i) <= full)
      continue;
    markLost(tcb, i);
    lost = true;
  }
  if (!lost) return;
  if (tcb.caState < CA_RECOVERY) {
    // The state in which losses are repaired and cwnd grows. There is nothing to undo.
    tcb.caState = CA_LOSS;
    tcb.recover = tcb.snd.nxt;
    tcb.recovery.canUndo = false;
    tcb.recovery.frto = false;
  }
  ctx.markDirty(tcb);
}

/** RFC 1191 7.1: the MTUs of links that there were, for routers that do not say. */
function plateauBelow(mtu: number): number {
  for (const plateau of [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 576]) {
    if (plateau < mtu) return plateau;
  }
  return LEAST_IPV4;
}
