/**
 * Installs what docs/examples and test/programs need beside this package: other people's programs, by the lock file in
 * this folder, and the links by which `import "usertcp"` finds the checkout. Builds dist/ when it is older than src/.
 * Plain JavaScript with nothing but Node's own: people run it as `npm run examples:install`.
 */
import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL("./", import.meta.url));
const ROOT = join(HERE, "../..");
const LOCKED = "USERTCP_PROGRAMS_LOCKED";

// Test files run side by side: one installs, the others wait for it.
if (process.env[LOCKED] === undefined && run("flock", ["--version"], "ignore") === 0) {
  mkdirSync(join(HERE, "build"), { recursive: true });
  process.env[LOCKED] = "1";
  process.exit(run("flock", [join(HERE, "build/lock"), process.execPath, fileURLToPath(import.meta.url)]));
}
if (modified(join(HERE, "node_modules/.package-lock.json")) < modified(join(HERE, "package-lock.json"))) {
  must("npm", ["ci", "--prefix", HERE, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
}
link("../../..", join(HERE, "node_modules/usertcp"));
link("../../test/programs/node_modules", join(ROOT, "docs/examples/node_modules"));
if (modified(join(ROOT, "dist/index.js")) < newest(join(ROOT, "src"))) {
  must("npm", ["run", "--silent", "--prefix", ROOT, "build:ts"]);
}

function link(target, path) {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
}

function newest(folder) {
  const entries = readdirSync(folder, { recursive: true });
  return Math.max(...entries.map((name) => modified(join(folder, name))));
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function run(command, args, stdio = ["ignore", 2, 2]) {
  return spawnSync(command, args, { stdio }).status ?? 1;
}

function must(command, args) {
  if (run(command, args) === 0) return;
  process.stderr.write(`${command} ${args.join(" ")} failed\n`);
  process.exit(1);
}
