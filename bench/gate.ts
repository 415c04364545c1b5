/**
 * The suite `gate`: counted work, not time, against the figures of `gate.json`; a regression of 10 % fails. So it says the same
 * on a busy machine as on an idle one. `--update` commits to what is counted now.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { type Counts, regressions } from "./counts.ts";
import { tunCounts } from "./gate-tun.ts";
import type { Outcome } from "./kernel.ts";
import { BENCH, COMPILED, packageVersion } from "./paths.ts";
import { PRIMARY, type Row, rowsOf } from "./row.ts";

const FIGURES = join(BENCH, "gate.json");

/** Runs it. Needs root for what is counted over TUN. */
export async function benchGate(update: boolean): Promise<Outcome> {
  const counted: Counts = { ...(await tunCounts()), ...coreCounts() };
  if (update) {
    const rounded = Object.entries(counted).map(([name, value]) => [name, Number(value.toPrecision(4))]);
    writeFileSync(FIGURES, `${JSON.stringify(Object.fromEntries(rounded), null, 2)}\n`);
  }
  const committed = JSON.parse(readFileSync(FIGURES, "utf8")) as Counts;
  return { rows: rowsFrom(counted), failures: regressions(committed, counted) };
}

function coreCounts(): Counts {
  const program = ["--expose-gc", "--predictable", join(COMPILED, "gate-core.js")];
  return JSON.parse(execFileSync(process.execPath, program, { encoding: "utf8" })) as Counts;
}

function rowsFrom(counted: Counts): Row[] {
  const versions = { node: process.version, kernel: release(), usertcp: packageVersion() };
  return rowsOf(
    Object.entries(counted).map(([name, value]) => {
      return {
        ...{ suite: "gate", workload: name, target: "usertcp", mtu: 0, family: 4 },
        ...{ spinUs: 0, metric: PRIMARY, samples: [value], unit: "", better: "lower" },
        ...{ cpuPerUnit: null, cpuUnit: null, versions, notes: {} },
      } as const;
    }),
  );
}
