/**
 * The suites `kernel`, `loss` and `path` (design section 8): one client on the kernel's TCP against every target, the
 * targets in turn within one run, so that what the machine does meanwhile falls on all of them alike. Absolute
 * figures mean little on a shared machine; the ratios of one run do.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "./failure.ts";
import { buildClient, type Errand, type LoadReport, load } from "./load.ts";
import { cleanUp, dropForwarded, requireNamespaces, runIn } from "./namespace.ts";
import type { Conditions } from "./path.ts";
import { OTHERS_MATTER, significant } from "./report.ts";
import { type Measurement, PRIMARY, type Row, rowsOf } from "./row.ts";
import {
  busySecondsOf,
  cpuSeconds,
  type LinkSettings,
  type RunningTarget,
  requireBuilt,
  startTarget,
} from "./target.ts";

/** What a workload asks of the client, and how its figure reads. */
interface Workload extends Errand {
  readonly unit: string;
  /** From the client's figure (bytes or transactions a second) to `unit`. */
  readonly scale: number;
  readonly cpuUnit: string;
  /** From CPU seconds for a byte or a transaction to `cpuUnit`. */
  readonly cpuScale: number;
  /** Whether the client times each transaction. */
  readonly timed: boolean;
  /** Share of the packets of either direction that is lost on the way, 0 to 1. */
  readonly loss: number;
  /** The path between client and server, in the suite `path`. */
  readonly path?: Conditions;
}

const BULK = {
  pinned: false,
  unit: "Gbit/s",
  scale: 8e-9,
  cpuUnit: "s/GB",
  cpuScale: 1e9,
  timed: false,
  loss: 0,
};
const TRIPS = {
  pinned: false,
  loss: 0,
  unit: "transactions/s",
  scale: 1,
  cpuUnit: "us/transaction",
  cpuScale: 1e6,
  timed: true,
};

/** Of the suite `kernel`. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  up: { ...BULK, load: "up" },
  down: { ...BULK, load: "down" },
  rr1: { ...TRIPS, load: "rr1" },
  rr1p: { ...TRIPS, load: "rr1", pinned: true },
  rr64: { ...TRIPS, load: "rr64" },
  crr: { ...TRIPS, load: "crr", unit: "connections/s" },
};

/** Of the suite `loss`: bulk each way while one packet in a hundred, and one in twenty, is dropped. */
export const LOSS_WORKLOADS: Readonly<Record<string, Workload>> = {
  "up-1": { ...BULK, load: "up", loss: 0.01 },
  "up-5": { ...BULK, load: "up", loss: 0.05 },
  "down-1": { ...BULK, load: "down", loss: 0.01 },
  "down-5": { ...BULK, load: "down", loss: 0.05 },
};

/** Of the suite `path`: one sender over a path of given conditions, cells of the loss matrix (test/sim/matrix). */
export const PATH_WORKLOADS: Readonly<Record<string, Workload>> = Object.fromEntries(
  [1e7, 1e8].flatMap((rate) =>
    [20, 100].flatMap((rttMs) =>
      [
        { loss: 0, late: 0 },
        { loss: 0.01, late: 0 },
        { loss: 0, late: 0.03 },
        { loss: 0.03, late: 0.03 },
      ].map(({ loss, late }) => [
        `1e${Math.log10(rate)}-rtt${rttMs}-loss${loss * 100}-late${late * 100}`,
        { ...BULK, load: "down", unit: "Mbit/s", scale: 8e-6, path: { rate, rttMs, loss, late, buffer: 1 } },
      ]),
    ),
  ),
);

const ALL_WORKLOADS: Readonly<Record<string, Workload>> = {
  ...WORKLOADS,
  ...LOSS_WORKLOADS,
  ...PATH_WORKLOADS,
};

export interface KernelOptions extends LinkSettings {
  readonly suite: "kernel" | "loss" | "path";
  readonly targets: readonly string[];
  readonly workloads: readonly string[];
  /** Of each run, after the warm-up. */
  readonly seconds: number;
  readonly warmUp: number;
  readonly runs: number;
  /** Told of each run, for a person to follow. */
  readonly progress: (line: string) => void;
}

