/** The IPv6 header and the chain of extension headers behind it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIpv6, parseIpv6Address } from "../../../src/base/address.ts";
import { DROP_NAMES } from "../../../src/wire/drop.ts";
import { emitIpv6, parseIpv6 } from "../../../src/wire/ipv6.ts";
import { skipExtensions } from "../../../src/wire/ipv6-extensions.ts";
import type { Segment } from "../../../src/wire/segment.ts";
import { hex, segmentOver } from "./packets.ts";

const HEAD = "6000000000000640fd770000000000000000000000000001fd770000000000000000000000000002";

/** A packet whose headers and payload are `body` (hex), with `next` in the IPv6 header. */
function packet(next: number, body: string): Segment {
  const bytes = hex(HEAD + body);
  const view = new DataView(bytes.buffer);
  view.setUint16(4, bytes.length - 40);
  bytes[6] = next;
  return segmentOver(bytes);
}

interface Seen {
  reason: string;
  protocol: number;
  at: number;
  length: number;
  problem: [code: number, pointer: number] | null;
}

function chain(next: number, body: string): Seen {
  const seg = packet(next, body);
  const header = parseIpv6(seg.view, 0, seg.bytes.length, seg);
  const reason = header === 0 ? skipExtensions(seg.view, seg) : header;
  return {
    reason: DROP_NAMES[reason]!,
    protocol: seg.protocol,
    at: seg.ipPayload,
    length: seg.ipPayloadLength,
    problem: seg.problem < 0 ? null : [seg.problem, seg.problemAt],
  };
}

const ok = (at: number, length: number): Seen => ({ reason: "ok", protocol: 6, at, length, problem: null });
const TCP = "aaaaaaaaaaaaaaaaaaaa";

describe("RFC 8200 3: the IPv6 header", () => {
  test("every field is read, and what was written comes back", () => {
    const words = Int32Array.of(
      ...parseIpv6Address("fd77::1")!,
      ...parseIpv6Address("2001:db8:1:2:3:4:5:6")!,
    );
    const bytes = new Uint8Array(44);
    emitIpv6(new DataView(bytes.buffer), 0, 44, 0xb9, 0xfedcb, 6, 61, words, 0, 4);
    expect(Buffer.from(bytes.subarray(0, 8)).toString("hex")).toBe("6b9fedcb0004063d");
    const seg = segmentOver(bytes);
    expect(parseIpv6(seg.view, 0, 44, seg)).toBe(0);
    expect(seg).toMatchObject({ family: 6, ttl: 61, ecn: 1, protocol: 6, ipPayload: 40, ipPayloadLength: 4 });
    expect(formatIpv6(seg.words.subarray(0, 4))).toBe("fd77::1");
    expect(formatIpv6(seg.words.subarray(4))).toBe("2001:db8:1:2:3:4:5:6");
  });

  test("padding of the link is no part of the packet, a short packet is refused", () => {
    const seg = packet(6, TCP);
    seg.view.setUint16(4, 8);
    expect(parseIpv6(seg.view, 0, 50, seg)).toBe(0);
    expect(seg.ipPayloadLength).toBe(8);
    seg.view.setUint16(4, 11);
    expect(DROP_NAMES[parseIpv6(seg.view, 0, 50, seg)]).toBe("ip-truncated");
    expect(DROP_NAMES[parseIpv6(seg.view, 0, 39, seg)]).toBe("ip-truncated");
    seg.view.setUint16(4, 0);
    expect(DROP_NAMES[parseIpv6(seg.view, 0, 50, seg)]).toBe("ip-total-length");
    seg.view.setUint8(0, 0x50);
    expect(DROP_NAMES[parseIpv6(seg.view, 0, 50, seg)]).toBe("ip-version");
  });

  test("a super-segment too long to say its length has the device's", () => {
    const seg = segmentOver(new Uint8Array(80_000));
    seg.bytes.set(hex(HEAD));
    seg.gsoSize = 1_440;
    expect(parseIpv6(seg.view, 0, 80_000, seg)).toBe(0);
    expect(seg.ipPayloadLength).toBe(79_960);
  });
});

