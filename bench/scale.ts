/**
 * The suite `scale` (design section 8): a stack with many connections, over TUN with the kernel as the client, and in memory
 * (`scale-core.ts`). What each weighs, idle and with one in a hundred active; accepting; a SYN flood beside real clients.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { release } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cpuSeconds } from "./child.ts";
import { Dialogue } from "./dialogue.ts";
import { Holders, type Pinged } from "./holders.ts";
import type { Outcome } from "./kernel.ts";
import { buildClient, load } from "./load.ts";
import {
  addDefaultRoute,
  addSources,
  CLIENT_PAIR,
  cleanUp,
  createNamespace,
  deviceTowards,
  removeNamespace,
  requireNamespaces,
  spawnIn,
  stop,
  useCubic,
} from "./namespace.ts";
import { BUILD, COMPILED, packageVersion } from "./paths.ts";
import { type Measurement, median, PRIMARY, rowsOf } from "./row.ts";
import { coreFigures, type Figure } from "./scale-core.ts";
import { prepareTargets, type RunningTarget, startTarget } from "./target.ts";
import { shareOf, type Weight } from "./weight.ts";

export interface ScaleOptions {
  /** Connections, ascending. */
  readonly sizes: readonly number[];
  readonly runs: number;
  readonly seconds: number;
  readonly mtu: number;
  readonly progress: (line: string) => void;
}

export const SIZES: readonly number[] = [1_000, 10_000, 100_000];

const HOST = "10.77.0.2";
const SOURCES = 16;
/** Sequential ports would collide in the kernel's own table of connections long before 64,512 an address. */
const WARM = 200;
/** How long an idle stack's CPU time is counted, in seconds: a tick of /proc is 10 ms. */
const IDLE_SECONDS = 4;
const FLOOD_RATE = 100_000;
const FLOOD_TARGETS = ["usertcp", "kernel-c"];
const VERSIONS = { node: process.version, kernel: release(), usertcp: packageVersion() };

