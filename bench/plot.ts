/** `npm run bench -- plot FILE.json...`: SVG charts of rows that `--json` printed. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, CommanderError } from "commander";
import { Error as ERRORS_ONLY, logger, parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { chartsOf } from "./chart.ts";
import { Failure } from "./failure.ts";
import { ROOT } from "./paths.ts";
import type { Row } from "./row.ts";

/** Draws what the arguments say; gives the files written, or the text of `--help`. */
export async function plot(args: readonly string[]): Promise<readonly string[] | string> {
  let said = "";
  const command = new Command("npm run bench -- plot")
    .argument(
      "<file...>",
      "what 'npm run bench -- SUITE --json' printed; of the same measured twice, the last counts",
    )
    .option("--out <folder>", "where the charts go", join(ROOT, "docs", "plots"))
    .exitOverride()
    .configureOutput({ writeOut: (text) => (said += text), writeErr: () => {} });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return said;
    throw new Failure(error.message.replace(/^error: /, ""), 2);
  }
  const { out } = command.opts<{ out: string }>();
  const charts = chartsOf(command.args.flatMap(rowsIn));
  mkdirSync(out, { recursive: true });
  const files: string[] = [];
  for (const { name, spec } of charts) {
    const file = join(out, `${name}.svg`);
    writeFileSync(file, await svgOf(spec));
    files.push(file);
  }
  return files;
}

async function svgOf(spec: TopLevelSpec): Promise<string> {
  // It warns of scales of its own for each workload, which are meant.
  const view = new View(parse(compile(spec, { logger: logger(ERRORS_ONLY) }).spec), { renderer: "none" });
  return `${await view.toSVG()}\n`;
}

function rowsIn(file: string): Row[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new Failure(`${file}: ${(error as NodeJS.ErrnoException).code ?? error}`, 2);
  }
  return parseRows(text, file);
}

/** The rows in the text of a file. Throws a `Failure` with one line where it holds none. */
export function parseRows(text: string, file: string): Row[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Failure(`${file} is not JSON: plot takes what 'npm run bench -- SUITE --json' prints`, 2);
  }
  if (!Array.isArray(value) || value.length === 0 || !value.every(isRow)) {
    throw new Failure(`${file} holds no rows: plot takes what 'npm run bench -- SUITE --json' prints`, 2);
  }
  return value;
}

function isRow(value: unknown): value is Row {
  const row = value as Partial<Row> | null;
  const words = [row?.suite, row?.workload, row?.target, row?.metric, row?.unit];
  return (
    words.every((word) => typeof word === "string") &&
    Number.isFinite(row?.value) &&
    Number.isFinite(row?.mtu)
  );
}
