/**
 * How much new text may leave now: the peer's window, the congestion window, silly-window avoidance
 * (RFC 9293 3.8.6.2.1) and Nagle (3.7.4) with Minshall's variant.
 */
import { diff, gt } from "../base/seq.ts";
import { decayIdle, noteUsage } from "./congestion/validation.ts";
import type { TcpContext } from "./context.ts";
import { autosized, quantum } from "./pacing.ts";
import { inFlight } from "./recovery/scoreboard.ts";
import type { Tcb } from "./tcb.ts";

/** Largest IP packet, and what IPv4 or IPv6 and TCP headers may take of it. */
const PACKET_MAX = 65_535;
const HEADERS_MAX = 100;
/** Largest text of a BIG TCP super-segment: 128 KiB (design, section 5; Linux's gso_ipv4_max_size may be up to 512 KiB). */
const BIG_TEXT_MAX = 131_072;

/** Text not yet sent, in bytes. */
export function unsent(tcb: Tcb): number {
  return tcb.queuedToSend - textOutstanding(tcb);
}

/** Whether an application that was told to wait may send again: half the buffer is free, and TCP_NOTSENT_LOWAT allows it. */
export function hasDrained(tcb: Tcb): boolean {
  return tcb.wantsDrain && tcb.queuedToSend <= tcb.sendLimit >> 1 && unsent(tcb) < tcb.notSentLowat;
}

/** Text sent and not acknowledged. SYN and FIN are no text. */
export function textOutstanding(tcb: Tcb): number {
  const outstanding = diff(tcb.snd.nxt, tcb.snd.una);
  return Math.max(0, outstanding - (tcb.synAcked ? 0 : 1) - (tcb.finSent && outstanding > 0 ? 1 : 0));
}

/** Text of a full segment now: SND.MSS less what the SACK blocks owed take of the packet (RFC 6691 3: options lower the text). */
export function segmentText(tcb: Tcb): number {
  const mss = tcb.snd.mss;
  const dsack = tcb.dsackStart !== tcb.dsackEnd;
  if (!tcb.sackPermitted || !(dsack || tcb.hasGaps)) return mss;
  const blocks = Math.min(sackBlocksMax(tcb), (dsack ? 1 : 0) + (tcb.hasGaps ? tcb.assembler.ranges : 0));
  return mss - 4 - 8 * blocks;
}

/** SACK blocks that fit into a header (RFC 2018 3): three beside timestamps, else four. */
export function sackBlocksMax(tcb: Tcb): number {
  return tcb.timestamps ? 3 : 4;
}

/** Largest text of one (super-)segment. */
export function largestText(tcb: Tcb): number {
  const mss = segmentText(tcb);
  // A device may copy CWR to every segment that it cuts; RFC 3168 6.1.2 wants it on one (virtio has a GSO type for it). The
  // urgent pointer it copies as it is, which is another one in each of them.
  if (!tcb.path.offload || tcb.cwrQueued || gt(tcb.snd.up, tcb.snd.una)) return mss;
  const most = tcb.path.bigTcp && tcb.family === 4 ? BIG_TEXT_MAX : PACKET_MAX - HEADERS_MAX;
  return Math.max(mss, Math.floor((tcb.pacingRate > 0 ? Math.min(most, quantum(tcb)) : most) / mss) * mss);
}

/**
 * Length of the next segment of new text, 0 when it must wait. A super-segment is cut to whole segments unless its tail
 * may leave too.
 */
export function nextText(tcb: Tcb, ctx: TcpContext): number {
  const pending = unsent(tcb);
  if (pending <= 0) return 0;
  const snd = tcb.snd;
  const mss = segmentText(tcb);
  const flight = inFlight(tcb);
  const usable = snd.wnd - diff(snd.nxt, snd.una);
  if (snd.una === snd.nxt && usable > 0 && tcb.lastSent !== ctx.now) restart(tcb, ctx);
  const room = tcb.cwnd - flight;
  // Paced text waits with the window half used: only a window that is full limits it.
  if (room < pending && room <= usable && (tcb.pacingRate === 0 || room < mss)) noteUsage(tcb, true, ctx);
  let length = Math.min(pending, usable, room, largestNewText(tcb, ctx));
  if (length <= 0) return 0;
  if (length >= mss) {
    const whole = length - (length % mss);
    if (length < pending) return whole;
    return whole === length || mayLeaveSmall(tcb) ? length : whole;
  }
  if (length < pending) {
    // cwnd or the window leave room for part of a segment: wait for more, unless half the largest window is no more (SWS).
    if (room < usable && room < mss) return flight === 0 ? length : 0;
    length = usable >= snd.maxWnd >> 1 ? length : 0;
    return length;
  }
  return mayLeaveSmall(tcb) ? length : 0;
}

/** Largest new text of one (super-)segment. */
function largestNewText(tcb: Tcb, ctx: TcpContext): number {
  const { halfWindowSuper, superLeast } = ctx.config;
  let largest = largestText(tcb);
  const mss = segmentText(tcb);
  if (halfWindowSuper) largest = Math.min(largest, Math.max(1, Math.floor(tcb.cwnd / 2 / mss)) * mss);
  if (superLeast > 0 && largest > mss) {
    const segments = Math.max(superLeast, Math.floor(autosized(tcb, inFlight(tcb)) / mss));
    largest = Math.min(largest, segments * mss);
  }
  return largest;
}

/** Nothing was outstanding. */
function restart(tcb: Tcb, ctx: TcpContext): void {
  const idleUs = ctx.now - tcb.lastSent;
  decayIdle(tcb, idleUs, ctx);
  tcb.congestion.onIdle(tcb, idleUs);
  // The window may forbid even this: what was said is not said again.
  tcb.lastSent = ctx.now;
}

/** Nagle: a small segment waits while an earlier small one is unacknowledged; PUSHed data that ends in FIN does not. */
function mayLeaveSmall(tcb: Tcb): boolean {
  if (tcb.cork && !tcb.finQueued) return false;
  return tcb.noDelay || tcb.finQueued || !gt(tcb.snd.small, tcb.snd.una);
}
