import { describe, expect, it } from "vitest";
import { busySecondsOf, cpuSecondsOf } from "../../../bench/child.ts";
import { measurementsOf } from "../../../bench/kernel.ts";
import { parseCpuList } from "../../../bench/load.ts";
import { serveArguments } from "../../../bench/on-tun.ts";
import { rowsOf } from "../../../bench/row.ts";
import { canRun } from "../../../bench/target.ts";

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
  packetsIn: 0,
  handedOver: 0,
  others: 0,
};
const target = { name: "usertcp", spinUs: 0, versions: {}, notes: { offload: "on" } };
const link = { mtu: 1500, suite: "kernel" as const, family: 4 as const };
const start = {
  mtu: 1500,
  family: 4,
  program: "services",
  spinUs: null,
  offload: true,
  between: "nothing",
  congestion: "cubic",
} as const;

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
    const plain = serveArguments("raw", { ...start, mtu: 65_520 });
    expect(plain.join(" ")).toContain("serve --api raw --mtu 65520");
    expect(plain).not.toContain("--spin");
    const asked = serveArguments("net", { ...start, spinUs: 0, offload: false }).join(" ");
    expect(asked).toContain("--spin 0 --no-offload");
  });

  it("asks usertcp serve for IPv6 and for segments above 64 KiB where the workload does", () => {
    expect(serveArguments("raw", start).join(" ")).not.toMatch(/--big-tcp|--host6/);
    const both = serveArguments("raw", { ...start, family: 6, program: "big" }).join(" ");
    expect(both).toContain("--host6 fd77::1/64 --stack6 fd77::2");
    expect(both).toContain("--big-tcp");
  });

  it("segments above 64 KiB are for those who can write them, over IPv4", () => {
    expect(["usertcp", "limit"].map((name) => canRun(name, "big", 4))).toEqual([true, true]);
    expect(["usertcp", "limit"].map((name) => canRun(name, "big", 6))).toEqual([false, false]);
    expect(["kernel-c", "node-net", "lwip"].some((name) => canRun(name, "big", 4))).toBe(false);
  });

  it("rows say the family", () => {
    const [row] = rowsOf(measurementsOf("up", target, [sample], { ...link, family: 6 }));
    expect(row!.family).toBe(6);
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