/** Runs the suite. Needs root and a compiler; leaves no namespace and no process behind. */
export async function benchScale(options: ScaleOptions): Promise<Outcome> {
  requireNamespaces();
  prepareTargets(["usertcp"], 1500, () => {});
  buildClient();
  const measurements: Measurement[] = [];
  const failures: string[] = [];
  const attempt = async (what: string, work: () => Promise<Measurement[]>): Promise<void> => {
    options.progress(what);
    try {
      measurements.push(...(await work()));
    } catch (error) {
      failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  try {
    for (const api of ["raw", "net"] as const) {
      await attempt(`connections over TUN, ${api} API`, () => growing(api, options));
    }
    for (const name of FLOOD_TARGETS) {
      await attempt(`SYN flood beside clients, ${name}`, () => flooded(name, options));
    }
    for (const size of options.sizes) {
      await attempt(`${size} connections in memory`, async () => coreFigures(size).map(coreMeasurement));
    }
  } finally {
    cleanUp();
  }
  return { rows: rowsOf(measurements), failures };
}

/** One server that is given more and more connections, and measured at each size. */
async function growing(api: "raw" | "net", options: ScaleOptions): Promise<Measurement[]> {
  const namespace = createNamespace();
  const pipes = { stdio: "pipe" } as const;
  const command = [process.execPath, "--expose-gc", join(COMPILED, "scale-server.js"), api];
  const child = spawnIn(namespace, command, pipes);
  const server = new Dialogue(child, `scale-server ${api}`);
  await server.ready();
  const device = deviceTowards(namespace, HOST);
  const sources = addSources(namespace, device, "10.77.0.1", SOURCES);
  useCubic(namespace, device);
  allowTimeWait(namespace);
  const clients = new Holders(namespace, HOST, sources, options.sizes.at(-1)!);
  try {
    await clients.open(WARM);
    await clients.ping(WARM, 1);
    const empty = await server.ask<Weight>("weigh");
    const all: Measurement[] = [];
    const note = (workload: string, metric: string, rest: Partial<Measurement>): void => {
      all.push(measurement(api === "raw" ? "usertcp" : "usertcp-net", workload, metric, options.mtu, rest));
    };
    for (const size of options.sizes) {
      options.progress(`  ${size}`);
      await atSize(size, server, clients, child.pid!, empty, options, note);
    }
    await atTheEnd(options.sizes.at(-1)!, server, clients, empty, note, namespace, sources, child);
    return all;
  } finally {
    await Promise.all([clients.stop(), stop(child)]);
    removeNamespace(namespace);
  }
}

type Note = (workload: string, metric: string, rest: Partial<Measurement>) => void;

async function atSize(
  size: number,
  server: Dialogue,
  clients: Holders,
  pid: number,
  empty: Weight,
  { runs, seconds }: ScaleOptions,
  note: Note,
): Promise<void> {
  const began = cpuSeconds(pid);
  const { rate, opened } = await clients.open(size);
  const openCpu = cpuSeconds(pid) - began;
  const cpuPer = openCpu / opened;
  note(`accept-${size}`, PRIMARY, {
    ...{ samples: [rate], unit: "connections/s", better: "higher" },
    ...{ cpuPerUnit: 1e6 * cpuPer, cpuUnit: "us/connection" },
  });

  // What delays ACKs, and whatever else came of the opening, is over by then.
  await delay(500);
  const weight = await server.ask<Weight>("weigh");
  if (weight.established !== size) throw new Error(`${weight.established} connections of ${size}`);
  const share = shareOf(empty, weight, size - WARM);
  const bytes = { unit: "bytes each", better: "lower" } as const;
  note(`idle-${size}`, PRIMARY, { ...bytes, samples: [share.heap] });
  note(`idle-${size}`, "buffers", { ...bytes, samples: [share.buffers] });
  note(`idle-${size}`, "rss", { ...bytes, samples: [share.rss] });
  const idle = cpuSeconds(pid);
  await delay(IDLE_SECONDS * 1_000);
  const percent = (100 * (cpuSeconds(pid) - idle)) / IDLE_SECONDS;
  note(`idle-${size}`, "cpu", { samples: [percent], unit: "% of a CPU", better: "lower" });

  const active = Math.max(1, Math.floor(size / 100));
  const pinged: Pinged[] = [];
  const before = cpuSeconds(pid);
  for (let i = 0; i < runs; i++) pinged.push(await clients.ping(active, seconds));
  const total = pinged.reduce((sum, one) => sum + one.total, 0);
  note(`active-${size}`, PRIMARY, {
    ...{ samples: pinged.map((one) => one.rate), unit: "transactions/s", better: "higher" },
    ...{ cpuPerUnit: (1e6 * (cpuSeconds(pid) - before)) / total, cpuUnit: "us/transaction" },
  });
  const latency = { unit: "us", better: "lower" } as const;
  note(`active-${size}`, "p50", { ...latency, samples: pinged.map((one) => one.p50us) });
  note(`active-${size}`, "p99", { ...latency, samples: pinged.map((one) => one.p99us) });
}

/** The server closes all: TIME-WAIT is its. Then clients come and go beside it. */
async function atTheEnd(
  size: number,
  server: Dialogue,
  clients: Holders,
  empty: Weight,
  note: Note,
  namespace: string,
  sources: readonly string[],
  child: ChildProcess,
): Promise<void> {
  await Promise.all([server.ask("close", 120), clients.drain()]);
  const weight = await whenClosed(server);
  const bytes = { unit: "bytes each", better: "lower" } as const;
  const workload = `tun-time-wait-${size}`;
  const share = shareOf(empty, weight, weight.timeWait);
  note(workload, "buffers", { ...bytes, samples: [share.buffers] });
  note(workload, "heap", { ...bytes, samples: [share.heap] });
  note(workload, "records", { samples: [weight.timeWait], unit: "records", better: "higher" });
  const target = { clientNamespace: namespace, host: HOST, sources, pid: child.pid! };
  const report = await load(target as unknown as RunningTarget, { load: "crr", pinned: false }, 1, 0.5);
  note(workload, PRIMARY, { samples: [report.value], unit: "connections/s", better: "higher" });
}

/** FINs that the device's queue had no room for come again after a while. */
async function whenClosed(server: Dialogue): Promise<Weight> {
  for (let tries = 0; ; tries++) {
    await delay(1_000);
    const weight = await server.ask<Weight>("weigh");
    // What is left then waits for a FIN that the kernel has forgotten (FIN-WAIT-2).
    if (weight.established === 0 || tries === 10) return weight;
  }
}

/** Clients of one target alone, and with a flood of SYNs to the same port. */
async function flooded(name: string, options: ScaleOptions): Promise<Measurement[]> {
  const settings = {
    mtu: options.mtu,
    spinUs: null,
    offload: true,
    between: "nothing",
    congestion: "cubic",
    program: "services",
    family: 4,
  } as const;
  const target = await startTarget(name, settings);
  // Without a way back the kernel would not answer the flood at all.
  if (target.onKernel) addDefaultRoute(target.serverNamespace, CLIENT_PAIR.far);
  try {
    const all: Measurement[] = [];
    for (const errand of ["rr64", "crr"]) {
      await load(target, { load: errand, pinned: false }, 0.5, 0.5);
      for (const isFlooded of [false, true]) {
        options.progress(`  ${errand}${isFlooded ? " under the flood" : ""}`);
        all.push(...(await underFlood(target, errand, isFlooded, options)));
      }
    }
    return all;
  } finally {
    await target.stop();
  }
}

async function underFlood(
  target: RunningTarget,
  errand: string,
  isFlooded: boolean,
  { runs, seconds, mtu }: ScaleOptions,
): Promise<Measurement[]> {
  const reports: Awaited<ReturnType<typeof load>>[] = [];
  const rates: number[] = [];
  let retransmits = 0;
  let errors = 0;
  for (let i = 0; i < runs; i++) {
    const flood = isFlooded ? beginFlood(target, seconds + 1.5) : null;
    await delay(500);
    const report = await load(target, { load: errand, pinned: false }, seconds, 0.5);
    reports.push(report);
    retransmits += report.retransmits;
    errors += report.errors;
    if (flood !== null) rates.push(await flood);
  }
  const workload = `${isFlooded ? "flooded" : "unflooded"}-${errand}`;
  const about = {
    versions: target.versions,
    notes: { ...target.notes, retransmits, errors, ...(isFlooded ? { synsPerSecond: median(rates) } : {}) },
  };
  const unit = errand === "crr" ? "connections/s" : "transactions/s";
  const of = (metric: string, rest: Partial<Measurement>): Measurement => ({
    ...measurement(target.name, workload, metric, mtu, rest),
    ...about,
  });
  return [
    of(PRIMARY, { samples: reports.map((report) => report.value), unit, better: "higher" }),
    of("p50", { samples: reports.map((report) => report.p50us), unit: "us", better: "lower" }),
    of("p99", { samples: reports.map((report) => report.p99us), unit: "us", better: "lower" }),
  ];
}

/** Resolves to the SYNs a second that were sent. */
async function beginFlood(target: RunningTarget, seconds: number): Promise<number> {
  const command = [join(BUILD, "flood"), target.host, "7", String(FLOOD_RATE), String(seconds)];
  const child = spawnIn(target.clientNamespace, command, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const text of child.stdout!.setEncoding("utf8")) said += text as string;
  const report = JSON.parse(said) as { sent: number; seconds: number };
  return report.sent / report.seconds;
}

/** The kernel's own TIME-WAIT is the client's, and may be as many as the server's connections. */
function allowTimeWait(namespace: string): void {
  spawnSync("ip", ["netns", "exec", namespace, "sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=262144"]);
}

function coreMeasurement({ workload, metric, samples, unit, better }: Figure): Measurement {
  return measurement("usertcp-core", workload, metric, 0, { samples, unit, better });
}

function measurement(
  target: string,
  workload: string,
  metric: string,
  mtu: number,
  rest: Partial<Measurement>,
): Measurement {
  return {
    ...{ suite: "scale", workload, target, mtu, family: 4, spinUs: 0, metric, samples: [] },
    ...{ unit: "", better: "lower", cpuPerUnit: null, cpuUnit: null, versions: VERSIONS, notes: {} },
    ...rest,
  };
}
