/**
 * Explicit Congestion Notification (RFC 3168, with RFC 8311's leave to experiment left alone): who agreed to it, what the
 * receiver echoes, and when the sender says that it has slowed down. How it slows down is recovery's (CWR, `recovery.ts`); IP
 * carries `out.ecn` and `seg.ecn` (`stack/`).
 */
import { ACK, CWR, ECE, type Segment, SYN } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";
import type { SegmentOut } from "./segment-out.ts";
import { ACK_NOW, type Tcb } from "./tcb.ts";

/** Codepoints of the IP header's ECN field (RFC 3168 5). */
const NOT_ECT = 0;
const ECT_0 = 2;
const CE = 3;

/** 6.1.1: what a SYN asks; one that carries a codepoint itself was meddled with on the way (Linux: tcp_ecn_create_request). */
export function isSetupSyn(seg: Segment): boolean {
  return (seg.flags & (SYN | ACK | ECE | CWR)) === (SYN | ECE | CWR) && seg.ecn === NOT_ECT;
}

/** Flags for our SYN, first time or again. 6.1.1.1: some networks drop a SYN that asks, so that a later one does not. */
export function askFlags(tcb: Tcb, ctx: TcpContext): number {
  tcb.ecnAsked = ctx.config.ecn === "on" && tcb.retries <= ctx.config.ecnFallback;
  return tcb.ecnAsked ? ECE | CWR : 0;
}

/** The peer's SYN or SYN-ACK came to our SYN. 6.1.1: a SYN-ACK agrees with ECE alone; both bits are a reflection of ours. */
export function agree(tcb: Tcb, seg: Segment): void {
  const answer = seg.flags & (ECE | CWR);
  tcb.ecn = tcb.ecnAsked && ((seg.flags & ACK) !== 0 ? answer === ECE : answer === (ECE | CWR));
}

/** Text arrived (6.1.3): CE is echoed in every ACK until the sender says CWR. */
export function takeCodepoint(tcb: Tcb, seg: Segment): void {
  if ((seg.flags & CWR) !== 0) {
    tcb.ecnEcho = false;
    // Its window may be down to one segment, which waits for nothing (Linux: tcp_ecn_accept_cwr).
    tcb.ack = ACK_NOW;
  }
  if (seg.ecn === NOT_ECT) {
    // 6.1.5: sent again, then, if the others carried one: its sender wants to hear soon (Linux: __tcp_ecn_check_ce).
    if (tcb.ecnSeen) tcb.ack = ACK_NOW;
    return;
  }
  tcb.ecnSeen = true;
  if (seg.ecn !== CE) return;
  if (!tcb.ecnEcho) tcb.ack = ACK_NOW;
  tcb.ecnEcho = true;
}

/** New text leaves: it may be marked (6.1.2: not a retransmission, 6.1.5, nor a window probe, 6.1.6), and tells of the reduction. */
export function markNewText(tcb: Tcb, out: SegmentOut): void {
  out.ecn = ECT_0;
  if (!tcb.cwrQueued) return;
  tcb.cwrQueued = false;
  out.flags |= CWR;
}
