/** Packets for the wire tests: written out in hex (computed by an independent script), or built from fields. */
import { finish, pseudoHeader, sum } from "../../../src/base/checksum.ts";
import { seq } from "../../../src/base/seq.ts";
import type { Drop } from "../../../src/wire/drop.ts";
import { emitIpv4, parseIpv4 } from "../../../src/wire/ipv4.ts";
import { Segment } from "../../../src/wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../../../src/wire/tcp-emit.ts";
import { parseTcp } from "../../../src/wire/tcp-parse.ts";

/** 10.77.0.1 and 10.77.0.2 */
export const CLIENT = 0x0a4d0001;
export const SERVER = 0x0a4d0002;

/** SYN from 10.77.0.1.43210 to 10.77.0.2.7 with Linux's options. */
export const SYN_HEX =
  "4500003c12344000400613ec0a4d00010a4d0002a8ca0007fffffffe00000000a002faf00fa10000" +
  "020405b40402080a800000010000000001030307";
/** "hello" with NOP, NOP, timestamps. */
export const DATA_HEX =
  "4500003912344000400613ef0a4d00010a4d0002a8ca0007800000007fffffff801801f673820000" +
  "0101080afffffff00000000768656c6c6f";
/** ACK with timestamps and three SACK blocks. */
export const SACK_HEX =
  "4500005012344000400613d80a4d00010a4d0002a8ca00070000000100000002f010000342fe0000" +
  "0101080a00000005000000060101051afffffff0000000107fffffff800000010000000300000004";
/** "x", urgent, behind an IP header with the router alert option. */
export const IP_OPTIONS_HEX =
  "4600002d1234400040067ef60a4d00010a4d000294040000a8ca00070000000100000002503800037a36000178";
/** Echo request 9 of 1234 with five bytes of data. */
export const ECHO_HEX = "45000021000100004001663f0a4d00010a4d00020800c95d04d200096162636465";

export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A segment over `bytes`, as `ip-input` prepares it. */
export function segmentOver(bytes: Uint8Array): Segment {
  const seg = new Segment();
  seg.bytes = bytes;
  seg.view = viewOf(bytes);
  return seg;
}

/** Parses IPv4, and TCP when that is well. */
export function parse(seg: Segment, offset = 0, length: number = seg.bytes.length - offset): Drop {
  return parseIpv4(seg.view, offset, length, seg) || parseTcp(seg.view, seg);
}

export interface Fields {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  flags: number;
  wnd: number;
  up: number;
  options: Uint8Array;
  text: Uint8Array;
}

/** An IPv4 TCP packet with both checksums right, written by our own emitters. */
export function tcpPacket(fields: Partial<Fields> = {}): Uint8Array {
  const { srcPort = 43210, dstPort = 7, flags = 0x10, wnd = 1024, up = 0 } = fields;
  const { options = new Uint8Array(0), text = new Uint8Array(0) } = fields;
  const tcpLength = 20 + options.length + text.length;
  const bytes = new Uint8Array(20 + tcpLength);
  const view = viewOf(bytes);
  emitIpv4(view, 0, bytes.length, 1, true, 64, 6, CLIENT, SERVER, 0);
  emitTcp(
    view,
    20,
    srcPort,
    dstPort,
    seq(fields.seq ?? 1),
    seq(fields.ack ?? 2),
    flags,
    wnd,
    up,
    options.length,
  );
  bytes.set(options, 40);
  bytes.set(text, 40 + options.length);
  sealTcp(bytes);
  return bytes;
}

/** Makes the TCP checksum of a packet without IP options right. */
export function sealTcp(bytes: Uint8Array): void {
  const view = viewOf(bytes);
  const length = bytes.length - 20;
  writeTcpChecksum(view, 20, 0);
  writeTcpChecksum(
    view,
    20,
    finish(sum(bytes, view, 20, length, pseudoHeader(4, CLIENT, SERVER, 6, length))),
  );
}

/** Makes the IPv4 header checksum right. */
export function sealIpv4(bytes: Uint8Array): void {
  const view = viewOf(bytes);
  view.setUint16(10, 0);
  view.setUint16(10, finish(sum(bytes, view, 0, (bytes[0]! & 15) * 4, 0)));
}

/** `hex` with the given bytes changed. */
export function patched(digits: string, changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = hex(digits);
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}
