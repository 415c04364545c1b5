import { describe, expect, it } from "vitest";
import { align, table } from "../../../bench/report.ts";
import { PRIMARY, rowsOf } from "../../../bench/row.ts";

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
    const rows = rowsOf([
      {
        ...one,
        target: "usertcp",
        samples: [9000, 10_000, 11_000],
        notes: { congestion: "cubic", errors: 0 },
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
  });

  it("says so when there is nothing to show", () => {
    expect(table([])).toBe("no rows\n");
  });
});
