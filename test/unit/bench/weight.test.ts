import { expect, it } from "vitest";
import { shareOf, type Weight } from "../../../bench/weight.ts";

const EMPTY: Weight = {
  heap: 10_000,
  buffers: 4_000,
  external: 5_000,
  rss: 1_000_000,
  established: 10,
  halfOpen: 0,
  timeWait: 0,
};

it("a connection's share is what came on top of those that were there before", () => {
  const after = { ...EMPTY, heap: 110_000, buffers: 14_000, rss: 1_400_000, established: 110 };
  expect(shareOf(EMPTY, after, 100)).toEqual({ heap: 1_000, buffers: 100, rss: 4_000 });
});
