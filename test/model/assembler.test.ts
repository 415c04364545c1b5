/**
 * The assembler against a bitmap: a byte and an owner for each sequence number, and the ranges of SACK in the order
 * in which they were last extended. Bases lie around 2^31 and 2^32, where signed and unsigned comparison go wrong.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, seq } from "../../src/base/seq.ts";
import { Arena } from "../../src/tcp/buffer/arena.ts";
import { Assembler } from "../../src/tcp/buffer/assembler.ts";
import { ReceiveBuffer } from "../../src/tcp/buffer/receive-buffer.ts";

const SPACE = 400;
const bases = fc.constantFrom(0, 1_000, 0x7fff_ffff - 150, 0xffff_ffff - 150, 0x8000_0000, 0xffff_ffff);
const insertion = fc.record({ at: fc.nat(SPACE - 80), length: fc.integer({ min: 1, max: 79 }) });
const step = fc.oneof(
  { weight: 8, arbitrary: insertion },
  { weight: 1, arbitrary: fc.record({ take: fc.nat(60) }) },
);

/** What the assembler should be: byte by byte. `next` is RCV.NXT; bytes below it were delivered. */
class Bitmap {
  next = 0;
  readonly bytes: (number | undefined)[] = new Array<number | undefined>(SPACE).fill(undefined);
  /** Any offset inside the ranges in the order in which they were last extended, newest first. */
  recent: number[] = [];

  insert(at: number, length: number, fill: number): void {
    for (let i = at; i < at + length; i++) this.bytes[i] ??= fill;
    const [left, right] = this.rangeAt(at);
    this.recent = [at, ...this.recent.filter((r) => r < left || r >= right)].slice(0, 4);
  }

  rangeAt(at: number): [number, number] {
    let left = at;
    let right = at;
    while (this.bytes[left - 1] !== undefined && left > this.next) left--;
    while (this.bytes[right] !== undefined) right++;
    return [left, right];
  }

  ranges(): [number, number][] {
    const all: [number, number][] = [];
    for (let i = this.next; i < SPACE; i++) {
      if (this.bytes[i] === undefined) continue;
      const range = this.rangeAt(i);
      all.push(range);
      i = range[1];
    }
    return all;
  }

  reported(): [number, number][] {
    return this.recent
      .filter((r) => r >= this.next && this.bytes[r] !== undefined)
      .map((r) => this.rangeAt(r));
  }

  /** In-order text arrives up to `to`; what follows without a gap is taken. */
  take(to: number): number[] {
    const taken: number[] = [];
    let i = to;
    for (; this.bytes[i] !== undefined; i++) taken.push(this.bytes[i]!);
    for (let k = 0; k < i; k++) this.bytes[k] = undefined;
    this.next = i;
    return taken;
  }
}

function reportOf(assembler: Assembler, base: number, most: number): [number, number][] {
  const edges = new Int32Array(10).fill(77);
  const count = assembler.report(edges, 1, most);
  expect(count).toBeLessThanOrEqual(most);
  expect([edges[0], edges[1]], "what stands before `from` is left alone").toEqual([77, 77]);
  const all: [number, number][] = [];
  for (let i = 1; i <= count; i++) {
    all.push([(edges[2 * i]! - base) >>> 0, (edges[2 * i + 1]! - base) >>> 0]);
  }
  return all;
}

function drain(buffer: ReceiveBuffer): number[] {
  const all: number[] = [];
  for (let b = buffer.shift(1_000); b !== null; b = buffer.shift(1_000)) all.push(...b);
  return all;
}

describe("assembler against a bitmap", () => {
  test("RFC 9293 3.10.7.4, RFC 2018 4: holds what is new, first writer wins, newest range first, delivers in order", () => {
    fc.assert(
      fc.property(bases, fc.array(step, { maxLength: 60 }), (base, steps) => {
        const assembler = new Assembler();
        const arena = new Arena();
        const model = new Bitmap();
        const source = new Uint8Array(SPACE + 7);
        let fill = 0;
        for (const s of steps) {
          if ("take" in s) {
            // In-order text up to `to` just arrived; it may overlap what is held.
            const to = Math.min(SPACE - 1, model.next + s.take);
            const buffer = new ReceiveBuffer();
            const n = assembler.take(add(seq(base), to), buffer);
            const expected = model.take(to);
            expect(n).toBe(expected.length);
            expect(drain(buffer)).toEqual(expected);
          } else {
            if (s.at <= model.next) continue;
            fill = (fill % 255) + 1;
            source.fill(fill);
            expect(assembler.insert(add(seq(base), s.at), source, 7, s.length, arena)).toBe(true);
            // The segment's memory is the device's again.
            source.fill(0);
            model.insert(s.at, s.length, fill);
          }
          const ranges = model.ranges();
          expect(assembler.ranges).toBe(ranges.length);
          expect(assembler.isEmpty).toBe(ranges.length === 0);
          expect(assembler.length).toBe(ranges.reduce((sum, [l, r]) => sum + r - l, 0));
          expect(reportOf(assembler, base, 4)).toEqual(model.reported());
          expect(reportOf(assembler, base, 2)).toEqual(model.reported().slice(0, 2));
          for (const [l, r] of ranges) {
            expect(assembler.covers(add(seq(base), l), add(seq(base), r))).toBe(true);
            expect(assembler.covers(add(seq(base), l), add(seq(base), r + 1))).toBe(false);
            expect(assembler.covers(add(seq(base), l - 1), add(seq(base), r))).toBe(false);
          }
        }
        const last = new ReceiveBuffer();
        const first = model.ranges()[0];
        if (first !== undefined) {
          assembler.take(add(seq(base), first[0]), last);
          expect(drain(last)).toEqual(model.take(first[0]));
        }
      }),
      { numRuns: 600 },
    );
  });

  test("a flood of tiny segments, each behind a gap, is bounded in objects", () => {
    const assembler = new Assembler();
    const arena = new Arena();
    const byte = new Uint8Array(1);
    let kept = 0;
    for (let i = 0; i < 20_000; i++) if (assembler.insert(seq(i * 2), byte, 0, 1, arena)) kept++;
    expect(kept).toBeLessThan(5_000);
    expect(assembler.ranges).toBe(kept);
    expect(assembler.length).toBe(kept);
  });

  test("segments of an ordinary size are bounded by the window alone: 10,000 behind a gap are kept", () => {
    const assembler = new Assembler();
    const arena = new Arena();
    const text = new Uint8Array(500);
    for (let i = 0; i < 10_000; i++) expect(assembler.insert(seq(i * 1_000), text, 0, 500, arena)).toBe(true);
    expect(assembler.ranges).toBe(10_000);
  });

  test("clear forgets text and ranges", () => {
    const assembler = new Assembler();
    assembler.insert(seq(10), new Uint8Array(4), 0, 4, new Arena());
    assembler.clear();
    expect([assembler.isEmpty, assembler.ranges, assembler.length]).toEqual([true, 0, 0]);
    expect(assembler.report(new Int32Array(8), 0, 4)).toBe(0);
  });
});
