/** `usertcp pkt`: runs packetdrill scripts against the stack in virtual time. Needs no root, device or network. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { checkScript } from "../sim/packetdrill/check-script.ts";
import { formatTally, formatVerdict, type Tally } from "../sim/packetdrill/report.ts";
import type { Profile, RunOptions, VariableView, Verdict } from "../sim/packetdrill/verdict.ts";
import { parseChoice } from "./argument.ts";
import { codeOf, misuse, oneLine } from "./cli-error.ts";

interface PktOptions {
  profile: string;
  strict?: boolean;
  json?: boolean;
}

const PROFILES: readonly Profile[] = ["linux", "freebsd"];

/** `usertcp pkt` */
export function pktCommand(): Command {
  return new Command("pkt")
    .description("run packetdrill scripts against the stack, in virtual time")
    .argument("<file...>", "scripts, and directories with *.pkt below")
    .option("--profile <name>", "defaults of linux or freebsd where RFCs leave room", "linux")
    .option(
      "--strict",
      "compare PSH, windows, window scale, order and padding of options, and what is left over",
    )
    .option("--json", "a JSON object a line: one for each file, then a summary")
    .addHelpText(
      "after",
      `
A script passes, fails, or is unsupported: it asks for what we lack, so it says nothing.
Exit code 0 when none failed, 1 when one did. What is compared in which mode, and what of
packetdrill's language there is: docs/packetdrill.md.

Examples:
  usertcp pkt handshake.pkt
  usertcp pkt --profile freebsd --strict --json scripts/`,
    )
    .action(runScripts);
}

function runScripts(paths: string[], options: PktOptions): void {
  const profile = parseChoice("--profile", options.profile, PROFILES);
  const run: RunOptions = { profile, mode: options.strict === true ? "strict" : "lenient" };
  const files = paths.flatMap(scriptsOf);
  if (files.every(({ problem }) => problem === EMPTY)) throw misuse(`${paths[0]}: ${EMPTY}`);
  const tally: Tally = { files: 0, pass: 0, fail: 0, unsupported: 0 };
  for (const { file, problem } of files) {
    const { text, verdict } = problem === null ? check(file, run) : unread(problem);
    tally.files++;
    tally[verdict.status]++;
    process.stdout.write(
      options.json === true ? rowOf(file, verdict, run) : formatVerdict(file, text, verdict),
    );
  }
  const summary = { ...tally, mode: run.mode, profile };
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ summary })}\n`
      : formatTally(tally, `${profile}, ${run.mode}`),
  );
  process.exitCode = tally.fail > 0 ? 1 : 0;
}

/** A script, or what stands in the way of one. */
interface Found {
  readonly file: string;
  readonly problem: string | null;
}

const EMPTY = "no *.pkt below this directory";

/** A directory stands for the scripts below it, by name; anything else for itself. */
function scriptsOf(path: string): Found[] {
  if (!existsSync(path) || !statSync(path).isDirectory()) return [{ file: path, problem: null }];
  const found = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".pkt"))
    .sort();
  if (found.length === 0) return [{ file: path, problem: EMPTY }];
  return found.map((name) => ({ file: join(path, name), problem: null }));
}

interface Checked {
  readonly text: string;
  readonly verdict: Verdict;
}

function check(file: string, run: RunOptions): Checked {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return unread(codeOf(error) === "ENOENT" ? "no such file" : oneLine(error));
  }
  return { text, verdict: checkScript(text, file, run) };
}

function unread(message: string): Checked {
  return { text: "", verdict: { status: "fail", line: null, message } };
}

/** The five keys of every row; a failure's segments and variables behind them, where there are any. */
function rowOf(file: string, verdict: Verdict, { mode }: RunOptions): string {
  const { status, line, message } = verdict;
  const row: Record<string, unknown> = { file, status, mode, line, message };
  if (status === "fail") {
    if (verdict.expected !== undefined) row["expected"] = fieldsOf(verdict.expected, false);
    if (verdict.seen !== undefined) row["seen"] = fieldsOf(verdict.seen, false);
    if (verdict.variables !== undefined) row["variables"] = fieldsOf(verdict.variables, true);
  }
  return `${JSON.stringify(row)}\n`;
}

/** Text by name; numbers as such where `numeric`. */
function fieldsOf(views: readonly VariableView[], numeric: boolean): Record<string, string | number> {
  return Object.fromEntries(
    views.map(({ name, text }) => [name, numeric && /^-?\d+$/.test(text) ? Number(text) : text]),
  );
}
