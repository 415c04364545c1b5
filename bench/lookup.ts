/**
 * `bench lookup`: nanoseconds to find a flow by its 4-tuple among 1,000 to 100,000, ours against a Map keyed
 * by string and one keyed by BigInt; hot (16 flows by turns) and cold (all, in random order). Also what a flow
 * costs to open and close, and the timer operations that TCP does most.
 */
import { fileURLToPath } from "node:url";
import { Random } from "../src/base/random.ts";
import { SECOND } from "../src/base/time.ts";
import { FlowTable, KIND_TCB, SEED_WORDS } from "../src/stack/flow-table.ts";
import { TimerWheel } from "../src/stack/timer-wheel.ts";
import { type Measurement, PRIMARY, type Row, rowsOf } from "./row.ts";

const FLOWS = [1_000, 10_000, 100_000] as const;
const HOT = 16;
const LOCAL = 0x0a4d0002;
const LOCAL_PORT = 80;
const RUNS = 5;
/** Duration of a run. */
const RUN_NS = 2e7;
const VERSIONS = { usertcp: "0.1.0", node: process.version };

/** Remote ends, in the order in which to look them up. */
interface Flows {
  readonly remotes: Int32Array;
  readonly ports: Int32Array;
}

/** Does its work once for each of `count` flows, and answers a number that depends on it. */
type Pass = (flows: Flows, count: number) => number;

/** Runs the suite. */
export function benchLookup(): Row[] {
  const measurements: Measurement[] = [];
  for (const count of FLOWS) {
    const flows = randomFlows(count);
    const targets = { usertcp: ours(flows), "string-map": byString(flows), "bigint-map": byBigInt(flows) };
    for (const [target, { find, churn }] of Object.entries(targets)) {
      measurements.push(measure(`find-hot-${count}`, target, () => find(flows, HOT), HOT));
      measurements.push(measure(`find-cold-${count}`, target, () => find(flows, count), count));
      measurements.push(measure(`close-open-${count}`, target, () => churn(flows, count), count));
    }
    measurements.push(...benchTimers(count));
  }
  return rowsOf(measurements);
}

/** A few thousand remote hosts, each with some flows; then shuffled, as segments arrive. */
function randomFlows(count: number): Flows {
  const random = new Random(count);
  const remotes = new Int32Array(count);
  const ports = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    remotes[i] = 0x0a000000 + (i % 4096) * 7;
    ports[i] = 32_768 + Math.floor(i / 4096);
  }
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [remotes[i], remotes[j]] = [remotes[j]!, remotes[i]!];
    [ports[i], ports[j]] = [ports[j]!, ports[i]!];
  }
  return { remotes, ports };
}

function ours(flows: Flows): { find: Pass; churn: Pass } {
  const random = new Random(1);
  const seed = new Int32Array(SEED_WORDS).map(() => random.next());
  const table = new FlowTable({ seed });
  const opening = shuffled(flows);
  for (let i = 0; i < opening.ports.length; i++) {
    table.insert(4, LOCAL, opening.remotes[i]!, LOCAL_PORT, opening.ports[i]!, KIND_TCB);
  }
  const find: Pass = ({ remotes, ports }, count) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += table.find(4, LOCAL, remotes[i]!, LOCAL_PORT, ports[i]!);
    return total;
  };
  const churn: Pass = ({ remotes, ports }, count) => {
    for (let i = 0; i < count; i++) {
      table.remove(table.find(4, LOCAL, remotes[i]!, LOCAL_PORT, ports[i]!));
      table.insert(4, LOCAL, remotes[i]!, LOCAL_PORT, ports[i]!, KIND_TCB);
    }
    return table.size;
  };
  return { find, churn };
}

function byString(flows: Flows): { find: Pass; churn: Pass } {
  const key = (remote: number, port: number): string => `${LOCAL}:${LOCAL_PORT}-${remote}:${port}`;
  return byMap(flows, new Map<string, number>(), key);
}

