/**
 * The IPv6 header (RFC 8200): parsed into the scratch segment, written. What lies between it and the transport is
 * `ipv6-extensions.ts`. Knows nothing of whose address is whose.
 *
 *   0  version(4) traffic class(6) ECN(2) flow label(20)
 *   4  payload length(16)  next header(8)  hop limit(8)
 *   8  source address
 *  24  destination address
 */
import { type Drop, IP_TOTAL_LENGTH, IP_TRUNCATED, IP_VERSION, OK } from "./drop.ts";
import type { Segment } from "./segment.ts";

const HEADER = 40;

/** Length of the header in bytes. */
export const IPV6_HEADER: number = HEADER;

/** The least MTU of a link that carries IPv6 (RFC 8200 5). */
export const IPV6_MTU_MIN = 1_280;

/** Next header: ICMPv6 (RFC 4443). */
export const PROTOCOL_ICMPV6 = 58;

/**
 * Parses the header of the packet in `length` bytes at `offset`. The caller has set `bytes`, `view`, `checksumOk` and
 * `gsoSize`. `seg.src` and `dst` are the stack's to set, from `seg.words`; `seg.protocol` may be an extension header's.
 */
export function parseIpv6(view: DataView, offset: number, length: number, seg: Segment): Drop {
  if (length < HEADER) return IP_TRUNCATED;
  const w0 = view.getInt32(offset);
  if (w0 >>> 28 !== 6) return IP_VERSION;
  const w1 = view.getInt32(offset + 4);
  let payload = w1 >>> 16;
  // A super-segment above 65,535 bytes can't say its length; the device then does.
  if (payload === 0 && seg.gsoSize > 0) payload = length - HEADER;
  if (payload === 0) return IP_TOTAL_LENGTH;
  // What a link received beyond it is padding, and is ignored.
  if (HEADER + payload > length) return IP_TRUNCATED;
  const words = seg.words;
  words[0] = view.getInt32(offset + 8);
  words[1] = view.getInt32(offset + 12);
  words[2] = view.getInt32(offset + 16);
  words[3] = view.getInt32(offset + 20);
  words[4] = view.getInt32(offset + 24);
  words[5] = view.getInt32(offset + 28);
  words[6] = view.getInt32(offset + 32);
  words[7] = view.getInt32(offset + 36);
  seg.family = 6;
  seg.ttl = w1 & 0xff;
  seg.ecn = (w0 >>> 20) & 3;
  seg.protocol = (w1 >>> 8) & 0xff;
  seg.ipStart = offset;
  seg.ipPayload = offset + HEADER;
  seg.ipPayloadLength = payload;
  return OK;
}

/**
 * Writes a header for a packet of `totalLength` bytes, header included; one above 65,575 is written with length 0: a
 * super-segment whose length the device carries. The addresses are the four words at `words[src]` and `words[dst]`.
 */
export function emitIpv6(
  view: DataView,
  offset: number,
  totalLength: number,
  trafficClass: number,
  flowLabel: number,
  nextHeader: number,
  hopLimit: number,
  words: Int32Array,
  src: number,
  dst: number,
): void {
  const payload = totalLength - HEADER;
  view.setInt32(offset, 0x60000000 | (trafficClass << 20) | (flowLabel & 0xfffff));
  view.setInt32(offset + 4, ((payload > 0xffff ? 0 : payload) << 16) | (nextHeader << 8) | hopLimit);
  for (let i = 0; i < 4; i++) {
    view.setInt32(offset + 8 + 4 * i, words[src + i]!);
    view.setInt32(offset + 24 + 4 * i, words[dst + i]!);
  }
}
