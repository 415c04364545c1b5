/**
 * ICMP for IPv4 (RFC 792): echo both ways, and the errors that concern a transport: destination unreachable with
 * the next-hop MTU (RFC 1191 4), time exceeded, parameter problem. An error quotes the packet it is about; whether
 * that packet was ours, and whether to believe it (RFC 5927), is decided above.
 *
 *   0  type(8)  code(8)  checksum(16)
 *   4  echo: identifier(16) sequence number(16); errors: pointer(8) unused(8) next-hop MTU(16)
 *   8  echo: data; errors: the quoted IP header and what follows it
 */
import { finish, fold, sum } from "../base/checksum.ts";
import { type Seq, seq } from "../base/seq.ts";
import { type Drop, ICMP_CHECKSUM, ICMP_MALFORMED, ICMP_UNMATCHED, OK } from "./drop.ts";
import { IPV4_HEADER } from "./ipv4.ts";
import type { Segment } from "./segment.ts";

/** ICMP's protocol number. */
export const PROTOCOL_ICMP = 1;

/** Message types (RFC 792). */
export const ECHO_REPLY = 0;
export const UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO_REQUEST = 8;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;
/** The code of time exceeded that is about fragments, in both families. */
export const REASSEMBLY_TIME_EXCEEDED = 1;

/** Codes of destination unreachable (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
export const NET_UNREACHABLE = 0;
export const HOST_UNREACHABLE = 1;
export const PROTOCOL_UNREACHABLE = 2;
export const PORT_UNREACHABLE = 3;
export const FRAGMENTATION_NEEDED = 4;
export const ADMIN_PROHIBITED = 13;

/** Length of the header in bytes. */
export const ICMP_HEADER = 8;

/** Bytes quoted by an unreachable: its datagram stays within 576 bytes (RFC 1812 4.3.2.3). */
const QUOTE_LIMIT = 548;
/** What every quote has of the transport: ports and, for TCP, the sequence number (RFC 792, "64 bits"). */
const QUOTE_LEAST = 8;
const FRAGMENT_OFFSET_MASK = 0x1fff;

/** A received message. One instance is reused; the fields of the other kinds of message are stale. */
export class IcmpMessage {
  type = 0;
  code = 0;

  /** Echo: identifier, sequence number, and where the data lies in the segment's memory. */
  id = 0;
  sequence = 0;
  dataOffset = 0;
  dataLength = 0;

  /** Fragmentation needed: the next-hop MTU, 0 from a router older than RFC 1191. */
  mtu = 0;
  /** Parameter problem, code 0: the offset of the byte at fault in the quoted packet. */
  pointer = 0;

  /** Errors: the quoted packet, one that we sent if the message is honest; `src` is then ours. */
  family = 4;
  src = 0;
  dst = 0;
  /** The two of IPv6, four words each. */
  readonly words: Int32Array = new Int32Array(8);
  protocol = 0;
  /** What its IP header says of its length. */
  quotedLength = 0;
  srcPort = 0;
  dstPort = 0;
  /** SEG.SEQ of a quoted TCP segment. */
  seq: Seq = seq(0);
}

/** Whether `type` is an error, which must never be answered by another error (RFC 1122 3.2.2). */
export function isIcmpError(type: number): boolean {
  // Source quench (4) and redirect (5) are errors too, though nobody heeds them here (RFC 6633).
  return (
    type === UNREACHABLE ||
    type === SOURCE_QUENCH ||
    type === REDIRECT ||
    type === TIME_EXCEEDED ||
    type === PARAMETER_PROBLEM
  );
}

/**
 * Parses the IP payload of `seg` as ICMP into `out`. The checksum is always verified: no device vouches for it.
 * A type that is none of ours is ICMP_UNMATCHED (silently discarded, RFC 1122 3.2.2).
 */
export function parseIcmp(view: DataView, seg: Segment, out: IcmpMessage): Drop {
  const at = seg.ipPayload;
  const length = seg.ipPayloadLength;
  if (length < ICMP_HEADER) return ICMP_MALFORMED;
  if (sum(seg.bytes, view, at, length, 0) !== 0xffff) return ICMP_CHECKSUM;
  out.type = view.getUint8(at);
  out.code = view.getUint8(at + 1);
  const rest = view.getInt32(at + 4);
  switch (out.type) {
    case ECHO_REQUEST:
    case ECHO_REPLY:
      out.id = rest >>> 16;
      out.sequence = rest & 0xffff;
      out.dataOffset = at + ICMP_HEADER;
      out.dataLength = length - ICMP_HEADER;
      return OK;
    case UNREACHABLE:
    case TIME_EXCEEDED:
    case PARAMETER_PROBLEM:
      out.mtu = out.type === UNREACHABLE && out.code === FRAGMENTATION_NEEDED ? rest & 0xffff : 0;
      out.pointer = out.type === PARAMETER_PROBLEM ? rest >>> 24 : 0;
      return parseQuote(view, at + ICMP_HEADER, length - ICMP_HEADER, out);
    default:
      // Source quench too (RFC 6633 3: discarded), and redirects: there is one route, so they say nothing.
      return ICMP_UNMATCHED;
  }
}

