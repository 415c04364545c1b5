/**
 * ICMP messages that the stack sends: echo replies, and destination unreachable for what has no taker (RFC 1122 3.2.2).
 */

import type { Seq } from "../base/seq.ts";
import { seq } from "../base/seq.ts";
import {
  carriesIcmpError,
  emitEchoReply,
  emitReassemblyTimeExceeded,
  emitUnreachable,
  ICMP_HEADER,
  type IcmpMessage,
  PROTOCOL_ICMP,
} from "../wire/icmp.ts";
import { emitIpv4, IPV4_HEADER } from "../wire/ipv4.ts";
import { type Segment, SYN } from "../wire/segment.ts";
import { emitTcp } from "../wire/tcp-emit.ts";
import { sendFragments } from "./fragment-output.ts";
import type { Stack } from "./stack.ts";

const TTL = 64;
/** RFC 1812 4.3.2.3: an error datagram stays within 576 bytes. */
const ERROR_MAX = 576;

/** Answers an echo request with the same data. */
export function sendEchoReply(stack: Stack, seg: Segment, request: IcmpMessage): void {
  const length = ICMP_HEADER + request.dataLength;
  const written = send(stack, seg.dst, seg.src, length, (view, at) =>
    emitEchoReply(view, at, request, seg.view),
  );
  if (written) stack.ip.IcmpOutEchoReps++;
}

/** Tells the sender of the packet in `seg` that it found no taker. */
export function sendUnreachable(stack: Stack, code: number, seg: Segment): void {
  if (!stack.allowReset(seg.family, seg.src)) return;
  const quoted = seg.ipPayload - seg.ipStart + seg.ipPayloadLength;
  const written = send(stack, seg.dst, seg.src, ERROR_MAX - IPV4_HEADER, (view, at) =>
    emitUnreachable(view, at, code, 0, seg.view, seg.ipStart, quoted),
  );
  if (written) stack.ip.IcmpOutDestUnreachs++;
}

/** Tells the sender of the first fragment in `seg` that the others did not come in time. */
export function sendTimeExceeded(stack: Stack, seg: Segment): void {
  if (carriesIcmpError(seg) || !stack.allowReset(4, seg.src)) return;
  const written = send(stack, seg.dst, seg.src, ERROR_MAX - IPV4_HEADER, (view, at) =>
    emitReassemblyTimeExceeded(view, at, seg.view),
  );
  if (written) stack.ip.IcmpOutTimeExcds++;
}

/** Destination unreachable for a SYN that was held and whose packet is gone: what is quoted is made again from the flow. */
export function sendUnreachableFor(
  stack: Stack,
  code: number,
  local: number,
  remote: number,
  localPort: number,
  remotePort: number,
  synSeq: Seq,
): void {
  const quoted = new DataView(new ArrayBuffer(2 * IPV4_HEADER));
  emitIpv4(quoted, 0, quoted.byteLength, 0, true, TTL, 6, remote, local, 0);
  emitTcp(quoted, IPV4_HEADER, remotePort, localPort, synSeq, seq(0), SYN, 0, 0, 0);
  const written = send(stack, local, remote, ICMP_HEADER + quoted.byteLength, (view, at) =>
    emitUnreachable(view, at, code, 0, quoted, 0, quoted.byteLength),
  );
  if (written) stack.ip.IcmpOutDestUnreachs++;
}

/** Writes a packet whose ICMP message `write` makes, of at most `most` bytes. False when there was no room. */
function send(
  stack: Stack,
  local: number,
  remote: number,
  most: number,
  write: (view: DataView, at: number) => number,
): boolean {
  const link = stack.interfaces.route(4, remote);
  if (link === null) {
    stack.ip.OutDiscards++;
    return false;
  }
  const id = stack.host.random() & 0xffff;
  const { mtu } = stack.interfaces.pathTo(4, remote, link);
  if (IPV4_HEADER + most > mtu) {
    const packet = new Uint8Array(IPV4_HEADER + most);
    const view = new DataView(packet.buffer);
    const length = IPV4_HEADER + write(view, IPV4_HEADER);
    emitIpv4(view, 0, length, id, false, TTL, PROTOCOL_ICMP, local, remote, 0);
    if (!sendFragments(stack, link, packet.subarray(0, length), mtu)) return false;
    stack.ip.IcmpOutMsgs++;
    return true;
  }
  const { tx } = link;
  if (!tx.hasRoom(IPV4_HEADER + most, 0)) {
    stack.ip.OutDiscards++;
    return false;
  }
  const at = tx.open();
  const total = IPV4_HEADER + write(tx.view, at + IPV4_HEADER);
  emitIpv4(tx.view, at, total, id, false, TTL, PROTOCOL_ICMP, local, remote, 0);
  tx.close(at, total, 0, total, 0, -1, 4);
  stack.ip.IcmpOutMsgs++;
  return true;
}
