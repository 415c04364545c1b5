/**
 * The suites of the net layer under other versions of Node, by npm's package `node`:
 *
 *   npm run test:nodes [-- [--but-this] [--results FOLDER] [MAJOR...]]      by default 20 22 24 26
 *
 * Each version runs the unit tests of net, Node's own tests of it, the tests against the kernel's TCP, and other people's
 * programs. `--but-this` leaves out the version that runs this script; FOLDER takes a JSON report a version.
 * The binaries are kept in USERTCP_NODES, by default below the system's folder for temporary files.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CACHE = process.env.USERTCP_NODES ?? join(tmpdir(), "usertcp-nodes");
const SUITES = [
  "test/unit/net",
  "test/unit/device",
  "test/node-suite",
  "test/interop/net-kernel.test.ts",
  "test/interop/net-two-stacks.test.ts",
  "test/programs",
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { "but-this": { type: "boolean", default: false }, results: { type: "string" } },
});
const majors = positionals.length > 0 ? positionals : ["20", "22", "24", "26"];
const wrong = majors.find((major) => !/^\d+$/.test(major));
if (wrong !== undefined) {
  console.error(`test:nodes: takes major versions of Node, such as 20 24. Received '${wrong}'`);
  process.exit(2);
}
let failed = false;
for (const major of majors) {
  if (values["but-this"] && process.versions.node.startsWith(`${major}.`)) continue;
  failed = !runUnder(major) || failed;
}
process.exit(failed ? 1 : 0);

/** Whether all suites passed under the newest Node `major`. */
function runUnder(major) {
  const node = install(major);
  if (node === null) return false;
  const version = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`test:nodes: ${version}`);
  const report =
    values.results === undefined
      ? []
      : ["--reporter=json", `--outputFile.json=${values.results}/node-${major}.json`];
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const run = spawnSync(node, [vitest, "run", "--reporter=default", ...report, ...SUITES], {
    cwd: ROOT,
    stdio: "inherit",
    // What a test starts by name is this version, too.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  return run.status === 0;
}

/** The binary of Node `major`, by npm, or null. */
function install(major) {
  const folder = join(CACHE, major);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "package.json"),
    `${JSON.stringify({ private: true, allowScripts: { node: true } })}\n`,
  );
  const flags = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  const done = spawnSync("npm", ["install", ...flags, `node@${major}`], { cwd: folder, encoding: "utf8" });
  const node = join(folder, "node_modules/node/bin/node");
  const runs = spawnSync(node, ["--version"], { encoding: "utf8" }).stdout?.startsWith(`v${major}.`);
  if (done.status === 0 && runs) return node;
  console.error(
    `test:nodes: npm could not install node@${major}: ${done.stderr || "its binary does not run"}`,
  );
  return null;
}