/** Of the quoted header only the structure is checked: routers on the way have changed its TTL and may have left the checksum. */
function parseQuote(view: DataView, at: number, length: number, out: IcmpMessage): Drop {
  if (length < IPV4_HEADER) return ICMP_MALFORMED;
  const w0 = view.getInt32(at);
  const headerLength = ((w0 >>> 24) & 15) << 2;
  if (w0 >>> 28 !== 4 || headerLength < IPV4_HEADER) return ICMP_MALFORMED;
  if (length < headerLength + QUOTE_LEAST) return ICMP_MALFORMED;
  // A later fragment carries no ports, so it can't be told whose it is.
  if ((view.getInt32(at + 4) & FRAGMENT_OFFSET_MASK) !== 0) return ICMP_UNMATCHED;
  out.family = 4;
  out.quotedLength = w0 & 0xffff;
  out.protocol = view.getUint8(at + 9);
  out.src = view.getInt32(at + 12);
  out.dst = view.getInt32(at + 16);
  const ports = view.getInt32(at + headerLength);
  out.srcPort = ports >>> 16;
  out.dstPort = ports & 0xffff;
  out.seq = seq(view.getInt32(at + headerLength + 4));
  return OK;
}

/**
 * Writes the reply to `request`, a parsed echo request whose data lies in `from`: the same identifier, sequence
 * number and data (RFC 1122 3.2.2.6). Returns the length of the message.
 */
export function emitEchoReply(view: DataView, offset: number, request: IcmpMessage, from: DataView): number {
  const rest = (request.id << 16) | request.sequence;
  const data = copySum(view, offset + ICMP_HEADER, from, request.dataOffset, request.dataLength);
  writeHeader(view, offset, ECHO_REPLY, 0, rest, data);
  return ICMP_HEADER + request.dataLength;
}

/**
 * Writes destination unreachable about the packet in `quotedLength` bytes at `quotedOffset` of `quotedView`, one
 * that `parseIpv4` took: as much of it, from its IP header on, as fits. `mtu` goes with FRAGMENTATION_NEEDED, else
 * it is 0. Returns the length of the message.
 */
export function emitUnreachable(
  view: DataView,
  offset: number,
  code: number,
  mtu: number,
  quotedView: DataView,
  quotedOffset: number,
  quotedLength: number,
): number {
  const length = Math.min(quotedLength, QUOTE_LIMIT);
  const data = copySum(view, offset + ICMP_HEADER, quotedView, quotedOffset, length);
  writeHeader(view, offset, UNREACHABLE, code, mtu & 0xffff, data);
  return ICMP_HEADER + length;
}

/** Writes time exceeded in reassembly (RFC 792) about the fragment in `quotedView`. Returns the length of the message. */
export function emitReassemblyTimeExceeded(view: DataView, offset: number, quotedView: DataView): number {
  const length = Math.min(quotedView.byteLength, QUOTE_LIMIT);
  const data = copySum(view, offset + ICMP_HEADER, quotedView, 0, length);
  writeHeader(view, offset, TIME_EXCEEDED, REASSEMBLY_TIME_EXCEEDED, 0, data);
  return ICMP_HEADER + length;
}

/** Whether the packet in `seg` is an ICMP message that is no query: about it no error is sent (RFC 1122 3.2.2). */
export function carriesIcmpError(seg: Segment): boolean {
  if (seg.protocol !== PROTOCOL_ICMP || seg.ipPayloadLength === 0) return seg.protocol === PROTOCOL_ICMP;
  const type = seg.view.getUint8(seg.ipPayload);
  return (
    type === UNREACHABLE || (type >= 4 && type <= 5) || type === TIME_EXCEEDED || type === PARAMETER_PROBLEM
  );
}

function writeHeader(
  view: DataView,
  at: number,
  type: number,
  code: number,
  rest: number,
  data: number,
): void {
  const head = (type << 8) | code;
  const checksum = finish(head + (rest >>> 16) + (rest & 0xffff) + data);
  view.setInt32(at, (head << 16) | checksum);
  view.setInt32(at + 4, rest);
}

/** Copies `length` bytes and returns their folded sum: one pass, and no view made for it. */
function copySum(view: DataView, at: number, from: DataView, offset: number, length: number): number {
  const end = offset + length;
  let words = 0;
  for (const stop = end - 3; offset < stop; offset += 4, at += 4) {
    const word = from.getInt32(offset);
    view.setInt32(at, word);
    words += (word >>> 16) + (word & 0xffff);
  }
  for (let shift = 8; offset < end; offset++, at++, shift ^= 8) {
    const byte = from.getUint8(offset);
    view.setUint8(at, byte);
    words += byte << shift;
  }
  return fold(words);
}
