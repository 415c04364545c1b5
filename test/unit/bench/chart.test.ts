import { describe, expect, it } from "vitest";
import { chartsOf, latencyPoints, referenceOf, throughputBars } from "../../../bench/chart.ts";
import { Failure } from "../../../bench/failure.ts";
import { parseRows } from "../../../bench/plot.ts";
import { type Measurement, PRIMARY, rowsOf } from "../../../bench/row.ts";

const measured: Measurement = {
  suite: "peers",
  workload: "rr64",
  target: "usertcp",
  mtu: 1500,
  family: 4,
  spinUs: 0,
  metric: PRIMARY,
  unit: "transactions/s",
  better: "higher",
  cpuPerUnit: null,
  cpuUnit: null,
  versions: {},
  notes: {},
  samples: [3000],
};
const rows = rowsOf([
  measured,
  { ...measured, metric: "p50", unit: "us", samples: [10] },
  { ...measured, metric: "p99", unit: "us", samples: [90] },
  { ...measured, target: "node-net", samples: [1500] },
  { ...measured, target: "lwip", samples: [750], metric: PRIMARY },
  { ...measured, workload: "down-big", target: "limit", unit: "Gbit/s", samples: [80] },
  { ...measured, workload: "down-big", unit: "Gbit/s", samples: [60] },
]);

describe("charts", () => {
  it("show throughput as times the reference, with value and unit", () => {
    expect(referenceOf(rows)).toBe("node-net");
    const bars = throughputBars(rows, "node-net").filter((bar) => bar.workload === "rr64, transactions/s");
    expect(bars.map(({ target, times, label }) => [target, times, label])).toEqual([
      ["usertcp", 2, "3,000 (2.00x)"],
      ["node-net", 1, "1,500 (1.00x)"],
      ["lwip", 0.5, "750 (0.50x)"],
    ]);
  });

  it("show a workload that the reference cannot do against its best target", () => {
    const bars = throughputBars(rows, "node-net").filter((bar) => bar.workload.startsWith("down-big"));
    expect(bars.map(({ target, times, label }) => [target, times, label])).toEqual([
      ["limit", 1, "80.0"],
      ["usertcp", 0.75, "60.0"],
    ]);
  });

  it("show latency of those that have p50 and p99", () => {
    expect(latencyPoints(rows)).toMatchObject([{ workload: "rr64", target: "usertcp", p50: 10, p99: 90 }]);
  });

  it("are one of each for each suite, MTU and family; of the same measured twice, the last counts", () => {
    const twice = [
      ...rows,
      ...rowsOf([
        { ...measured, samples: [6000] },
        { ...measured, family: 6 },
      ]),
    ];
    const charts = chartsOf(twice);
    expect(charts.map((chart) => chart.name)).toEqual([
      "peers-mtu1500-ipv4-throughput",
      "peers-mtu1500-ipv4-latency",
      "peers-mtu1500-ipv6-throughput",
    ]);
    expect(JSON.stringify(charts[0]!.spec)).toContain("6,000 (4.00x)");
    expect(JSON.stringify(charts[0]!.spec)).not.toContain("3,000 (");
  });
});

describe("npm run bench -- plot", () => {
  it("takes what --json prints", () => {
    expect(parseRows(JSON.stringify(rows), "rows.json")).toEqual(rows);
  });

  it.each([["no JSON"], ["{}"], ["[]"], [`[{"suite":"peers"}]`]])("refuses %s with one line", (text) => {
    expect(() => parseRows(text, "rows.json")).toThrow(Failure);
    expect(() => parseRows(text, "rows.json")).toThrow(/^rows\.json [^\n]+$/);
  });
});
