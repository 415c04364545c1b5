/**
 * Makes a checkout runnable: dependencies as the lock file has them, TypeScript built, the TUN addon compiled. Plain
 * JavaScript with nothing but Node's own, because it runs before anything is installed. What npm and the compilers say
 * goes to standard error: standard output belongs to the program that follows.
 */
import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Installs and builds what is missing or stale. Ends the process when that fails. */
export function prepare() {
  if (isStale()) install();
  step("building", "npm", ["run", "--silent", "build:ts"]);
  // Without a compiler everything but TUN works, and whoever needs TUN is told again.
  run(process.execPath, [join(ROOT, "native", "build.mjs")]);
}

// Scripts of dependencies are not needed: the addon is our own.
function install() {
  const flags = ["--include=dev", "--ignore-scripts", "--no-audit", "--no-fund"];
  process.stderr.write("usertcp: installing dependencies\n");
  if (run("npm", ["ci", ...flags]) === 0) return;
  // npm ci wants a lock file with every platform's packages; a registry mirror may lack those of others.
  step("installing again, without npm ci's checks", "npm", ["install", "--no-save", ...flags]);
}

/** Whether node_modules is what the lock file says: npm leaves its own copy of it there when it is done. */
function isStale() {
  const installed = modified(join(ROOT, "node_modules", ".package-lock.json"));
  return installed === 0 || installed < modified(join(ROOT, "package-lock.json"));
}

function modified(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}

// What the bundler lists of its files is for who builds, and told only where it fails.
function step(what, command, args) {
  process.stderr.write(`usertcp: ${what}\n`);
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (status === 0) return;
  process.stderr.write(error ? `usertcp: ${command}: ${error.message}\n` : `${stdout}${stderr}`);
  process.stderr.write(`usertcp: ${what} failed: ${command} ${args.join(" ")}\n`);
  process.exit(1);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (error) process.stderr.write(`usertcp: ${command}: ${error.message}\n`);
  return status ?? 1;
}
