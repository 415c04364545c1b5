/** Sequence arithmetic modulo 2^32 (RFC 9293 3.4), around 0, 2^31 and 2^32. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, diff, geq, gt, leq, lt, max, min, seq, toInt, toUint } from "../../../src/base/seq.ts";

const corners = [0, 1, 0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fffe, 0xffff_ffff];
const number = fc.oneof(fc.constantFrom(...corners), fc.nat(0xffff_ffff));
const distance = fc.oneof(
  fc.constantFrom(1, 2, 65_535, 1 << 30, 0x7fff_ffff),
  fc.integer({ min: 1, max: 0x7fff_ffff }),
);

describe("sequence numbers", () => {
  test("RFC 9293 3.4: a number up to 2^31 - 1 ahead is greater, from every start", () => {
    fc.assert(
      fc.property(number, distance, (start, n) => {
        const a = seq(start);
        const b = add(a, n);
        expect(toUint(b)).toBe((start + n) % 2 ** 32);
        expect([lt(a, b), leq(a, b), gt(b, a), geq(b, a)]).toEqual([true, true, true, true]);
        expect([gt(a, b), geq(a, b), lt(b, a), leq(b, a)]).toEqual([false, false, false, false]);
        expect([diff(b, a), diff(a, b)]).toEqual([n, -n]);
        expect([max(a, b), max(b, a), min(a, b), min(b, a)]).toEqual([b, b, a, a]);
        expect(add(b, -n)).toBe(a);
      }),
      { numRuns: 2_000 },
    );
  });

  test("equal is neither less nor greater", () => {
    for (const corner of corners) {
      const a = seq(corner);
      expect([lt(a, a), gt(a, a), leq(a, a), geq(a, a), diff(a, a)]).toEqual([false, false, true, true, 0]);
      // The value is an int32, so that V8 keeps it unboxed.
      expect(toInt(a)).toBe(corner | 0);
    }
  });
});
