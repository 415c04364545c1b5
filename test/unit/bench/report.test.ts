import { describe, expect, it } from "vitest";
import { align, table } from "../../../bench/report.ts";
import { PRIMARY, rowsOf } from "../../../bench/row.ts";

const one = {
  suite: "kernel",
  workload: "rr1",
  mtu: 1500,
  family: 4,
  spinUs: 0,
  metric: PRIMARY,
  unit: "transactions/s",
  better: "higher",
  cpuPerUnit: 0.0123456,
  cpuUnit: "us/transaction",
  versions: { node: "v20.0.0" },
} as const;

describe("bench table", () => {
  it("pads numbers to the right and words to the left", () => {
    expect(
      align([
        ["name", "n"],
        ["a", "10"],
        ["bcdef", "9"],
      ]),
    ).toBe("name    n\na      10\nbcdef   9\n");
  });

  it("shows value, noise and the ratio to each other target, and what was counted", () => {
    const rows = rowsOf([
      {
        ...one,
        target: "usertcp",
        samples: [9000, 10_000, 11_000],
        notes: { congestion: "cubic", errors: 0, othersPercent: 9 },
      },
      { ...one, target: "node-net", samples: [5000], notes: { congestion: "bbr", errors: 3 } },
    ]);
    const text = table(rows);
    expect(text).toMatch(/^kernel: medians of 3, MTU 1500, IPv4; node v20\.0\.0\./);
    expect(text).toMatch(/rr1 +usertcp +10000 +transactions\/s +20 % +0\.0123 us\/transaction +- +2\.00\n/);
    expect(text).toMatch(/ node-net +5000 .* 0\.50 +-\n/);
    expect(text).toContain("congestion: cubic (usertcp), bbr (node-net)\n");
    expect(text).toContain("errors node-net: 3\n");
    expect(text).not.toContain("errors usertcp");
    expect(text).not.toContain("other processes");
  });

  it("warns when others took a share of the machine that matters", () => {
    const rows = rowsOf([{ ...one, target: "usertcp", notes: { othersPercent: 41 }, samples: [1] }]);
    expect(table(rows)).toContain("other processes took up to 41 % of the machine");
  });

  it("puts the targets of a workload together, in whatever order the rows come", () => {
    const rows = rowsOf(
      [
        ["up", "usertcp"],
        ["down", "usertcp"],
        ["up", "node-net"],
      ].map(([workload, target]) => ({
        ...one,
        workload: workload!,
        target: target!,
        notes: {},
        samples: [1],
      })),
    );
    const firstCells = table(rows)
      .split("\n")
      .slice(2, 5)
      .map((line) => line.slice(0, 20).trim().replace(/ +/, " "));
    expect(firstCells).toEqual(["up usertcp", "node-net", "down usertcp"]);
  });

  it("says so when there is nothing to show", () => {
    expect(table([])).toBe("no rows\n");
  });
});
