/** The table of interned addresses against a naive one: a map of strings. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatIpv6 } from "../../src/base/address.ts";
import { AddressTable, SCRATCH_DST, SCRATCH_SRC } from "../../src/base/address-table.ts";

const SECRET = new Uint8Array(16).fill(3);

/** Few addresses, so that they meet again, and many that differ in one word alone. */
const address = fc.tuple(
  fc.constantFrom(0, -1, 0x20010db8),
  fc.integer({ min: 0, max: 3 }),
  fc.constantFrom(0, 1),
  fc.integer({ min: -2, max: 40 }),
);

const step = fc.record({
  what: fc.constantFrom("intern", "release", "hold", "take", "find"),
  address,
  pick: fc.nat(),
});

const textOf = (table: AddressTable, id: number): string =>
  formatIpv6(table.words.subarray(4 * id, 4 * id + 4));

describe("interned addresses", () => {
  test("agree with a map of strings, whatever is done", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const table = new AddressTable(SECRET);
        const model = new Map<string, { id: number; holders: number }>();
        for (const { what, address, pick } of steps) {
          const words = Int32Array.from(address);
          const name = formatIpv6(words);
          const known = model.get(name);
          const held = [...model.values()];
          const one = held[pick % Math.max(1, held.length)];
          if (what === "intern") {
            const id = table.intern(words);
            if (known === undefined) model.set(name, { id, holders: 1 });
            else {
              expect(id).toBe(known.id);
              known.holders++;
            }
          } else if (what === "take") {
            const id = table.take(SCRATCH_SRC, words, 0);
            expect(id).toBe(known?.id ?? SCRATCH_SRC);
            expect(textOf(table, id)).toBe(name);
          } else if (what === "find") {
            expect(table.find(words)).toBe(known?.id ?? -1);
          } else if (one !== undefined && what === "hold") {
            expect(table.hold(one.id)).toBe(one.id);
            one.holders++;
          } else if (one !== undefined) {
            table.release(one.id);
            if (--one.holders === 0) for (const [key, value] of model) if (value === one) model.delete(key);
          }
          expect(table.size).toBe(model.size);
        }
        expect(new Set([...model.values()].map(({ id }) => id)).size).toBe(model.size);
        for (const [name, { id }] of model) {
          expect(textOf(table, id)).toBe(name);
          expect(table.isHeld(id)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a scratch id that is held becomes one that lasts", () => {
    const table = new AddressTable(SECRET);
    const words = Int32Array.of(1, 2, 3, 4);
    const scratch = table.take(SCRATCH_DST, words, 0);
    expect(scratch).toBe(SCRATCH_DST);
    const id = table.hold(scratch);
    expect(id).toBeGreaterThan(SCRATCH_DST);
    expect(table.take(SCRATCH_SRC, words, 0)).toBe(id);
    expect(table.digest(id)).toBe(table.digest(scratch));
    table.release(id);
    expect(table.take(SCRATCH_SRC, words, 0)).toBe(SCRATCH_SRC);
    expect(table.size).toBe(0);
  });

  test("digests differ between addresses and secrets", () => {
    const digest = (secret: number, last: number): number => {
      const table = new AddressTable(new Uint8Array(16).fill(secret));
      return table.digest(table.intern(Int32Array.of(0, 0, 0, last)));
    };
    expect(digest(1, 1)).not.toBe(digest(1, 2));
    expect(digest(1, 1)).not.toBe(digest(2, 1));
  });

  test("ids, once released, are handed out again: the table does not grow without need", () => {
    const table = new AddressTable(SECRET);
    for (let i = 0; i < 100_000; i++) table.release(table.intern(Int32Array.of(i, 0, 0, i)));
    expect(table.size).toBe(0);
    expect(table.words.length).toBe(64);
    const ids = Array.from({ length: 5_000 }, (_, i) => table.intern(Int32Array.of(i, 0, 0, i)));
    for (const [i, id] of ids.entries()) expect(table.find(Int32Array.of(i, 0, 0, i))).toBe(id);
  });
});