describe("RFC 8200 4: extension headers", () => {
  test("hop-by-hop and destination options are skipped over", () => {
    // Router alert (RFC 2711, 05), PadN; then Pad1 and an unknown option that may be skipped (1e).
    expect(chain(0, `3c00050200000100${"06000000" + "1e020000"}${TCP}`)).toEqual(ok(56, 10));
  });

  test.each([
    ["hop-by-hop options anywhere but first", 60, `0000010400000000${"0600010400000000"}`, 40],
    ["an unknown header", 0, `8700010400000000${"0600010400000000"}`, 40],
    ["ESP, which nobody here decrypts", 50, "0000000000000000", 6],
  ])(
    "RFC 8200 4: %s is an unrecognized next header, code 1, at the field that named it",
    (_n, next, body, at) => {
      expect(chain(next, body + TCP)).toMatchObject({ reason: "ip6-next-header", problem: [1, at] });
    },
  );

  test.each([
    ["00: skipped", "1e", "ok", null],
    ["01: discarded", "5e", "ip6-option", null],
    ["10: discarded, code 2", "9e", "ip6-option", [2, 42]],
    ["11: discarded, code 2", "de", "ip6-option", [2, 42]],
    ["11, jumbo payload (RFC 2675)", "c2", "ip6-option", [2, 42]],
  ])("RFC 8200 4.2: an unknown option with the high bits %s", (_name, type, reason, problem) => {
    expect(chain(60, `0600${type}0400000000${TCP}`)).toMatchObject({ reason, problem });
  });

  test("RFC 5095 3: a routing header with segments left is refused, code 0, at its type", () => {
    expect(chain(43, `0600000100000000${TCP}`)).toMatchObject({ reason: "ip6-routing", problem: [0, 42] });
    expect(chain(43, `0600000000000000${TCP}`)).toEqual(ok(48, 10));
  });

  test("RFC 6946 4: an atomic fragment is a whole packet; any other is a fragment", () => {
    expect(chain(44, `0600000012345678${TCP}`)).toEqual(ok(48, 10));
    const seg = packet(44, `0600000912345678${TCP}000000000000`);
    parseIpv6(seg.view, 0, seg.bytes.length, seg);
    expect(DROP_NAMES[skipExtensions(seg.view, seg)]).toBe("ip-fragment");
    expect(seg).toMatchObject({
      fragmentOffset: 8,
      moreFragments: true,
      fragmentId: 0x12345678,
      protocol: 6,
      ipPayload: 48,
      ipPayloadLength: 16,
    });
  });

  test("RFC 8504 5.3: nine headers or nine options are too many; headers end with the packet", () => {
    const option = "1e00";
    expect(chain(60, `${"3c00010400000000".repeat(7)}0600010400000000${TCP}`)).toEqual(ok(104, 10));
    expect(chain(60, `${"3c00010400000000".repeat(8)}0600010400000000${TCP}`).reason).toBe("ip6-extensions");
    expect(chain(60, `0602${option.repeat(8)}010400000000${TCP}`).reason).toBe("ok");
    expect(chain(60, `0602${option.repeat(9)}010200000000`.slice(0, 48) + TCP).reason).toBe("ip6-extensions");
    expect(chain(60, "06ff010400000000").reason).toBe("ip-truncated");
    expect(chain(60, "06000104").reason).toBe("ip-truncated");
    expect(chain(60, `0600010500000000${TCP}`).reason).toBe("ip6-option");
    expect(chain(59, TCP).reason).toBe("ip6-no-next-header");
  });

  test("no bytes whatever throw, hang, or lead outside of the packet", () => {
    const kind = fc.constantFrom(0, 43, 44, 60, 6, 59, 135);
    fc.assert(
      fc.property(kind, kind, fc.uint8Array({ maxLength: 300 }), (next, second, body) => {
        if (body.length > 0) body[0] = second;
        const seg = packet(next, Buffer.from(body).toString("hex"));
        if (parseIpv6(seg.view, 0, seg.bytes.length, seg) !== 0) return;
        const reason = skipExtensions(seg.view, seg);
        expect(DROP_NAMES[reason]).toBeDefined();
        expect(seg.ipPayload + seg.ipPayloadLength).toBe(seg.bytes.length);
        expect(seg.ipPayloadLength).toBeGreaterThanOrEqual(0);
        if (seg.problem >= 0) expect(seg.problemAt).toBeLessThan(seg.bytes.length);
      }),
      { numRuns: 5_000 },
    );
  });
});
