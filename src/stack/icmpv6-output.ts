/**
 * ICMPv6 messages that the stack sends: echo replies, and errors about what it can't take (RFC 4443 2.4, 3).
 */
import { type Seq, seq } from "../base/seq.ts";
import { ICMP_HEADER, type IcmpMessage, REASSEMBLY_TIME_EXCEEDED } from "../wire/icmp.ts";
import {
  carriesError,
  emitEchoReplyV6,
  emitErrorV6,
  sealIcmpv6,
  V6_PARAMETER_PROBLEM,
  V6_QUOTE_LIMIT,
  V6_TIME_EXCEEDED,
  V6_UNREACHABLE,
} from "../wire/icmpv6.ts";
import { emitIpv6, IPV6_HEADER, PROTOCOL_ICMPV6 } from "../wire/ipv6.ts";
import { type Segment, SYN } from "../wire/segment.ts";
import { emitTcp } from "../wire/tcp-emit.ts";
import { PROTOCOL_TCP, TCP_HEADER } from "../wire/tcp-parse.ts";
import { sendFragmentsV6 } from "./fragment-output.ts";
import { TTL } from "./ip-output.ts";
import type { Stack } from "./stack.ts";

/** Writes a message at `at` and returns its length. */
type Write = (bytes: Uint8Array, view: DataView, at: number) => number;

/** Answers an echo request with the same data. */
export function sendEchoReplyV6(stack: Stack, seg: Segment, request: IcmpMessage): void {
  const length = ICMP_HEADER + request.dataLength;
  const written = send(stack, seg.dst, seg.src, length, (bytes, view, at) =>
    emitEchoReplyV6(bytes, view, at, request, seg.bytes),
  );
  if (written) stack.ip6.Icmp6OutEchoReplies++;
}

/** Tells the sender of the packet in `seg` that it found no taker. */
export function sendUnreachableV6(stack: Stack, code: number, seg: Segment): void {
  if (sendError(stack, V6_UNREACHABLE, code, 0, seg)) stack.ip6.Icmp6OutDestUnreachs++;
}

/** Tells the sender of the packet in `seg` what in its headers was not understood: `seg.problem` and `problemAt`. */
export function sendParameterProblem(stack: Stack, seg: Segment): void {
  if (sendError(stack, V6_PARAMETER_PROBLEM, seg.problem, seg.problemAt, seg))
    stack.ip6.Icmp6OutParmProblems++;
}

/** Tells the sender of the first fragment in `seg` that the others did not come in time (RFC 4443 3.3). */
export function sendTimeExceededV6(stack: Stack, seg: Segment): void {
  const written = sendError(stack, V6_TIME_EXCEEDED, REASSEMBLY_TIME_EXCEEDED, 0, seg);
  if (written) stack.ip6.Icmp6OutTimeExcds++;
}

function sendError(stack: Stack, type: number, code: number, rest: number, seg: Segment): boolean {
  if (carriesError(seg.view, seg) || !stack.allowReset(6, seg.src)) return false;
  const quoted = seg.ipPayload - seg.ipStart + seg.ipPayloadLength;
  return send(stack, seg.dst, seg.src, ICMP_HEADER + Math.min(quoted, V6_QUOTE_LIMIT), (bytes, view, at) =>
    emitErrorV6(bytes, view, at, type, code, rest, seg.bytes, seg.ipStart, quoted),
  );
}

/** Destination unreachable for a SYN that was held and whose packet is gone: what is quoted is made again from the flow. */
export function sendUnreachableForV6(
  stack: Stack,
  code: number,
  local: number,
  remote: number,
  localPort: number,
  remotePort: number,
  synSeq: Seq,
): void {
  const { words } = stack.addresses;
  const quoted = new Uint8Array(IPV6_HEADER + TCP_HEADER);
  const quotedView = new DataView(quoted.buffer);
  emitIpv6(quotedView, 0, quoted.length, 0, 0, PROTOCOL_TCP, TTL, words, 4 * remote, 4 * local);
  emitTcp(quotedView, IPV6_HEADER, remotePort, localPort, synSeq, seq(0), SYN, 0, 0, 0);
  const written = send(stack, local, remote, ICMP_HEADER + quoted.length, (bytes, view, at) =>
    emitErrorV6(bytes, view, at, V6_UNREACHABLE, code, 0, quoted, 0, quoted.length),
  );
  if (written) stack.ip6.Icmp6OutDestUnreachs++;
}

/** Sends a packet whose ICMPv6 message of `length` bytes `write` makes. False when there was no room. */
function send(stack: Stack, local: number, remote: number, length: number, write: Write): boolean {
  const { addresses, interfaces } = stack;
  const link = interfaces.route(6, remote);
  const total = IPV6_HEADER + length;
  if (link === null) {
    stack.ip6.Ip6OutDiscards++;
    return false;
  }
  const { words } = addresses;
  const from = 4 * local;
  const to = 4 * remote;
  const { mtu } = interfaces.pathTo(6, remote, link);
  if (total > mtu) {
    const packet = new Uint8Array(total);
    const view = new DataView(packet.buffer);
    write(packet, view, IPV6_HEADER);
    emitIpv6(view, 0, total, 0, 0, PROTOCOL_ICMPV6, TTL, words, from, to);
    sealIcmpv6(packet, view, IPV6_HEADER, length, words, from, to);
    if (!sendFragmentsV6(stack, link, packet, mtu)) return false;
    stack.ip6.Icmp6OutMsgs++;
    return true;
  }
  const { tx } = link;
  if (!tx.hasRoom(total, 0)) {
    stack.ip6.Ip6OutDiscards++;
    return false;
  }
  const at = tx.open();
  write(tx.bytes, tx.view, at + IPV6_HEADER);
  emitIpv6(tx.view, at, total, 0, 0, PROTOCOL_ICMPV6, TTL, words, from, to);
  sealIcmpv6(tx.bytes, tx.view, at + IPV6_HEADER, length, words, from, to);
  tx.close(at, total, 0, total, 0, -1, 6);
  stack.ip6.Icmp6OutMsgs++;
  return true;
}
