/**
 * What a router does with a packet that is larger than the next link's MTU: a fragment for each piece where that is allowed
 * (RFC 791 3.2), else a message to its sender (RFC 1191 4). It knows links as sinks, and no stack.
 */
import { finish, sum } from "../base/checksum.ts";
import { writeIpv4Fragment } from "../wire/fragment.ts";
import { emitUnreachable, FRAGMENTATION_NEEDED, PROTOCOL_ICMP } from "../wire/icmp.ts";
import { emitErrorV6, sealIcmpv6, V6_QUOTE_LIMIT, V6_TOO_BIG } from "../wire/icmpv6.ts";
import { emitIpv4, IPV4_HEADER } from "../wire/ipv4.ts";
import { emitIpv6, IPV6_HEADER, PROTOCOL_ICMPV6 } from "../wire/ipv6.ts";
import type { Packet, PacketPool, Sink } from "./packet.ts";

const DONT_FRAGMENT = 0x40;
/** 192.0.2.1 (RFC 5737) */
const ROUTER = 0xc0000201 | 0;
/** 2001:db8::1 (RFC 3849), and room for the destination. */
const ROUTER_V6 = Int32Array.of(0x20010db8, 0, 0, 1, 0, 0, 0, 0);
const QUOTE = 548;

/** Whether the packet says DF, or is one that no router may fragment (RFC 8200 4.5). */
export function mayNotFragment(packet: Packet): boolean {
  return packet.bytes[0]! >> 4 === 6 || (packet.bytes[6]! & DONT_FRAGMENT) !== 0;
}

/** Sends the fragments of an IPv4 packet to `to`. */
export function fragment(pool: PacketPool, packet: Packet, mtu: number, to: Sink): void {
  packet.completeChecksum();
  const bytes = packet.bytes.subarray(0, packet.length);
  const header = (bytes[0]! & 15) << 2;
  for (let from = 0; from < packet.length - header; ) {
    const piece = pool.get(mtu);
    const length = writeIpv4Fragment(piece.bytes, piece.view, 0, bytes, from, mtu);
    piece.length = header + length;
    from += length;
    to.take(piece);
  }
}

/** Tells the sender of `packet` that the next link takes `mtu` bytes; 0: as a router older than RFC 1191, that it takes less. */
export function tellTooBig(pool: PacketPool, packet: Packet, mtu: number, to: Sink): void {
  if (packet.family === 6) {
    tellTooBigV6(pool, packet, mtu, to);
    return;
  }
  const quoted = Math.min(packet.length, QUOTE);
  const answer = pool.get(IPV4_HEADER + 8 + quoted);
  const { view } = answer;
  emitUnreachable(view, IPV4_HEADER, FRAGMENTATION_NEEDED, mtu, packet.view, 0, quoted);
  emitIpv4(view, 0, answer.length, 1, false, 64, PROTOCOL_ICMP, ROUTER, packet.view.getInt32(12), 0);
  to.take(answer);
}

/** RFC 4443 3.2; every router says how much. */
function tellTooBigV6(pool: PacketPool, packet: Packet, mtu: number, to: Sink): void {
  const quoted = Math.min(packet.length, V6_QUOTE_LIMIT);
  const answer = pool.get(IPV6_HEADER + 8 + quoted);
  const { bytes, view } = answer;
  const words = Int32Array.from(ROUTER_V6);
  for (let i = 0; i < 4; i++) words[4 + i] = packet.view.getInt32(8 + 4 * i);
  emitErrorV6(bytes, view, IPV6_HEADER, V6_TOO_BIG, 0, mtu, packet.bytes, 0, packet.length);
  emitIpv6(view, 0, answer.length, 0, 0, PROTOCOL_ICMPV6, 64, words, 0, 4);
  sealIcmpv6(bytes, view, IPV6_HEADER, 8 + quoted, words, 0, 4);
  to.take(answer);
}

/** Cuts a super-segment into the segments that its sender's device would make of it (TSO), each whole with its checksums. */
export function segment(pool: PacketPool, packet: Packet, to: Sink): void {
  const { bytes, view, gsoSize } = packet;
  const ip = bytes[0]! >> 4 === 6 ? 40 : (bytes[0]! & 15) << 2;
  const head = ip + ((bytes[ip + 12]! >> 4) << 2);
  const flags = bytes[ip + 13]!;
  for (let at = head, i = 0; at < packet.length; at += gsoSize, i++) {
    const length = Math.min(gsoSize, packet.length - at);
    const piece = pool.get(head + length);
    piece.bytes.set(bytes.subarray(0, head));
    piece.bytes.set(bytes.subarray(at, at + length), head);
    const last = at + length === packet.length;
    // FIN and PSH belong to the last, CWR to the first (RFC 3168 6.1.2).
    piece.bytes[ip + 13] = flags & (last ? 0xff : ~0x09) & (i === 0 ? 0xff : ~0x80);
    piece.view.setInt32(ip + 4, view.getInt32(ip + 4) + i * gsoSize);
    if (ip === 40) {
      piece.view.setUint16(4, piece.length - 40);
    } else {
      piece.view.setUint16(2, piece.length);
      piece.view.setUint16(4, view.getUint16(4) + i);
      piece.view.setUint16(10, 0);
      piece.view.setUint16(10, finish(sum(piece.bytes, piece.view, 0, ip, 0)));
    }
    piece.vouched = true;
    piece.completeChecksum();
    to.take(piece);
  }
}
