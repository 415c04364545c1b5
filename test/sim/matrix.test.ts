/**
 * Twelve cells of the loss matrix, with less virtual time, figure for figure as committed. A change of recovery or congestion
 * control changes them: look whether for the better, then `npx vitest run test/sim/matrix.test.ts -u`.
 */
import { expect, test } from "vitest";
import { type Cell, cell } from "./matrix/cells.ts";
import { runCell } from "./matrix/run-cell.ts";

const CELLS: readonly Cell[] = [
  cell("newreno", 1e7, 20, 0, 0, 1, 1),
  cell("newreno", 1e7, 100, 1, 0, 1, 1),
  cell("newreno", 1e7, 100, 0, 3, 1, 1),
  cell("cubic", 1e7, 20, 0, 0, 0.5, 1),
  cell("cubic", 1e8, 20, 0, 0, 1, 1),
  cell("cubic", 1e7, 100, 0, 0, 4, 1),
  cell("cubic", 1e7, 100, 0, 3, 1, 1),
  cell("cubic", 1e7, 20, 10, 3, 1, 1),
  cell("cubic", 1e7, 20, 0, 0, 1, 8),
  cell("bbr", 1e7, 100, 0, 0, 1, 1),
  cell("bbr", 1e7, 20, 1, 0, 1, 1),
  cell("bbr", 1e7, 100, 3, 3, 4, 1),
];
const SECONDS = 45;

test(`goodput, fairness and retransmissions of ${CELLS.length} cells in ${SECONDS} s are what is committed`, async () => {
  const lines = CELLS.map((one) => {
    const { name, goodput, fairness, again, dropped } = runCell(one, SECONDS, (2 * SECONDS) / 3);
    const shares = [goodput, fairness, again, dropped].map((n) => n.toFixed(4).padStart(8));
    return `${name.padEnd(44)}${shares.join("")}`;
  });
  const head = `${"cell".padEnd(44)} goodput    fair   again overflow`;
  await expect(`${[head, ...lines].join("\n")}\n`).toMatchFileSnapshot("matrix/twelve-cells.txt");
}, 120_000);
