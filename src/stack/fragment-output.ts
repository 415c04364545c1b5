/**
 * Packets that are larger than their path and may be fragmented (RFC 791 3.2): answers to large echo requests. TCP never
 * needs this: its segments fit, and say DF.
 */
import { IPV6_FRAGMENT_HEADER, writeIpv4Fragment, writeIpv6Fragment } from "../wire/fragment.ts";
import { IPV4_HEADER } from "../wire/ipv4.ts";
import { IPV6_HEADER } from "../wire/ipv6.ts";
import type { StackInterface } from "./interface.ts";
import type { Stack } from "./stack.ts";

/** Sends the IPv4 packet `packet`, a header of 20 bytes and its payload, in pieces. False when there was no room for all. */
export function sendFragments(stack: Stack, link: StackInterface, packet: Uint8Array, mtu: number): boolean {
  const { tx } = link;
  const room = (mtu - IPV4_HEADER) & ~7;
  const count = Math.ceil((packet.length - IPV4_HEADER) / room);
  if (!tx.hasRooms(count, mtu)) {
    stack.ip.OutDiscards++;
    stack.ip.FragFails++;
    return false;
  }
  for (let from = 0; from < packet.length - IPV4_HEADER; from += room) {
    const at = tx.open();
    const length = IPV4_HEADER + writeIpv4Fragment(tx.bytes, tx.view, at, packet, from, mtu);
    tx.close(at, length, 0, length, 0, -1, 4);
    stack.ip.FragCreates++;
  }
  stack.ip.FragOKs++;
  return true;
}

/** The same for an IPv6 packet without extension headers; the number that its fragments share can't be guessed (RFC 7739). */
export function sendFragmentsV6(
  stack: Stack,
  link: StackInterface,
  packet: Uint8Array,
  mtu: number,
): boolean {
  const { tx } = link;
  const head = IPV6_HEADER + IPV6_FRAGMENT_HEADER;
  const count = Math.ceil((packet.length - IPV6_HEADER) / ((mtu - head) & ~7));
  if (!tx.hasRooms(count, mtu)) {
    stack.ip6.Ip6OutDiscards++;
    stack.ip6.Ip6FragFails++;
    return false;
  }
  const id = stack.host.random();
  for (let from = 0; from < packet.length - IPV6_HEADER; ) {
    const at = tx.open();
    const length = writeIpv6Fragment(tx.bytes, tx.view, at, packet, from, mtu, id);
    tx.close(at, head + length, 0, head + length, 0, -1, 6);
    stack.ip6.Ip6FragCreates++;
    from += length;
  }
  stack.ip6.Ip6FragOKs++;
  return true;
}
