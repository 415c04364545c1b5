/** Compiling a peer's program: only when something of ours is newer than it, and with one line where it fails. */
import { spawnSync } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Failure } from "../failure.ts";

/** Runs a compiler unless `output` is newer than every one of `sources`. */
export function compile(
  output: string,
  sources: readonly string[],
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): void {
  const made = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (sources.every((source) => statSync(source).mtimeMs < made)) return;
  mkdirSync(dirname(output), { recursive: true });
  const [program, ...args] = command;
  const done = spawnSync(program!, args, { encoding: "utf8", env: { ...process.env, ...environment } });
  if (done.error !== undefined) throw new Failure(`${program} is not there`);
  if (done.status !== 0) throw new Failure(`${program}: ${firstError(done.stderr)}`);
}

/** The line of a compiler's complaints that says what is wrong. */
export function firstError(complaints: string): string {
  const lines = complaints.trim().split("\n");
  return lines.find((line) => /error|:\d+:\d+:/.test(line)) ?? lines[0]!;
}
