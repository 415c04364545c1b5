/**
 * SEGMENT ARRIVES without a connection (RFC 9293 3.10.7.1), and the resets that 3.10.7.2-4 form from a segment.
 */
import { add, seq } from "../base/seq.ts";
import * as drop from "../wire/drop.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import type { TcpContext } from "./context.ts";

/** SYN and FIN in one segment, where nobody answers that (FreeBSD: drop_synfin). */
export function isSynFinDropped(seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & (SYN | FIN)) !== (SYN | FIN) || ctx.config.dropSynFin !== "always") return false;
  ctx.drop(drop.TCP_SYN_FIN);
  return true;
}

/** "If the state is CLOSED": everything but an RST is answered by one. */
export function arrivesClosed(seg: Segment, ctx: TcpContext): void {
  if ((seg.flags & (SYN | FIN)) === (SYN | FIN)) ctx.drop(drop.TCP_SYN_FIN);
  else ctx.drop(drop.TCP_NO_CONNECTION);
  const { blackhole } = ctx.config;
  if (blackhole === 2 || (blackhole === 1 && (seg.flags & SYN) !== 0)) return;
  if ((seg.flags & RST) === 0) refuse(seg, ctx);
}

/**
 * The reset for a segment that nothing here accounts for. With an ACK: <SEQ=SEG.ACK><CTL=RST>; without:
 * <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>. At a limited rate, never to an RST.
 */
export function refuse(seg: Segment, ctx: TcpContext): void {
  if ((seg.flags & RST) !== 0) return;
  if (!ctx.allowReset(seg.family, seg.src)) {
    ctx.drop(drop.TCP_RST_LIMIT);
    return;
  }
  const out = ctx.bare;
  out.reset();
  if ((seg.flags & ACK) !== 0) {
    out.seq = seg.ack;
    out.ack = seq(0);
    out.flags = RST;
  } else {
    out.seq = seq(0);
    out.ack = add(seg.seq, seg.len);
    out.flags = RST | ACK;
  }
  ctx.counters.OutRsts++;
  ctx.sendBare(seg, out);
}
