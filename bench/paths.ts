/** Where things are in the checkout, whether this runs from `bench/` or compiled in `bench/build/bench/`. */
import { readFileSync } from "node:fs";
import { release } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = findRoot(dirname(fileURLToPath(import.meta.url)));
export const BENCH: string = join(ROOT, "bench");
/** The C programs: `load`, `server`. */
export const BUILD: string = join(BENCH, "build");
/** The compiled TypeScript of this folder. */
export const COMPILED: string = join(BUILD, "bench");
/** usertcp's command line, as a user's installation has it. */
export const CLI: string = join(ROOT, "dist", "cli", "main.js");

/** The version in our package.json. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
}

/** What every target runs on. */
export function platformVersions(): Record<string, string> {
  return { node: process.version, kernel: release() };
}

function findRoot(from: string): string {
  const name = nameIn(join(from, "package.json"));
  if (name === "usertcp") return from;
  const parent = dirname(from);
  if (parent === from) throw new Error("not inside a usertcp checkout");
  return findRoot(parent);
}

function nameIn(file: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { name?: string }).name;
  } catch {
    return undefined;
  }
}
