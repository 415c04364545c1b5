/**
 * A verdict for a human: one line, and for a failure the event in its script, the expected and the seen segment side
 * by side, and the connection's variables then. Pure; knows only what a verdict says.
 */
import type { SegmentView, VariableView, Verdict } from "./verdict.ts";

/** Lines of the script shown before and behind the event. */
const CONTEXT = 2;
const WIDTH = 100;

/** The report on one script, ended by a line feed. `text` is the script's. */
export function formatVerdict(file: string, text: string, verdict: Verdict): string {
  const place = verdict.line === null ? file : `${file}:${verdict.line}`;
  if (verdict.status === "pass") return `pass         ${file}\n`;
  const head = `${verdict.status.padEnd(12)} ${place}: ${verdict.message}`;
  if (verdict.status === "unsupported") return `${head}\n`;
  const blocks = [
    [head],
    contextOf(text, verdict.line),
    segmentsOf(verdict.expected, verdict.seen, verdict.differing ?? []),
    variablesOf(verdict),
  ];
  return `${blocks.flat().join("\n")}\n`;
}

function contextOf(text: string, line: number | null): string[] {
  if (line === null) return [];
  const lines = text.split("\n");
  const first = Math.max(1, line - CONTEXT);
  const last = Math.min(lines.length, line + CONTEXT);
  const width = String(last).length;
  const shown: string[] = [];
  for (let number = first; number <= last; number++) {
    const mark = number === line ? ">" : " ";
    const content = lines[number - 1]!.replace(/\t/g, "  ").trimEnd();
    shown.push(`  ${mark} ${String(number).padStart(width)} | ${content}`.trimEnd());
  }
  return shown;
}

/** A column a field, in the order in which either segment has them; `^` under those that made the difference. */
function segmentsOf(
  expected: SegmentView | undefined,
  seen: SegmentView | undefined,
  differing: readonly string[],
): string[] {
  if (expected === undefined && seen === undefined) return [];
  const wanted = new Map((expected ?? []).map(({ name, text }) => [name, text]));
  const found = new Map((seen ?? []).map(({ name, text }) => [name, text]));
  const both = expected !== undefined && seen !== undefined;
  const rows = [...merge([...wanted.keys()], [...found.keys()])].map((name) => ({
    name,
    expected: wanted.get(name) ?? "-",
    seen: found.get(name) ?? "-",
    mark: both && differing.includes(name) ? "^" : "",
  }));
  const columns = rows.map((row) => {
    const width = Math.max(row.name.length, row.expected.length, row.seen.length);
    return {
      name: row.name.padEnd(width),
      expected: row.expected.padEnd(width),
      seen: row.seen.padEnd(width),
      mark: row.mark.repeat(width).padEnd(width),
    };
  });
  const line = (label: string, key: "name" | "expected" | "seen" | "mark"): string =>
    `    ${label.padEnd(9)}${columns.map((column) => column[key]).join("  ")}`.trimEnd();
  const lines = [line("", "name")];
  if (expected !== undefined) lines.push(line("expected", "expected"));
  if (seen !== undefined) lines.push(line("seen", "seen"));
  if (rows.some((row) => row.mark !== "")) lines.push(line("", "mark"));
  return lines;
}

/** The names of `first`, with those that only `second` has behind the name they follow there. */
function merge(first: readonly string[], second: readonly string[]): Set<string> {
  const merged = [...first];
  let before = -1;
  for (const name of second) {
    const at = merged.indexOf(name);
    if (at === -1) merged.splice(before + 1, 0, name);
    before = at === -1 ? before + 1 : at;
  }
  return new Set(merged);
}

function variablesOf(verdict: Verdict): string[] {
  const { atUs, variables } = verdict;
  const when = atUs === undefined ? "" : `at ${(atUs / 1e6).toFixed(6)} s`;
  if (variables === undefined || variables.length === 0) return when === "" ? [] : [`    ${when}`];
  return wrapped(`    ${when === "" ? "" : `${when}: `}`, variables);
}

function wrapped(head: string, variables: readonly VariableView[]): string[] {
  const lines: string[] = [];
  let line = head;
  for (const [index, { name, text }] of variables.entries()) {
    const word = `${name} ${spoken(name, text)}${index + 1 < variables.length ? "," : ""}`;
    if (line.length + word.length > WIDTH && line !== head) {
      lines.push(line.trimEnd());
      line = "      ";
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}

/** tcp_info's ca_state by Linux's names. */
const CA_NAMES = ["open", "disorder", "cwr", "recovery", "loss"];
const TIMES = ["srtt", "rto", "retransmit in"];

/** A variable's value as people say it. */
function spoken(name: string, text: string): string {
  if (name === "ca_state") return CA_NAMES[Number(text)] ?? text;
  if (name === "ssthresh" && text === "2147483647") return "infinite";
  return TIMES.includes(name) && text !== "-" ? `${text} us` : text;
}

/** How many of each. */
export interface Tally {
  files: number;
  pass: number;
  fail: number;
  unsupported: number;
}

/** The last line, for a human. */
export function formatTally(tally: Tally, how: string): string {
  const { files, pass, fail, unsupported } = tally;
  const scripts = files === 1 ? "1 script" : `${files} scripts`;
  return `${scripts}: ${pass} pass, ${fail} fail, ${unsupported} unsupported (${how})\n`;
}
