import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { finish, fold, pseudoHeader, sum, sumContinue } from "../../../src/base/checksum.ts";
import { hex, viewOf } from "./packets.ts";

/** RFC 1071 4.1 in the plainest words: 16-bit big-endian words, carries added back, an odd byte padded. */
function naive(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  let total = initial;
  for (let i = 0; i < length; i++) total += i % 2 === 0 ? bytes[offset + i]! * 256 : bytes[offset + i]!;
  while (total > 0xffff) total = (total % 65536) + Math.floor(total / 65536);
  return total;
}

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = 0x2545f491;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

describe("the sum over a range", () => {
  const bytes = noise(400_000);
  const view = viewOf(bytes);

  test("RFC 1071 3: the example sums to ddf2", () => {
    const example = hex("0001f203f4f5f6f7");
    expect(sum(example, viewOf(example), 0, 8, 0)).toBe(0xddf2);
    expect(finish(0xddf2)).toBe(0x220d);
  });

  test("equals the naive sum at every offset modulo 4 and every length up to 150", () => {
    for (let offset = 0; offset < 4; offset++) {
      for (let length = 0; length <= 150; length++) {
        expect(sum(bytes, view, offset, length, 0), `${offset}+${length}`).toBe(naive(bytes, offset, length));
        expect(sumContinue(0, bytes, offset, length, false), `${offset}+${length}`).toBe(
          naive(bytes, offset, length),
        );
      }
    }
  });

  test("equals the naive sum at the sizes where its counters would overflow", () => {
    const ones = new Uint8Array(400_000).fill(0xff);
    for (const length of [65535, 131072, 131073, 131076, 262145, 399_997]) {
      expect(sum(bytes, view, 1, length, 0xffff)).toBe(naive(bytes, 1, length, 0xffff));
      expect(sum(ones, viewOf(ones), 1, length, 0)).toBe(naive(ones, 1, length));
      expect(sumContinue(0, ones, 1, length, false)).toBe(naive(ones, 1, length));
    }
  });

  test("sumContinue survives megabytes of 0xff", () => {
    const ones = new Uint8Array(3 * 2 ** 20 + 5).fill(0xff);
    expect(sumContinue(0, ones, 0, ones.length, false)).toBe(naive(ones, 0, ones.length));
  });

  test("a view over a slice of a buffer sums that slice", () => {
    const slice = bytes.subarray(3, 1500);
    expect(sum(slice, viewOf(slice), 2, 1400, 7)).toBe(naive(bytes, 5, 1400, 7));
  });

  test("only zeros sum to 0; whole ones sum to ffff, not to 0", () => {
    const zeros = new Uint8Array(64);
    expect(sum(zeros, viewOf(zeros), 0, 64, 0)).toBe(0);
    const ones = new Uint8Array(64).fill(0xff);
    expect(sum(ones, viewOf(ones), 0, 64, 0)).toBe(0xffff);
  });

  test("RFC 1071 2: any split into pieces, odd ones too, gives the sum of the whole", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.array(fc.nat(300), { maxLength: 6 }),
        fc.nat(0xffff),
        (data, cuts, initial) => {
          const edges = [
            0,
            ...cuts.map((cut) => Math.min(cut, data.length)).sort((a, b) => a - b),
            data.length,
          ];
          let partial = initial;
          for (let i = 0; i + 1 < edges.length; i++) {
            const at = edges[i]!;
            partial = sumContinue(partial, data, at, edges[i + 1]! - at, at % 2 === 1);
          }
          expect(partial).toBe(naive(data, 0, data.length, initial));
        },
      ),
    );
  });
});

describe("folding", () => {
  test("carries come back in twice", () => {
    expect(fold(0x1ffff)).toBe(1);
    expect(fold(0xffff0001)).toBe(1);
    expect(fold(0xffffffff)).toBe(0xffff);
    expect(fold(-1)).toBe(0xffff);
    expect(fold(0)).toBe(0);
  });
});

describe("the pseudo-header", () => {
  const naivePseudo = (src: number, dst: number, protocol: number, length: number): number => {
    const bytes = new Uint8Array(16);
    const view = viewOf(bytes);
    view.setInt32(0, src);
    view.setInt32(4, dst);
    view.setUint16(8, protocol);
    view.setUint32(10, length);
    return naive(bytes, 0, 16);
  };

  test("RFC 9293 3.1: addresses above 127.255.255.255 and lengths above 65,535 count as unsigned", () => {
    for (const [src, dst, length] of [
      [-1, -1, 0xffff],
      [0x0a4d0001, 0x0a4d0002, 20],
      [-0x80000000, 1, 131092],
    ] as const) {
      expect(pseudoHeader(4, src, dst, 6, length)).toBe(naivePseudo(src, dst, 6, length));
    }
  });
});
