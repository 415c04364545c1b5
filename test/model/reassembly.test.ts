/**
 * Reassembly against the naive way (RFC 791 3.2): an array of bytes and a set of those that are there. Packets of random
 * sizes are cut at random places, mixed, lost, doubled; what comes out whole must be what went in. Then noise: nothing may
 * be remembered beyond the limits, or for ever.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Reassembly } from "../../src/stack/reassembly.ts";
import { Fragment } from "../../src/wire/fragment.ts";

interface Piece {
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly more: boolean;
}

const HEADER = 20;

/** The payload of packet `id`. */
function payload(id: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + id * 13 + (i >> 8)) & 0xff);
}

function fragmentOf(piece: Piece, data: Uint8Array, family: 4 | 6): Fragment {
  const fragment = new Fragment();
  const header = family === 4 ? HEADER : 40;
  const bytes = new Uint8Array(header + piece.to - piece.from);
  bytes[0] = family === 4 ? 0x45 : 0x60;
  bytes.set(data.subarray(piece.from, piece.to), header);
  fragment.family = family;
  fragment.source[0] = 1;
  fragment.destination[0] = 2;
  fragment.id = piece.id;
  fragment.protocol = 17;
  fragment.offset = piece.from;
  fragment.more = piece.more;
  fragment.bytes = bytes;
  fragment.headerLength = header;
  fragment.dataStart = header;
  fragment.dataLength = piece.to - piece.from;
  fragment.nextHeaderAt = 6;
  return fragment;
}

/** Cuts of a packet, in units of eight bytes. */
const packet = fc.record({
  length: fc.integer({ min: 17, max: 2_000 }),
  cuts: fc.uniqueArray(fc.integer({ min: 1, max: 249 }), { minLength: 1, maxLength: 12 }),
});

describe.each([4, 6] as const)("IPv%d", (family) => {
  test("fragments of several packets in any order, some lost, some doubled: whole when all are there, and only then", () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 4 }),
        fc.integer(),
        fc.float({ min: 0, max: Math.fround(0.2), noNaN: true }),
        (packets, seed, loss) => {
          const random = new Random(seed);
          const reassembly = new Reassembly();
          const data = packets.map(({ length }, id) => payload(id, length));
          const pieces: Piece[] = packets.flatMap(({ length, cuts }, id) => {
            const edges = [0, ...cuts.map((c) => c * 8).filter((c) => c < length), length];
            edges.sort((a, b) => a - b);
            return edges.slice(1).map((to, i) => ({ id, from: edges[i]!, to, more: to < length }));
          });
          const sent = pieces.flatMap((p) =>
            random.float() < loss ? [] : random.float() < 0.1 ? [p, p] : [p],
          );
          for (let i = sent.length - 1; i > 0; i--) {
            const k = random.below(i + 1);
            [sent[i], sent[k]] = [sent[k]!, sent[i]!];
          }
          const there = new Map<number, Set<number>>();
          const done = new Set<number>();
          for (const piece of sent) {
            const whole = reassembly.take(fragmentOf(piece, data[piece.id]!, family), 0);
            // What comes after the whole begins another packet of the same name, which the model leaves out.
            if (done.has(piece.id)) continue;
            const bytes = there.get(piece.id) ?? new Set<number>();
            there.set(piece.id, bytes);
            for (let i = piece.from; i < piece.to; i++) bytes.add(i);
            if (bytes.size === packets[piece.id]!.length) {
              done.add(piece.id);
              expect(whole).toBeInstanceOf(Uint8Array);
              expect((whole as Uint8Array).subarray(family === 4 ? HEADER : 40)).toEqual(data[piece.id]);
            } else {
              expect(whole).toBe(0);
            }
          }
          reassembly.expire(1e12, () => {});
          expect([reassembly.size, reassembly.charge]).toEqual([0, 0]);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("noise: fragments of any kind never cost more than the limits, and nothing stays", () => {
    const random = new Random(7);
    const limits = { bytes: 100_000, bytesPerSource: 30_000, datagrams: 50, fragments: 8 };
    const reassembly = new Reassembly(limits);
    const data = payload(0, 70_000);
    for (let i = 0; i < 20_000; i++) {
      const from = 8 * (random.below(4) === 0 ? random.below(8_192) : random.below(20));
      const length = random.below(3) === 0 ? random.below(1_500) : 8 * random.below(20);
      const piece = {
        id: random.below(100),
        from,
        to: Math.min(70_000, from + length),
        more: random.below(2) === 0,
      };
      const fragment = fragmentOf(piece, data, family);
      fragment.source[0] = random.below(5);
      fragment.ecn = random.below(20) === 0 ? random.below(4) : 0;
      fragment.protocol = random.below(2) === 0 ? 6 : 17;
      const whole = reassembly.take(fragment, i * 1_000);
      if (typeof whole !== "number") expect(whole.length).toBeLessThanOrEqual(65_535 + 40);
      expect(reassembly.charge).toBeLessThanOrEqual(limits.bytes);
      expect(reassembly.size).toBeLessThanOrEqual(limits.datagrams);
      if (i % 1_000 === 0) reassembly.expire(i * 1_000, () => {});
    }
    expect(reassembly.nextDeadline()).toBeLessThan(1e9);
    reassembly.expire(1e12, () => {});
    expect([reassembly.size, reassembly.charge]).toEqual([0, 0]);
    expect(reassembly.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });
});

test("RFC 5722 4: after an overlap nothing of an IPv6 packet is taken until its time is over; IPv4 begins anew", () => {
  const data = payload(1, 48);
  const piece = (from: number, to: number, more: boolean): Piece => ({ id: 1, from, to, more });
  for (const family of [4, 6] as const) {
    const reassembly = new Reassembly();
    const take = (p: Piece, now = 0): unknown => reassembly.take(fragmentOf(p, data, family), now);
    take(piece(0, 24, true));
    expect(take(piece(16, 32, true))).toBeGreaterThan(0);
    take(piece(0, 24, true));
    const whole = take(piece(24, 48, false));
    if (family === 4) expect(whole).toBeInstanceOf(Uint8Array);
    else expect(whole).toBeGreaterThan(0);
    reassembly.expire(61e6, () => expect.unreachable());
    take(piece(0, 24, true), 61e6);
    expect(take(piece(24, 48, false), 61e6)).toBeInstanceOf(Uint8Array);
  }
});
