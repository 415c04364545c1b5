/**
 * The chain of extension headers between an IPv6 header and its transport (RFC 8200 4): hop-by-hop and destination
 * options are checked and skipped, routing headers are refused where they would route (RFC 5095 3), a fragment is reported
 * as one. Everything is bounded by the packet, and the number of headers and options by RFC 8504 5.3.
 *
 *   0  next header(8)  length(8) in units of 8 bytes, the first not counted   data or options: type(8) length(8) data
 *   fragment:  next header(8)  reserved(8)  offset(13) reserved(2) more(1)   identification(32)
 */
import {
  type Drop,
  IP_FRAGMENT,
  IP_FRAGMENT_INVALID,
  IP_TRUNCATED,
  IP6_EXTENSIONS,
  IP6_NEXT_HEADER,
  IP6_NO_NEXT_HEADER,
  IP6_OPTION,
  IP6_ROUTING,
  OK,
} from "./drop.ts";
import { PROTOCOL_ICMPV6 } from "./ipv6.ts";
import type { Segment } from "./segment.ts";
import { PROTOCOL_TCP, TCP_HEADER } from "./tcp-parse.ts";

/** Next header values. */
export const HOP_BY_HOP = 0;
export const ROUTING = 43;
export const FRAGMENT = 44;
export const NO_NEXT_HEADER = 59;
export const DESTINATION_OPTIONS = 60;
const PROTOCOL_UDP = 17;

const OPTION_PAD1 = 0;
const OPTION_PADN = 1;
/** An option's high bits (RFC 8200 4.2): 00 skip over it, 01 discard, 10 and 11 discard and report. */
const ACTION_DISCARD = 1;
const ACTION_REPORT = 2;

/** RFC 8504 5.3: limits a host may set. Linux: max_dst_opts_number and max_hbh_opts_number are 8 too. */
const HEADERS_MAX = 8;
const OPTIONS_MAX = 8;

/** `seg.problem`: no ICMPv6 parameter problem is owed; else its code (RFC 4443 3.4). */
export const NO_PROBLEM = -1;
export const PROBLEM_HEADER = 0;
export const PROBLEM_NEXT_HEADER = 1;
export const PROBLEM_OPTION = 2;
/** RFC 7112 5: a first fragment without the whole chain. */
export const PROBLEM_CHAIN = 3;

/**
 * Moves `seg.protocol`, `ipPayload` and `ipPayloadLength` from the extension header that `parseIpv6` found to the
 * transport. On failure `seg.problem` and `problemAt` (from the packet's start) say what the sender is to be told. A
 * fragment gives IP_FRAGMENT: `seg.protocol` and the payload are then the fragment's, and `seg.fragment*` its place.
 */
export function skipExtensions(view: DataView, seg: Segment): Drop {
  seg.problem = NO_PROBLEM;
  let nextAt = seg.ipStart + 6;
  for (let headers = 0; ; headers++) {
    const kind = seg.protocol;
    if (kind === PROTOCOL_TCP || kind === PROTOCOL_ICMPV6 || kind === PROTOCOL_UDP) return OK;
    if (kind === NO_NEXT_HEADER) return IP6_NO_NEXT_HEADER;
    // RFC 8200 4.1: hop-by-hop options anywhere but first are an unrecognized next header, as is what has no taker.
    if ((kind === HOP_BY_HOP && headers > 0) || !isExtension(kind)) {
      return problem(seg, PROBLEM_NEXT_HEADER, nextAt, IP6_NEXT_HEADER);
    }
    if (headers === HEADERS_MAX) return IP6_EXTENSIONS;
    const at = seg.ipPayload;
    if (seg.ipPayloadLength < 8) return IP_TRUNCATED;
    const first = view.getInt32(at);
    const length = kind === FRAGMENT ? 8 : (((first >>> 16) & 0xff) + 1) << 3;
    if (length > seg.ipPayloadLength) return IP_TRUNCATED;
    if (kind === FRAGMENT) {
      seg.fragmentNamedAt = nextAt - seg.ipStart;
      seg.fragmentAt = at - seg.ipStart;
    }
    nextAt = at;
    seg.protocol = first >>> 24;
    seg.ipPayload = at + length;
    seg.ipPayloadLength -= length;
    let reason = OK;
    if (kind === FRAGMENT) reason = readFragment(view, at, seg);
    else if (kind === ROUTING) reason = checkRouting(view, at, seg);
    else reason = checkOptions(view, at + 2, at + length, seg);
    if (reason !== OK) return reason;
  }
}