/** The rows, and one line for each run that failed. */
export interface Outcome {
  readonly rows: readonly Row[];
  readonly failures: readonly string[];
}

interface Sample extends LoadReport {
  readonly targetCpuSeconds: number;
  /** The share of the machine, 0 to 1, that went to neither client nor target meanwhile. */
  readonly others: number;
}

const PREFLIGHT_SECONDS = 0.4;

/** Runs the suite. Needs root and a compiler; leaves no namespace and no process behind. */
export async function benchKernel(options: KernelOptions): Promise<Outcome> {
  requireNamespaces();
  requireBuilt(options.targets);
  buildClient();
  const bench = new KernelBench(options);
  try {
    await bench.run();
  } finally {
    await bench.stop();
    cleanUp();
  }
  return { rows: rowsOf(bench.measurements()), failures: bench.failures };
}

class KernelBench {
  readonly failures: string[] = [];
  readonly #options: KernelOptions;
  readonly #running = new Map<string, RunningTarget>();
  readonly #samples = new Map<string, Sample[]>();
  /** What each target said of itself, kept for those that did not live to the end. */
  readonly #about = new Map<string, Pick<RunningTarget, "spinUs" | "versions" | "notes">>();

  constructor(options: KernelOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { workloads, targets, runs } = this.#options;
    for (const workload of workloads) {
      for (let run = 0; run < runs; run++) {
        // Each run begins with another target, so that none always follows the same one.
        for (let i = 0; i < targets.length; i++) {
          await this.#sample(workload, targets[(run + i) % targets.length]!, run);
        }
      }
    }
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map((target) => target.stop()));
    this.#running.clear();
  }

  measurements(): Measurement[] {
    const { workloads, targets } = this.#options;
    return workloads.flatMap((workload) =>
      targets.flatMap((target) => {
        const samples = this.#samples.get(`${workload} ${target}`) ?? [];
        const about = this.#about.get(target);
        if (samples.length === 0 || about === undefined) return [];
        return measurementsOf(workload, { ...about, name: target }, samples, this.#options);
      }),
    );
  }

  async #sample(workload: string, name: string, run: number): Promise<void> {
    const { seconds, warmUp, runs, progress } = this.#options;
    const { unit, scale } = ALL_WORKLOADS[workload]!;
    const label = `${workload} ${run + 1}/${runs} ${name}`;
    try {
      const target = await this.#target(name);
      const report = await measured(target, ALL_WORKLOADS[workload]!, seconds, warmUp, run);
      const key = `${workload} ${name}`;
      this.#samples.set(key, [...(this.#samples.get(key) ?? []), report]);
      const others = Math.round(report.others * 100);
      const noisy = others < OTHERS_MATTER ? "" : ` (others took ${others} % of the machine)`;
      progress(`${label}: ${significant(report.value * scale)} ${unit}${noisy}`);
    } catch (error) {
      const line = `${label}: ${error instanceof Error ? error.message : String(error)}${this.#autopsy(name)}`;
      this.failures.push(line);
      progress(line);
      await this.#forget(name);
    }
  }

  /** The target, started if it is not running: a failed run must not spoil the ones after it. */
  async #target(name: string): Promise<RunningTarget> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const target = await startTarget(name, this.#options);
    this.#running.set(name, target);
    this.#about.set(name, target);
    await preflight(target, this.#options.congestion);
    return target;
  }

  #autopsy(name: string): string {
    const target = this.#running.get(name);
    if (target === undefined) return "";
    const { exitCode, signalCode } = target.process;
    const ended =
      exitCode === null && signalCode === null ? "" : `; ${name} had ended (${signalCode ?? exitCode})`;
    return ended + target.complaints();
  }

  async #forget(name: string): Promise<void> {
    const target = this.#running.get(name);
    this.#running.delete(name);
    await target?.stop();
  }
}

