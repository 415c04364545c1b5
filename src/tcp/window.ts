/**
 * The receive window: what to advertise (RFC 9293 3.8.6, silly-window avoidance 3.8.6.2.2), when an update is
 * worth a segment, and how the buffer behind it grows with what the application consumes a round trip.
 */
import { add, diff, gt } from "../base/seq.ts";
import type { TcpConfig } from "./config.ts";
import type { TcpContext } from "./context.ts";
import { ACK_NOW, type Tcb } from "./tcb.ts";

/**
 * Chooses the window for a segment about to leave and returns the header's 16 bits. The right edge never moves left
 * (SHLD-14) and moves right by half the buffer or one segment at least (RFC 9293 3.8.6.2.2 MUST-39).
 */
export function advertise(tcb: Tcb, ctx: TcpContext): number {
  const rcv = tcb.rcv;
  const held = Math.max(0, diff(rcv.edge, rcv.nxt));
  const free = Math.min(rcv.clamp, Math.max(0, rcv.buffer - tcb.queuedToRead));
  const grown = free - held >= leastGain(tcb, free, ctx.config) ? free : held;
  const { scale } = rcv;
  const unit = 1 << scale;
  // Keeping an edge must not lose a fraction of a unit to rounding: round up; opening must not promise more than there is. But a
  // peer of tiny segments would push an edge that is rounded up each time without end (RFC 7323 2.4): not far beyond the buffer.
  const up = (held + unit - 1) >> scale;
  const most = rcv.buffer + (rcv.buffer >> 3) - tcb.queuedToRead;
  const kept = up << scale <= most ? up : held >> scale;
  const field = Math.min(65_535, grown === held ? kept : free >> scale);
  const wnd = field << scale;
  if (wnd === 0 && rcv.wnd > 0) ctx.counters.TCPToZeroWindowAdv++;
  else if (wnd > 0 && rcv.wnd === 0) ctx.counters.TCPFromZeroWindowAdv++;
  rcv.wnd = wnd;
  const edge = add(rcv.nxt, wnd);
  if (gt(edge, rcv.edge)) rcv.edge = edge;
  return field;
}

/** MUST-39; BSD says all that the buffer has room for, unless that is less than a quarter of it and than a segment. */
function leastGain(tcb: Tcb, free: number, config: TcpConfig): number {
  const { buffer, mss } = tcb.rcv;
  if (config.receiveWindow === "buffer" && (free >= mss || free >= buffer >> 2)) return 1;
  return Math.min(buffer >> 1, mss);
}

/** RCV.WND as the acceptability tests know it (RFC 9293 table 6). */
export function acceptanceWindow(tcb: Tcb, config: TcpConfig): number {
  const advertised = Math.max(0, diff(tcb.rcv.edge, tcb.rcv.nxt));
  return config.receiveWindow === "buffer"
    ? Math.max(advertised, tcb.rcv.buffer - tcb.queuedToRead)
    : advertised;
}

/** The application took `n` bytes: grows the buffer, and asks for a window update when that is worth one. */
export function taken(tcb: Tcb, n: number, ctx: TcpContext): void {
  tcb.takenBytes += n;
  if (((ctx.now | 0) - tcb.takenSince) >>> 0 > Math.max(tcb.srttUs, ROUND_TRIP_MIN)) {
    const want = 2 * tcb.takenBytes + 16 * tcb.rcv.mss;
    if (want > tcb.rcv.buffer && !tcb.rcv.isFixed)
      tcb.rcv.buffer = Math.min(want, Math.max(ctx.config.receiveBufferMax, tcb.rcv.buffer));
    tcb.takenBytes = 0;
    tcb.takenSince = ctx.now | 0;
  }
  const rcv = tcb.rcv;
  const held = Math.max(0, diff(rcv.edge, rcv.nxt));
  if (held > rcv.buffer >> 1) return;
  // What the header's 16 bits can't say is no gain (RFC 7323 2.3).
  const gain = Math.min(rcv.buffer - tcb.queuedToRead, rcv.clamp, 65_535 << rcv.scale) - held;
  if (gain >= Math.min(rcv.buffer >> 1, held === 0 ? rcv.mss : 2 * rcv.mss)) {
    tcb.ack = ACK_NOW;
    ctx.markDirty(tcb);
  }
}

/** Where no round trip was measured, or an idle CPU's wake-up is all of it: measure over this, in microseconds. */
const ROUND_TRIP_MIN = 100;
