/**
 * Packets that are larger than their path and may be fragmented (RFC 791 3.2): answers to large echo requests. TCP never
 * needs this: its segments fit, and say DF.
 */
import { writeIpv4Fragment } from "../wire/fragment.ts";
import { IPV4_HEADER } from "../wire/ipv4.ts";
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
