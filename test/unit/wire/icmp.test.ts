import { describe, expect, test } from "vitest";
import { toUint } from "../../../src/base/seq.ts";
import { ICMP_CHECKSUM, ICMP_MALFORMED, ICMP_UNMATCHED, OK } from "../../../src/wire/drop.ts";
import {
  ECHO_REPLY,
  ECHO_REQUEST,
  emitEchoReply,
  emitUnreachable,
  FRAGMENTATION_NEEDED,
  HOST_UNREACHABLE,
  IcmpMessage,
  isIcmpError,
  PARAMETER_PROBLEM,
  PORT_UNREACHABLE,
  parseIcmp,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "../../../src/wire/icmp.ts";
import { emitIpv4, parseIpv4 } from "../../../src/wire/ipv4.ts";
import { CLIENT, DATA_HEX, ECHO_HEX, hex, IP_OPTIONS_HEX, SERVER, segmentOver, viewOf } from "./packets.ts";

/** RFC 1071 by the plainest loop. */
function internetChecksum(bytes: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < bytes.length; i++) total += bytes[i]! * (i % 2 === 0 ? 256 : 1);
  return ~((total % 65536) + Math.floor(total / 65536)) & 0xffff;
}

/** Parses ICMP `body`, whose checksum is first made right unless told not to. */
function received(body: Uint8Array, seal = true): { drop: number; out: IcmpMessage } {
  const bytes = new Uint8Array(20 + body.length);
  bytes.set(body, 20);
  const view = viewOf(bytes);
  emitIpv4(view, 0, bytes.length, 1, false, 64, 1, CLIENT, SERVER, 0);
  if (seal && body.length >= 4) {
    view.setUint16(22, 0);
    view.setUint16(22, internetChecksum(bytes.subarray(20)));
  }
  const seg = segmentOver(bytes);
  expect(parseIpv4(view, 0, bytes.length, seg)).toBe(OK);
  const out = new IcmpMessage();
  return { drop: parseIcmp(view, seg, out), out };
}

/** An error of 8 bytes of header about `quoted`. */
function error(type: number, code: number, rest: number, quoted: Uint8Array): Uint8Array {
  const body = new Uint8Array(8 + quoted.length);
  body[0] = type;
  body[1] = code;
  viewOf(body).setInt32(4, rest);
  body.set(quoted, 8);
  return body;
}

describe("echo (RFC 792)", () => {
  test("a request made by hand: identifier, sequence number, data", () => {
    const seg = segmentOver(hex(ECHO_HEX));
    parseIpv4(seg.view, 0, seg.bytes.length, seg);
    const out = new IcmpMessage();
    expect(parseIcmp(seg.view, seg, out)).toBe(OK);
    expect(out).toMatchObject({
      type: ECHO_REQUEST,
      code: 0,
      id: 1234,
      sequence: 9,
      dataOffset: 28,
      dataLength: 5,
    });
  });

  test("RFC 1122 3.2.2.6: the reply has the same identifier, sequence number and data, whatever their length", () => {
    for (let length = 0; length < 20; length++) {
      const body = Uint8Array.from({ length: 8 + length }, (_, i) => 251 - 7 * i);
      body[0] = ECHO_REQUEST;
      body[1] = 0;
      const bytes = new Uint8Array(20 + body.length);
      bytes.set(body, 20);
      const view = viewOf(bytes);
      emitIpv4(view, 0, bytes.length, 1, false, 64, 1, CLIENT, SERVER, 0);
      view.setUint16(22, 0);
      view.setUint16(22, internetChecksum(bytes.subarray(20)));
      const seg = segmentOver(bytes);
      parseIpv4(view, 0, bytes.length, seg);
      const request = new IcmpMessage();
      expect(parseIcmp(view, seg, request)).toBe(OK);

      const reply = new Uint8Array(60).fill(0xee);
      expect(emitEchoReply(viewOf(reply), 2, request, view)).toBe(body.length);
      const message = reply.subarray(2, 2 + body.length);
      expect(internetChecksum(message)).toBe(0);
      expect(message[0]).toBe(ECHO_REPLY);
      expect(message.subarray(4)).toEqual(body.subarray(4));
      expect(reply[2 + body.length]).toBe(0xee);
    }
  });

  test("less than 8 bytes, and a wrong checksum", () => {
    expect(received(new Uint8Array(0)).drop).toBe(ICMP_MALFORMED);
    expect(received(new Uint8Array(7)).drop).toBe(ICMP_MALFORMED);
    expect(received(error(ECHO_REQUEST, 0, 1, hex("00")), false).drop).toBe(ICMP_CHECKSUM);
  });

  test("RFC 1122 3.2.2: an unknown type is discarded", () => {
    expect(received(error(13, 0, 0, new Uint8Array(12))).drop).toBe(ICMP_UNMATCHED);
    expect(received(error(5, 1, CLIENT, hex(DATA_HEX))).drop).toBe(ICMP_UNMATCHED);
  });
});

