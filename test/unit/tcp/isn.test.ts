import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { diff, toInt } from "../../../src/base/seq.ts";
import { IsnGenerator } from "../../../src/tcp/isn.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => 7 * i + 1);

describe("initial sequence numbers", () => {
  test("RFC 9293 3.4.1: one flow's number advances by one every 4 microseconds, through the wrap", () => {
    const isns = new IsnGenerator(SECRET);
    for (const now of [0, 1e6, 2 ** 33 - 8, 2 ** 34 - 8, 1.7e15]) {
      const a = isns.isn(4, 1, 2, 3, 4, now);
      expect(diff(isns.isn(4, 1, 2, 3, 4, now + 3), a)).toBeLessThanOrEqual(1);
      expect(diff(isns.isn(4, 1, 2, 3, 4, now + 4), a)).toBe(1);
      expect(diff(isns.isn(4, 1, 2, 3, 4, now + 4_000_000), a)).toBe(1_000_000);
    }
  });

  test("RFC 6528 3: every part of the tuple, and the secret, moves it", () => {
    const isns = new IsnGenerator(SECRET);
    const other = new IsnGenerator(SECRET.map((b) => b ^ 1));
    const seen = new Set(
      [
        isns.isn(4, 1, 2, 3, 4, 0),
        isns.isn(6, 1, 2, 3, 4, 0),
        isns.isn(4, 2, 2, 3, 4, 0),
        isns.isn(4, 1, 3, 3, 4, 0),
        isns.isn(4, 1, 2, 4, 4, 0),
        isns.isn(4, 1, 2, 3, 5, 0),
        isns.isn(4, 1, 2, 4, 3, 0),
        other.isn(4, 1, 2, 3, 4, 0),
      ].map(toInt),
    );
    expect(seen.size).toBe(8);
  });

  test("numbers of random flows have every bit set half the time", () => {
    const isns = new IsnGenerator(SECRET);
    const random = new Random(1);
    const ones = new Array<number>(32).fill(0);
    const flows = 4000;
    for (let i = 0; i < flows; i++) {
      const isn = toInt(isns.isn(4, 0x0a4d0002, random.next(), 80, random.below(65_536), 0));
      for (let bit = 0; bit < 32; bit++) ones[bit]! += (isn >>> bit) & 1;
    }
    // Six standard deviations of a fair coin.
    for (const count of ones) expect(Math.abs(count - flows / 2)).toBeLessThan(6 * Math.sqrt(flows / 4));
  });

  test("RFC 7323 5.4: the timestamp offset is one for a pair of hosts, another for others", () => {
    const isns = new IsnGenerator(SECRET);
    expect(isns.timestampOffset(4, 1, 2)).toBe(isns.timestampOffset(4, 1, 2));
    const offsets = new Set(Array.from({ length: 100 }, (_, i) => isns.timestampOffset(4, 1, i)));
    expect(offsets.size).toBe(100);
    expect(offsets.has(isns.timestampOffset(6, 1, 2))).toBe(false);
  });
});
