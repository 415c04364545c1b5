/**
 * Debian packages of another release than the machine's own, fetched into the bench's cache by apt with a configuration
 * of its own: the machine's sources, lists and packages stay as they are, and nothing is installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { BUILD } from "../paths.ts";

/** The oldest release whose lwip and gVisor are what the peers' programs are written against. */
const RELEASE = "trixie";
const CACHE = join(BUILD, "debian", RELEASE);
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEFAULT_MIRROR = "http://deb.debian.org/debian";

/** An unpacked source package. */
export interface SourcePackage {
  readonly folder: string;
  readonly version: string;
}

/** Fetches and unpacks a source package, patches applied; once. Throws a `Failure` where that can't be done. */
export function fetchSource(name: string, progress: (line: string) => void): SourcePackage {
  const folder = join(CACHE, "source", name);
  if (!existsSync(join(folder, "debian", "changelog"))) {
    progress(`${name}: fetching the source package of Debian ${RELEASE}`);
    const archives = join(CACHE, "archives", name);
    rmSync(folder, { recursive: true, force: true });
    rmSync(archives, { recursive: true, force: true });
    mkdirSync(archives, { recursive: true });
    mkdirSync(join(CACHE, "source"), { recursive: true });
    apt(["source", "--download-only", `${name}/${RELEASE}`], archives);
    const description = readdirSync(archives).find((file) => file.endsWith(".dsc"));
    if (description === undefined) throw new Failure(`apt-get source ${name} left no .dsc`);
    run("dpkg-source", ["--no-check", "-x", join(archives, description), folder], "dpkg-dev");
  }
  return { folder, version: changelogVersion(readFileSync(join(folder, "debian", "changelog"), "utf8")) };
}

/** Unpacked packages: the root of their tree, and the version of each. */
export interface Packages {
  readonly root: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Fetches packages with all they depend on, and unpacks those that begin with `prefix`; once. */
export function fetchPackages(
  names: readonly string[],
  prefix: string,
  progress: (line: string) => void,
): Packages {
  const root = join(CACHE, "root");
  const done = join(CACHE, "root.json");
  if (!existsSync(done)) {
    progress(`${names[0]}: fetching it, and what it is built with, of Debian ${RELEASE}`);
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root, { recursive: true });
    apt(["install", "--download-only", "--no-install-recommends", "-y", ...names], CACHE);
    const archives = join(CACHE, "cache", "archives");
    const files = readdirSync(archives).filter((file) => file.startsWith(prefix) && file.endsWith(".deb"));
    for (const file of files) run("dpkg-deb", ["-x", join(archives, file), root], "dpkg");
    writeFileSync(done, JSON.stringify(Object.fromEntries(files.map(packageOf))));
  }
  return { root, versions: JSON.parse(readFileSync(done, "utf8")) as Record<string, string> };
}

/** Name and version in the name of a package's file, such as `libc6_2.41-12_amd64.deb`; `%3a` is an epoch's colon. */
export function packageOf(file: string): [name: string, version: string] {
  const [name, version] = file.split("_");
  return [name!, decodeURIComponent(version!)];
}

/** The version in the first line of a Debian changelog (deb-changelog(5)). */
export function changelogVersion(changelog: string): string {
  return /^\S+ \(([^)]+)\)/.exec(changelog)?.[1] ?? "unknown";
}

/** The mirror that the machine itself uses, from its apt sources; else Debian's own. */
export function mirrorOf(sources: string): string {
  return /\bhttps?:\/\/\S+\/debian\/?(?=\s|$)/.exec(sources.replace(/^\s*#.*$/gm, ""))?.[0] ?? DEFAULT_MIRROR;
}

function apt(args: readonly string[], folder: string): void {
  if (!existsSync(KEYRING)) throw new Failure(`${KEYRING} is not there: install debian-archive-keyring`);
  const settings = configure();
  const call = (...what: string[]): void => run("apt-get", [...settings, "-qq", ...what], "apt", folder);
  if (!existsSync(join(CACHE, "lists", "lock"))) call("update");
  try {
    call(...args);
  } catch {
    // The lists were older than the archive.
    call("update");
    call(...args);
  }
}

/** Writes what apt needs, and gives the options that lead it there. An empty `status`: nothing counts as installed. */
function configure(): string[] {
  for (const folder of ["lists/partial", "cache/archives/partial", "state"]) {
    mkdirSync(join(CACHE, folder), { recursive: true });
  }
  const mirror = mirrorOf(ownSources());
  const lines = ["deb", "deb-src"].map(
    (kind) => `${kind} [signed-by=${KEYRING}] ${mirror} ${RELEASE} main\n`,
  );
  writeFileSync(join(CACHE, "sources.list"), lines.join(""));
  writeFileSync(join(CACHE, "status"), "");
  const settings = {
    "Dir::Etc::SourceList": join(CACHE, "sources.list"),
    "Dir::Etc::SourceParts": "-",
    "Dir::State": join(CACHE, "state"),
    "Dir::State::Lists": join(CACHE, "lists"),
    "Dir::State::status": join(CACHE, "status"),
    "Dir::Cache": join(CACHE, "cache"),
    "APT::Sandbox::User": "root",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    // Lists that could not be fetched are an error, and not old lists.
    "APT::Update::Error-Mode": "any",
    "Acquire::http::Timeout": "20",
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
}

function ownSources(): string {
  const parts = "/etc/apt/sources.list.d";
  const files = existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : [];
  return ["/etc/apt/sources.list", ...files]
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, "utf8"))
    .join("\n");
}

function run(command: string, args: readonly string[], from: string, folder?: string): void {
  const done = spawnSync(command, args, {
    encoding: "utf8",
    ...(folder === undefined ? {} : { cwd: folder }),
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (done.error !== undefined) throw new Failure(`${command} is not there (package ${from})`);
  if (done.status === 0) return;
  const complaint = done.stderr.split("\n").find((line) => /^(E|.*error):/.test(line)) ?? done.stderr;
  throw new Failure(`${command}: ${complaint.trim().split("\n")[0]}`);
}
