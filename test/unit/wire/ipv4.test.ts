import fc from "fast-check";
import ip from "ip-packet";
import { describe, expect, test } from "vitest";
import {
  IP_CHECKSUM,
  IP_FRAGMENT,
  IP_HEADER_LENGTH,
  IP_SOURCE_ROUTE,
  IP_TOTAL_LENGTH,
  IP_TRUNCATED,
  IP_VERSION,
  OK,
} from "../../../src/wire/drop.ts";
import { emitIpv4, parseIpv4 } from "../../../src/wire/ipv4.ts";
import {
  CLIENT,
  DATA_HEX,
  hex,
  IP_OPTIONS_HEX,
  patched,
  SERVER,
  sealIpv4,
  segmentOver,
  viewOf,
} from "./packets.ts";

function dropOf(bytes: Uint8Array, length = bytes.length): number {
  return parseIpv4(viewOf(bytes), 0, length, segmentOver(bytes));
}

/** DATA_HEX with some header bytes changed and its checksum right again. */
function sealed(changes: Readonly<Record<number, number>>): Uint8Array {
  const bytes = patched(DATA_HEX, changes);
  sealIpv4(bytes);
  return bytes;
}

describe("an IPv4 header received", () => {
  test("fills the segment", () => {
    const seg = segmentOver(hex(DATA_HEX));
    expect(parseIpv4(seg.view, 0, 57, seg)).toBe(OK);
    expect(seg).toMatchObject({ family: 4, src: CLIENT, dst: SERVER, ttl: 64, ecn: 0, protocol: 6 });
    expect(seg).toMatchObject({ ipStart: 0, ipPayload: 20, ipPayloadLength: 37 });
  });

  test("RFC 791 3.1: options are skipped", () => {
    const seg = segmentOver(hex(IP_OPTIONS_HEX));
    expect(parseIpv4(seg.view, 0, 45, seg)).toBe(OK);
    expect(seg).toMatchObject({ ipPayload: 24, ipPayloadLength: 21 });
  });

  test("RFC 791 3.1: the longest header, 60 bytes, is taken, and its options are in its checksum", () => {
    const bytes = new Uint8Array(60).fill(1, 20);
    bytes.set(hex(DATA_HEX).subarray(0, 20));
    bytes[0] = 0x4f;
    bytes[3] = 60;
    sealIpv4(bytes);
    expect(dropOf(bytes)).toBe(OK);
    bytes[59] = 2;
    expect(dropOf(bytes)).toBe(IP_CHECKSUM);
  });

  test.each([
    ["loose", [131, 7, 4, 10, 0, 0, 1, 0], IP_SOURCE_ROUTE],
    ["strict, behind others", [1, 7, 3, 4, 137, 3, 4, 0], IP_SOURCE_ROUTE],
    ["behind the end: none", [0, 131, 7, 4, 10, 0, 0, 1], OK],
    ["inside another option: none", [7, 8, 131, 131, 131, 131, 131, 131], OK],
    ["behind an option of impossible length: not looked for", [7, 1, 131, 3, 4, 0, 0, 0], OK],
  ])("RFC 7126 4.3, 4.4: a source route drops the packet: %s", (_name, options, reason) => {
    const bytes = new Uint8Array(28);
    bytes.set(hex(DATA_HEX).subarray(0, 20));
    bytes.set(options, 20);
    bytes[0] = 0x47;
    bytes[3] = 28;
    sealIpv4(bytes);
    expect(dropOf(bytes)).toBe(reason);
  });

  test("padding behind the total length is not payload", () => {
    const bytes = new Uint8Array(70);
    bytes.set(hex(DATA_HEX));
    const seg = segmentOver(bytes);
    expect(parseIpv4(seg.view, 0, 70, seg)).toBe(OK);
    expect(seg.ipPayloadLength).toBe(37);
  });

  test("RFC 3168 5: the ECN field is the low two bits of the type of service", () => {
    const bytes = sealed({ 1: 0xb9 | 3 });
    const seg = segmentOver(bytes);
    parseIpv4(seg.view, 0, bytes.length, seg);
    expect(seg.ecn).toBe(3);
  });

  test("RFC 1122 3.2.1.7: TTL 0 and 1 are no reason to discard", () => {
    expect(dropOf(sealed({ 8: 0 }))).toBe(OK);
    expect(dropOf(sealed({ 8: 1 }))).toBe(OK);
  });

  test("the reserved flag and Don't Fragment make no fragment; More Fragments and an offset do", () => {
    expect(dropOf(sealed({ 6: 0xc0 }))).toBe(OK);
    expect(dropOf(sealed({ 6: 0x20 }))).toBe(IP_FRAGMENT);
    expect(dropOf(sealed({ 7: 1 }))).toBe(IP_FRAGMENT);
    expect(dropOf(sealed({ 6: 0x10 }))).toBe(IP_FRAGMENT);
  });

  test.each([
    ["no bytes", new Uint8Array(0), IP_TRUNCATED],
    ["19 bytes", hex(DATA_HEX).subarray(0, 19), IP_TRUNCATED],
    ["version 6", patched(DATA_HEX, { 0: 0x65 }), IP_VERSION],
    ["version 0", patched(DATA_HEX, { 0: 0x05 }), IP_VERSION],
    ["header length 0", patched(DATA_HEX, { 0: 0x40 }), IP_HEADER_LENGTH],
    ["header length 16", patched(DATA_HEX, { 0: 0x44 }), IP_HEADER_LENGTH],
    ["a header past the bytes received", patched(DATA_HEX, { 0: 0x4f }), IP_TRUNCATED],
    ["a total length past the bytes received", patched(DATA_HEX, { 3: 58 }), IP_TRUNCATED],
    ["a total length below the header's", patched(DATA_HEX, { 3: 19 }), IP_TOTAL_LENGTH],
    ["total length 0", patched(DATA_HEX, { 3: 0 }), IP_TOTAL_LENGTH],
    ["a wrong checksum", patched(DATA_HEX, { 11: 0xee }), IP_CHECKSUM],
    ["checksum 0", patched(DATA_HEX, { 10: 0, 11: 0 }), IP_CHECKSUM],
  ])("%s is dropped", (_name, bytes, drop) => {
    expect(dropOf(bytes)).toBe(drop);
  });

  test("the header checksum is verified even when the device vouches for the transport's", () => {
    const seg = segmentOver(patched(DATA_HEX, { 11: 0xee }));
    seg.checksumOk = true;
    expect(parseIpv4(seg.view, 0, 57, seg)).toBe(IP_CHECKSUM);
  });

  test("total length 0 is the received length in a super-segment (BIG TCP), and only there", () => {
    const bytes = new Uint8Array(70_000);
    const seg = segmentOver(bytes);
    emitIpv4(seg.view, 0, bytes.length, 0, true, 64, 6, CLIENT, SERVER, 0);
    expect(seg.view.getUint16(2)).toBe(0);
    expect(parseIpv4(seg.view, 0, bytes.length, seg)).toBe(IP_TOTAL_LENGTH);
    seg.gsoSize = 1448;
    expect(parseIpv4(seg.view, 0, bytes.length, seg)).toBe(OK);
    expect(seg.ipPayloadLength).toBe(69_980);
  });
});

