import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ShardHash } from "../../../src/base/shard-hash.ts";

const SECRET = Uint8Array.from({ length: 16 }, (_, i) => 17 * i + 3);
const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const port = fc.integer({ min: 0, max: 65_535 });
const words = fc.array(word, { minLength: 4, maxLength: 4 }).map((all) => Int32Array.from(all));

/** Chi-square of `counts` against an even spread. */
function unevenness(counts: readonly number[]): number {
  const expected = counts.reduce((all, one) => all + one, 0) / counts.length;
  return counts.reduce((sum, one) => sum + (one - expected) ** 2 / expected, 0);
}

describe("the shard of a flow", () => {
  test("is the same from either end, and one of the shards there are", () => {
    fc.assert(
      fc.property(
        ...([word, port, word, port, words, words, fc.integer({ min: 1, max: 64 })] as const),
        (one, onePort, other, otherPort, one6, other6, count) => {
          const hash = new ShardHash(SECRET, count);
          const owner = hash.owner4(one, onePort, other, otherPort);
          expect(owner).toBe(hash.owner4(other, otherPort, one, onePort));
          const owner6 = hash.owner6(one6, 0, onePort, other6, 0, otherPort);
          expect(owner6).toBe(hash.owner6(other6, 0, otherPort, one6, 0, onePort));
          for (const index of [owner, owner6]) expect(index >= 0 && index < count).toBe(true);
        },
      ),
    );
  });

  test.each([
    [2, "one client's ports", (i: number) => [0x0a4d0001, 1024 + i]],
    [
      4,
      "one client's ports, every second one, as Linux takes them",
      (i: number) => [0x0a4d0001, 1024 + 2 * i],
    ],
    [7, "clients of one network, all from one port", (i: number) => [0x0a000000 + i, 40_000]],
    [64, "both", (i: number) => [0x0a000000 + (i >> 6), 1024 + (i & 63)]],
  ])("is spread evenly over %d shards: %s", (count, _, end) => {
    for (let seed = 0; seed < 20; seed++) {
      const hash = new ShardHash(
        SECRET.map((byte) => byte ^ seed),
        count,
      );
      const v4 = new Array<number>(count).fill(0);
      const v6 = new Array<number>(count).fill(0);
      const local = Int32Array.of(0x0a4d_0002, 0, 0, 2);
      for (let i = 0; i < 30_000; i++) {
        const [address, from] = end(i) as [number, number];
        v4[hash.owner4(address, from, 0x0a4d_0002, 80)]!++;
        v6[hash.owner6(Int32Array.of(0xfd, 0, 0, address), 0, from, local, 0, 80)]!++;
      }
      // Of count - 1 degrees of freedom; six standard deviations above the mean.
      const most = count - 1 + 6 * Math.sqrt(2 * (count - 1)) + 6;
      expect(unevenness(v4)).toBeLessThan(most);
      expect(unevenness(v6)).toBeLessThan(most);
    }
  });

  test("is another one under another secret", () => {
    const ownersUnder = (secret: Uint8Array): string => {
      const hash = new ShardHash(secret, 64);
      return Array.from({ length: 32 }, (_, i) => hash.owner4(1, i, 2, 80)).join();
    };
    expect(ownersUnder(SECRET)).toBe(ownersUnder(SECRET));
    expect(ownersUnder(SECRET)).not.toBe(ownersUnder(SECRET.map((byte) => byte ^ 1)));
  });
});
