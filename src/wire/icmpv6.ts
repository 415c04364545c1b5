/**
 * ICMPv6 (RFC 4443): echo both ways, and the errors that concern a transport. Parsed into the same message as ICMP for
 * IPv4, errors with the type and code that mean the same there (RFC 7915 5.2), so that what is done about them is one.
 *
 *   0  type(8)  code(8)  checksum(16), over the pseudo-header too
 *   4  echo: identifier(16) sequence number(16); packet too big: MTU(32); parameter problem: pointer(32)
 *   8  echo: data; errors: the quoted packet
 */
import { finish, pseudoHeaderV6, sum } from "../base/checksum.ts";
import { seq } from "../base/seq.ts";
import { type Drop, ICMP_CHECKSUM, ICMP_MALFORMED, ICMP_UNMATCHED, OK } from "./drop.ts";
import {
  ADMIN_PROHIBITED,
  ECHO_REPLY,
  ECHO_REQUEST,
  FRAGMENTATION_NEEDED,
  HOST_UNREACHABLE,
  ICMP_HEADER,
  type IcmpMessage,
  NET_UNREACHABLE,
  PARAMETER_PROBLEM,
  PORT_UNREACHABLE,
  PROTOCOL_UNREACHABLE,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "./icmp.ts";
import { IPV6_HEADER, IPV6_MTU_MIN, PROTOCOL_ICMPV6 } from "./ipv6.ts";
import { DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING } from "./ipv6-extensions.ts";
import type { Segment } from "./segment.ts";

/** Message types. Those below 128 are errors. */
export const V6_UNREACHABLE = 1;
export const V6_TOO_BIG = 2;
export const V6_TIME_EXCEEDED = 3;
export const V6_PARAMETER_PROBLEM = 4;
export const V6_ECHO_REQUEST = 128;
export const V6_ECHO_REPLY = 129;
/** Neighbour and listener discovery (RFC 4861, RFC 3810, RFC 2710) use 130 to 137 and 143. */
const DISCOVERY_FIRST = 130;
const DISCOVERY_LAST = 137;
const MLDV2_REPORT = 143;

/** Codes of destination unreachable (RFC 4443 3.1). */
export const V6_NO_ROUTE = 0;
export const V6_ADDRESS_UNREACHABLE = 3;
export const V6_PORT_UNREACHABLE = 4;

/** Bytes quoted: the error stays within 1,280 (RFC 4443 2.4 (c)). */
export const V6_QUOTE_LIMIT: number = IPV6_MTU_MIN - IPV6_HEADER - ICMP_HEADER;
const QUOTE_LEAST = 8;
const HEADERS_MAX = 8;

/** RFC 7915 5.2, but "no route" is the net's fault, as in Linux, and policies are administrative. */
const CODES: readonly number[] = [
  NET_UNREACHABLE, // 0 no route
  ADMIN_PROHIBITED, // 1
  HOST_UNREACHABLE, // 2 beyond the scope of the source
  HOST_UNREACHABLE, // 3 address unreachable
  PORT_UNREACHABLE, // 4
  ADMIN_PROHIBITED, // 5 source failed ingress or egress policy
  ADMIN_PROHIBITED, // 6 reject route
];

/**
 * Parses the IP payload of `seg` as ICMPv6 into `out`. The quoted addresses are in `out.words`; `out.src` and `dst` are the
 * stack's to set.
 */
export function parseIcmpv6(view: DataView, seg: Segment, out: IcmpMessage): Drop {
  const at = seg.ipPayload;
  const length = seg.ipPayloadLength;
  if (length < ICMP_HEADER) return ICMP_MALFORMED;
  const pseudo = pseudoHeaderV6(seg.words, 0, 4, PROTOCOL_ICMPV6, length);
  if (!seg.checksumOk && sum(seg.bytes, view, at, length, pseudo) !== 0xffff) return ICMP_CHECKSUM;
  const type = view.getUint8(at);
  const code = view.getUint8(at + 1);
  const rest = view.getInt32(at + 4);
  out.mtu = 0;
  out.pointer = 0;
  switch (type) {
    case V6_ECHO_REQUEST:
    case V6_ECHO_REPLY:
      out.type = type === V6_ECHO_REQUEST ? ECHO_REQUEST : ECHO_REPLY;
      out.code = code;
      out.id = rest >>> 16;
      out.sequence = rest & 0xffff;
      out.dataOffset = at + ICMP_HEADER;
      out.dataLength = length - ICMP_HEADER;
      return OK;
    case V6_UNREACHABLE:
      out.type = UNREACHABLE;
      out.code = CODES[code] ?? HOST_UNREACHABLE;
      break;
    case V6_TOO_BIG:
      out.type = UNREACHABLE;
      out.code = FRAGMENTATION_NEEDED;
      out.mtu = rest >>> 0;
      break;
    case V6_TIME_EXCEEDED:
      out.type = TIME_EXCEEDED;
      out.code = code;
      break;
    case V6_PARAMETER_PROBLEM:
      out.type = code === 1 ? UNREACHABLE : PARAMETER_PROBLEM;
      out.code = code === 1 ? PROTOCOL_UNREACHABLE : 0;
      out.pointer = rest >>> 0;
      break;
    default:
      return ICMP_UNMATCHED;
  }
  return parseQuote(view, at + ICMP_HEADER, length - ICMP_HEADER, out);
}

/** Whether a message is part of what goes on around any host, and no matter here. */
export function isDiscovery(view: DataView, seg: Segment): boolean {
  const type = seg.ipPayloadLength > 0 ? view.getUint8(seg.ipPayload) : 0;
  return (type >= DISCOVERY_FIRST && type <= DISCOVERY_LAST) || type === MLDV2_REPORT;
}

/** The quoted packet: its extension headers are stepped over, as far as they are quoted. */
function parseQuote(view: DataView, at: number, length: number, out: IcmpMessage): Drop {
  if (length < IPV6_HEADER || view.getUint8(at) >>> 4 !== 6) return ICMP_MALFORMED;
  const end = at + length;
  out.family = 6;
  out.quotedLength = IPV6_HEADER + view.getUint16(at + 4);
  for (let i = 0; i < 8; i++) out.words[i] = view.getInt32(at + 8 + 4 * i);
  const transport = skipQuoted(view, at, end);
  if (transport < 0 || transport + QUOTE_LEAST > end) return ICMP_MALFORMED;
  out.protocol = quotedProtocol;
  const ports = view.getInt32(transport);
  out.srcPort = ports >>> 16;
  out.dstPort = ports & 0xffff;
  out.seq = seq(view.getInt32(transport + 4));
  return OK;
}

let quotedProtocol = 0;

/** Where the transport of the packet at `at` begins, its number in `quotedProtocol`; -1 when that can't be told. */
function skipQuoted(view: DataView, at: number, end: number): number {
  let next = view.getUint8(at + 6);
  at += IPV6_HEADER;
  for (let headers = 0; headers <= HEADERS_MAX; headers++) {
    const isSkipped = next === HOP_BY_HOP || next === ROUTING || next === DESTINATION_OPTIONS;
    if (!isSkipped && next !== FRAGMENT) {
      quotedProtocol = next;
      return at;
    }
    if (at + 8 > end) return -1;
    // A later fragment carries no ports.
    if (next === FRAGMENT && (view.getUint16(at + 2) & 0xfff8) !== 0) return -1;
    next = view.getUint8(at);
    at += isSkipped ? (view.getUint8(at + 1) + 1) << 3 : 8;
  }
  return -1;
}

/** Whether the packet in `seg` carries an ICMPv6 error, which must never be answered by another (RFC 4443 2.4 (e.1)). */
export function carriesError(view: DataView, seg: Segment): boolean {
  const end = seg.ipPayload + seg.ipPayloadLength;
  const at = skipQuoted(view, seg.ipStart, end);
  return at >= 0 && at < end && quotedProtocol === PROTOCOL_ICMPV6 && view.getUint8(at) < V6_ECHO_REQUEST;
}

/**
 * Writes the reply to the echo request whose data lies in `from`; its checksum is `sealIcmpv6`'s. Returns its length.
 */
export function emitEchoReplyV6(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  request: IcmpMessage,
  from: Uint8Array,
): number {
  writeHead(view, at, V6_ECHO_REPLY, 0, (request.id << 16) | request.sequence);
  const { dataOffset, dataLength } = request;
  copy(bytes, at + ICMP_HEADER, from, dataOffset, dataLength);
  return ICMP_HEADER + dataLength;
}

/** Writes an error about the packet in `length` bytes at `offset` of `from`, as much of it as fits. Returns its length. */
export function emitErrorV6(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  type: number,
  code: number,
  rest: number,
  from: Uint8Array,
  offset: number,
  length: number,
): number {
  const quoted = Math.min(length, V6_QUOTE_LIMIT);
  writeHead(view, at, type, code, rest);
  copy(bytes, at + ICMP_HEADER, from, offset, quoted);
  return ICMP_HEADER + quoted;
}

/** Writes the checksum of the message in `length` bytes at `at`, from the address at `words[src]` to the one at `words[dst]`. */
export function sealIcmpv6(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  words: Int32Array,
  src: number,
  dst: number,
): void {
  const pseudo = pseudoHeaderV6(words, src, dst, PROTOCOL_ICMPV6, length);
  view.setUint16(at + 2, finish(sum(bytes, view, at, length, pseudo)));
}

function writeHead(view: DataView, at: number, type: number, code: number, rest: number): void {
  view.setInt32(at, (type << 24) | (code << 16));
  view.setInt32(at + 4, rest);
}

function copy(to: Uint8Array, at: number, from: Uint8Array, offset: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[offset + i]!;
}
