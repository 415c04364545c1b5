/**
 * The ring of sent records against a plain array: pushes, acknowledgments whole and partial, SACKs, loss marks
 * and retransmissions in any order, at bases around 2^31 and 2^32. The sums are recomputed from the array each time.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, diff, seq, toUint } from "../../src/base/seq.ts";
import { EVER_RETRANSMITTED, LOST, RETRANSMITTED, SACKED, SentRing } from "../../src/tcp/buffer/sent-ring.ts";

interface Entry {
  /** Offset from the base. */
  at: number;
  length: number;
  sentAt: number;
  flags: number;
}

const bases = fc.constantFrom(0, 0x7fff_ffff - 300, 0xffff_ffff - 300, 0x8000_0000, 0xffff_ffff);
const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ op: fc.constant("push" as const), n: fc.integer({ min: 1, max: 60 }) }),
  },
  fc.record({ op: fc.constant("acknowledge" as const), x: fraction }),
  fc.record({
    op: fc.constantFrom("sack" as const, "lose" as const, "resend" as const, "clean" as const),
    x: fraction,
  }),
  fc.record({ op: fc.constant("split" as const), x: fraction, y: fraction }),
);

class Model {
  entries: Entry[] = [];
  una = 0;
  nxt = 0;

  sum(flag: number): number {
    return this.entries.reduce((n, e) => n + ((e.flags & flag) !== 0 ? e.length : 0), 0);
  }

  splitAt(offset: number): void {
    const i = this.entries.findIndex((e) => e.at < offset && offset < e.at + e.length);
    if (i < 0) return;
    const e = this.entries[i]!;
    const first = { ...e, length: offset - e.at };
    this.entries.splice(i, 1, first, { ...e, at: offset, length: e.length - first.length });
  }
}

function compare(ring: SentRing, model: Model, base: number): void {
  expect(ring.count).toBe(model.entries.length);
  model.entries.forEach((e, i) => {
    expect({
      at: diff(ring.seqAt(i), seq(base)),
      length: ring.lengthAt(i),
      end: toUint(ring.endAt(i)),
      sentAt: ring.sentAt(i),
      flags: ring.flagsAt(i),
    }).toEqual({
      at: e.at,
      length: e.length,
      end: (base + e.at + e.length) >>> 0,
      sentAt: e.sentAt,
      flags: e.flags,
    });
  });
  const { sacked, sackedCount, lost, retransmitted, toResend } = ring;
  expect({ sacked, sackedCount, lost, retransmitted, toResend }).toEqual({
    sacked: model.sum(SACKED),
    sackedCount: model.entries.filter((e) => (e.flags & SACKED) !== 0).length,
    lost: model.sum(LOST),
    retransmitted: model.sum(RETRANSMITTED),
    toResend: model.entries.reduce(
      (n, e) => n + ((e.flags & (LOST | RETRANSMITTED)) === LOST ? e.length : 0),
      0,
    ),
  });
  for (const probe of [model.una, model.una + 1, (model.una + model.nxt) >> 1, model.nxt - 1, model.nxt]) {
    const expected = model.entries.findIndex((e) => e.at + e.length > probe);
    expect(ring.find(add(seq(base), probe))).toBe(expected < 0 ? model.entries.length : expected);
  }
}

describe("sent ring against an array", () => {
  test("RFC 2018, RFC 6675: records, splits and sums stay consistent under every operation", () => {
    fc.assert(
      fc.property(bases, fc.array(step, { maxLength: 120 }), (base, steps) => {
        const ring = new SentRing();
        const model = new Model();
        let now = 0x7fff_fff0;
        for (const s of steps) {
          now += 3;
          const span = model.nxt - model.una;
          const i = "x" in s ? Math.floor(s.x * model.entries.length) : 0;
          const entry = model.entries[i];
          if (s.op === "push") {
            ring.push(add(seq(base), model.nxt), s.n, now);
            model.entries.push({ at: model.nxt, length: s.n, sentAt: now | 0, flags: 0 });
            model.nxt += s.n;
            expect(toUint(ring.end)).toBe((base + model.nxt) >>> 0);
          } else if (s.op === "acknowledge") {
            const una = model.una + Math.ceil(s.x * span);
            while (ring.count > 0 && diff(ring.endAt(0), add(seq(base), una)) <= 0) ring.shift();
            if (ring.count > 0 && diff(ring.seqAt(0), add(seq(base), una)) < 0)
              ring.trimFirst(add(seq(base), una));
            model.splitAt(una);
            model.entries = model.entries.filter((e) => e.at >= una);
            model.una = una;
          } else if (entry !== undefined && s.op === "sack") {
            if ((entry.flags & SACKED) !== 0) continue;
            ring.takeSacked(i);
            entry.flags = (entry.flags & EVER_RETRANSMITTED) | SACKED;
          } else if (entry !== undefined && s.op === "split") {
            if (entry.length < 2) continue;
            const at = entry.at + 1 + Math.floor(s.y * (entry.length - 1));
            ring.split(i, add(seq(base), at));
            model.splitAt(at);
          } else if (entry !== undefined && s.op === "lose" && (entry.flags & SACKED) === 0) {
            entry.flags = (entry.flags & EVER_RETRANSMITTED) | LOST;
            ring.setFlags(i, entry.flags);
          } else if (entry !== undefined && s.op === "resend" && (entry.flags & SACKED) === 0) {
            ring.resent(i, now);
            entry.flags |= RETRANSMITTED | EVER_RETRANSMITTED;
            entry.sentAt = now | 0;
          } else if (entry !== undefined && s.op === "clean") {
            ring.setFlags(i, 0);
            entry.flags = 0;
          }
          compare(ring, model, base);
        }
        ring.clear();
        expect([
          ring.count,
          ring.sacked,
          ring.lost,
          ring.retransmitted,
          ring.toResend,
          ring.sackedCount,
        ]).toEqual([0, 0, 0, 0, 0, 0]);
      }),
      { numRuns: 400 },
    );
  });

  test.each([8, 16, 32])("a split in a ring that is full at %d records makes room first", (full) => {
    const ring = new SentRing();
    for (let i = 0; i < full + 3; i++) {
      ring.push(seq(i * 10), 10, i);
      if (i < 3) ring.shift();
    }
    ring.split(2, seq(54));
    expect(ring.count).toBe(full + 1);
    for (let i = 1; i < ring.count; i++) expect(diff(ring.seqAt(i), ring.endAt(i - 1))).toBe(0);
    expect([toUint(ring.seqAt(0)), toUint(ring.end)]).toEqual([30, (full + 3) * 10]);
  });

  test("thousands of records go round the ring without losing order", () => {
    const ring = new SentRing();
    for (let i = 0; i < 5_000; i++) {
      ring.push(seq(i * 10), 10, i);
      if (i % 3 === 0) ring.shift();
    }
    for (let i = 1; i < ring.count; i++) expect(diff(ring.seqAt(i), ring.endAt(i - 1))).toBe(0);
  });
});
