/**
 * What our ACKs report of what the peer sent: a duplicate once, in the first block (RFC 2883), then what is held above
 * a gap, most recent first (RFC 2018 4). A FIN ahead is held like a byte of text.
 */
import { lt, type Seq, toInt } from "../base/seq.ts";
import type { TcpContext } from "./context.ts";
import type { SegmentOut } from "./segment-out.ts";
import { sackBlocksMax } from "./send-policy.ts";
import type { Tcb } from "./tcb.ts";

/** Text from `left` to `right` came twice: the next ACK says so (RFC 2883 4). */
export function noteDuplicate(tcb: Tcb, left: Seq, right: Seq, ctx: TcpContext): void {
  if (!tcb.sackPermitted || !ctx.config.dsack || !lt(left, right)) return;
  tcb.dsackStart = left;
  tcb.dsackEnd = right;
  if (lt(left, tcb.rcv.nxt)) ctx.counters.TCPDSACKOldSent++;
  else ctx.counters.TCPDSACKOfoSent++;
}

/** The same for what of [left, right) is held above a gap; of several pieces the first (RFC 2883 4.3). */
export function noteOverlap(tcb: Tcb, left: Seq, right: Seq, ctx: TcpContext): void {
  if (!tcb.hasGaps || tcb.dsackStart !== tcb.dsackEnd) return;
  const { assembler } = tcb;
  noteDuplicate(tcb, assembler.overlapStart(left, right), assembler.overlapEnd(left, right), ctx);
}

/** The blocks of one segment. `segmentText` left room for them. */
export function fillSack(tcb: Tcb, out: SegmentOut): void {
  const most = sackBlocksMax(tcb);
  let count = 0;
  if (tcb.dsackStart !== tcb.dsackEnd) {
    out.sackEdges[0] = toInt(tcb.dsackStart);
    out.sackEdges[1] = toInt(tcb.dsackEnd);
    tcb.dsackEnd = tcb.dsackStart;
    count = 1;
  }
  if (tcb.hasGaps) count += tcb.assembler.report(out.sackEdges, count, most - count);
  out.sackCount = count;
}
