/** The pool of copies: blocks come back when acknowledged, as many wait as were in flight, and none is lent twice. */
import { describe, expect, test } from "vitest";
import { BLOCK_MAX, CopiesInFlight } from "../../../src/net/copy-pool.ts";
import type { Connection } from "../../../src/stack/connection.ts";

const chunk = Buffer.alloc(BLOCK_MAX, 1);
const copy = (copies: CopiesInFlight, end: number) => copies.copy(chunk, 0, BLOCK_MAX, end).buffer;

describe("copies in flight", () => {
  test("what the peer acknowledged is used again, the rest is not", () => {
    const copies = new CopiesInFlight();
    const first = copy(copies, BLOCK_MAX);
    const second = copy(copies, 2 * BLOCK_MAX);
    copies.reclaim(BLOCK_MAX);
    const third = copy(copies, 3 * BLOCK_MAX);
    expect(third).toBe(first);
    expect(third).not.toBe(second);
    copies.reclaim(3 * BLOCK_MAX);
  });

  test("of a connection that was closed they come back with its last ACK, or its end", () => {
    const copies = new CopiesInFlight();
    const first = copy(copies, BLOCK_MAX);
    copies.onFinish({ bytesAcked: BLOCK_MAX } as Connection);
    const other = new CopiesInFlight();
    expect(copy(other, BLOCK_MAX)).toBe(first);
    other.onClose();
    expect(copy(new CopiesInFlight(), BLOCK_MAX)).toBe(first);
  });

  test("five hundred answers at a time find the blocks of the last five hundred", () => {
    const round = () => {
      const all = Array.from({ length: 500 }, () => new CopiesInFlight());
      const blocks = all.map((copies) => copy(copies, BLOCK_MAX));
      for (const copies of all) copies.reclaim(BLOCK_MAX);
      return new Set(blocks);
    };
    const first = round();
    expect(first.size).toBe(500);
    const again = [...round()].filter((block) => first.has(block));
    expect(again.length).toBeGreaterThan(400);
  });
});
