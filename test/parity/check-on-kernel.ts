/** One script from its text to the kernel's verdict, in a namespace that nobody used before. */
import type { Script } from "../../src/sim/packetdrill/ast.ts";
import { Unbuildable } from "../../src/sim/packetdrill/build.ts";
import { Unsupported } from "../../src/sim/packetdrill/expression.ts";
import { networkOf } from "../../src/sim/packetdrill/network.ts";
import { ParseError } from "../../src/sim/packetdrill/parse-error.ts";
import { parseScript } from "../../src/sim/packetdrill/parse-script.ts";
import { ScriptFailure } from "../../src/sim/packetdrill/script-failure.ts";
import type { Mode, Verdict } from "../../src/sim/packetdrill/verdict.ts";
import { KernelProcess } from "./kernel-process.ts";
import { KernelRun } from "./kernel-run.ts";
import { prepareKernel } from "./kernel-settings.ts";

/** Runs `text`, named `file` in messages; `program` is syscalls.c compiled. */
async function checkOnKernel(text: string, file: string, mode: Mode, program: string): Promise<Verdict> {
  let script: Script;
  try {
    script = parseScript(text, { file, platform: "linux" });
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { status: error.unsupported ? "unsupported" : "fail", line: error.line, message: error.reason };
  }
  const network = networkOf(script.options);
  if (typeof network === "string") return { status: "unsupported", line: null, message: network };
  const kernel = new KernelProcess(program);
  const run = new KernelRun(script, kernel, network, mode);
  try {
    await prepareKernel(kernel, network);
    await run.run();
    return { status: "pass", line: null, message: "", atUs: run.elapsed };
  } catch (error) {
    return verdictOf(error, run);
  } finally {
    await kernel.stop();
  }
}

/** The best of up to `attempts`: one that passes can't have done so by being late. */
export async function checkPatiently(
  text: string,
  file: string,
  mode: Mode,
  program: string,
  attempts: number,
): Promise<Verdict> {
  for (let attempt = 1; ; attempt++) {
    const verdict = await checkOnKernel(text, file, mode, program);
    if (verdict.status !== "fail" || attempt >= attempts) return verdict;
  }
}

function verdictOf(error: unknown, { line, elapsed: atUs }: KernelRun): Verdict {
  if (error instanceof Unsupported || error instanceof Unbuildable) {
    return { status: "unsupported", line, message: error.message, atUs };
  }
  if (error instanceof ScriptFailure) {
    return { status: "fail", line: error.line ?? line, message: error.message, atUs, ...error.views };
  }
  throw error;
}

/** How long the script takes in real time, at least, in microseconds. */
export function durationOf(text: string, file: string): number {
  const script = parseScript(text, { file, platform: "linux" });
  let at = 0;
  for (const { time, action } of script.events) {
    if (time.kind === "absolute" || time.kind === "absolute-range") at = Math.max(at, time.us);
    else if (time.kind !== "any") at += time.us;
    if (action.kind === "command") at += Number(/^sleep ([\d.]+)/.exec(action.text)?.[1] ?? 0) * 1e6;
  }
  return at;
}
