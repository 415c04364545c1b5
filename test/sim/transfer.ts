/** The thousand seeds, in four files so that vitest runs them side by side. `SEED=n` runs that one alone, with a trace. */
import { test } from "vitest";
import { exchange } from "./exchange.ts";

const SEEDS = 1_000;
const PARTS = 4;
const LOT = 25;

/** The part `part` of 0 to 3. */
export function transfers(part: number): void {
  const only = process.env["SEED"];
  if (only !== undefined) {
    if (part === 0) test(`seed ${only}`, { timeout: 300_000 }, () => void exchange(Number(only), true));
    else test.skip(`seed ${only} runs in part 0`, () => {});
    return;
  }
  const first = (SEEDS / PARTS) * part;
  for (let from = first; from < first + SEEDS / PARTS; from += LOT) {
    test(`a million bytes each way arrive intact and end in order, seeds ${from} to ${from + LOT - 1}`, {
      timeout: 300_000,
    }, () => {
      for (let seed = from; seed < from + LOT; seed++) exchange(seed);
    });
  }
}
