/**
 * ICMPv6 messages received (RFC 4443): echo requests are answered, errors about our segments go the way of IPv4's
 * (`errorArrives`). Discovery is passed over: a point-to-point link has no neighbours to find.
 */
import * as drop from "../wire/drop.ts";
import { ECHO_REPLY, ECHO_REQUEST, IcmpMessage } from "../wire/icmp.ts";
import { isDiscovery, parseIcmpv6 } from "../wire/icmpv6.ts";
import type { Segment } from "../wire/segment.ts";
import { errorArrives } from "./icmp-errors.ts";
import { countType } from "./icmp-input.ts";
import { sendEchoReplyV6 } from "./icmpv6-output.ts";
import type { Stack } from "./stack.ts";

const message = new IcmpMessage();

/** Takes the message in `seg`. */
export function icmpv6Input(stack: Stack, seg: Segment): void {
  stack.ip.IcmpInMsgs++;
  if (isDiscovery(seg.view, seg)) return;
  const reason = parseIcmpv6(seg.view, seg, message);
  if (reason !== drop.OK) {
    stack.ip.IcmpInErrors++;
    if (reason === drop.ICMP_CHECKSUM) stack.ip.IcmpInCsumErrors++;
    stack.drop(reason);
    return;
  }
  countType(stack.ip, message.type);
  if (message.type === ECHO_REQUEST) {
    sendEchoReplyV6(stack, seg, message);
    return;
  }
  if (message.type === ECHO_REPLY) return;
  message.src = stack.addresses.find(message.words, 0);
  message.dst = stack.addresses.find(message.words, 4);
  errorArrives(stack, message);
}
