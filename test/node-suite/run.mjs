/**
 * Runs Node's own tests with `net` replaced by ours, each in its own process:
 *
 *   node test/node-suite/run.mjs [--suite net] [--how loopback|patched|plain] [--only PART] [--node BINARY] [--source DIR]
 *                                [--jobs 2] [--seconds 30] [--output FILE] [--verbose]
 *
 * What passes on plain Node on this machine counts; a test that fails there says nothing about us. `npm run build:ts` first.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { EXCLUDED } from "./excluded.mjs";
import { fetchNode } from "./fetch.mjs";

const PRELOAD = fileURLToPath(new URL("preload.cjs", import.meta.url));
const FOLDERS = ["parallel", "sequential"];

/** The tests of a suite ("net", "http", "stream", ...), as `folder/file`. */
export function listTests(source, suite) {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(source, "test", folder))
      .filter((name) => name.startsWith(`test-${suite}-`) && /\.m?js$/.test(name))
      .map((name) => `${folder}/${name}`),
  ).sort();
}

/** Why a test does not concern a stack's net API, or null. */
export function excludedBecause(test) {
  return EXCLUDED.get(test.replace(/^.*\/|\.m?js$/g, "")) ?? null;
}

/** Runs one test; resolves to null when it passes, else to what it said. */
export function runTest(test, { how, source, node = process.execPath, seconds = 30, thread = 0 }) {
  const file = join(source, "test", test);
  const flags = /^\/\/ Flags: (.*)$/m.exec(readFileSync(file, "utf8"))?.[1]?.split(/\s+/) ?? [];
  const temporary = mkdtempSync(join(tmpdir(), "node-suite-"));
  const env = {
    ...process.env,
    NODE_TEST_DIR: temporary,
    TEST_THREAD_ID: String(thread),
    NODE_COMMON_PORT: String(12_346 + 100 * thread),
    USERTCP_SUITE: how,
  };
  delete env.NODE_OPTIONS;
  for (const name of Object.keys(env))
    if (/^(VITEST|TEST$|NODE_ENV|FORCE_COLOR)/.test(name)) delete env[name];
  if (test.startsWith("parallel/")) env.TEST_PARALLEL = "1";
  const preload = how === "plain" ? [] : ["--require", PRELOAD];
  const child = spawn(node, [...flags.filter(Boolean), ...preload, file], {
    cwd: join(source, "test"),
    env,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that a test's children end with it.
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      if (said.length < 100_000) said += chunk;
    });
  }
  let late = false;
  const kill = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  };
  const timer = setTimeout(() => {
    late = true;
    kill();
  }, seconds * 1_000);
  return new Promise((resolve) => {
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      kill();
      rmSync(temporary, { recursive: true, force: true });
      if (code === 0) resolve(null);
      else resolve(`${late ? `no end within ${seconds} s` : (signal ?? `exit code ${code}`)}\n${said}`);
    });
  });
}

/** Runs `tests`, `jobs` at a time (those in `sequential` alone), and tells each outcome. */
export async function runTests(tests, options, tell = () => {}) {
  const outcomes = new Map();
  const together = tests.filter((test) => test.startsWith("parallel/"));
  let next = 0;
  const work = async (thread) => {
    while (next < together.length) {
      const test = together[next++];
      outcomes.set(test, await runTest(test, { ...options, thread }));
      tell(test, outcomes.get(test));
    }
  };
  await Promise.all(Array.from({ length: options.jobs ?? 2 }, (_, i) => work(i + 1)));
  for (const test of tests) {
    if (outcomes.has(test)) continue;
    outcomes.set(test, await runTest(test, options));
    tell(test, outcomes.get(test));
  }
  return outcomes;
}

async function main() {
  const { values } = parseArgs({
    options: {
      suite: { type: "string", default: "net" },
      how: { type: "string", default: "loopback" },
      only: { type: "string", default: "" },
      node: { type: "string", default: process.execPath },
      source: { type: "string" },
      jobs: { type: "string", default: "2" },
      seconds: { type: "string", default: "30" },
      output: { type: "string" },
      verbose: { type: "boolean", default: false },
    },
  });
  const version = spawnSync(values.node, ["--version"], { encoding: "utf8" }).stdout.trim();
  const source = values.source ?? fetchNode(Number(/\d+/.exec(version)[0]));
  if (!existsSync(join(source, "test", "parallel"))) throw new Error(`no tests of Node in ${source}`);
  const all = values.suite.split(",").flatMap((suite) => listTests(source, suite));
  const chosen = all.filter((test) => test.includes(values.only));
  const concerned = chosen.filter((test) => excludedBecause(test) === null);
  const options = { ...values, source, jobs: Number(values.jobs), seconds: Number(values.seconds) };
  const outcomes = await runTests(concerned, options, (test, problem) => {
    if (problem === null) return;
    console.error(`FAILS ${test}: ${values.verbose ? problem : problem.split("\n")[0]}`);
  });
  const failed = concerned.filter((test) => outcomes.get(test) !== null);
  // What plain Node fails here too (no IPv6, no network, another version) says nothing about us.
  const plain = values.how === "plain" ? new Map() : await runTests(failed, { ...options, how: "plain" });
  const foreign = failed.filter((test) => plain.has(test) && plain.get(test) !== null);
  const ours = failed.filter((test) => !foreign.includes(test));
  const excluded = chosen.filter((test) => !concerned.includes(test));
  const lines = [
    `${values.suite} ${values.how}: Node ${version}, ${concerned.length - failed.length} of ${concerned.length - foreign.length} pass` +
      ` (${foreign.length} fail on plain Node too; ${excluded.length} of ${chosen.length} do not concern the API)`,
    ...ours.map((test) => `  fails     ${test}`),
    ...foreign.map((test) => `  plain too ${test}`),
    ...excluded.map((test) => `  excluded  ${test}: ${excludedBecause(test)}`),
  ];
  console.log(lines.join("\n"));
  if (values.output !== undefined) writeFileSync(values.output, `${lines.join("\n")}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
