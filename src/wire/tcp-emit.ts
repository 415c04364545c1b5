/**
 * The TCP header (RFC 9293 3.1) written; its layout is in `tcp-parse.ts`. Options are written first, behind the
 * 20 bytes, by `tcp-options.ts`; the checksum last, when the text is in place.
 */
import { type Seq, toInt } from "../base/seq.ts";
import { TCP_HEADER } from "./tcp-parse.ts";

/** Where the checksum stands in the header: virtio's csum_offset. */
export const TCP_CHECKSUM_OFFSET = 16;

/** Writes the 20 fixed bytes at `offset` with the checksum 0. `optionsLength` is a multiple of 4, at most 40. */
export function emitTcp(
  view: DataView,
  offset: number,
  srcPort: number,
  dstPort: number,
  seq: Seq,
  ack: Seq,
  flags: number,
  wnd: number,
  up: number,
  optionsLength: number,
): void {
  view.setInt32(offset, (srcPort << 16) | dstPort);
  view.setInt32(offset + 4, toInt(seq));
  view.setInt32(offset + 8, toInt(ack));
  view.setInt32(offset + 12, (((TCP_HEADER + optionsLength) >>> 2) << 28) | (flags << 16) | wnd);
  view.setInt32(offset + 16, up);
}

/**
 * Writes the checksum of the header at `offset`: `finish` of the whole sum, or, for a device that completes it,
 * `fold` of the pseudo-header's sum alone.
 */
export function writeTcpChecksum(view: DataView, offset: number, checksum: number): void {
  view.setUint16(offset + TCP_CHECKSUM_OFFSET, checksum);
}