function byBigInt(flows: Flows): { find: Pass; churn: Pass } {
  const local = (BigInt(LOCAL) << 16n) | BigInt(LOCAL_PORT);
  const key = (remote: number, port: number): bigint =>
    (local << 48n) | (BigInt(remote >>> 0) << 16n) | BigInt(port);
  return byMap(flows, new Map<bigint, number>(), key);
}

function byMap<K>(
  flows: Flows,
  map: Map<K, number>,
  key: (remote: number, port: number) => K,
): { find: Pass; churn: Pass } {
  const opening = shuffled(flows);
  for (let i = 0; i < opening.ports.length; i++) map.set(key(opening.remotes[i]!, opening.ports[i]!), i);
  const find: Pass = ({ remotes, ports }, count) => {
    let total = 0;
    for (let i = 0; i < count; i++) total += map.get(key(remotes[i]!, ports[i]!))!;
    return total;
  };
  const churn: Pass = ({ remotes, ports }, count) => {
    for (let i = 0; i < count; i++) {
      map.delete(key(remotes[i]!, ports[i]!));
      map.set(key(remotes[i]!, ports[i]!), i);
    }
    return map.size;
  };
  return { find, churn };
}

/** Flows open in another order than they are looked up in. */
function shuffled({ remotes, ports }: Flows): Flows {
  return { remotes: remotes.slice().reverse(), ports: ports.slice().reverse() };
}

function benchTimers(count: number): Measurement[] {
  const wheel = new TimerWheel(1024, 0);
  const random = new Random(2);
  const slots = new Int32Array(count).map(() => random.below(count));
  for (let slot = 0; slot < count; slot++) wheel.set(slot, SECOND + random.below(60 * SECOND));
  let round = 100;
  const postpone = (): number => {
    let later = round++ * SECOND;
    for (let i = 0; i < count; i++) wheel.set(slots[i]!, later++);
    return wheel.deadlineOf(0);
  };
  const rearm = (): number => {
    let later = round++ * SECOND;
    for (let i = 0; i < count; i++) {
      wheel.cancel(slots[i]!);
      wheel.set(slots[i]!, later++);
    }
    return wheel.deadlineOf(0);
  };
  return [
    measure(`timer-later-${count}`, "usertcp", postpone, count),
    measure(`timer-cancel-set-${count}`, "usertcp", rearm, count),
    measure(`timer-next-${count}`, "usertcp", () => repeated(wheel), 64),
  ];
}

function repeated(wheel: TimerWheel): number {
  let total = 0;
  for (let i = 0; i < 64; i++) total += wheel.nextDeadline();
  return total;
}

/** Time of one unit of `pass`, which does `units`. */
function measure(workload: string, target: string, pass: () => number, units: number): Measurement {
  let passes = 1;
  // Doubling up to the run's length warms the code up on the way.
  for (let took = 0; took < RUN_NS; ) {
    passes *= 2;
    took = timed(pass, passes);
  }
  const samples: number[] = [];
  for (let i = 0; i < RUNS; i++) samples.push(timed(pass, passes) / (passes * units));
  return {
    suite: "lookup",
    workload,
    target,
    mtu: 0,
    family: 4,
    spinUs: 0,
    metric: PRIMARY,
    samples,
    unit: "ns",
    better: "lower",
    cpuPerUnit: null,
    cpuUnit: null,
    versions: VERSIONS,
    notes: {},
  };
}

function timed(pass: () => number, passes: number): number {
  const start = process.hrtime.bigint();
  let total = 0;
  for (let i = 0; i < passes; i++) total += pass();
  const took = Number(process.hrtime.bigint() - start);
  if (Number.isNaN(total)) throw new Error("a look-up failed");
  return took;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { workload, target, value, noise, ratioTo } of benchLookup()) {
    const ratios = Object.entries(ratioTo).map(([name, r]) => `${r.toFixed(1)}x ${name}`);
    console.log(
      `${workload.padEnd(26)} ${target.padEnd(12)} ${value.toFixed(1).padStart(8)} ns  +-${(noise * 100).toFixed(0)}%  ${ratios.join("  ")}`,
    );
  }
}
