/** The flow table against a Map: insertions and removals among few keys, so that clusters form and shift. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FlowTable,
  KIND_FREE,
  KIND_SYN_RECEIVED,
  KIND_TCB,
  KIND_TIME_WAIT,
  RECORD,
  SEED_WORDS,
} from "../../src/stack/flow-table.ts";

const MAXIMUM = 60;
type Key = readonly [family: 4 | 6, local: number, remote: number, localPort: number, remotePort: number];

const key: fc.Arbitrary<Key> = fc.tuple(
  fc.constantFrom(4 as const, 6 as const),
  fc.constantFrom(0, -1, 0x0a4d0002),
  fc.oneof(fc.constantFrom(0, 1, -1, -0x80000000, 0x7fffffff), fc.integer()),
  fc.constantFrom(0, 7, 0x8000, 0xffff),
  fc.constantFrom(0, 1, 0x8000, 0xffff),
);
const kind = fc.constantFrom(KIND_TCB, KIND_SYN_RECEIVED, KIND_TIME_WAIT);
const seed = fc.int32Array({ minLength: SEED_WORDS, maxLength: SEED_WORDS });
const step = fc.record({
  op: fc.constantFrom("add", "add", "remove", "kind", "find"),
  at: fc.nat(119),
  kind,
});

describe("flow table against a Map", () => {
  // A seed of zeros sends every flow to the same home: one long cluster, which only backward shift keeps whole.
  test.each([
    ["random", seed],
    ["all-colliding", fc.constant(new Int32Array(SEED_WORDS))],
  ])("finds what a Map finds, under a seed that is %s", (_name, seeds) => {
    const keys = fc.uniqueArray(key, { minLength: 120, maxLength: 120, selector: (k) => k.join() });
    fc.assert(
      fc.property(seeds, keys, fc.array(step, { maxLength: 400 }), (seed, keys, steps) => {
        const table = new FlowTable({ seed, maximum: MAXIMUM });
        const slots = new Map<number, { slot: number; kind: number }>();
        for (const s of steps) {
          const k = keys[s.at]!;
          const known = slots.get(s.at);
          expect(table.find(...k)).toBe(known?.slot ?? -1);
          if (s.op === "add" && known === undefined) {
            const slot = table.insert(...k, s.kind);
            if (slots.size === MAXIMUM) {
              expect(slot).toBe(-1);
              continue;
            }
            expect([...slots.values()].some((f) => f.slot === slot)).toBe(false);
            expect(table.record.subarray(slot * RECORD, (slot + 1) * RECORD).every((w) => w === 0)).toBe(
              true,
            );
            table.record.fill(s.at, slot * RECORD, (slot + 1) * RECORD);
            slots.set(s.at, { slot, kind: s.kind });
          } else if (s.op === "remove" && known !== undefined) {
            table.remove(known.slot);
            table.remove(known.slot);
            expect(table.kind(known.slot)).toBe(KIND_FREE);
            slots.delete(s.at);
          } else if (s.op === "kind" && known !== undefined) {
            table.setKind(known.slot, s.kind);
            slots.set(s.at, { slot: known.slot, kind: s.kind });
          }
        }
        expect(table.size).toBe(slots.size);
        for (const [at, k] of keys.entries()) expect(table.find(...k)).toBe(slots.get(at)?.slot ?? -1);
        for (const [at, { slot, kind }] of slots) {
          expect([
            table.family(slot),
            table.local(slot),
            table.remote(slot),
            table.localPort(slot),
            table.remotePort(slot),
          ]).toEqual(keys[at]);
          expect(table.kind(slot)).toBe(kind);
          expect(table.record.subarray(slot * RECORD, (slot + 1) * RECORD).every((w) => w === at)).toBe(true);
        }
        for (const kind of [KIND_TCB, KIND_SYN_RECEIVED, KIND_TIME_WAIT]) {
          const expected = [...slots.values()].filter((f) => f.kind === kind).map((f) => f.slot);
          const visited: number[] = [];
          table.forEachSlot(kind, (slot) => visited.push(slot));
          expect(visited).toEqual(expected.sort((a, b) => a - b));
          expect(table.countOfKind(kind)).toBe(expected.length);
        }
      }),
      { numRuns: 150 },
    );
  });
});
