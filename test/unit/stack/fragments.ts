/** Packets cut into fragments, as a router would, or in ways no router would. */
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import { writeIpv4Fragment } from "../../../src/wire/fragment.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { PEER, STACK } from "../tcp/rig.ts";

/** An echo request with `size` bytes of data, not fragmented, from `source`. */
export function echo(size: number, id: number, source: string = PEER): Uint8Array {
  const bytes = new Uint8Array(28 + size);
  const view = new DataView(bytes.buffer);
  emitIpv4(view, 0, bytes.length, id, false, 64, 1, parseIpv4Address(source)!, parseIpv4Address(STACK)!, 0);
  bytes[20] = 8;
  for (let i = 28; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  view.setUint16(22, finish(sum(bytes, view, 20, bytes.length - 20, 0)));
  return bytes;
}

/** Cuts `packet` for `mtu`. */
export function cut(packet: Uint8Array, mtu: number): Uint8Array[] {
  const header = (packet[0]! & 15) << 2;
  const whole = packet.slice();
  whole[6] = whole[6]! & ~0x40;
  const all: Uint8Array[] = [];
  for (let from = 0; from < whole.length - header; ) {
    const target = new Uint8Array(mtu);
    const length = writeIpv4Fragment(target, new DataView(target.buffer), 0, whole, from, mtu);
    all.push(target.slice(0, header + length));
    from += length;
  }
  return all;
}

/** One fragment: bytes `from` to `to` of the payload of `packet`, with `more` or not, at another place if `at` says so. */
export function piece(
  packet: Uint8Array,
  from: number,
  to: number,
  more: boolean,
  at: number = from,
): Uint8Array {
  const bytes = new Uint8Array(20 + to - from);
  bytes.set(packet.subarray(0, 20));
  bytes.set(packet.subarray(20 + from, 20 + to), 20);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  view.setUint16(6, (more ? 0x2000 : 0) | (at >> 3));
  return sealed(bytes);
}

/** With the header's checksum made good. */
export function sealed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(10, 0);
  view.setUint16(10, finish(sum(bytes, view, 0, 20, 0)));
  return bytes;
}
