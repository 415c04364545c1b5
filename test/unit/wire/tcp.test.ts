import { describe, expect, test } from "vitest";
import { seq } from "../../../src/base/seq.ts";
import { OK, TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_PORT_ZERO, TCP_TRUNCATED } from "../../../src/wire/drop.ts";
import { parseIpv4 } from "../../../src/wire/ipv4.ts";
import { ACK, CWR, FIN, PSH, SYN, URG } from "../../../src/wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../../../src/wire/tcp-emit.ts";
import { parseTcp } from "../../../src/wire/tcp-parse.ts";
import {
  DATA_HEX,
  hex,
  IP_OPTIONS_HEX,
  parse,
  patched,
  SACK_HEX,
  SYN_HEX,
  sealTcp,
  segmentOver,
  tcpPacket,
  viewOf,
} from "./packets.ts";

describe("a TCP header received", () => {
  test("RFC 9293 3.1: a SYN with Linux's options", () => {
    const seg = segmentOver(hex(SYN_HEX));
    expect(parse(seg)).toBe(OK);
    expect(seg).toMatchObject({ srcPort: 43210, dstPort: 7, seq: -2, ack: 0, flags: SYN, wnd: 64240, up: 0 });
    expect(seg).toMatchObject({ mss: 1460, wscale: 7, sackPermitted: true, hasTimestamps: true });
    expect(seg).toMatchObject({ tsval: -0x7fffffff, tsecr: 0, sackCount: 0, textLength: 0, len: 1 });
  });

  test("RFC 7323 A: data behind NOP, NOP, timestamps; numbers from 2^31 on are negative int32", () => {
    const seg = segmentOver(hex(DATA_HEX));
    expect(parse(seg)).toBe(OK);
    expect(seg).toMatchObject({ seq: -0x80000000, ack: 0x7fffffff, flags: ACK | PSH, wnd: 502 });
    expect(seg).toMatchObject({ hasTimestamps: true, tsval: -16, tsecr: 7, textOffset: 52, textLength: 5 });
    expect(
      new TextDecoder().decode(seg.bytes.subarray(seg.textOffset, seg.textOffset + seg.textLength)),
    ).toBe("hello");
  });

  test("RFC 2018 3: timestamps and three SACK blocks across 2^31 and 2^32", () => {
    const seg = segmentOver(hex(SACK_HEX));
    expect(parse(seg)).toBe(OK);
    expect(seg).toMatchObject({ hasTimestamps: true, tsval: 5, tsecr: 6, sackCount: 3 });
    expect([...seg.sackEdges.subarray(0, 6)]).toEqual([-16, 16, 0x7fffffff, -0x7fffffff, 3, 4]);
  });

  test("behind IP options, with an urgent pointer", () => {
    const seg = segmentOver(hex(IP_OPTIONS_HEX));
    expect(parse(seg)).toBe(OK);
    expect(seg).toMatchObject({ flags: ACK | PSH | URG, up: 1, textOffset: 44, textLength: 1 });
  });

  test("at another offset of a slab, on an odd one too", () => {
    for (const offset of [12, 13, 14, 15]) {
      const slab = new Uint8Array(200).fill(0xee);
      slab.set(hex(DATA_HEX), offset);
      const seg = segmentOver(slab);
      expect(parse(seg, offset, 57)).toBe(OK);
      expect(seg).toMatchObject({ ipStart: offset, textOffset: offset + 52, textLength: 5, tsval: -16 });
    }
  });

  test("the options of one segment are gone in the next", () => {
    const seg = segmentOver(hex(SYN_HEX));
    parse(seg);
    for (const next of [hex(SACK_HEX), hex(IP_OPTIONS_HEX)]) {
      seg.bytes = next;
      seg.view = viewOf(next);
      expect(parse(seg)).toBe(OK);
      expect(seg).toMatchObject({ mss: 0, wscale: -1, sackPermitted: false });
    }
    expect(seg).toMatchObject({ hasTimestamps: false, tsval: 0, tsecr: 0, sackCount: 0 });
  });

  test("RFC 9293 3.4: SEG.LEN counts text, SYN and FIN", () => {
    const seg = segmentOver(tcpPacket({ flags: SYN | FIN, text: new Uint8Array(3) }));
    parse(seg);
    expect(seg.len).toBe(5);
  });

  test("the reserved bits are no control bits", () => {
    const bytes = tcpPacket({ flags: CWR });
    bytes[32] = bytes[32]! | 0x0f;
    sealTcp(bytes);
    const seg = segmentOver(bytes);
    expect(parse(seg)).toBe(OK);
    expect(seg.flags).toBe(CWR);
  });
});

