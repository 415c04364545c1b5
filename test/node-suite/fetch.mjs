/**
 * Node's own tests, from Debian's source package `nodejs`, unpacked outside of the project:
 *
 *   node test/node-suite/fetch.mjs [MAJOR]     prints the folder, or says why it cannot be had (exit code 1)
 *
 * No file of them is ever copied into the project. The mirror is Debian's own, or what DEBIAN_MIRROR says.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The release of Debian that carries each version of Node. */
const SUITES = { 20: "trixie", 22: "sid", 24: "forky" };

const mirror = process.env.DEBIAN_MIRROR ?? "http://deb.debian.org/debian";
const root = process.env.USERTCP_NODE_SRC ?? join(tmpdir(), "node-src");

/** The folder with `test/` and `lib/` of Node `major`, fetched when it is not there; throws where it cannot be had. */
export function fetchNode(major) {
  const suite = SUITES[major];
  if (suite === undefined) throw new Error(`no Debian release carries Node ${major}`);
  const folder = join(root, String(major));
  if (existsSync(join(folder, "test", "parallel"))) return folder;
  mkdirSync(root, { recursive: true });
  const { path, sha256 } = findPackage(suite, major);
  const archive = join(root, `node-${major}.tar.xz`);
  run("curl", ["-sf", "--max-time", "300", "-o", archive, `${mirror}/${path}`]);
  const got = createHash("sha256").update(readFileSync(archive)).digest("hex");
  if (got !== sha256) throw new Error(`${path}: SHA-256 ${got}, expected ${sha256}`);
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh);
  const members = ["--wildcards", "*/test/*", "*/lib/*"];
  run("tar", ["-xJf", archive, "-C", fresh, "--strip-components=1", ...members]);
  rmSync(archive);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return folder;
}

/** Where the mirror keeps the newest source package of `major` in `suite`, by the release's index. */
function findPackage(suite, major) {
  const index = join(root, `Sources-${suite}`);
  run("curl", [
    "-sf",
    "--max-time",
    "120",
    "-o",
    `${index}.xz`,
    `${mirror}/dists/${suite}/main/source/Sources.xz`,
  ]);
  const text = run("xz", ["-dc", `${index}.xz`]);
  rmSync(`${index}.xz`);
  for (const stanza of text.split("\n\n")) {
    if (!stanza.startsWith("Package: nodejs\n")) continue;
    if (!new RegExp(`^Version: ${major}\\.`, "m").test(stanza)) continue;
    const folder = /^Directory: (.*)$/m.exec(stanza)?.[1];
    const file = /^Checksums-Sha256:\n(?: .*\n)*? ([0-9a-f]{64}) \d+ (\S+\.orig\.tar\.xz)$/m.exec(stanza);
    if (folder !== undefined && file !== null) return { path: `${folder}/${file[2]}`, sha256: file[1] };
  }
  throw new Error(`${suite} has no Node ${major} any more`);
}

function run(command, args) {
  const done = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 30 });
  if (done.error) throw done.error;
  if (done.status !== 0)
    throw new Error(`${command} ${args.join(" ")}: exit code ${done.status} ${done.stderr}`);
  return done.stdout;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(fetchNode(Number(process.argv[2] ?? 20)));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
