/** A program that a benchmark started: its word that it is ready, its complaints, the CPU time that it took. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Failure } from "./failure.ts";

/** How long a target may take to start. */
const READY_MS = 20_000;

/** What a target says when it is ready. Its `pid` is not the child's where a profiler stands before it. */
export interface Ready {
  readonly pid: number;
  readonly spinUs?: number;
  readonly control?: string;
}

/** Waits for the line `ready {...}` on a child's standard output, and gives the object. */
export function readyLine(child: ChildProcess, name: string, complaints: () => string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(late);
      reject(new Failure(`${name}: ${what}${complaints()}`));
    };
    const late = setTimeout(() => fail(`not ready within ${READY_MS / 1000} s`), READY_MS);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`ended (${signal ?? code}) before it was ready`));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (!line.startsWith("ready ")) return;
      clearTimeout(late);
      try {
        resolve(JSON.parse(line.slice("ready ".length)) as Ready);
      } catch {
        fail(`its ready line is not JSON: ${line}`);
      }
    });
  });
}

/** Keeps the tail of a child's standard error, to be shown if it fails. */
export function listen(child: ChildProcess): () => string {
  let tail = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2000);
  });
  return () => (tail === "" ? "" : `: ${tail.trim()}`);
}

/** User and system time of a process so far, in seconds, from /proc/PID/stat (proc_pid_stat(5)). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return cpuSecondsOf(stat);
}

/** The same, of the text of such a file. */
export function cpuSecondsOf(stat: string): number {
  // The command's name may hold spaces and parentheses: count fields from behind the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const utime = Number(fields[14 - 3]);
  const stime = Number(fields[15 - 3]);
  return (utime + stime) / USER_HZ;
}

/** What all CPUs together have spent on anything but idling, in seconds, from the text of /proc/stat. */
export function busySecondsOf(stat: string): number {
  // user nice system idle iowait irq softirq steal; guest time is in user already (proc_stat(5)).
  const [user, nice, system, , , irq, softirq, steal] = stat
    .split("\n", 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / USER_HZ;
}

// Ticks in /proc are 1/100 s on every Linux that Node runs on, whatever the kernel's own HZ.
const USER_HZ = 100;