/** One `PRIMARY` measurement of a workload's samples, and the latencies where the client takes them. */
export function measurementsOf(
  workload: string,
  target: Pick<RunningTarget, "name" | "spinUs" | "versions" | "notes">,
  samples: readonly Sample[],
  { mtu, suite }: Pick<KernelOptions, "mtu" | "suite">,
): Measurement[] {
  const { unit, scale, cpuUnit, cpuScale, timed } = ALL_WORKLOADS[workload]!;
  const sum = (of: (sample: Sample) => number): number =>
    samples.reduce((all, sample) => all + of(sample), 0);
  const notes: Record<string, string | number> = {
    ...target.notes,
    congestion: [...new Set(samples.map((sample) => sample.congestion))].join(" "),
    mss: samples[0]!.mss,
    retransmits: sum((sample) => sample.retransmits),
    errors: sum((sample) => sample.errors),
    othersPercent: Math.round(100 * Math.max(...samples.map((sample) => sample.others))),
  };
  const common = {
    suite,
    workload,
    target: target.name,
    mtu,
    family: 4,
    spinUs: target.spinUs,
    versions: target.versions,
    notes,
  } as const;
  const primary: Measurement = {
    ...common,
    metric: PRIMARY,
    unit,
    better: "higher",
    cpuPerUnit: (sum((sample) => sample.targetCpuSeconds) / sum((sample) => sample.total)) * cpuScale,
    cpuUnit,
    samples: samples.map((sample) => sample.value * scale),
  };
  if (!timed) return [primary];
  const latency = { ...common, unit: "us", better: "lower", cpuPerUnit: null, cpuUnit: null } as const;
  return [
    primary,
    { ...latency, metric: "p50", samples: samples.map((sample) => sample.p50us) },
    { ...latency, metric: "p99", samples: samples.map((sample) => sample.p99us) },
  ];
}

/** One run of the client, and where the machine's CPU time went meanwhile. */
async function measured(
  target: RunningTarget,
  errand: Workload,
  seconds: number,
  warmUp: number,
  run: number,
): Promise<Sample> {
  if (target.router !== null) dropForwarded(target.router, errand.loss);
  if (errand.path !== undefined) target.path?.set(errand.path, run + 1);
  const began = performance.now();
  const busy = busySecondsOf(readFileSync("/proc/stat", "utf8"));
  const before = cpuSeconds(target.pid);
  const report = await load(target, errand, seconds, warmUp);
  const targetCpuSeconds = cpuSeconds(target.pid) - before;
  const all = busySecondsOf(readFileSync("/proc/stat", "utf8")) - busy;
  const available = ((performance.now() - began) / 1000) * cpus().length;
  const others = Math.max(0, (all - targetCpuSeconds - report.cpuSeconds) / available);
  return { ...report, targetCpuSeconds, others };
}

/** Warms the target up, and makes sure of both ends' congestion control: it decides `up` and `down`. */
async function preflight(target: RunningTarget, congestion: string): Promise<void> {
  const warm = load(target, { load: "rr1", pinned: false }, PREFLIGHT_SECONDS, 0);
  const ours = target.onKernel
    ? delay(PREFLIGHT_SECONDS * 500).then(() => serverCongestion(target))
    : congestion;
  const [client, serverSide] = await Promise.all([warm, ours]);
  if (client.congestion !== congestion)
    throw new Failure(`${target.name}: the client is on ${client.congestion}, not on ${congestion}`);
  if (serverSide !== congestion)
    throw new Failure(`${target.name}: the server is on ${serverSide}, not on ${congestion}`);
}

function serverCongestion({ serverNamespace }: RunningTarget): string {
  const shown = runIn(serverNamespace, "ss", "-tinH", "state", "established", "sport", "=", ":7");
  return / (cubic|reno|bbr|dctcp|vegas|htcp|bic|westwood)\b/.exec(shown)?.[1] ?? "an unknown control";
}
