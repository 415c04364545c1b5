import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { FlowTable, KIND_TCB, KIND_TIME_WAIT, SEED_WORDS } from "../../../src/stack/flow-table.ts";
import { TimerWheel } from "../../../src/stack/timer-wheel.ts";

const random = new Random(5);
const seed = new Int32Array(SEED_WORDS).map(() => random.next());

describe("flow table", () => {
  test("key, kind, record, index and timer of a slot cost at most 100 bytes, however many slots", () => {
    const table = new FlowTable({ seed });
    const wheel = new TimerWheel(1024, 0);
    for (let i = 0; i < 5000; i++) {
      const slot = table.insert(4, 1, i, 80, 1000, KIND_TIME_WAIT);
      wheel.set(slot, 60_000_000);
      expect(table.bytesPerSlot + wheel.bytesPerSlot).toBeLessThanOrEqual(100);
    }
    expect(table.capacity).toBe(8192);
  });

  test("a flow is not its mirror image, and not the same words of the other family", () => {
    const table = new FlowTable({ seed });
    const slot = table.insert(4, 1, 2, 80, 1000, KIND_TCB);
    expect(table.find(4, 1, 2, 80, 1000)).toBe(slot);
    // The entry is now cached; these must not take it from there.
    expect(table.find(4, 2, 1, 80, 1000)).toBe(-1);
    expect(table.find(4, 1, 2, 1000, 80)).toBe(-1);
    expect(table.find(6, 1, 2, 80, 1000)).toBe(-1);
    table.remove(slot);
    expect(table.find(4, 1, 2, 80, 1000)).toBe(-1);
  });

  test("a removed flow is not found in the cache, whatever the free list leaves in its key", () => {
    const table = new FlowTable({ seed });
    const slot = table.insert(4, -1, 2, 80, 1000, KIND_TCB);
    expect(table.find(4, -1, 2, 80, 1000)).toBe(slot);
    table.remove(slot);
    expect(table.find(4, -1, 2, 80, 1000)).toBe(-1);
  });

  test("remove inside forEachSlot loses no other flow", () => {
    const table = new FlowTable({ seed });
    for (let i = 0; i < 1000; i++) table.insert(4, 1, i, 80, 1000, i % 2 ? KIND_TCB : KIND_TIME_WAIT);
    table.forEachSlot(KIND_TIME_WAIT, (slot) => table.remove(slot));
    expect([table.size, table.countOfKind(KIND_TIME_WAIT), table.countOfKind(KIND_TCB)]).toEqual([
      500, 0, 500,
    ]);
    for (let i = 0; i < 1000; i++) expect(table.find(4, 1, i, 80, 1000) >= 0).toBe(i % 2 === 1);
  });

  test("sequential hosts and ports spread: no probe among 20,000 flows goes further than 60 entries", () => {
    for (let round = 0; round < 5; round++) {
      const table = new FlowTable({ seed: new Int32Array(SEED_WORDS).map(() => random.next()) });
      for (let i = 0; i < 20_000; i++)
        table.insert(4, 1, 0x0a000000 + (i >> 4), 80, 32_768 + (i & 15), KIND_TCB);
      expect(longestRun(table)).toBeLessThan(60);
    }
  });

  test("a seed too short is refused by name", () => {
    expect(() => new FlowTable({ seed: new Int32Array(2) })).toThrow("seed");
  });
});

/** The longest run of occupied index entries, which bounds every probe. */
function longestRun(table: FlowTable): number {
  const index = (table as unknown as { index: Int32Array }).index;
  let longest = 0;
  let run = 0;
  for (const entry of index) {
    run = entry === 0 ? 0 : run + 1;
    longest = Math.max(longest, run);
  }
  return longest;
}