describe("errors received", () => {
  test("destination unreachable says whose packet it was, and its sequence number", () => {
    const { drop, out } = received(error(UNREACHABLE, HOST_UNREACHABLE, 0, hex(DATA_HEX).subarray(0, 28)));
    expect(drop).toBe(OK);
    expect(out).toMatchObject({ type: UNREACHABLE, code: HOST_UNREACHABLE, mtu: 0, family: 4, protocol: 6 });
    expect(out).toMatchObject({ src: CLIENT, dst: SERVER, srcPort: 43210, dstPort: 7 });
    expect(toUint(out.seq)).toBe(0x80000000);
  });

  test("RFC 1191 4: fragmentation needed carries the next-hop MTU, and only it does", () => {
    const quoted = hex(DATA_HEX).subarray(0, 28);
    expect(received(error(UNREACHABLE, FRAGMENTATION_NEEDED, 0x7fff05dc, quoted)).out.mtu).toBe(1500);
    expect(received(error(UNREACHABLE, PORT_UNREACHABLE, 1500, quoted)).out.mtu).toBe(0);
    expect(received(error(TIME_EXCEEDED, 4, 1500, quoted)).out.mtu).toBe(0);
  });

  test("time exceeded and parameter problem, which points at the byte", () => {
    const quoted = hex(IP_OPTIONS_HEX);
    expect(received(error(TIME_EXCEEDED, 0, 0, quoted))).toMatchObject({
      drop: OK,
      out: { srcPort: 43210, seq: 1 },
    });
    const problem = received(error(PARAMETER_PROBLEM, 0, 20 << 24, quoted));
    expect(problem).toMatchObject({ drop: OK, out: { pointer: 20, dstPort: 7 } });
  });

  test("a quote whose TTL has changed under its checksum is taken", () => {
    const quoted = hex(DATA_HEX).subarray(0, 28);
    quoted[8] = 1;
    expect(received(error(TIME_EXCEEDED, 0, 0, quoted)).drop).toBe(OK);
  });

  test.each([
    ["nothing", new Uint8Array(0), ICMP_MALFORMED],
    ["half a header", hex(DATA_HEX).subarray(0, 19), ICMP_MALFORMED],
    ["seven bytes of TCP", hex(DATA_HEX).subarray(0, 27), ICMP_MALFORMED],
    ["options that leave no TCP", hex(IP_OPTIONS_HEX).subarray(0, 31), ICMP_MALFORMED],
    ["IP version 6", Uint8Array.of(0x65, ...hex(DATA_HEX).subarray(1)), ICMP_MALFORMED],
    ["a header of 16 bytes", Uint8Array.of(0x44, ...hex(DATA_HEX).subarray(1)), ICMP_MALFORMED],
    ["a later fragment", hex(DATA_HEX).fill(1, 7, 8), ICMP_UNMATCHED],
  ])("RFC 792: a quote of %s is no quote", (_name, quoted, drop) => {
    expect(received(error(UNREACHABLE, 1, 0, quoted)).drop).toBe(drop);
  });

  test("RFC 1122 3.2.2: errors are told from queries, as none may answer an error", () => {
    expect([0, 3, 4, 5, 8, 11, 12, 13].filter(isIcmpError)).toEqual([3, 4, 5, 11, 12]);
  });
});

describe("destination unreachable sent", () => {
  test("quotes the packet, and parses back", () => {
    const quoted = hex(DATA_HEX);
    const bytes = new Uint8Array(100);
    const length = emitUnreachable(
      viewOf(bytes),
      3,
      FRAGMENTATION_NEEDED,
      1400,
      viewOf(quoted),
      0,
      quoted.length,
    );
    expect(length).toBe(8 + quoted.length);
    const message = bytes.subarray(3, 3 + length);
    expect(internetChecksum(message)).toBe(0);
    expect(message.subarray(8)).toEqual(quoted);
    const { drop, out } = received(message.slice(), false);
    expect(drop).toBe(OK);
    expect(out).toMatchObject({ type: UNREACHABLE, code: FRAGMENTATION_NEEDED, mtu: 1400, srcPort: 43210 });
  });

  test("RFC 1812 4.3.2.3: the datagram stays within 576 bytes", () => {
    const quoted = new Uint8Array(1500).fill(0xff);
    const bytes = new Uint8Array(700).fill(0xee);
    const length = emitUnreachable(viewOf(bytes), 0, PORT_UNREACHABLE, 0, viewOf(quoted), 0, quoted.length);
    expect(20 + length).toBe(576);
    expect(internetChecksum(bytes.subarray(0, length))).toBe(0);
    expect(bytes[length]).toBe(0xee);
  });
});
