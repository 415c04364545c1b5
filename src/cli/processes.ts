/**
 * Child processes and the system's tools: where they are, which package brings one that is missing, and how they
 * ended as a shell would say it.
 */
import type { ChildProcess } from "node:child_process";
import { accessSync, constants as fs, statSync } from "node:fs";
import { constants as os } from "node:os";
import { delimiter, join } from "node:path";
import { failure } from "./cli-error.ts";

/** Debian's packages; their names are the same nearly everywhere. */
const PACKAGES: Record<string, string> = {
  ip: "iproute2",
  unshare: "util-linux",
  nsenter: "util-linux",
  telnet: "telnet",
};

/** The tool's path, or null. Looks in the sbin folders, too: a user's PATH may lack them. */
export function findTool(name: string): string | null {
  const folders = (process.env["PATH"] ?? "")
    .split(delimiter)
    .concat("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin");
  for (const folder of folders) {
    if (folder === "") continue;
    const path = join(folder, name);
    try {
      accessSync(path, fs.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** The tool's path, or one line that names the package. */
export function requireTool(name: string): string {
  const path = findTool(name);
  if (path === null) throw failure(missingTool(name));
  return path;
}

/** "unshare: not found: install the package util-linux" */
export function missingTool(name: string): string {
  return `${name}: not found: install the package ${PACKAGES[name] ?? name}`;
}

/** Resolves with the exit code of a child, as a shell gives it: 128 + n for signal n, 127 when it did not start. */
export function waitFor(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once("error", (error) => {
      process.stderr.write(`usertcp: ${child.spawnfile}: ${error.message}\n`);
      resolve(127);
    });
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : os.signals[signal])));
  });
}
