import { describe, expect, test } from "vitest";
import { OK } from "../../../src/wire/drop.ts";
import { ACK, type Segment, SYN } from "../../../src/wire/segment.ts";
import {
  OPT_END,
  padOptions,
  writeMss,
  writeSack,
  writeSackPermitted,
  writeSynOptions,
  writeSynOptionsBsd,
  writeTimestamps,
  writeWscale,
} from "../../../src/wire/tcp-options.ts";
import { hex, parse, segmentOver, tcpPacket, viewOf } from "./packets.ts";

/** The segment that carries these options, padded with END to whole words. */
function received(options: string, flags = SYN): Segment {
  const given = hex(options);
  const padded = new Uint8Array((given.length + 3) & ~3);
  padded.set(given);
  const seg = segmentOver(tcpPacket({ flags, options: padded, text: hex("0204ffff") }));
  expect(parse(seg)).toBe(OK);
  expect(seg.textLength).toBe(4);
  return seg;
}

const NONE = { mss: 0, wscale: -1, sackPermitted: false, hasTimestamps: false, sackCount: 0 };

describe("options received", () => {
  test("RFC 9293 3.7.1: MSS from 0 to 65535", () => {
    expect(received("020405b4").mss).toBe(1460);
    expect(received("0204ffff").mss).toBe(65535);
    expect(received("02040000").mss).toBe(0);
  });

  test("RFC 7323 2.3: a shift above 14 is used as 14", () => {
    expect(received("01030300").wscale).toBe(0);
    expect(received("0103030e").wscale).toBe(14);
    expect(received("0103030f").wscale).toBe(14);
    expect(received("010303ff").wscale).toBe(14);
  });

  test("MSS, window scale and SACK-permitted count on a SYN only", () => {
    const all = "020405b40103030701010402";
    expect(received(all, SYN | ACK)).toMatchObject({ mss: 1460, wscale: 7, sackPermitted: true });
    expect(received(all, ACK)).toMatchObject(NONE);
  });

  test("timestamps stand in any place, and on any segment", () => {
    for (const [options, flags] of [
      ["080a80000000ffffffff", ACK],
      ["01080a80000000ffffffff", ACK],
      ["0101080a80000000ffffffff", SYN],
      ["0402080a80000000ffffffff", SYN],
      ["020405b40101080a80000000ffffffff", SYN],
    ] as const) {
      const seg = received(options, flags);
      expect(seg).toMatchObject({ hasTimestamps: true, tsval: -0x80000000, tsecr: -1 });
    }
  });

  test("RFC 2018 3: one to four SACK blocks", () => {
    for (let count = 1; count <= 4; count++) {
      const edges = Array.from({ length: 2 * count }, (_, i) => i - 3);
      const blocks = edges.map((edge) => (edge >>> 0).toString(16).padStart(8, "0")).join("");
      const length = (2 + 8 * count).toString(16).padStart(2, "0");
      const seg = received(`010105${length}${blocks}`, ACK);
      expect(seg.sackCount).toBe(count);
      expect([...seg.sackEdges.subarray(0, 2 * count)]).toEqual(edges);
    }
  });

  test("RFC 9293 3.1 MUST-6: unknown options are skipped", () => {
    expect(received("fe06aabbccdd020405b4")).toMatchObject({ mss: 1460 });
    expect(received("220212021e02020405b4")).toMatchObject({ mss: 1460 });
  });

  test("END ends the options", () => {
    expect(received("00020405b4")).toMatchObject(NONE);
    // Nor does it have a length: the 2 is what lies behind the end.
    expect(received("0002020405b4")).toMatchObject(NONE);
  });

  test("of an option given twice the last counts", () => {
    expect(received("020405b402040200").mss).toBe(512);
  });
});

