/**
 * Header prediction (Van Jacobson): on a connection that runs smoothly nearly every segment is the next one,
 * changes nothing but SND.UNA and RCV.NXT, and needs no step of RFC 9293 3.10.7.4 but the fifth and the seventh.
 * Whatever is out of the ordinary is left to `arrives-synchronized.ts`; the outcome is the same either way.
 */
import { diff, geq, leq } from "../base/seq.ts";
import { ACK, ECE, FIN, RST, type Segment, SYN, URG } from "../wire/segment.ts";
import { acknowledge } from "./ack.ts";
import type { TcpContext } from "./context.ts";
import { remember } from "./paws.ts";
import { ESTABLISHED } from "./state.ts";
import { CA_OPEN, type Tcb } from "./tcb.ts";
import { takeText } from "./text.ts";

/** The segment was not one for the fast path. */
export const SLOW = 0;
/** It was taken; the packet's memory is free, or is kept. */
export const TAKEN = 1;
export const TAKEN_KEPT = 2;

/** Takes the segment if it is the expected one. */
export function fastPath(tcb: Tcb, seg: Segment, ctx: TcpContext): number {
  if (
    tcb.state !== ESTABLISHED ||
    (seg.flags & (FIN | SYN | RST | URG | ACK | ECE)) !== ACK ||
    seg.seq !== tcb.rcv.nxt ||
    seg.sackCount !== 0 ||
    tcb.caState !== CA_OPEN ||
    tcb.readClosed ||
    tcb.finAhead ||
    tcb.hasGaps ||
    tcb.urgent !== null
  ) {
    return SLOW;
  }
  const snd = tcb.snd;
  if (!geq(seg.ack, snd.una) || !leq(seg.ack, snd.nxt)) return SLOW;
  if (tcb.timestamps) {
    if (!seg.hasTimestamps || ((seg.tsval - tcb.tsRecent) | 0) < 0) return SLOW;
  }
  const length = seg.textLength;
  if (length > diff(tcb.rcv.edge, seg.seq)) return SLOW;
  if (tcb.timestamps) remember(tcb, seg, ctx);
  ctx.counters.TCPHPHits++;
  acknowledge(tcb, seg, ctx);
  if (length === 0) {
    ctx.counters.TCPPureAcks++;
    return TAKEN;
  }
  return takeText(tcb, seg, ctx) ? TAKEN_KEPT : TAKEN;
}
