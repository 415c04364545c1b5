/**
 * The ledgers docs/rfc9293.md and docs/rfcs.md: no requirement is missing, and every function and test that they name
 * exists. A row is `| ID | requirement | done by | proven by |`; "done by" names `file.ts#symbol` or `file.ts#Class.member`
 * below src, "proven by" `file.test.ts` "whole name of the test" or `script.pkt` below test. Where we depart, "done by" is
 * `departs: why. Also: who else.`
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const ROOT = new URL("../../", import.meta.url);
const LEDGERS = ["docs/rfc9293.md", "docs/rfcs.md"] as const;

interface Entry {
  readonly id: string;
  readonly requirement: string;
  readonly doneBy: string;
  readonly provenBy: string;
}

const HEADING = /^\| (ID \||-+\|)|^\|-/;

/** Every line of a table, so that one with a cell too many is an error and not overlooked. */
function entriesOf(ledger: string): Entry[] {
  return read(ledger)
    .split("\n")
    .filter((line) => line.startsWith("|") && !HEADING.test(line))
    .map((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      if (cells.length !== 6) throw new Error(`${ledger}: not four cells: ${line}`);
      return { id: cells[1]!, requirement: cells[2]!, doneBy: cells[3]!, provenBy: cells[4]! };
    });
}

/** RFC 9293 appendix B numbers its requirements so; all of each range are used. */
const NUMBERED: readonly [name: string, last: number][] = [
  ["MUST", 69],
  ["SHLD", 31],
  ["MAY", 18],
  ["REC", 1],
];

/** The other RFCs that the stack is held to; an id of docs/rfcs.md begins with one of them. */
const OTHERS =
  `7323 6298 5681 6582 9438 9406 2018 2883 6675 8985 9937 5682 3522 4015 7661 3042 6928 5961 6528 6056 4987
  6191 1337 1122 5482 6429 3168 9768 6093 9040 6633 8961 7413 1191 8201 4821 5927 5461 791 8200 4443 792 6864 5722 6946 6724
  1071`
    .trim()
    .split(/\s+/);

const files = new Map<string, string>();

function read(path: string): string {
  const known = files.get(path);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(path, ROOT), "utf8");
  files.set(path, text);
  return text;
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

const SYMBOL = /`([\w./-]+\.(?:ts|c))#([\w.#]+)`/g;
const TEST = /`([\w./-]+\.test\.ts)`(?:\s*"((?:[^"\\]|\\.)*)")?/g;
const SCRIPT = /`([\w./-]+\.pkt)`/g;

/** Declarations of `name` at the top level of `text`; methods and properties when it is a body. */
function declares(text: string, name: string): boolean {
  return new RegExp(
    `^(?:export )?(?:async )?(?:function|const|let|class|interface|type) ${escaped(name)}\\b`,
    "m",
  ).test(text);
}

function memberOf(text: string, container: string, member: string): boolean {
  const start = new RegExp(`^(?:export )?(?:class|interface|const) ${escaped(container)}\\b`, "m").exec(text);
  if (start === null) return false;
  const body = text.slice(start.index, text.indexOf("\n}", start.index));
  return new RegExp(
    `^ {2}(?:(?:static|async|get|set|readonly|override) )*${escaped(member)}\\??\\s*[(:=<,]`,
    "m",
  ).test(body);
}

function missingSymbols(cell: string): string[] {
  return [...cell.matchAll(SYMBOL)].flatMap(([whole, file, symbol]) => {
    const path = `src/${file}`;
    if (!existsSync(new URL(path, ROOT))) return [whole];
    const [name, member] = symbol!.split(".");
    const text = read(path);
    if (file!.endsWith(".c")) return new RegExp(`\\b${name}\\(`).test(text) ? [] : [whole];
    return (member === undefined ? declares(text, name!) : memberOf(text, name!, member)) ? [] : [whole];
  });
}

/** A whole name, as the first argument of a call: `test("name"`, `test.each(...)(\n "name"`. */
function isTest(text: string, name: string): boolean {
  return new RegExp(`\\(\\s*["\`]${escaped(name)}["\`],`).test(text);
}

function missingTests(cell: string): string[] {
  const tests = [...cell.matchAll(TEST)].flatMap(([whole, file, name]) => {
    const path = `test/${file}`;
    if (name === undefined || !existsSync(new URL(path, ROOT))) return [whole];
    return isTest(read(path), name.replaceAll("\\|", "|")) ? [] : [whole];
  });
  const scripts = [...cell.matchAll(SCRIPT)].flatMap(([whole, file]) =>
    existsSync(new URL(`test/${file}`, ROOT)) ? [] : [whole],
  );
  return [...tests, ...scripts];
}

/** What is left of a cell when all that it may name is taken out: a typing error would hide a test from the checks above. */
function rest(cell: string): string {
  return cell.replace(SYMBOL, "").replace(TEST, "").replace(SCRIPT, "").replace(/[,\s]/g, "");
}

describe.each(LEDGERS)("%s", (ledger) => {
  const entries = entriesOf(ledger);

  test("lists each requirement once", () => {
    const ids = entries.map((entry) => entry.id);
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(ids.length).toBeGreaterThan(100);
  });

  test.each(entries)("$id names functions and tests that exist", ({ requirement, doneBy, provenBy }) => {
    expect(requirement.length).toBeGreaterThan(12);
    expect(missingSymbols(doneBy)).toEqual([]);
    expect(missingTests(provenBy)).toEqual([]);
    if (doneBy.startsWith("departs:")) {
      expect(doneBy, "a reason, and who else").toMatch(/^departs: .{40,} Also: .{3,}\.$/);
      expect(rest(provenBy)).toMatch(/^-?$/);
      return;
    }
    expect(rest(doneBy)).toBe("");
    expect(rest(provenBy)).toBe("");
    expect([...doneBy.matchAll(SYMBOL)].length, "a function").toBeGreaterThan(0);
    expect([...provenBy.matchAll(TEST), ...provenBy.matchAll(SCRIPT)].length, "a test").toBeGreaterThan(0);
  });
});

test("RFC 9293 appendix B: no requirement is missing", () => {
  const ids = entriesOf(LEDGERS[0]).map((entry) => entry.id);
  const all = NUMBERED.flatMap(([name, last]) => Array.from({ length: last }, (_, i) => `${name}-${i + 1}`));
  expect([...ids].sort()).toEqual([...all].sort());
});

test("none of the other RFCs is missing, or one that nobody asked for", () => {
  const ids = entriesOf(LEDGERS[1]).map((entry) => entry.id);
  expect(ids.filter((id) => !/^\d+-[\w.]+$/.test(id))).toEqual([]);
  expect([...new Set(ids.map((id) => id.split("-")[0]!))].sort()).toEqual([...OTHERS].sort());
});
