/**
 * TCP options: parsed into the scratch segment, written in the layouts of Linux and of 4.4BSD's heirs.
 *
 * MSS (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), SACK-permitted and SACK (RFC 2018). Unknown
 * options are skipped (RFC 9293 3.1 MUST-6). Knows nothing of what was negotiated.
 */
import { MAX_SACK_BLOCKS, type Segment, SYN } from "./segment.ts";

/** Option kinds (IANA tcp-parameters). */
export const OPT_END = 0;
export const OPT_NOP = 1;
export const OPT_MSS = 2;
export const OPT_WSCALE = 3;
export const OPT_SACK_PERMITTED = 4;
export const OPT_SACK = 5;
export const OPT_TIMESTAMPS = 8;
export const OPT_FAST_OPEN = 34;
export const OPT_EXPERIMENT = 254;

/** RFC 6994 experiment identifier of Fast Open before it had a kind of its own. */
const FAST_OPEN_EXPERIMENT = 0xf989;

/** Largest shift (RFC 7323 2.3): a greater one is used as this. */
export const MAX_WSCALE = 14;

/** What `writeTimestamps` takes of them. */
export const TIMESTAMPS_LENGTH = 12;

/** NOP, NOP, timestamps, length 10: the word that begins the options of nearly every segment (RFC 7323 A). */
export const ALIGNED_TIMESTAMPS = 0x0101080a;

const ALIGNED_SACK = 0x01010500;
const SACK_PERMITTED = 0x0402;
const ALIGNED_SACK_PERMITTED = 0x01010402;
/** SACK-permitted in place of the two NOPs before timestamps. */
const SACK_PERMITTED_TIMESTAMPS = 0x0402080a;

/** Marks every option absent. */
export function clearOptions(seg: Segment): void {
  seg.synOptions = false;
  seg.mss = 0;
  seg.wscale = -1;
  seg.sackPermitted = false;
  seg.hasTimestamps = false;
  seg.tsval = 0;
  seg.tsecr = 0;
  seg.sackCount = 0;
  seg.fastOpenLength = -1;
}

/**
 * Parses the options from `at` up to `end` into `seg`, whose `flags` are set and whose options are clear. An
 * option of length 0 or 1, or past the header, ends the options and harms nothing (RFC 9293 3.1 MUST-7).
 */
export function parseOptions(view: DataView, at: number, end: number, seg: Segment): void {
  const syn = (seg.flags & SYN) !== 0;
  seg.synOptions = syn;
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === OPT_NOP) {
      at++;
      continue;
    }
    if (kind === OPT_END || at + 1 >= end) return;
    const length = view.getUint8(at + 1);
    if (length < 2 || at + length > end) return;
    switch (kind) {
      case OPT_MSS:
        // Sent on a SYN only, as are the next two (RFC 9293 3.7.1, RFC 7323 2.2, RFC 2018 2).
        if (syn && length === 4) seg.mss = view.getUint16(at + 2);
        break;
      case OPT_WSCALE:
        if (syn && length === 3) seg.wscale = Math.min(view.getUint8(at + 2), MAX_WSCALE);
        break;
      case OPT_SACK_PERMITTED:
        if (syn && length === 2) seg.sackPermitted = true;
        break;
      case OPT_TIMESTAMPS:
        if (length === 10) {
          seg.hasTimestamps = true;
          seg.tsval = view.getInt32(at + 2);
          seg.tsecr = view.getInt32(at + 6);
        }
        break;
      case OPT_SACK:
        if (length >= 10 && (length & 7) === 2) parseSack(view, at + 2, (length - 2) >> 3, seg);
        break;
      case OPT_FAST_OPEN:
        if (syn) parseFastOpen(at + 2, length - 2, seg);
        break;
      case OPT_EXPERIMENT:
        if (syn && length >= 4 && view.getUint16(at + 2) === FAST_OPEN_EXPERIMENT)
          parseFastOpen(at + 4, length - 4, seg);
        break;
    }
    at += length;
  }
}

/** RFC 7413 4.1.1: a cookie has 4 to 16 bytes, an even number; with any other length the option says nothing. */
function parseFastOpen(at: number, length: number, seg: Segment): void {
  if (length !== 0 && (length < 4 || length > 16 || (length & 1) !== 0)) return;
  seg.fastOpenAt = at;
  seg.fastOpenLength = length;
}

