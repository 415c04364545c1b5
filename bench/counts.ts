/** Counted work against committed figures: what may not grow, by how much it may all the same, and what to say when it does. */

/** Counted figures by name; less is better. */
export type Counts = Readonly<Record<string, number>>;

/** How much more than the committed figure is a regression. */
const TOLERANCE = 0.1;
/** Where the committed figure is next to nothing: less than an object for every eight segments. */
const LEAST = 2;

/** A line for each figure that grew, is new, or is gone; empty when all is well. */
export function regressions(committed: Counts, counted: Counts): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(counted)) {
    const before = committed[name];
    if (before === undefined) lines.push(`${name}: ${shown(value)}, which no figure is committed for`);
    else if (value > limitOf(before)) {
      lines.push(`${name}: ${shown(value)}, more than ${shown(before)} by over ${TOLERANCE * 100} %`);
    }
  }
  for (const name of Object.keys(committed)) {
    if (counted[name] === undefined) lines.push(`${name}: committed, but not counted`);
  }
  return lines;
}

/** The most that passes. */
export function limitOf(committed: number): number {
  return committed * (1 + TOLERANCE) + (committed < LEAST ? LEAST / 2 : 0);
}

function shown(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
