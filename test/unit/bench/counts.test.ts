import { describe, expect, it } from "vitest";
import { limitOf, regressions } from "../../../bench/counts.ts";

describe("counted work against committed figures", () => {
  const committed = { "bytes a segment": 0, "calls a transaction": 3, "bytes held": 1_200 };

  it("passes what is the same, less, or up to 10 % more", () => {
    expect(regressions(committed, committed)).toEqual([]);
    const near = { "bytes a segment": 0.9, "calls a transaction": 3.2, "bytes held": 600 };
    expect(regressions(committed, near)).toEqual([]);
  });

  it("names each figure that grew by more, with both values", () => {
    const grown = { "bytes a segment": 16, "calls a transaction": 4, "bytes held": 1_200 };
    expect(regressions(committed, grown)).toEqual([
      "bytes a segment: 16, more than 0 by over 10 %",
      "calls a transaction: 4, more than 3 by over 10 %",
    ]);
  });

  it("names figures that are new, or gone: neither passes unseen", () => {
    expect(regressions({ old: 1 }, { new: 2 })).toEqual([
      "new: 2, which no figure is committed for",
      "old: committed, but not counted",
    ]);
  });

  it("allows next to nothing beside nothing: less than one object for some segments", () => {
    expect(limitOf(0)).toBe(1);
    expect(limitOf(3)).toBeCloseTo(3.3);
    expect(limitOf(100)).toBeCloseTo(110);
  });
});
