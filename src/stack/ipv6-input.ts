/**
 * An IPv6 packet on its way up: header, addresses, extension headers, protocol (RFC 8200 3-4, RFC 4291 2.5-2.7). What fails
 * is counted under its reason; nothing is thrown.
 */
import { isLoopbackV6, isMappedV4, isMulticastV6, isUnspecifiedV6 } from "../base/address.ts";
import { SCRATCH_DST, SCRATCH_SRC } from "../base/address-table.ts";
import * as drop from "../wire/drop.ts";
import { V6_PORT_UNREACHABLE } from "../wire/icmpv6.ts";
import { PROTOCOL_ICMPV6, parseIpv6 } from "../wire/ipv6.ts";
import { HOP_BY_HOP, NO_PROBLEM, skipExtensions } from "../wire/ipv6-extensions.ts";
import type { Segment } from "../wire/segment.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import { icmpv6Input } from "./icmpv6-input.ts";
import { sendParameterProblem, sendUnreachableV6 } from "./icmpv6-output.ts";
import type { StackInterface } from "./interface.ts";
import { wholeInput } from "./ip-input.ts";
import type { Stack } from "./stack.ts";

/** Where the destination stands in `seg.words`. */
const DST = 4;

/** Takes the packet at `offset`, as `ipInput`. */
export function ipv6Input(
  stack: Stack,
  link: StackInterface,
  seg: Segment,
  offset: number,
  length: number,
): boolean {
  const reason = parseIpv6(seg.view, offset, length, seg);
  if (reason !== drop.OK) {
    stack.ip6.Ip6InHdrErrors++;
    stack.drop(reason);
    return false;
  }
  if (isMulticastV6(seg.words, DST)) {
    multicastArrives(stack, seg);
    return false;
  }
  const { addresses } = stack;
  seg.src = addresses.take(SCRATCH_SRC, seg.words, 0);
  seg.dst = addresses.take(SCRATCH_DST, seg.words, DST);
  if (!isSourceValid(stack, link, seg)) {
    stack.ip6.Ip6InAddrErrors++;
    stack.drop(drop.IP_SOURCE_INVALID);
    return false;
  }
  if (!isForUs(stack, link, seg)) {
    stack.ip6.Ip6InAddrErrors++;
    stack.drop(drop.IP_NOT_OURS);
    return false;
  }
  if (seg.protocol !== PROTOCOL_TCP) {
    const bad = skipExtensions(seg.view, seg);
    if (bad === drop.IP_FRAGMENT) {
      if (stack.shard?.passesFragment(stack, link, seg) === true) return false;
      const whole = stack.fragments.take(seg);
      if (whole !== null) wholeInput(stack, link, seg, whole);
      return false;
    }
    if (bad !== drop.OK) {
      refused(stack, seg, bad);
      return false;
    }
  }
  if (stack.shard?.passes(stack, link, seg) === true) return false;
  if (seg.protocol === PROTOCOL_TCP) {
    stack.ip6.Ip6InDelivers++;
    return stack.tcpInput(seg);
  }
  if (seg.protocol === PROTOCOL_ICMPV6) {
    stack.ip6.Ip6InDelivers++;
    icmpv6Input(stack, seg);
    return false;
  }
  // UDP: what else there is has been refused as a next header.
  stack.ip6.Ip6InUnknownProtos++;
  stack.drop(drop.PROTOCOL_UNKNOWN);
  sendUnreachableV6(stack, V6_PORT_UNREACHABLE, seg);
  return false;
}

/** Neighbour and listener discovery (RFC 4861, RFC 3810) go on around us and mean nothing on a point-to-point link. */
function multicastArrives(stack: Stack, seg: Segment): void {
  stack.ip6.Ip6InMcastPkts++;
  if (seg.protocol !== PROTOCOL_ICMPV6 && seg.protocol !== HOP_BY_HOP) stack.drop(drop.IP_NOT_OURS);
}

/** RFC 4291 2.5.2, 2.5.3, 2.7 and RFC 9293 3.9.2.1 (MUST-63): a source is one host, and from outside not this one. */
function isSourceValid(stack: Stack, link: StackInterface, seg: Segment): boolean {
  const { words } = seg;
  if (isUnspecifiedV6(words, 0) || isMulticastV6(words, 0) || isMappedV4(words, 0)) return false;
  return link === stack.interfaces.loopback || !stack.interfaces.isOwn(6, seg.src);
}

/** RFC 4291 2.5.3: ::1 never comes from outside. */
function isForUs(stack: Stack, link: StackInterface, seg: Segment): boolean {
  if (isLoopbackV6(seg.words, DST)) return link === stack.interfaces.loopback;
  return stack.interfaces.isOwn(6, seg.dst) || stack.listeners.takes(6, seg.dst);
}

/** A chain of headers that leads nowhere. */
function refused(stack: Stack, seg: Segment, reason: drop.Drop): void {
  if (reason === drop.IP6_NEXT_HEADER) stack.ip6.Ip6InUnknownProtos++;
  else stack.ip6.Ip6InHdrErrors++;
  stack.drop(reason);
  if (seg.problem !== NO_PROBLEM) sendParameterProblem(stack, seg);
}
