/**
 * The client of the kernel suite, `load.c`: compiled on first use, run in a target's namespace, its report
 * read back. What a workload means and how it is summarized is kernel.ts's business.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listen } from "./child.ts";
import { Failure } from "./failure.ts";
import { spawnIn } from "./namespace.ts";
import { BENCH, BUILD } from "./paths.ts";
import type { RunningTarget } from "./target.ts";

/** What the client is to do. */
export interface Errand {
  /** The client's own name for it: `up`, `down`, `rr1`, `rr64`, `crr`. */
  readonly load: string;
  /** Both ends on one CPU, so that no idle CPU's wake-up is measured. */
  readonly pinned: boolean;
}

/** What the client prints. */
export interface LoadReport {
  readonly value: number;
  readonly total: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly errors: number;
  readonly retransmits: number;
  readonly congestion: string;
  readonly mss: number;
  /** Its own, user and system. */
  readonly cpuSeconds: number;
}

/** Compiles `load` and `server` if their sources changed. */
export function buildClient(): void {
  const made = spawnSync("make", ["-C", BENCH, "-s"], { encoding: "utf8" });
  if (made.error !== undefined) throw new Failure("make is not there: install make and a C compiler");
  if (made.status !== 0) throw new Failure(`compiling the client failed: ${made.stderr.trim()}`);
}

/** One run of the client against a target. */
export async function load(
  target: RunningTarget,
  { load: errand, pinned }: Errand,
  seconds: number,
  warmUp: number,
): Promise<LoadReport> {
  const command = [join(BUILD, "load"), errand, target.host, String(seconds), String(warmUp)];
  if (errand === "crr") command.push(target.sources.join(","));
  const cpu = allowedCpus().at(-1)!;
  if (pinned) pin(target.pid, String(cpu));
  try {
    return await client(
      target.clientNamespace,
      pinned ? ["taskset", "-c", String(cpu), ...command] : command,
      seconds + warmUp,
    );
  } finally {
    if (pinned) pin(target.pid, allowedCpus().join(","));
  }
}

async function client(namespace: string, command: readonly string[], seconds: number): Promise<LoadReport> {
  const child = spawnIn(namespace, command, { stdio: ["ignore", "pipe", "pipe"] });
  const complaints = listen(child);
  let output = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), (seconds + 15) * 1000);
  const code = await new Promise<number | string | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exit, signal) => resolve(signal ?? exit));
  });
  clearTimeout(limit);
  if (code !== 0) throw new Failure(`the client ended (${code})${complaints()}`);
  return JSON.parse(output) as LoadReport;
}

// Node has no call for it. `-a` takes every thread: V8's compilers and collectors would else use the other CPU.
function pin(pid: number, cpus: string): void {
  const done = spawnSync("taskset", ["-acp", cpus, String(pid)], { encoding: "utf8" });
  if (done.error !== undefined) throw new Failure("taskset is not there (install util-linux)");
  if (done.status !== 0) throw new Failure(`taskset: ${done.stderr.trim()}`);
}

/** The CPUs that this process may use. */
function allowedCpus(): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  return parseCpuList(list);
}

/** `0-2,5` as numbers (the list format of cpuset(7)). */
export function parseCpuList(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, i) => first! + i);
  });
}
