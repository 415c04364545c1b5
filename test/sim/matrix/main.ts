/**
 * `npm run sim:matrix`: runs the cells of the loss matrix that have no figure yet, in worker processes, and writes the tables.
 * It can be stopped at any time: figures are kept, a line each, in test-results/sim-matrix.jsonl.
 */
import { fork } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { isCongestionName } from "../../../src/tcp/congestion/congestion.ts";
import { allCells, type Cell } from "./cells.ts";
import { report } from "./report.ts";
import { type CellResult, runCell } from "./run-cell.ts";

const RESULTS = "test-results/sim-matrix.jsonl";
const TABLES = "docs/loss-matrix.txt";

const HELP = `npm run sim:matrix -- [options]
  --only TEXT      only cells whose name contains TEXT; may be given more than once
  --jobs N         worker processes (2)
  --fresh          forget the figures of the cells that are chosen
  --list           print the names and stop
  --seconds N      virtual seconds a cell (180), of which the last two thirds are measured; other than 180 prints, keeps nothing
  --tables         only write ${TABLES} from the figures kept`;

function main(): void {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      jobs: { type: "string", default: "2" },
      fresh: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
      tables: { type: "boolean", default: false },
      seconds: { type: "string", default: "180" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const only = values.only ?? [""];
  const isChosen = (cell: Cell): boolean => only.some((text) => cell.name.includes(text));
  const cells = allCells().filter((cell) => isChosen(cell) && isCongestionName(cell.congestion));
  if (values.list) {
    for (const { name } of cells) console.log(name);
    return;
  }
  const seconds = Number(values.seconds);
  const isKept = seconds === 180;
  const known = readResults();
  if (values.fresh) {
    for (const { name } of cells) known.delete(name);
    keepAll(known);
  }
  const wanted = values.tables ? [] : cells.filter(({ name }) => !isKept || !known.has(name));
  run(wanted, Math.max(1, Number(values.jobs)), seconds, (result, done) => {
    console.log(`${done}/${wanted.length} ${describe(result)}`);
    if (!isKept) return;
    known.set(result.name, result);
    appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
  }).then(() => {
    if (isKept) writeFileSync(TABLES, report(known));
  });
}

function describe(r: CellResult): string {
  const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
  return `${r.name}: ${r.goodput.toFixed(3)}, fairness ${r.fairness.toFixed(3)}, again ${percent(r.again)}, overflow ${percent(r.dropped)}, ${r.packets} packets, ${r.usPerPacket.toFixed(2)} us each`;
}

function readResults(): Map<string, CellResult> {
  mkdirSync("test-results", { recursive: true });
  const known = new Map<string, CellResult>();
  if (!existsSync(RESULTS)) return known;
  for (const line of readFileSync(RESULTS, "utf8").split("\n")) {
    // The last line may be half of one.
    if (!line.endsWith("}")) continue;
    const result = JSON.parse(line) as CellResult;
    known.set(result.name, result);
  }
  return known;
}

function keepAll(known: Map<string, CellResult>): void {
  rmSync(RESULTS, { force: true });
  for (const result of known.values()) appendFileSync(RESULTS, `${JSON.stringify(result)}\n`);
}

/** Hands the cells out to `jobs` processes, one at a time. */
async function run(
  cells: readonly Cell[],
  jobs: number,
  seconds: number,
  onResult: (result: CellResult, done: number) => void,
): Promise<void> {
  let next = 0;
  let done = 0;
  const worker = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const child = fork(fileURLToPath(import.meta.url), ["--worker"]);
      const give = (): void => {
        if (next < cells.length) child.send({ cell: cells[next++]!, seconds });
        else child.disconnect();
      };
      child.on("message", (result) => {
        onResult(result as CellResult, ++done);
        give();
      });
      child.on("exit", (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${code}`));
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(jobs, cells.length) }, worker));
}

if (process.argv[2] === "--worker") {
  process.on("message", (message) => {
    const { cell, seconds } = message as { cell: Cell; seconds: number };
    process.send!(runCell(cell, seconds, (seconds * 2) / 3));
  });
} else {
  main();
}
