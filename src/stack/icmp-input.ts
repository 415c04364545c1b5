/**
 * ICMP messages received: counted by type under the names of /proc/net/snmp, echo requests answered, errors about our
 * segments passed on (icmp-errors.ts). Source quench and redirects are not heeded (RFC 6633; there is one route).
 */
import * as drop from "../wire/drop.ts";
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  IcmpMessage,
  isIcmpError,
  PARAMETER_PROBLEM,
  parseIcmp,
  REDIRECT,
  SOURCE_QUENCH,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "../wire/icmp.ts";
import type { Segment } from "../wire/segment.ts";
import type { IpCounters } from "./counters.ts";
import { errorArrives } from "./icmp-errors.ts";
import { sendEchoReply } from "./icmp-output.ts";
import type { Stack } from "./stack.ts";

const message = new IcmpMessage();

/** Takes the message in `seg`. */
export function icmpInput(stack: Stack, seg: Segment): void {
  stack.ip.IcmpInMsgs++;
  const reason = parseIcmp(seg.view, seg, message);
  if (reason === drop.ICMP_CHECKSUM || reason === drop.ICMP_MALFORMED) {
    stack.ip.IcmpInErrors++;
    if (reason === drop.ICMP_CHECKSUM) stack.ip.IcmpInCsumErrors++;
    stack.drop(reason);
    return;
  }
  countType(stack.ip, message.type);
  if (reason !== drop.OK) {
    stack.drop(reason);
  } else if (message.type === ECHO_REQUEST) {
    sendEchoReply(stack, seg, message);
  } else if (isIcmpError(message.type)) {
    errorArrives(stack, message);
  } else if (message.type !== ECHO_REPLY) {
    stack.drop(drop.ICMP_UNMATCHED);
  }
}

/** Types that have no counter are in IcmpInMsgs alone. */
function countType(ip: IpCounters, type: number): void {
  if (type === ECHO_REQUEST) ip.IcmpInEchos++;
  else if (type === ECHO_REPLY) ip.IcmpInEchoReps++;
  else if (type === UNREACHABLE) ip.IcmpInDestUnreachs++;
  else if (type === TIME_EXCEEDED) ip.IcmpInTimeExcds++;
  else if (type === PARAMETER_PROBLEM) ip.IcmpInParmProbs++;
  else if (type === SOURCE_QUENCH) ip.IcmpInSrcQuenchs++;
  else if (type === REDIRECT) ip.IcmpInRedirects++;
}
