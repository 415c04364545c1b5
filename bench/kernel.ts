/**
 * The suites `kernel`, `peers`, `http`, `loss`, `path` and `queues` (design section 8): one client on the kernel's TCP against every
 * target, the targets in turn within one run, so that what the machine does meanwhile falls on all of them alike. Absolute
 * figures mean little on a shared machine; the ratios of one run do.
 */
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { busySecondsOf, cpuSeconds } from "./child.ts";
import { Failure } from "./failure.ts";
import { buildClient, type LoadReport, load } from "./load.ts";
import { cleanUp, dropForwarded, requireNamespaces } from "./namespace.ts";
import { OTHERS_MATTER, significant } from "./report.ts";
import { type Measurement, PRIMARY, type Row, rowsOf } from "./row.ts";
import { NO_PACKETS, type PacketCounts, packetCounts, perUnit } from "./shard-counts.ts";
import { type SocketFacts, socketFacts, UNKNOWN } from "./socket-facts.ts";
import {
  canRun,
  type LinkSettings,
  type Program,
  prepareTargets,
  type RunningTarget,
  startTarget,
} from "./target.ts";
import { ALL_WORKLOADS, type Workload } from "./workload.ts";
import { wrk } from "./wrk.ts";

export interface KernelOptions extends LinkSettings {
  readonly suite: "kernel" | "peers" | "http" | "loss" | "path" | "queues";
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

interface Sample extends LoadReport, PacketCounts {
  readonly targetCpuSeconds: number;
  /** The share of the machine, 0 to 1, that went to neither client nor target meanwhile. */
  readonly others: number;
}

/** A target that has passed its preflight. */
interface Checked extends RunningTarget {
  /** The client's sockets to it. */
  readonly client: SocketFacts;
}

const PREFLIGHT_SECONDS = 0.4;
/** Between looks at the sockets: on a busy machine the client takes its time to connect. */
const LOOK_MS = 50;

/**
 * Runs the suite. Needs root and a compiler; leaves no namespace and no process behind. A target that can't be had here
 * is left out, with one line that says why.
 */
export async function benchKernel(options: KernelOptions): Promise<Outcome> {
  requireNamespaces();
  buildClient();
  const missing = prepareTargets(options.targets, options.mtu, options.progress);
  for (const [name, why] of missing) options.progress(`${name} is left out: ${why}`);
  const targets = options.targets.filter((name) => !missing.has(name));
  if (targets.length === 0) throw new Failure("no target is left");
  const bench = new KernelBench({ ...options, targets });
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
  /** By name and program. */
  readonly #running = new Map<string, Checked>();
  readonly #samples = new Map<string, Sample[]>();
  /** What each target said of itself, kept for those that did not live to the end. */
  readonly #about = new Map<string, Pick<RunningTarget, "spinUs" | "versions" | "notes">>();

  constructor(options: KernelOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { workloads, runs, progress, family } = this.#options;
    for (const workload of workloads) {
      const { program } = ALL_WORKLOADS[workload]!;
      const [targets, others] = partition(this.#options.targets, (name) => canRun(name, program, family));
      if (others.length > 0) progress(`${workload}: not for ${others.join(", ")}`);
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
    const { unit, scale, program } = ALL_WORKLOADS[workload]!;
    const label = `${workload} ${run + 1}/${runs} ${name}`;
    const instance = `${name} ${program}`;
    try {
      const target = await this.#target(name, program);
      const counts = this.#options.suite === "queues" ? packetCounts : () => NO_PACKETS;
      const before = counts(target);
      const taken = await measured(target, ALL_WORKLOADS[workload]!, seconds, warmUp, run);
      const after = counts(target);
      const packetsIn = after.packetsIn - before.packetsIn;
      const report = { ...taken, packetsIn, handedOver: after.handedOver - before.handedOver };
      const key = `${workload} ${name}`;
      this.#samples.set(key, [...(this.#samples.get(key) ?? []), report]);
      const others = Math.round(report.others * 100);
      const noisy = others < OTHERS_MATTER ? "" : ` (others took ${others} % of the machine)`;
      progress(`${label}: ${significant(report.value * scale)} ${unit}${noisy}`);
    } catch (error) {
      const line = `${label}: ${error instanceof Error ? error.message : String(error)}${this.#autopsy(instance)}`;
      this.failures.push(line);
      progress(line);
      await this.#forget(instance);
    }
  }

  /** The target, started if it is not running: a failed run must not spoil the ones after it. */
  async #target(name: string, program: Program): Promise<Checked> {
    const instance = `${name} ${program}`;
    const running = this.#running.get(instance);
    if (running !== undefined) return running;
    const target = await startTarget(name, { ...this.#options, program });
    try {
      const checked = { ...target, client: await preflight(target, program, this.#options.congestion) };
      this.#running.set(instance, checked);
      this.#about.set(name, target);
      return checked;
    } catch (error) {
      await target.stop();
      throw error;
    }
  }

  #autopsy(instance: string): string {
    const target = this.#running.get(instance);
    if (target === undefined) return "";
    const { name, process } = target;
    const { exitCode, signalCode } = process;
    const ended =
      exitCode === null && signalCode === null ? "" : `; ${name} had ended (${signalCode ?? exitCode})`;
    return ended + target.complaints();
  }

  async #forget(instance: string): Promise<void> {
    const target = this.#running.get(instance);
    this.#running.delete(instance);
    await target?.stop();
  }
}

/** One `PRIMARY` measurement of a workload's samples, and the latencies where the client takes them. */
export function measurementsOf(
  workload: string,
  target: Pick<RunningTarget, "name" | "spinUs" | "versions" | "notes">,
  samples: readonly Sample[],
  { mtu, suite, family }: Pick<KernelOptions, "mtu" | "suite" | "family">,
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
    ...(suite === "queues" ? perUnit(samples) : {}),
    othersPercent: Math.round(100 * Math.max(...samples.map((sample) => sample.others))),
  };
  const common = {
    suite,
    workload,
    target: target.name,
    mtu,
    family,
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
  target: Checked,
  errand: Workload,
  seconds: number,
  warmUp: number,
  run: number,
): Promise<Omit<Sample, keyof PacketCounts>> {
  if (target.router !== null) dropForwarded(target.router, errand.loss);
  if (errand.path !== undefined) target.path?.set(errand.path, run + 1);
  const began = performance.now();
  const busy = busySecondsOf(readFileSync("/proc/stat", "utf8"));
  const before = cpuSeconds(target.pid);
  const report =
    errand.http === undefined
      ? await load(target, errand, seconds, warmUp)
      : { ...(await wrk(target, errand.http, seconds, warmUp)), ...target.client };
  const targetCpuSeconds = cpuSeconds(target.pid) - before;
  const all = busySecondsOf(readFileSync("/proc/stat", "utf8")) - busy;
  const available = ((performance.now() - began) / 1000) * cpus().length;
  const others = Math.max(0, (all - targetCpuSeconds - report.cpuSeconds) / available);
  return { ...report, targetCpuSeconds, others };
}

/** Warms the target up, and makes sure of both ends' congestion control: it decides `up` and `down`. */
async function preflight(target: RunningTarget, program: Program, congestion: string): Promise<SocketFacts> {
  const http = program === "http";
  const warm = http
    ? wrk(target, { connections: 1, keepAlive: true, bytes: 100 }, 1, 0)
    : load(target, { load: "rr1", pinned: false }, PREFLIGHT_SECONDS, 0);
  let ended = false;
  const look = async (): Promise<{ client: SocketFacts; server: string }> => {
    const port = http ? 80 : 7;
    for (;;) {
      await delay(LOOK_MS);
      const client = socketFacts(target.clientNamespace, "dport", port);
      const server = target.onKernel
        ? socketFacts(target.serverNamespace, "sport", port).congestion
        : congestion;
      if (ended || (client.congestion !== UNKNOWN && server !== UNKNOWN)) return { client, server };
    }
  };
  const warmed = warm.finally(() => {
    ended = true;
  });
  const [{ client, server }] = await Promise.all([look(), warmed]);
  if (client.congestion !== congestion)
    throw new Failure(`${target.name}: the client is on ${client.congestion}, not on ${congestion}`);
  if (server !== congestion)
    throw new Failure(`${target.name}: the server is on ${server}, not on ${congestion}`);
  return client;
}

function partition<T>(all: readonly T[], accepts: (one: T) => boolean): [T[], T[]] {
  return [all.filter(accepts), all.filter((one) => !accepts(one))];
}