function isExtension(kind: number): boolean {
  return kind === HOP_BY_HOP || kind === ROUTING || kind === FRAGMENT || kind === DESTINATION_OPTIONS;
}

/** An "atomic fragment" is a whole packet (RFC 6946 4). */
function readFragment(view: DataView, at: number, seg: Segment): Drop {
  const place = view.getUint16(at + 2);
  seg.fragmentOffset = place & 0xfff8;
  seg.moreFragments = (place & 1) !== 0;
  seg.fragmentId = view.getInt32(at + 4);
  if (seg.fragmentOffset === 0 && !seg.moreFragments) return OK;
  // RFC 8200 4.5: the length of all but the last is a multiple of 8, and none ends beyond 65,535 bytes.
  const length = seg.ipPayloadLength;
  if (seg.moreFragments && (length & 7) !== 0) {
    return problem(seg, PROBLEM_HEADER, seg.ipStart + 4, IP_FRAGMENT_INVALID);
  }
  if (seg.fragmentOffset + length > 65_535) {
    return problem(seg, PROBLEM_HEADER, at + 2, IP_FRAGMENT_INVALID);
  }
  if (seg.fragmentOffset === 0 && !holdsChain(view, seg)) {
    return problem(seg, PROBLEM_CHAIN, seg.ipStart, IP_FRAGMENT_INVALID);
  }
  return IP_FRAGMENT;
}

/** RFC 7112 5: a first fragment holds every header, the transport's included. */
function holdsChain(view: DataView, seg: Segment): boolean {
  let kind = seg.protocol;
  let at = seg.ipPayload;
  const end = at + seg.ipPayloadLength;
  for (let headers = 0; isExtension(kind) && headers <= HEADERS_MAX; headers++) {
    if (at + 8 > end) return false;
    const first = view.getInt32(at);
    at += kind === FRAGMENT ? 8 : (((first >>> 16) & 0xff) + 1) << 3;
    kind = first >>> 24;
  }
  if (kind === PROTOCOL_TCP)
    return at + TCP_HEADER <= end && at + ((view.getUint8(at + 12) >> 4) << 2) <= end;
  return at + (kind === PROTOCOL_UDP || kind === PROTOCOL_ICMPV6 ? 8 : 0) <= end;
}

/** RFC 8200 4.4: with segments left 0 a routing header is passed over, else its type must be known; type 0 is not (RFC 5095). */
function checkRouting(view: DataView, at: number, seg: Segment): Drop {
  return view.getUint8(at + 3) === 0 ? OK : problem(seg, PROBLEM_HEADER, at + 2, IP6_ROUTING);
}

/** RFC 8200 4.2: what to do with an option that is not known stands in its two high bits. */
function checkOptions(view: DataView, at: number, end: number, seg: Segment): Drop {
  let options = 0;
  while (at < end) {
    const type = view.getUint8(at);
    if (type === OPTION_PAD1) {
      at++;
      continue;
    }
    if (at + 2 > end) return IP6_OPTION;
    const next = at + 2 + view.getUint8(at + 1);
    if (next > end) return IP6_OPTION;
    if (type !== OPTION_PADN) {
      if (++options > OPTIONS_MAX) return IP6_EXTENSIONS;
      const action = type >>> 6;
      if (action === ACTION_DISCARD) return IP6_OPTION;
      // 10 reports in any case, 11 only for a unicast destination; those to multicast groups never come here.
      if (action >= ACTION_REPORT) return problem(seg, PROBLEM_OPTION, at, IP6_OPTION);
    }
    at = next;
  }
  return OK;
}

function problem(seg: Segment, code: number, at: number, reason: Drop): Drop {
  seg.problem = code;
  seg.problemAt = at - seg.ipStart;
  return reason;
}
