import { describe, expect, test } from "vitest";
import {
  enhancedPacket,
  INBOUND,
  interfaceDescription,
  OUTBOUND,
  sectionHeader,
} from "../../../src/wire/pcapng.ts";
import { DATA_HEX, hex, SYN_HEX } from "./packets.ts";

const digits = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("a pcapng file (draft-ietf-opsawg-pcapng)", () => {
  test("begins with a section header of version 1.0 and unknown length", () => {
    expect(digits(sectionHeader())).toBe("0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000");
  });

  test("describes a raw IP interface with microseconds, its name padded to whole words", () => {
    expect(digits(interfaceDescription("tun0"))).toBe(
      "01000000" +
        "28000000" +
        "6500" +
        "0000" +
        "00000000" +
        "02000400" +
        "74756e30" +
        "0900010006000000" +
        "00000000" +
        "28000000",
    );
    expect(interfaceDescription("usertcp0").length % 4).toBe(0);
    expect(interfaceDescription("a", 262144)).toHaveLength(40);
  });

  test("a packet has its time in two words, its lengths, its bytes padded, and its direction", () => {
    const block = enhancedPacket(hex("4500aabbcc"), 1500, 0x0005_1234_89ab_cdef, OUTBOUND);
    expect(digits(block)).toBe(
      "06000000" +
        "34000000" +
        "00000000" +
        "34120500" +
        "efcdab89" +
        "05000000" +
        "dc050000" +
        "4500aabbcc000000" +
        "02000400" +
        "02000000" +
        "00000000" +
        "34000000",
    );
  });

  test("a fraction of a microsecond is cut off", () => {
    expect(digits(enhancedPacket(hex("45"), 1, 7.9, INBOUND)).slice(24, 40)).toBe("0000000007000000");
  });

  test("the blocks' lengths lead from one to the next to the end", () => {
    const blocks = [
      sectionHeader(),
      interfaceDescription("tun0"),
      enhancedPacket(hex(SYN_HEX), 60, 1, INBOUND),
      enhancedPacket(hex(DATA_HEX), 57, 2, OUTBOUND),
    ];
    const file = Buffer.concat(blocks);
    const types: number[] = [];
    for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
      types.push(file.readUInt32LE(at));
      const length = file.readUInt32LE(at + 4);
      expect(file.readUInt32LE(at + length - 4)).toBe(length);
    }
    expect(types).toEqual([0x0a0d0d0a, 1, 6, 6]);
  });
});
