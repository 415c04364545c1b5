/**
 * What tests need of the machine: root, TUN, network namespaces, tools. Where something is missing the tests
 * are skipped with the reason printed; with USERTCP_REQUIRE_ALL=1 (CI) they fail instead.
 */
import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, existsSync, openSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, it } from "vitest";
import { loadAddon } from "../src/device/addon.ts";

/** Why something cannot be had here, or null. */
export type Missing = string | null;

/** A command on the PATH (or where root's commands are). */
export function requireTool(name: string): Missing {
  const folders = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.some((folder) => executable(join(folder, name))) ? null : `no '${name}' on the PATH`;
}

/** One of several commands that do. */
export function requireOneOf(...names: readonly string[]): Missing {
  return names.some((name) => requireTool(name) === null) ? null : `none of ${names.join(", ")} on the PATH`;
}

/** PostgreSQL's server: Debian keeps it off the PATH. */
export function requirePostgres(): Missing {
  const home = "/usr/lib/postgresql";
  const versions = existsSync(home) ? readdirSync(home) : [];
  return versions.some((version) => executable(join(home, version, "bin", "initdb")))
    ? null
    : requireTool("initdb");
}

/** The right to make TUN devices inside a network namespace of the test's own, and the addon to use them. */
export function requireTun(): Missing {
  tunMissing ??= { reason: findTun() };
  return tunMissing.reason;
}

let tunMissing: { reason: Missing } | undefined;

function findTun(): Missing {
  if (process.platform !== "linux") return "TUN devices are Linux's";
  if (process.getuid?.() !== 0) return "not root";
  try {
    closeSync(openSync("/dev/net/tun", "r+"));
  } catch (error) {
    return `/dev/net/tun: ${(error as Error).message}`;
  }
  for (const tool of ["ip", "unshare"]) {
    const missing = requireTool(tool);
    if (missing !== null) return missing;
  }
  const unshare = spawnSync("unshare", ["-n", "ip", "link", "set", "lo", "up"], { encoding: "utf8" });
  if (unshare.status !== 0) return `no network namespace: ${unshare.stderr.trim()}`;
  try {
    loadAddon();
  } catch (error) {
    return (error as Error).message;
  }
  return null;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** `describe`, if nothing of `needs` is missing; else a skip that says so, or a failure where all is required. */
export function describeNeeding(needs: readonly Missing[], name: string, tests: () => void): void {
  const missing = needs.filter((reason) => reason !== null);
  if (missing.length === 0) {
    describe(name, tests);
    return;
  }
  const reason = missing.join("; ");
  if (process.env["USERTCP_REQUIRE_ALL"] === "1") {
    describe(name, () => {
      it("has what it needs of the machine", () => {
        throw new Error(`USERTCP_REQUIRE_ALL=1, but: ${reason}`);
      });
    });
    return;
  }
  console.warn(`skipped: ${name}: ${reason}`);
  describe.skip(`${name} (${reason})`, tests);
}