describe("a TCP header that is dropped", () => {
  const short = (length: number): Uint8Array => {
    const seg = hex(DATA_HEX).subarray(0, 20 + length);
    seg[3] = 20 + length;
    return seg;
  };
  /** Parses without the IP header's checksum in the way. */
  const dropOf = (bytes: Uint8Array, checksumOk = false): number => {
    const seg = segmentOver(bytes);
    parseIpv4(viewOf(hex(DATA_HEX)), 0, 57, seg);
    seg.checksumOk = checksumOk;
    seg.ipPayloadLength = bytes.length - 20;
    return parseTcp(seg.view, seg);
  };

  test("nothing, or less than 20 bytes", () => {
    expect(dropOf(short(0))).toBe(TCP_TRUNCATED);
    expect(dropOf(short(19))).toBe(TCP_TRUNCATED);
  });

  test("RFC 9293 3.1: a data offset below 5, or past the segment", () => {
    expect(dropOf(patched(DATA_HEX, { 32: 0x00 }), true)).toBe(TCP_DATA_OFFSET);
    expect(dropOf(patched(DATA_HEX, { 32: 0x40 }), true)).toBe(TCP_DATA_OFFSET);
    expect(dropOf(patched(DATA_HEX, { 32: 0xa0 }), true)).toBe(TCP_DATA_OFFSET);
    expect(dropOf(short(31), true)).toBe(TCP_DATA_OFFSET);
    expect(dropOf(short(32), true)).toBe(OK);
  });

  test("RFC 9293 3.1 MUST-3: a wrong checksum, in header, text or pseudo-header; none is wrong too", () => {
    expect(dropOf(patched(DATA_HEX, { 37: 0x83 }))).toBe(TCP_CHECKSUM);
    expect(dropOf(patched(DATA_HEX, { 56: 0x70 }))).toBe(TCP_CHECKSUM);
    expect(dropOf(patched(DATA_HEX, { 36: 0, 37: 0 }))).toBe(TCP_CHECKSUM);
    const seg = segmentOver(hex(DATA_HEX));
    parseIpv4(seg.view, 0, 57, seg);
    seg.dst ^= 1;
    expect(parseTcp(seg.view, seg)).toBe(TCP_CHECKSUM);
  });

  test("a checksum of 0 that is right is taken", () => {
    const bytes = tcpPacket({ text: new Uint8Array(2) });
    const view = viewOf(bytes);
    view.setUint16(40, view.getUint16(36));
    view.setUint16(36, 0);
    expect(dropOf(bytes)).toBe(OK);
  });

  test("a device that vouches for the checksum spares it", () => {
    expect(dropOf(patched(DATA_HEX, { 37: 0x83 }), true)).toBe(OK);
  });

  test("port 0 on either side, once the checksum is right", () => {
    expect(dropOf(tcpPacket({ srcPort: 0 }))).toBe(TCP_PORT_ZERO);
    expect(dropOf(tcpPacket({ dstPort: 0 }))).toBe(TCP_PORT_ZERO);
  });

  test("leaves no trace of itself beyond what IP said", () => {
    const seg = segmentOver(hex(DATA_HEX));
    parse(seg);
    const next = tcpPacket({ dstPort: 0, seq: 99 });
    seg.bytes = next;
    seg.view = viewOf(next);
    expect(parse(seg)).toBe(TCP_PORT_ZERO);
    expect(seg).toMatchObject({ dstPort: 7, seq: -0x80000000, textLength: 5 });
  });
});

describe("a TCP header written", () => {
  test("is byte for byte the one made by hand", () => {
    const expected = hex(DATA_HEX).subarray(20, 40);
    const bytes = new Uint8Array(20).fill(0xff);
    emitTcp(viewOf(bytes), 0, 43210, 7, seq(0x80000000), seq(0x7fffffff), ACK | PSH, 502, 0, 12);
    expect(viewOf(bytes).getUint16(16)).toBe(0);
    writeTcpChecksum(viewOf(bytes), 0, 0x7382);
    expect(bytes).toEqual(expected);
  });

  test("takes the greatest of every field", () => {
    const bytes = new Uint8Array(20);
    emitTcp(viewOf(bytes), 0, 65535, 65535, seq(-1), seq(-1), 0xff, 65535, 65535, 40);
    expect(Buffer.from(bytes).toString("hex")).toBe("fffffffffffffffffffffffff0ffffff0000ffff");
  });
});
