import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Measurement, median, noise, PRIMARY, ratio, rowsOf } from "../../../bench/row.ts";

const measured: Measurement = {
  suite: "kernel",
  workload: "up",
  target: "usertcp",
  mtu: 1500,
  family: 4,
  spinUs: 0,
  metric: PRIMARY,
  unit: "Gbit/s",
  better: "higher",
  cpuPerUnit: null,
  cpuUnit: null,
  versions: {},
  notes: {},
  samples: [30, 10, 20],
};

describe("median", () => {
  it("is the middle of an odd count, in whatever order", () => {
    expect(median([30, 10, 20])).toBe(20);
  });

  it("is the mean of the two in the middle of an even count", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it("sorts numbers, not their digits, and leaves its argument alone", () => {
    const values = [100, 9, 20];
    expect(median(values)).toBe(20);
    expect(values).toEqual([100, 9, 20]);
  });

  it("has half of the values on either side", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 }), (values) => {
        const middle = median(values);
        expect(values.filter((v) => v < middle).length).toBeLessThanOrEqual(values.length / 2);
        expect(values.filter((v) => v > middle).length).toBeLessThanOrEqual(values.length / 2);
      }),
    );
  });

  it("of no values is refused", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("noise", () => {
  it("is (max - min) / median", () => {
    expect(noise([30, 10, 20])).toBe(1);
  });

  it("is 0 for one run, and for runs of all zeros", () => {
    expect(noise([7])).toBe(0);
    expect(noise([0, 0, 0])).toBe(0);
  });
});

describe("ratio", () => {
  it("is above 1 for the better one, whichever way the metric improves", () => {
    expect(ratio(30, 10, "higher")).toBe(3);
    expect(ratio(10, 30, "lower")).toBe(3);
  });
});

describe("rowsOf", () => {
  it("gives median, run count and noise, and no raw samples", () => {
    const [row] = rowsOf([measured]);
    expect(row).toMatchObject({ value: 20, runs: 3, noise: 1, ratioTo: {} });
    expect(row).not.toHaveProperty("samples");
  });

  it("relates a target to the better of gVisor's two modes, and neither mode to both", () => {
    const rows = rowsOf([
      measured,
      { ...measured, target: "gvisor-packet", samples: [5] },
      { ...measured, target: "gvisor-gso", samples: [10] },
    ]);
    expect(rows[0]!.ratioTo).toEqual({ "gvisor-packet": 4, "gvisor-gso": 2, gvisor: 2 });
    expect(rows[1]!.ratioTo).not.toHaveProperty("gvisor");
    const latency = rows.map((row) => ({
      ...measured,
      target: row.target,
      better: "lower" as const,
      samples: [row.value],
    }));
    expect(rowsOf(latency)[0]!.ratioTo["gvisor"]).toBe(0.25);
  });

  it("relates a target to each other one of the same workload and metric, and to no other row", () => {
    const rows = rowsOf([
      measured,
      { ...measured, target: "node-net", samples: [10] },
      { ...measured, target: "kernel-c", samples: [40] },
      { ...measured, target: "lwip", workload: "down", samples: [1] },
      { ...measured, target: "gvisor", metric: "p99", samples: [1] },
      { ...measured, target: "smoltcp", mtu: 65_520, samples: [1] },
    ]);
    expect(rows[0]!.ratioTo).toEqual({ "node-net": 2, "kernel-c": 0.5 });
    expect(rows[2]!.ratioTo).toEqual({ usertcp: 2, "node-net": 4 });
    expect(rows[3]!.ratioTo).toEqual({});
  });

  it("relates a polling target to one that has no such setting", () => {
    const rows = rowsOf([
      { ...measured, spinUs: 30 },
      { ...measured, target: "node-net", samples: [10] },
    ]);
    expect(rows[0]!.ratioTo).toEqual({ "node-net": 2 });
  });

  it("leaves out a ratio that JSON can't hold", () => {
    const rows = rowsOf([measured, { ...measured, target: "broken", samples: [0] }]);
    expect(rows[0]!.ratioTo).toEqual({});
    expect(rows[1]!.ratioTo).toEqual({ usertcp: 0 });
  });
});
