/**
 * Packetization layer path MTU discovery (RFC 4821), for paths whose routers say nothing: a segment larger than the MSS is
 * sent among the others; if it is acknowledged the MSS grows, if it alone is lost that is no congestion (7.4). Where full
 * segments time out again and again the MSS falls to a base that works nearly everywhere (7.6.2, black-hole detection), and
 * the search goes up from there. Sizes, conditions and limits as Linux's tcp_mtu_probing.
 */
import { add, diff, geq, gt, leq, lt, type Seq } from "../base/seq.ts";
import { type Micros, SECOND } from "../base/time.ts";
import { LOST, SACKED } from "./buffer/sent-ring.ts";
import { updateMss } from "./calls.ts";
import type { TcpContext } from "./context.ts";
import { MtuSearch } from "./mtu-search.ts";
import { mssToOffer } from "./output.ts";
import { inFlight, markLost } from "./recovery/scoreboard.ts";
import { segmentText, unsent } from "./send-policy.ts";
import { CA_OPEN, type Tcb } from "./tcb.ts";

/** RFC 4821 7.2: 1,024 bytes pass nearly every path (Linux: tcp_base_mss), and less than 48 makes no sense (tcp_mtu_probe_floor). */
const BASE_MSS = 1_024;
const FLOOR_MSS = 48;
/** The search is over when the bounds are so close (tcp_probe_threshold), and begins anew after so long (tcp_probe_interval). */
const THRESHOLD = 8;
const INTERVAL: Micros = 600 * SECOND;
/** A probe needs a window in which its loss is found without a timeout (Linux: 11 segments). */
const CWND_SEGMENTS = 11;

const headers = (tcb: Tcb): number => (tcb.family === 4 ? 40 : 60);
const optionBytes = (tcb: Tcb): number => (tcb.timestamps ? 12 : 0);

/** The largest packet that interface, ICMP and peer allow. */
function largest(tcb: Tcb, ctx: TcpContext): number {
  return Math.min(tcb.snd.peerMss, mssToOffer(tcb, ctx)) + headers(tcb);
}

/** The connection is established: the search begins at the base where it always does (mtuProbing "always"). */
export function beginProbing(tcb: Tcb, ctx: TcpContext): void {
  if (ctx.config.mtuProbing === "always") begin(tcb, ctx);
}

function begin(tcb: Tcb, ctx: TcpContext): void {
  const high = largest(tcb, ctx);
  tcb.mtuSearch = new MtuSearch(Math.min(high, BASE_MSS + headers(tcb)), high, ctx.now + INTERVAL);
  updateMss(tcb, ctx);
}

/**
 * The retransmission timer expired R1 times or more (Linux: tcp_retries1). If what is missing is larger than the base, the path
 * may swallow such packets: the MSS falls to the base, then by half each time.
 * Returns whether a probe was in flight.
 */
export function suspectMtu(tcb: Tcb, ctx: TcpContext): boolean {
  const probed = tcb.mtuSearch !== null && tcb.mtuSearch.size > 0;
  endProbe(tcb);
  if (tcb.retries >= ctx.config.r1 && ctx.config.mtuProbing !== "off") lowerMss(tcb, ctx);
  return probed;
}

/** RFC 4821 7.6.4: a timeout of the probe says nothing about congestion; it is not tried at once again. */
function endProbe(tcb: Tcb): void {
  const search = tcb.mtuSearch;
  if (search === null || search.size === 0) return;
  if (tcb.snd.una === search.start) search.high = search.size - 1;
  search.size = 0;
}

function lowerMss(tcb: Tcb, ctx: TcpContext): void {
  const search = tcb.mtuSearch;
  const ring = tcb.sentRing;
  if (ring.count === 0) return;
  const text = Math.min(ring.lengthAt(0), tcb.snd.mss);
  if (search === null) {
    if (text > BASE_MSS - optionBytes(tcb)) begin(tcb, ctx);
    return;
  }
  const mss = search.low - headers(tcb);
  if (text < mss - optionBytes(tcb)) return;
  search.low = Math.max(FLOOR_MSS, Math.min(BASE_MSS, mss >> 1)) + headers(tcb);
  updateMss(tcb, ctx);
}

