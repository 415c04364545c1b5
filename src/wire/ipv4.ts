/**
 * The IPv4 header (RFC 791): parsed into the scratch segment, written with its checksum.
 *
 * Everything is read as 32-bit words, which the layout below counts. Knows nothing of whose address is whose,
 * and reassembles nothing: a fragment is parsed and reported as one.
 *
 *   0  version(4) IHL(4) type of service(6) ECN(2)   total length(16)
 *   4  identification(16)                            reserved DF MF fragment offset(13)
 *   8  time to live(8)  protocol(8)                  header checksum(16)
 *  12  source address
 *  16  destination address
 *  20  options
 */
import { finish, halves } from "../base/checksum.ts";
import {
  type Drop,
  IP_CHECKSUM,
  IP_FRAGMENT,
  IP_HEADER_LENGTH,
  IP_SOURCE_ROUTE,
  IP_TOTAL_LENGTH,
  IP_TRUNCATED,
  IP_VERSION,
  OK,
} from "./drop.ts";
import type { Segment } from "./segment.ts";

// The parser reads this constant, not the export: V8 loads an exported one from its module cell each time.
const HEADER = 20;

/** Options (RFC 791 3.1). */
const END_OF_OPTIONS = 0;
const NO_OPERATION = 1;
const LOOSE_ROUTE = 131;
const STRICT_ROUTE = 137;

/** Length of a header without options, in bytes. */
export const IPV4_HEADER: number = HEADER;

const DONT_FRAGMENT = 0x4000;
/** More Fragments and the fragment offset: not zero in every fragment. */
const FRAGMENT_MASK = 0x3fff;

/**
 * Parses the header of the packet in `length` bytes at `offset`. The caller has set `bytes`, `view`,
 * `checksumOk` and `gsoSize`. The header checksum is always verified: devices vouch for the transport's alone.
 */
export function parseIpv4(view: DataView, offset: number, length: number, seg: Segment): Drop {
  if (length < HEADER) return IP_TRUNCATED;
  const w0 = view.getInt32(offset);
  if (w0 >>> 28 !== 4) return IP_VERSION;
  const headerLength = ((w0 >>> 24) & 15) << 2;
  if (headerLength < HEADER) return IP_HEADER_LENGTH;
  if (headerLength > length) return IP_TRUNCATED;
  let total = w0 & 0xffff;
  // A super-segment above 65,535 bytes can't say its length (IPv4 BIG TCP); the device then does.
  if (total === 0 && seg.gsoSize > 0) total = length;
  if (total < headerLength) return IP_TOTAL_LENGTH;
  // What a link received beyond it is padding, and is ignored.
  if (total > length) return IP_TRUNCATED;

  const w1 = view.getInt32(offset + 4);
  const w2 = view.getInt32(offset + 8);
  const src = view.getInt32(offset + 12);
  const dst = view.getInt32(offset + 16);
  let words = halves(w0) + halves(w1) + halves(w2) + halves(src) + halves(dst);
  if (headerLength > HEADER) words += sumOptions(view, offset + HEADER, offset + headerLength);
  // Folding twice is cheaper than a remainder, and adds up: thirty half words carry no more than 5 bits.
  words = (words & 0xffff) + (words >>> 16);
  if ((words & 0xffff) + (words >>> 16) !== 0xffff) return IP_CHECKSUM;
  if (headerLength > HEADER && hasSourceRoute(view, offset + HEADER, offset + headerLength))
    return IP_SOURCE_ROUTE;

  // TTL 0 passes: RFC 1122 3.2.1.7, a host MUST NOT discard a datagram for its TTL.
  seg.family = 4;
  seg.src = src;
  seg.dst = dst;
  seg.ttl = w2 >>> 24;
  seg.ecn = (w0 >>> 16) & 3;
  seg.protocol = (w2 >>> 16) & 0xff;
  seg.ipStart = offset;
  seg.ipPayload = offset + headerLength;
  seg.ipPayloadLength = total - headerLength;
  return (w1 & FRAGMENT_MASK) === 0 ? OK : IP_FRAGMENT;
}

/** Apart from `parseIpv4`, which V8 would else not inline for its size (`npm run bench -- parse`). */
function sumOptions(view: DataView, at: number, end: number): number {
  let words = 0;
  for (; at < end; at += 4) words += halves(view.getInt32(at));
  return words;
}

/**
 * Whether a source route is among the options, loose or strict: who writes one chooses the way of the answers too, and with it
 * whom to be taken for (RFC 7126 4.3, 4.4). Other options say nothing to a host that ends the way.
 */
function hasSourceRoute(view: DataView, at: number, end: number): boolean {
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === LOOSE_ROUTE || kind === STRICT_ROUTE) return true;
    if (kind === END_OF_OPTIONS) return false;
    if (kind === NO_OPERATION) at++;
    else if (at + 1 < end && view.getUint8(at + 1) >= 2) at += view.getUint8(at + 1);
    else return false;
  }
  return false;
}

/**
 * Writes a header of 20 bytes with its checksum. A `totalLength` above 65,535 is written as 0: the super-segment
 * of IPv4 BIG TCP, whose length the device carries. `tosEcn` is the whole type of service byte.
 */
export function emitIpv4(
  view: DataView,
  offset: number,
  totalLength: number,
  id: number,
  dontFragment: boolean,
  ttl: number,
  protocol: number,
  src: number,
  dst: number,
  tosEcn: number,
): void {
  const w0 = 0x45000000 | (tosEcn << 16) | (totalLength > 0xffff ? 0 : totalLength);
  const w1 = ((id & 0xffff) << 16) | (dontFragment ? DONT_FRAGMENT : 0);
  const w2 = (ttl << 24) | (protocol << 16);
  const checksum = finish(halves(w0) + halves(w1) + halves(w2) + halves(src) + halves(dst));
  view.setInt32(offset, w0);
  view.setInt32(offset + 4, w1);
  view.setInt32(offset + 8, w2 | checksum);
  view.setInt32(offset + 12, src);
  view.setInt32(offset + 16, dst);
}
