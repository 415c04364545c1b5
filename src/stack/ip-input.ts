/**
 * A packet on its way up: IP version, then for IPv4 header, addresses, protocol (RFC 791, RFC 1122 3.2.1). What fails is
 * counted under its reason; nothing is thrown.
 */
import { isLimitedBroadcast, isLoopback, isMulticast, isUnspecified } from "../base/address.ts";
import * as drop from "../wire/drop.ts";
import { PORT_UNREACHABLE, PROTOCOL_ICMP, PROTOCOL_UNREACHABLE } from "../wire/icmp.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import type { Segment } from "../wire/segment.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import { icmpInput } from "./icmp-input.ts";
import { sendUnreachable } from "./icmp-output.ts";
import type { StackInterface } from "./interface.ts";
import { ipv6Input } from "./ipv6-input.ts";
import type { Stack } from "./stack.ts";

const PROTOCOL_UDP = 17;

/** Takes the packet at `offset`. `seg.bytes`, `view`, `checksumOk` and `gsoSize` are set. Returns whether its memory is kept. */
export function ipInput(
  stack: Stack,
  link: StackInterface,
  seg: Segment,
  offset: number,
  length: number,
): boolean {
  if (length > 0 && seg.bytes[offset]! >> 4 === 6) return ipv6Input(stack, link, seg, offset, length);
  const reason = parseIpv4(seg.view, offset, length, seg);
  if (reason !== drop.OK && reason !== drop.IP_FRAGMENT) {
    stack.ip.InHdrErrors++;
    stack.drop(reason);
    return false;
  }
  if (!isSourceValid(stack, link, seg.src)) {
    stack.ip.InAddrErrors++;
    stack.drop(drop.IP_SOURCE_INVALID);
    return false;
  }
  if (!stack.interfaces.isOwn(4, seg.dst) && !stack.listeners.takes(4, seg.dst)) {
    stack.ip.InAddrErrors++;
    stack.drop(drop.IP_NOT_OURS);
    return false;
  }
  // RFC 1122 3.2.1.3 (g): 127/8 never comes from outside.
  if (isLoopback(seg.dst) && link !== stack.interfaces.loopback) {
    stack.ip.InAddrErrors++;
    stack.drop(drop.IP_NOT_OURS);
    return false;
  }
  if (reason === drop.IP_FRAGMENT) {
    if (stack.shard?.passesFragment(stack, link, seg) === true) return false;
    const whole = stack.fragments.take(seg);
    if (whole !== null) wholeInput(stack, link, seg, whole);
    return false;
  }
  if (stack.shard?.passes(stack, link, seg) === true) return false;
  if (seg.protocol === PROTOCOL_TCP) {
    stack.ip.InDelivers++;
    return stack.tcpInput(seg);
  }
  if (seg.protocol === PROTOCOL_ICMP) {
    stack.ip.InDelivers++;
    icmpInput(stack, seg);
    return false;
  }
  stack.ip.InUnknownProtos++;
  stack.drop(drop.PROTOCOL_UNKNOWN);
  sendUnreachable(stack, seg.protocol === PROTOCOL_UDP ? PORT_UNREACHABLE : PROTOCOL_UNREACHABLE, seg);
  return false;
}

/** A packet put together of fragments. Its memory is its own, whatever is kept of it; no device vouched for its checksum. */
export function wholeInput(stack: Stack, link: StackInterface, seg: Segment, whole: Uint8Array): void {
  const { bytes, view } = seg;
  seg.bytes = whole;
  seg.view = new DataView(whole.buffer);
  seg.checksumOk = false;
  seg.gsoSize = 0;
  ipInput(stack, link, seg, 0, whole.length);
  seg.bytes = bytes;
  seg.view = view;
}

/** RFC 1122 3.2.1.3, RFC 9293 3.9.2.1 (MUST-63): a source is one host, and from outside not this one. */
function isSourceValid(stack: Stack, link: StackInterface, src: number): boolean {
  if (
    isUnspecified(src) ||
    isMulticast(src) ||
    isLimitedBroadcast(src) ||
    stack.interfaces.isDirectedBroadcast(src)
  )
    return false;
  return link === stack.interfaces.loopback || !stack.interfaces.isOwn(4, src);
}