/** ICMP says that no packet larger than `mtu` passes. */
export function boundSearch(tcb: Tcb, mtu: number): void {
  const search = tcb.mtuSearch;
  if (search === null) return;
  search.high = Math.min(search.high, mtu);
  search.low = Math.min(search.low, mtu);
}

/** Text of a probe to be sent now, 0 for none (Linux: tcp_mtu_probe). */
export function probeText(tcb: Tcb, search: MtuSearch, ctx: TcpContext): number {
  const { snd } = tcb;
  const { mss } = snd;
  if (search.size > 0 || tcb.caState !== CA_OPEN || tcb.cwnd < CWND_SEGMENTS * mss) return 0;
  // Blocks of SACK that are owed would need room.
  if (segmentText(tcb) !== mss) return 0;
  if (search.high - search.low < THRESHOLD) {
    if (ctx.now < search.againAt) return 0;
    search.againAt = ctx.now + INTERVAL;
    search.high = largest(tcb, ctx);
    if (search.high - search.low < THRESHOLD) return 0;
  }
  const text = ((search.low + search.high) >> 1) - headers(tcb) - optionBytes(tcb);
  // Enough behind it, in the peer's window too, for its loss to be found by duplicate ACKs.
  const needed = text + (tcb.reordering + 1) * mss;
  if (text <= mss || unsent(tcb) < needed || snd.wnd - diff(snd.nxt, snd.una) < needed) return 0;
  return inFlight(tcb) + text <= tcb.cwnd ? text : 0;
}

/** The probe left, at the end of what is in flight. */
export function mtuProbeSent(tcb: Tcb, search: MtuSearch, text: number): void {
  search.size = text + headers(tcb) + optionBytes(tcb);
  search.end = tcb.snd.nxt;
  search.start = add(search.end, -text);
  search.isLost = false;
}

/** SND.UNA is about to become `una`. */
export function probeAcked(tcb: Tcb, search: MtuSearch, una: Seq, ctx: TcpContext): void {
  if (search.size === 0 || !geq(una, search.end)) return;
  if (!search.isLost) {
    search.low = search.size;
    ctx.counters.TCPMTUPSuccess++;
    updateMss(tcb, ctx);
  }
  search.size = 0;
}

/**
 * Whether what counts as lost is the probe and nothing else: then the path does not take its size, and no window shrinks
 * (RFC 4821 7.4). The first time all of it is marked, to leave again in segments.
 */
export function isProbeLoss(tcb: Tcb, ctx: TcpContext): boolean {
  const search = tcb.mtuSearch;
  if (search === null || search.size === 0) return false;
  const ring = tcb.sentRing;
  let lost = 0;
  for (let i = ring.find(search.start); i < ring.count && lt(ring.seqAt(i), search.end); i++) {
    if ((ring.flagsAt(i) & LOST) !== 0) lost += ring.lengthAt(i);
  }
  if (lost !== ring.lost) return false;
  if (!search.isLost) probeLost(tcb, search, search.size - 1, ctx);
  return true;
}

/** A router says that the packet with `quoted` in it was larger than `mtu`: whether that was the probe. */
export function isProbeTooBig(tcb: Tcb, quoted: Seq, mtu: number, ctx: TcpContext): boolean {
  const search = tcb.mtuSearch;
  if (search === null || search.size === 0 || search.isLost) return false;
  if (!leq(search.start, quoted) || !gt(search.end, quoted) || mtu >= search.size) return false;
  probeLost(tcb, search, mtu > search.low ? mtu : search.size - 1, ctx);
  return true;
}

function probeLost(tcb: Tcb, search: MtuSearch, high: number, ctx: TcpContext): void {
  const ring = tcb.sentRing;
  search.isLost = true;
  search.high = high;
  ctx.counters.TCPMTUPFail++;
  for (let i = ring.find(search.start); i < ring.count && lt(ring.seqAt(i), search.end); i++) {
    if ((ring.flagsAt(i) & (SACKED | LOST)) === 0) markLost(tcb, i);
  }
  ctx.markDirty(tcb);
}
