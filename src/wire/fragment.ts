/**
 * What a fragment says of the packet it is a part of, for both families (RFC 791 3.2, RFC 8200 4.5), and the header of a
 * packet put together again. Knows no table and no limit.
 */
import { finish, sum } from "../base/checksum.ts";
import type { Segment } from "./segment.ts";

const MORE_FRAGMENTS = 0x2000;
const OFFSET_MASK = 0x1fff;

/** A received fragment; one instance is reused. Offsets are in bytes. */
export class Fragment {
  family: 4 | 6 = 4;
  /** Source and destination, four words each; IPv4 uses the first of each. */
  readonly source: Int32Array = new Int32Array(4);
  readonly destination: Int32Array = new Int32Array(4);
  /** The Identification field: 16 bits in IPv4, 32 in IPv6. */
  id = 0;
  /** Protocol, or for IPv6 the Fragment header's next header. */
  protocol = 0;
  /** Where in the packet's payload its data belongs, and whether more follows. */
  offset = 0;
  more = false;
  /** The IP header's two ECN bits. */
  ecn = 0;
  /** The memory it lies in: its header (for IPv6 what precedes the Fragment header), and its data. */
  bytes: Uint8Array = NO_BYTES;
  headerStart = 0;
  headerLength = 0;
  dataStart = 0;
  dataLength = 0;
  /** IPv6: the byte of the header that names the Fragment header, counted from `headerStart`. */
  nextHeaderAt = 0;
}

/** Fills `out` from `seg`, of which `parseIpv4` said IP_FRAGMENT. */
export function readIpv4Fragment(seg: Segment, out: Fragment): void {
  const w1 = seg.view.getInt32(seg.ipStart + 4);
  out.family = 4;
  out.source[0] = seg.src;
  out.destination[0] = seg.dst;
  out.id = w1 >>> 16;
  out.protocol = seg.protocol;
  out.offset = (w1 & OFFSET_MASK) << 3;
  out.more = (w1 & MORE_FRAGMENTS) !== 0;
  out.ecn = seg.ecn;
  out.bytes = seg.bytes;
  out.headerStart = seg.ipStart;
  out.headerLength = seg.ipPayload - seg.ipStart;
  out.dataStart = seg.ipPayload;
  out.dataLength = seg.ipPayloadLength;
}

/** Fills `out` from `seg`, of which `skipExtensions` said IP_FRAGMENT. */
export function readIpv6Fragment(seg: Segment, out: Fragment): void {
  out.family = 6;
  for (let i = 0; i < 4; i++) {
    out.source[i] = seg.words[i]!;
    out.destination[i] = seg.words[4 + i]!;
  }
  out.id = seg.fragmentId;
  out.protocol = seg.protocol;
  out.offset = seg.fragmentOffset;
  out.more = seg.moreFragments;
  out.ecn = seg.ecn;
  out.bytes = seg.bytes;
  out.headerStart = seg.ipStart;
  out.headerLength = seg.fragmentAt;
  out.dataStart = seg.ipPayload;
  out.dataLength = seg.ipPayloadLength;
  out.nextHeaderAt = seg.fragmentNamedAt;
}

/**
 * Makes the first fragment's header, at the start of `bytes`, that of the whole packet of `length` bytes: length, no
 * fragmentation, `ecn`, checksum.
 */
export function wholeIpv4(bytes: Uint8Array, view: DataView, headerLength: number, ecn: number): void {
  view.setUint8(1, (view.getUint8(1) & ~3) | ecn);
  view.setUint16(2, bytes.length);
  view.setUint16(6, 0);
  view.setUint16(10, 0);
  view.setUint16(10, finish(sum(bytes, view, 0, headerLength, 0)));
}

/** The same for IPv6: the payload length, and the next header that the Fragment header carried, named at `nextHeaderAt`. */
export function wholeIpv6(view: DataView, ecn: number, protocol: number, nextHeaderAt: number): void {
  // The traffic class' last two bits are the first of the second byte's upper half.
  view.setUint8(1, (view.getUint8(1) & ~0x30) | (ecn << 4));
  view.setUint16(4, view.byteLength - IPV6_HEADER);
  view.setUint8(nextHeaderAt, protocol);
}

/**
 * Writes to `at` of `target` the fragment of the IPv4 packet in `packet` (which must not say DF) that begins at byte `from`
 * of its payload: as much as `mtu` allows (RFC 791 3.2). Options are in every fragment, whatever their copied flag. Returns
 * the length of its data; the last one ends at the packet's end.
 */
export function writeIpv4Fragment(
  target: Uint8Array,
  targetView: DataView,
  at: number,
  packet: Uint8Array,
  from: number,
  mtu: number,
): number {
  const headerLength = (packet[0]! & 15) << 2;
  const left = packet.length - headerLength - from;
  const room = (mtu - headerLength) & ~7;
  const more = left > mtu - headerLength;
  const length = more ? room : left;
  target.set(packet.subarray(0, headerLength), at);
  const start = headerLength + from;
  target.set(packet.subarray(start, start + length), at + headerLength);
  // What is fragmented again keeps its place in the first whole, and its More Fragments.
  const flags = (packet[6]! << 8) | packet[7]!;
  const offset = (flags & OFFSET_MASK) + (from >> 3);
  targetView.setUint16(at + 2, headerLength + length);
  targetView.setUint16(at + 6, (more ? MORE_FRAGMENTS : flags & MORE_FRAGMENTS) | offset);
  targetView.setUint16(at + 10, 0);
  targetView.setUint16(at + 10, finish(sum(target, targetView, at, headerLength, 0)));
  return length;
}

/**
 * Writes to `at` of `target` the fragment of the IPv6 packet in `packet`, one without extension headers, that begins at byte
 * `from` of its payload: as much as `mtu` allows (RFC 8200 4.5). Returns the length of its data.
 */
export function writeIpv6Fragment(
  target: Uint8Array,
  targetView: DataView,
  at: number,
  packet: Uint8Array,
  from: number,
  mtu: number,
  id: number,
): number {
  const left = packet.length - IPV6_HEADER - from;
  const room = mtu - IPV6_HEADER - IPV6_FRAGMENT_HEADER;
  const more = left > room;
  const length = more ? room & ~7 : left;
  target.set(packet.subarray(0, IPV6_HEADER), at);
  const start = IPV6_HEADER + from;
  const data = at + IPV6_HEADER + IPV6_FRAGMENT_HEADER;
  target.set(packet.subarray(start, start + length), data);
  targetView.setUint16(at + 4, IPV6_FRAGMENT_HEADER + length);
  targetView.setUint8(at + 6, NEXT_FRAGMENT);
  targetView.setInt32(at + IPV6_HEADER, (packet[6]! << 24) | from | (more ? 1 : 0));
  targetView.setInt32(at + IPV6_HEADER + 4, id);
  return length;
}

/** Length of IPv6's fragment header, and the number by which the header before it names it. */
export const IPV6_FRAGMENT_HEADER = 8;
const NEXT_FRAGMENT = 44;
const IPV6_HEADER = 40;
const NO_BYTES = new Uint8Array(0);
