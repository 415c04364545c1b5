import { describe, expect, it } from "vitest";
import { measurementsOf } from "../../../bench/kernel.ts";
import { parseCpuList } from "../../../bench/load.ts";
import { rowsOf } from "../../../bench/row.ts";
import { busySecondsOf, cpuSecondsOf, serveArguments } from "../../../bench/target.ts";

const sample = {
  value: 1e9,
  total: 2e9,
  p50us: 10,
  p99us: 50,
  errors: 0,
  retransmits: 1,
  congestion: "cubic",
  mss: 1448,
  cpuSeconds: 1,
  targetCpuSeconds: 0.5,
  others: 0,
};
const target = { name: "usertcp", spinUs: 0, versions: {}, notes: { offload: "on" } };
const link = { mtu: 1500, suite: "kernel" as const };

describe("kernel suite", () => {
  it("gives bulk in Gbit/s, and CPU a GB over all bytes, warm-up included", () => {
    const rows = rowsOf(measurementsOf("up", target, [sample, sample], link));
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ metric: "primary", value: 8, unit: "Gbit/s", better: "higher", runs: 2 });
    expect(rows[0]).toMatchObject({ cpuPerUnit: 0.25, cpuUnit: "s/GB" });
  });

  it("gives transactions with their p50 and p99, CPU in us a transaction", () => {
    const rows = rowsOf(measurementsOf("rr64", target, [{ ...sample, value: 1e5, total: 2e5 }], link));
    expect(rows.map((row) => row.metric)).toEqual(["primary", "p50", "p99"]);
    expect(rows[0]).toMatchObject({ value: 1e5, unit: "transactions/s", cpuPerUnit: 2.5 });
    expect(rows[2]).toMatchObject({ value: 50, unit: "us", better: "lower", cpuPerUnit: null });
  });

  it("says which congestion control was used, and adds up retransmissions", () => {
    const [row] = rowsOf(measurementsOf("up", target, [sample, { ...sample, congestion: "bbr" }], link));
    expect(row!.notes).toMatchObject({ congestion: "cubic bbr", retransmits: 2, offload: "on" });
  });

  it("says the largest share of the machine that others took", () => {
    const [row] = rowsOf(measurementsOf("up", target, [{ ...sample, others: 0.4 }, sample], link));
    expect(row!.notes["othersPercent"]).toBe(40);
  });

  it("passes link settings on to usertcp serve, and leaves spin to it when not asked", () => {
    const plain = serveArguments("raw", {
      mtu: 65_520,
      spinUs: null,
      offload: true,
      between: "nothing" as const,
      congestion: "cubic",
    });
    expect(plain.join(" ")).toContain("serve --api raw --mtu 65520");
    expect(plain).not.toContain("--spin");
    const asked = serveArguments("net", {
      mtu: 1500,
      spinUs: 0,
      offload: false,
      between: "nothing" as const,
      congestion: "cubic",
    }).join(" ");
    expect(asked).toContain("--spin 0 --no-offload");
  });
});

describe("proc_pid_stat(5)", () => {
  it("user and system ticks are fields 14 and 15, whatever the command is called", () => {
    const fields = Array.from({ length: 50 }, (_, i) => i + 3);
    fields[14 - 3] = 150;
    fields[15 - 3] = 75;
    expect(cpuSecondsOf(`42 (a) name) ${fields.join(" ")}`)).toBe(2.25);
  });
});

describe("proc_stat(5)", () => {
  it("busy is all but idle and iowait, and guest time is not counted twice", () => {
    expect(busySecondsOf("cpu  100 10 200 9999 9999 1 2 3 50 60\ncpu0 1 1 1 1 1 1 1 1 1 1\n")).toBe(3.16);
  });
});

describe("cpuset(7)", () => {
  it("a CPU list is single numbers and ranges", () => {
    expect(parseCpuList("0-2,5")).toEqual([0, 1, 2, 5]);
    expect(parseCpuList("1")).toEqual([1]);
  });
});