describe("malformed options", () => {
  test.each([
    ["MSS of length 0", "020005b4020405b4"],
    ["MSS of length 1", "020105b4020405b4"],
    ["an unknown option of length 0", "fd00020405b4"],
    ["a length past the header", "0205aabb"],
    ["timestamps past the header", "0101080a00000001"],
    ["a kind without a length", "01010102"],
    ["a length of 255", "fdff0204"],
  ])("RFC 9293 3.1 MUST-7: %s ends the options and harms nothing", (_name, options) => {
    expect(received(options)).toMatchObject(NONE);
  });

  test.each([
    ["MSS of length 3", "020305"],
    ["MSS of length 6", "020605b405b4"],
    ["window scale of length 2", "0302"],
    ["window scale of length 4", "03040707"],
    ["SACK-permitted of length 3", "040300"],
    ["timestamps of length 9", "080900000001000000"],
    ["timestamps of length 12", "080c00000001000000020000"],
    ["SACK of length 2", "0502"],
    ["SACK of length 9", "050900000001000000"],
    ["SACK of length 14", "050e000000010000000200000003"],
  ])("%s is skipped, and what follows it read", (_name, options) => {
    expect(received(`${options}02040400`)).toMatchObject({ ...NONE, mss: 1024 });
  });
});

describe("options written", () => {
  const written = (write: (view: DataView) => number): string => {
    const bytes = new Uint8Array(40).fill(0xee);
    const end = write(viewOf(bytes));
    expect(bytes.subarray(end).every((byte) => byte === 0xee)).toBe(true);
    return Buffer.from(bytes.subarray(0, end)).toString("hex");
  };

  test("each alone, in whole words", () => {
    expect(written((view) => writeMss(view, 0, 65535))).toBe("0204ffff");
    expect(written((view) => writeWscale(view, 0, 14))).toBe("0103030e");
    expect(written((view) => writeSackPermitted(view, 0))).toBe("01010402");
    expect(written((view) => writeTimestamps(view, 0, -1, 2))).toBe("0101080affffffff00000002");
    expect(written((view) => writeSack(view, 0, Int32Array.of(-1, 1, 2, 3), 2))).toBe(
      "01010512ffffffff000000010000000200000003",
    );
  });

  test("a SYN has Linux's layout, whatever of it is on", () => {
    const syn = (wscale: number, sack: boolean, ts: boolean): string =>
      written((view) => writeSynOptions(view, 0, 1460, wscale, sack, ts, 1, 2));
    expect(syn(7, true, true)).toBe("020405b40402080a000000010000000201030307");
    expect(syn(7, false, true)).toBe("020405b40101080a000000010000000201030307");
    expect(syn(7, true, false)).toBe("020405b40101040201030307");
    expect(syn(-1, false, false)).toBe("020405b4");
    expect(syn(0, false, false)).toBe("020405b401030300");
  });

  test("a SYN in BSD's layout: window scale before SACK-permitted and timestamps, the end of options as padding", () => {
    const syn = (wscale: number, sack: boolean, ts: boolean): string =>
      written((view) =>
        padOptions(view, 0, writeSynOptionsBsd(view, 0, 1460, wscale, sack, ts, 1, 2), OPT_END),
      );
    expect(syn(6, true, true)).toBe("020405b4010303060402080a0000000100000002");
    expect(syn(6, false, true)).toBe("020405b4010303060101080a0000000100000002");
    expect(syn(6, true, false)).toBe("020405b40103030604020000");
    expect(syn(-1, true, true)).toBe("020405b40402080a0000000100000002");
    expect(syn(-1, true, false)).toBe("020405b404020000");
    expect(syn(-1, false, false)).toBe("020405b4");
  });

  test("timestamps and three SACK blocks fill 40 bytes", () => {
    const edges = Int32Array.of(1, 2, 3, 4, 5, 6);
    expect(written((view) => writeSack(view, writeTimestamps(view, 0, 1, 2), edges, 3))).toHaveLength(80);
  });

  test("padding is NOPs up to whole words from where the options began", () => {
    for (const [used, padding] of [
      [0, 0],
      [1, 3],
      [2, 2],
      [3, 1],
      [4, 0],
    ] as const) {
      const bytes = new Uint8Array(12);
      expect(padOptions(viewOf(bytes), 1, 1 + used)).toBe(1 + used + padding);
      expect([...bytes].filter((byte) => byte === 1)).toHaveLength(padding);
    }
  });
});
