/**
 * ICMPv6 messages received (RFC 4443): echo requests are answered, errors about our segments go the way of IPv4's
 * (`errorArrives`). Discovery is passed over: a point-to-point link has no neighbours to find.
 */
import * as drop from "../wire/drop.ts";
import { ECHO_REPLY, ECHO_REQUEST, IcmpMessage } from "../wire/icmp.ts";
import {
  isDiscovery,
  parseIcmpv6,
  V6_ECHO_REPLY,
  V6_ECHO_REQUEST,
  V6_PARAMETER_PROBLEM,
  V6_TIME_EXCEEDED,
  V6_TOO_BIG,
  V6_UNREACHABLE,
} from "../wire/icmpv6.ts";
import type { Segment } from "../wire/segment.ts";
import type { Ip6Counters } from "./counters.ts";
import { errorArrives } from "./icmp-errors.ts";
import { sendEchoReplyV6 } from "./icmpv6-output.ts";
import type { Stack } from "./stack.ts";

const message = new IcmpMessage();

/** Takes the message in `seg`. */
export function icmpv6Input(stack: Stack, seg: Segment): void {
  const { ip6 } = stack;
  ip6.Icmp6InMsgs++;
  if (isDiscovery(seg.view, seg)) return;
  const reason = parseIcmpv6(seg.view, seg, message);
  if (reason === drop.ICMP_CHECKSUM || reason === drop.ICMP_MALFORMED) {
    ip6.Icmp6InErrors++;
    if (reason === drop.ICMP_CHECKSUM) ip6.Icmp6InCsumErrors++;
    stack.drop(reason);
    return;
  }
  if (reason !== drop.OK) {
    stack.drop(reason);
    return;
  }
  countTypeV6(ip6, seg.view.getUint8(seg.ipPayload));
  if (message.type === ECHO_REQUEST) {
    sendEchoReplyV6(stack, seg, message);
    return;
  }
  if (message.type === ECHO_REPLY) return;
  message.src = stack.addresses.find(message.words, 0);
  message.dst = stack.addresses.find(message.words, 4);
  errorArrives(stack, message);
}

function countTypeV6(ip6: Ip6Counters, type: number): void {
  if (type === V6_ECHO_REQUEST) ip6.Icmp6InEchos++;
  else if (type === V6_ECHO_REPLY) ip6.Icmp6InEchoReplies++;
  else if (type === V6_UNREACHABLE) ip6.Icmp6InDestUnreachs++;
  else if (type === V6_TOO_BIG) ip6.Icmp6InPktTooBigs++;
  else if (type === V6_TIME_EXCEEDED) ip6.Icmp6InTimeExcds++;
  else if (type === V6_PARAMETER_PROBLEM) ip6.Icmp6InParmProblems++;
}
