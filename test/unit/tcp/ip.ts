/** IP headers of either family, by the look of the addresses. */
import { parseIpv4Address, parseIpv6Address } from "../../../src/base/address.ts";
import { pseudoHeader, pseudoHeaderV6 } from "../../../src/base/checksum.ts";
import { emitIpv4, IPV4_HEADER } from "../../../src/wire/ipv4.ts";
import { emitIpv6, IPV6_HEADER } from "../../../src/wire/ipv6.ts";

/** Length of the header that carries `address`. */
export function ipHeader(address: string): number {
  return address.includes(":") ? IPV6_HEADER : IPV4_HEADER;
}

/** Writes the header of a packet of `total` bytes at 0. */
export function emitIp(
  view: DataView,
  total: number,
  protocol: number,
  src: string,
  dst: string,
  tos = 0,
): void {
  if (src.includes(":")) emitIpv6(view, 0, total, tos, 0, protocol, 64, both(src, dst), 0, 4);
  else emitIpv4(view, 0, total, 1, true, 64, protocol, parseIpv4Address(src)!, parseIpv4Address(dst)!, tos);
}

/** The partial sum of the pseudo-header. */
export function pseudo(src: string, dst: string, protocol: number, length: number): number {
  return src.includes(":")
    ? pseudoHeaderV6(both(src, dst), 0, 4, protocol, length)
    : pseudoHeader(4, parseIpv4Address(src)!, parseIpv4Address(dst)!, protocol, length);
}

/** Source and destination as eight words. */
export function both(src: string, dst: string): Int32Array {
  return Int32Array.of(...parseIpv6Address(src)!, ...parseIpv6Address(dst)!);
}
