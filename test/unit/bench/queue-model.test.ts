import { describe, expect, test } from "vitest";
import {
  modelTable,
  type Resources,
  throughput,
  type UnitCost,
  unsteered,
} from "../../../bench/queue-model.ts";
import { rowsOf } from "../../../bench/row.ts";

const cost: UnitCost = { stack: 5e-6, client: 10e-6, packets: 2, handOver: 1e-6, memory: 1_000 };
const plenty: Resources = { shards: 4, clientCores: Number.POSITIVE_INFINITY, bandwidth: 1e12 };

describe("the model of many queues", () => {
  test("gives as much as the scarcest resource allows", () => {
    expect(throughput(cost, plenty, 0)).toBeCloseTo(800_000);
    expect(throughput(cost, { ...plenty, clientCores: 2 }, 0)).toBeCloseTo(200_000);
    expect(throughput(cost, { ...plenty, bandwidth: 1e8 }, 0)).toBeCloseTo(100_000);
  });

  test("charges the packets that are handed over: all but one in N without steering", () => {
    expect(unsteered(4)).toBe(0.75);
    expect(throughput(cost, plenty, unsteered(4))).toBeCloseTo(4 / 6.5e-6);
  });

  test("is computed from the rows of one queue", () => {
    const common = {
      suite: "queues",
      target: "usertcp",
      mtu: 1_500,
      family: 4,
      spinUs: 0,
      versions: {},
    } as const;
    const rows = rowsOf([
      {
        ...{ ...common, workload: "rr64", metric: "primary", unit: "transactions/s", better: "higher" },
        ...{ cpuPerUnit: 5, cpuUnit: "us/transaction", samples: [1e5] },
        notes: { packetsPerUnit: 1, clientCpuPerUnit: 1e-5 },
      },
      {
        ...{ ...common, workload: "hand-over-64", metric: "primary", unit: "ns/packet", better: "lower" },
        ...{ cpuPerUnit: null, cpuUnit: null, samples: [1_000], notes: {} },
      },
    ]);
    const line = modelTable(rows)
      .split("\n")
      .find((text) => text.startsWith("rr64"));
    expect(line?.split("\t")).toEqual([
      ...[
        "rr64",
        "400,000",
        "364,000",
        "1,600,000",
        "1,360,000",
        "12,800,000",
        "10,700,000",
        "transactions/s",
      ],
    ]);
  });
});