function parseSack(view: DataView, at: number, count: number, seg: Segment): void {
  seg.sackCount = Math.min(count, MAX_SACK_BLOCKS);
  const edges = seg.sackEdges;
  for (let i = 0; i < 2 * seg.sackCount; i++) edges[i] = view.getInt32(at + 4 * i);
}

/*
 * Writers. Each returns the offset behind what it wrote, and writes whole 32-bit words, so that the next option
 * is aligned too.
 */

/** Maximum segment size: 4 bytes. */
export function writeMss(view: DataView, at: number, mss: number): number {
  view.setInt32(at, 0x02040000 | mss);
  return at + 4;
}

/** NOP and window scale: 4 bytes. */
export function writeWscale(view: DataView, at: number, shift: number): number {
  view.setInt32(at, 0x01030300 | shift);
  return at + 4;
}

/** NOP, NOP, SACK-permitted: 4 bytes. */
export function writeSackPermitted(view: DataView, at: number): number {
  view.setInt32(at, ALIGNED_SACK_PERMITTED);
  return at + 4;
}

/** NOP, NOP, timestamps: 12 bytes. */
export function writeTimestamps(view: DataView, at: number, tsval: number, tsecr: number): number {
  view.setInt32(at, ALIGNED_TIMESTAMPS);
  view.setInt32(at + 4, tsval);
  view.setInt32(at + 8, tsecr);
  return at + TIMESTAMPS_LENGTH;
}

/** NOP, NOP, SACK with the first `count` blocks of `edges` (left and right at 2i and 2i + 1): 4 + 8 * count bytes. */
export function writeSack(view: DataView, at: number, edges: Int32Array, count: number): number {
  view.setInt32(at, ALIGNED_SACK | (2 + 8 * count));
  at += 4;
  for (let i = 0; i < 2 * count; i++, at += 4) view.setInt32(at, edges[i]!);
  return at;
}

/**
 * The options of a SYN or SYN-ACK in Linux's layout: MSS, SACK-permitted and timestamps in three words, NOP and
 * window scale. `wscale` -1 leaves window scale out.
 */
export function writeSynOptions(
  view: DataView,
  at: number,
  mss: number,
  wscale: number,
  sackPermitted: boolean,
  timestamps: boolean,
  tsval: number,
  tsecr: number,
): number {
  if (mss > 0) at = writeMss(view, at, mss);
  if (timestamps) {
    const start = at;
    at = writeTimestamps(view, at, tsval, tsecr);
    if (sackPermitted) view.setInt32(start, SACK_PERMITTED_TIMESTAMPS);
  } else if (sackPermitted) {
    at = writeSackPermitted(view, at);
  }
  return wscale < 0 ? at : writeWscale(view, at, wscale);
}

/**
 * The same in FreeBSD's order (tcp_addoptions): MSS, NOP and window scale, SACK-permitted, timestamps; each at the alignment
 * that its values need, and not padded.
 */
export function writeSynOptionsBsd(
  view: DataView,
  at: number,
  mss: number,
  wscale: number,
  sackPermitted: boolean,
  timestamps: boolean,
  tsval: number,
  tsecr: number,
): number {
  if (mss > 0) at = writeMss(view, at, mss);
  if (wscale >= 0) at = writeWscale(view, at, wscale);
  if (timestamps) {
    at = writeTimestamps(view, at, tsval, tsecr);
    if (sackPermitted) view.setInt32(at - TIMESTAMPS_LENGTH, SACK_PERMITTED_TIMESTAMPS);
  } else if (sackPermitted) {
    view.setUint16(at, SACK_PERMITTED);
    at += 2;
  }
  return at;
}

/** Fast Open with `length` bytes of `cookie`, not padded: 2 + length bytes. */
export function writeFastOpen(view: DataView, at: number, cookie: Uint8Array, length: number): number {
  view.setUint8(at, OPT_FAST_OPEN);
  view.setUint8(at + 1, 2 + length);
  for (let i = 0; i < length; i++) view.setUint8(at + 2 + i, cookie[i]!);
  return at + 2 + length;
}

/** Fills options begun at `start` up to a multiple of 4 bytes with `filler`: NOPs (Linux), or the end of options and zeros (BSD). */
export function padOptions(
  view: DataView,
  start: number,
  at: number,
  filler: typeof OPT_NOP | typeof OPT_END = OPT_NOP,
): number {
  for (; ((at - start) & 3) !== 0; at++) view.setUint8(at, filler);
  return at;
}
