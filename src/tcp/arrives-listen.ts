/**
 * SEGMENT ARRIVES in LISTEN (RFC 9293 3.10.7.2): RST, ACK, SYN, everything else. What becomes of a good SYN (queue,
 * cookie, refusal) is the listener's business.
 */
import * as drop from "../wire/drop.ts";
import { ACK, FIN, RST, type Segment, SYN } from "../wire/segment.ts";
import { refuse } from "./arrives-closed.ts";
import type { TcpContext } from "./context.ts";

/** Returns whether the segment is a SYN to be considered; anything else is dealt with here. */
export function arrivesListen(seg: Segment, ctx: TcpContext): boolean {
  if ((seg.flags & RST) !== 0) {
    ctx.drop(drop.TCP_NO_CONNECTION);
    return false;
  }
  if ((seg.flags & ACK) !== 0) {
    ctx.drop(drop.TCP_NO_CONNECTION);
    refuse(seg, ctx);
    return false;
  }
  if ((seg.flags & SYN) === 0) {
    ctx.drop(drop.TCP_NO_CONNECTION);
    return false;
  }
  if ((seg.flags & FIN) !== 0) {
    // No stack has use for it; a scanner's probe (Linux drops it too). Where it is taken, the FIN is not acknowledged.
    if (ctx.config.dropSynFin !== "never") {
      ctx.drop(drop.TCP_SYN_FIN);
      return false;
    }
    seg.flags &= ~FIN;
  }
  return true;
}
