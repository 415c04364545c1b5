/**
 * Builds the addon: `node native/build.mjs` makes native/build/usertcp.node for this machine (nothing to do
 * when it is up to date); `--prebuilds` makes native/prebuilds/<platform>-<arch>/usertcp.node for each
 * architecture that the compilers here can make, for the npm package. `--force` builds what is up to date too;
 * `--optional` says what is missing, and exits with 0 nevertheless (everything but TUN works without the addon).
 *
 * The addon is linked with no C library (-nostdlib): its few libc calls bind at load time to the one that the
 * running Node brings, so one binary an architecture serves glibc of any age and musl.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NATIVE = dirname(fileURLToPath(import.meta.url));
const FLAGS = [
  ...["-std=c11", "-O2", "-Wall", "-Wextra", "-fPIC", "-fvisibility=hidden", "-U_FORTIFY_SOURCE"],
  ...["-fno-stack-protector", "-shared", "-nostdlib", "-Wl,-z,now", "-DNAPI_VERSION=8"],
];
const PREBUILDS = [
  { arch: "x64", compilers: ["x86_64-linux-gnu-gcc", "cc"], machine: /^x86_64/ },
  {
    arch: "arm64",
    compilers: ["aarch64-linux-gnu-gcc", "cc"],
    machine: /^aarch64/,
    flags: ["-mno-outline-atomics"],
  },
];

try {
  if (process.platform !== "linux") console.error("TUN addon: Linux only, skipped");
  else if (process.argv.includes("--prebuilds")) buildPrebuilds();
  else buildHere();
} catch (error) {
  console.error(`TUN addon: ${error.message}`);
  if (!process.argv.includes("--optional")) process.exitCode = 1;
}

function buildHere() {
  const compiler = process.env.CC || "cc";
  const target = join(NATIVE, "build", "usertcp.node");
  const stamp = join(NATIVE, "build", "usertcp.sha256");
  const digest = digestOf([compiler, process.arch, ...FLAGS]);
  const forced = process.argv.includes("--force");
  if (!forced && existsSync(target) && existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  if (machineOf(compiler) === undefined) {
    throw new Error(
      `no C compiler ('${compiler}'): install gcc or clang, or set CC, then run 'usertcp build-addon'`,
    );
  }
  compile(compiler, [], target);
  writeFileSync(stamp, digest);
  console.error(`TUN addon: built ${target}`);
}

function buildPrebuilds() {
  let made = 0;
  for (const { arch, compilers, machine, flags = [] } of PREBUILDS) {
    const compiler = compilers.find((name) => machine.test(machineOf(name) ?? ""));
    if (compiler === undefined) {
      console.error(`TUN addon: no compiler for linux-${arch} (${compilers[0]}), left out`);
      continue;
    }
    const target = join(NATIVE, "prebuilds", `linux-${arch}`, "usertcp.node");
    compile(compiler, [...flags, "-s"], target);
    console.error(`TUN addon: built ${target}`);
    made++;
  }
  if (made === 0) throw new Error("no C compiler for any architecture: install gcc or clang");
}

/** The compiler's target triplet, undefined when it does not run. */
function machineOf(compiler) {
  const { status, stdout } = spawnSync(compiler, ["-dumpmachine"], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
}

/** Compiles beside the target and renames: whoever loads it meanwhile sees the old one or the new one. */
function compile(compiler, flags, target) {
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  const args = [...FLAGS, ...flags, `-I${nodeHeaders()}`, ...sources(".c"), "-o", partial];
  const { status, stderr, error } = spawnSync(compiler, args, { encoding: "utf8" });
  if (stderr) process.stderr.write(stderr);
  if (error || status !== 0) {
    rmSync(partial, { force: true });
    throw new Error(
      `${compiler} failed (above; it needs the C library's and Linux's headers: Debian libc6-dev, Alpine musl-dev linux-headers)`,
    );
  }
  renameSync(partial, target);
}

function nodeHeaders() {
  const own = join(dirname(process.execPath), "..", "include", "node");
  if (existsSync(join(own, "node_api.h"))) return own;
  const nodedir = process.config.variables.nodedir || process.env.npm_config_nodedir;
  if (nodedir && existsSync(join(nodedir, "include", "node", "node_api.h")))
    return join(nodedir, "include", "node");
  try {
    return createRequire(import.meta.url)("node-api-headers").include_dir;
  } catch {
    throw new Error(
      "no Node-API headers: neither this Node's own (include/node) nor the package node-api-headers; " +
        "npm install node-api-headers, then run 'usertcp build-addon'",
    );
  }
}

function sources(extension) {
  const folder = join(NATIVE, "src");
  return readdirSync(folder)
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(folder, name));
}

function digestOf(parts) {
  const hash = createHash("sha256").update(JSON.stringify(parts));
  for (const path of [...sources(".c"), ...sources(".h")]) hash.update(readFileSync(path));
  return hash.digest("hex");
}
