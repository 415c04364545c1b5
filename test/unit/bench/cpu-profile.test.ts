import { describe, expect, it } from "vitest";
import { type CpuProfile, functionTimes, hottest, idleShare } from "../../../bench/cpu-profile.ts";

function node(
  id: number,
  functionName: string,
  url: string,
  children: number[] = [],
): CpuProfile["nodes"][number] {
  return { id, callFrame: { functionName, url, lineNumber: 9 }, children };
}

/** root -> input -> parse, root -> input -> input (recursion) -> parse, root -> writeBatch (native), root -> idle */
const profile: CpuProfile = {
  nodes: [
    node(1, "(root)", "", [2, 6, 7]),
    node(2, "input", "file:///x/usertcp/dist/stack/input.js", [3, 4]),
    node(3, "parse", "file:///x/usertcp/dist/wire/parse.js"),
    node(4, "input", "file:///x/usertcp/dist/stack/input.js", [5]),
    node(5, "parse", "file:///x/usertcp/dist/wire/parse.js"),
    node(6, "writeBatch", ""),
    node(7, "(idle)", ""),
  ],
  samples: [2, 3, 4, 5, 6, 7],
  timeDeltas: [1000, 2000, 1000, 3000, 3000, 30_000],
};

describe("a .cpuprofile", () => {
  it("adds up a function's own time over all the places it is called from", () => {
    const parse = functionTimes(profile).find(({ name }) => name === "parse");
    expect(parse).toEqual({ name: "parse", where: "dist/wire/parse.js:10", selfUs: 5000, totalUs: 5000 });
  });

  it("counts recursion once in a function's total", () => {
    const input = functionTimes(profile).find(({ name }) => name === "input");
    expect(input).toMatchObject({ selfUs: 2000, totalUs: 7000 });
  });

  it("shows the hottest first, as shares of the time that was not idle", () => {
    expect(hottest(functionTimes(profile), 2)).toEqual([
      ["self", "ms", "total", "function", "where"],
      ["50.0 %", "5", "50.0 %", "parse", "dist/wire/parse.js:10"],
      ["30.0 %", "3", "30.0 %", "writeBatch", ""],
    ]);
    expect(idleShare(functionTimes(profile))).toBe(0.75);
  });
});