describe("an IPv4 header written", () => {
  test("is byte for byte the one made by hand", () => {
    const bytes = new Uint8Array(20);
    emitIpv4(viewOf(bytes), 0, 57, 0x1234, true, 64, 6, CLIENT, SERVER, 0);
    expect(bytes).toEqual(hex(DATA_HEX).subarray(0, 20));
  });

  test("agrees with ip-packet on every field and on the checksum, and parses back", () => {
    const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 1500 }),
        fc.nat(0x1ffff),
        fc.boolean(),
        fc.nat(255),
        fc.nat(255),
        int32,
        int32,
        fc.nat(255),
        (total, id, dontFragment, ttl, protocol, src, dst, tos) => {
          const bytes = new Uint8Array(total);
          const seg = segmentOver(bytes);
          emitIpv4(seg.view, 0, total, id, dontFragment, ttl, protocol, src, dst, tos);
          const theirs = ip.decode({ start: 0, end: total, buffer: Buffer.from(bytes) });
          expect(theirs).toMatchObject({
            version: 4,
            ihl: 5,
            dscp: tos >> 2,
            ecn: tos & 3,
            length: total,
            identification: id & 0xffff,
            flags: dontFragment ? 2 : 0,
            fragmentOffset: 0,
            ttl,
            protocol,
            sourceIp: dotted(src),
            destinationIp: dotted(dst),
            checksum: ip.checksum(Buffer.from(bytes)),
          });
          expect(parseIpv4(seg.view, 0, total, seg)).toBe(OK);
          expect(seg).toMatchObject({ src, dst, ttl, protocol, ecn: tos & 3, ipPayloadLength: total - 20 });
          expect(theirs.data.length).toBe(seg.ipPayloadLength);
        },
      ),
    );
  });
});

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}
