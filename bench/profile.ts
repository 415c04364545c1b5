/**
 * `npm run profile`: where a target's CPU time goes under a workload of the kernel suite. `flame` and
 * `doctor` run clinic (installed into bench/node_modules on first use) and say where the report is;
 * `cpu-prof` needs nothing more than Node, and prints the hottest functions as text.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command, CommanderError, Option } from "commander";
import { cpuSeconds } from "./child.ts";
import { type CpuProfile, functionTimes, hottest, idleShare } from "./cpu-profile.ts";
import { Failure } from "./failure.ts";
import { buildClient, load } from "./load.ts";
import { cleanUp, requireNamespaces } from "./namespace.ts";
import { numberIn, wholeIn } from "./options.ts";
import { BENCH, BUILD } from "./paths.ts";
import { align, significant } from "./report.ts";
import { type LinkSettings, prepareTargets, startTarget, TARGET_NAMES, type Wrap } from "./target.ts";
import { WORKLOADS } from "./workload.ts";

interface ProfileOptions extends LinkSettings {
  readonly mode: string;
  readonly target: string;
  readonly workload: string;
  readonly seconds: number;
  readonly top: number;
  readonly intervalUs: number;
}

const CLINIC = join(BENCH, "node_modules", "clinic", "bin.js");
/** clinic turns its samples into a page after the target has ended: on a busy machine that takes its time. */
const REPORT_MS = 180_000;

try {
  const options = parse(process.argv.slice(2));
  requireNamespaces();
  prepareTargets([options.target], options.mtu, () => {});
  buildClient();
  await profile(options);
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof Failure) {
    process.stderr.write(`profile: ${error.message}\n`);
    process.exitCode = error.exitCode;
  } else throw error;
} finally {
  cleanUp();
}

function parse(args: readonly string[]): ProfileOptions {
  const command = new Command("npm run profile --")
    .addArgument(new Argument("[mode]").choices(["flame", "doctor", "cpu-prof"]).default("flame"))
    .addOption(
      new Option("--target <name>", "what to profile")
        .choices(TARGET_NAMES.filter((name) => /^(usertcp|node)/.test(name)))
        .default("usertcp"),
    )
    .addOption(
      new Option("--workload <name>", "under which load").choices(Object.keys(WORKLOADS)).default("rr64"),
    )
    .option("--seconds <s>", "how long", numberIn(0.5, 60), 5)
    .option("--mtu <bytes>", "of the link", wholeIn(576, 65_535), 1500)
    .option("--spin <us>", "as in `npm run bench`", wholeIn(0, 10_000))
    .option("--no-offload", "as in `npm run bench`")
    .option("--top <n>", "cpu-prof: how many functions", wholeIn(1, 1000), 30)
    .option("--interval <us>", "cpu-prof: microseconds between samples", wholeIn(50, 100_000), 200)
    .exitOverride();
  command.parse(args, { from: "user" });
  const { spin, interval, ...rest } = command.opts<
    Omit<ProfileOptions, "mode" | "spinUs" | "intervalUs"> & { spin?: number; interval: number }
  >();
  return { ...rest, mode: command.processedArgs[0] as string, spinUs: spin ?? null, intervalUs: interval };
}

async function profile(options: ProfileOptions): Promise<void> {
  const { mode, target, workload } = options;
  const folder = join(BUILD, "profiles", `${mode}-${target}-${workload}-${Date.now()}`);
  mkdirSync(folder, { recursive: true });
  if (mode === "cpu-prof") {
    const flags = ["--cpu-prof", `--cpu-prof-dir=${folder}`, `--cpu-prof-interval=${options.intervalUs}`];
    await underLoad(options, ([node, ...rest]) => [node!, ...flags, ...rest]);
    printHottest(folder, options.top);
    return;
  }
  installClinic();
  // clinic drops its logs into the current folder; and, left alone, it asks to report its use.
  const settings = ["env", "-C", folder, "NO_INSIGHT=1", "NO_UPDATE_NOTIFIER=1"];
  const clinic = [...settings, process.execPath, CLINIC, mode, "--open=false", "--dest", folder, "--"];
  await underLoad(options, (command) => [...clinic, ...command]);
  const page = readdirSync(folder).find((name) => name.endsWith(".html"));
  if (page === undefined) throw new Failure(`clinic left no report in ${folder}`);
  process.stdout.write(`report: ${join(folder, page)}\n`);
}

/** Starts the target as wrapped, loads it, and ends it in the way that lets the profiler finish. */
async function underLoad(options: ProfileOptions, wrap: Wrap): Promise<void> {
  const { target: name, workload, seconds } = options;
  const { unit, scale } = WORKLOADS[workload]!;
  const target = await startTarget(
    name,
    {
      ...options,
      family: 4,
      program: "services",
      between: "nothing",
      congestion: "cubic",
    },
    wrap,
  );
  const ended = exit(target.process);
  const before = cpuSeconds(target.pid);
  const report = await load(target, WORKLOADS[workload]!, seconds, 0);
  const cpuShare = (100 * (cpuSeconds(target.pid) - before)) / seconds;
  const rate = `${significant(report.value * scale)} ${unit}`;
  process.stdout.write(
    `${name} under ${workload}: ${rate} while profiled, on ${cpuShare.toFixed(0)} % of a CPU\n`,
  );
  process.kill(target.pid, "SIGTERM");
  const late = setTimeout(() => target.process.kill("SIGKILL"), REPORT_MS);
  const code = await ended;
  clearTimeout(late);
  await target.stop();
  if (code !== 0) throw new Failure(`${name} ended (${code})${target.complaints()}`);
}

function exit(child: ChildProcess): Promise<number | string | null> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
}

function printHottest(folder: string, top: number): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(".cpuprofile"));
  if (names.length === 0) throw new Failure(`no profile was written to ${folder}`);
  for (const name of names) {
    const file = join(folder, name);
    const times = functionTimes(JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
    process.stdout.write(
      `${(idleShare(times) * 100).toFixed(1)} % waiting or reading (native); of the rest:\n`,
    );
    process.stdout.write(align(hottest(times, top)));
    process.stdout.write(`profile: ${file} (opens in Chrome's DevTools)\n`);
  }
}

function installClinic(): void {
  if (existsSync(CLINIC)) return;
  process.stderr.write("installing clinic into bench/node_modules, once (694 packages)\n");
  const args = [
    "install",
    "--prefix",
    BENCH,
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--loglevel=error",
  ];
  const done = spawnSync("npm", args, { stdio: ["ignore", "ignore", "inherit"], cwd: BENCH });
  if (done.status !== 0)
    throw new Failure("clinic could not be installed: see above; 'cpu-prof' needs no install");
}
