/**
 * Where control sockets live: `usertcp/<netns inode>-<tun>.sock` under $XDG_RUNTIME_DIR, else /run, else a 0700
 * folder in the temporary directory. The inode keeps namespaces apart that share a file system. Knows
 * the names only; who listens behind them is control-client.ts.
 */
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, failure, misuse } from "./cli-error.ts";

/** A control socket that was found. */
export interface FoundSocket {
  path: string;
  /** Inode of the network namespace that its name tells. */
  netns: number;
  tun: string;
}

/** sun_path holds 108 bytes with the final zero (unix(7)). */
const PATH_MAX_BYTES = 107;
const NAME = /^(\d+)-(.+)\.sock$/;

/** The inode of this process's network namespace, 0 where the system has none. */
export function netnsInode(): number {
  try {
    return statSync("/proc/self/ns/net").ino;
  } catch {
    return 0;
  }
}

/** Refuses a path that no Unix socket can have. */
export function checkSocketPath(path: string): string {
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) {
    throw misuse(
      `control socket path of ${Buffer.byteLength(path)} bytes: at most ${PATH_MAX_BYTES}: ${path}`,
    );
  }
  return path;
}

/** The default path for a stack on `tun`, its folder made if need be. */
export function defaultControlPath(tun: string): string {
  const tried: string[] = [];
  for (const folder of candidateFolders()) {
    const why = prepareFolder(folder);
    if (why === null) return checkSocketPath(join(folder, `${netnsInode()}-${tun}.sock`));
    tried.push(why);
  }
  throw failure(`no folder for the control socket (${tried.join("; ")}): give one with --control`);
}

/** Every control socket in the default folders, of `netns` or of all namespaces. */
export function listControlSockets(netns: number | null): FoundSocket[] {
  const found: FoundSocket[] = [];
  for (const folder of candidateFolders()) {
    for (const name of namesIn(folder)) {
      const parts = NAME.exec(name);
      if (parts === null) continue;
      const inode = Number(parts[1]);
      if (netns === null || inode === netns)
        found.push({ path: join(folder, name), netns: inode, tun: parts[2]! });
    }
  }
  return found;
}

/** In the order of preference. */
function candidateFolders(): string[] {
  const folders: string[] = [];
  const runtime = process.env["XDG_RUNTIME_DIR"];
  if (runtime?.startsWith("/")) folders.push(join(runtime, "usertcp"));
  folders.push("/run/usertcp", join(tmpdir(), `usertcp-${outsideUid()}`));
  return folders;
}

/**
 * The user that the file system knows. In a user namespace getuid() is that namespace's: its map leads back, so that
 * `lab --enter` from outside looks where the lab inside put its socket.
 */
function outsideUid(): number {
  const uid = process.getuid?.() ?? 0;
  try {
    for (const line of readFileSync("/proc/self/uid_map", "utf8").trim().split("\n")) {
      const [inside = 0, outside = 0, count = 0] = line.trim().split(/\s+/).map(Number);
      if (uid >= inside && uid < inside + count) return outside + (uid - inside);
    }
  } catch {
    // No /proc: no namespaces either.
  }
  return uid;
}

function namesIn(folder: string): string[] {
  try {
    return isOurs(folder) ? readdirSync(folder).sort() : [];
  } catch {
    return [];
  }
}

// Null, or why the folder can't be used. Its parent must exist: we never make /run or a user's runtime folder.
function prepareFolder(folder: string): string | null {
  try {
    mkdirSync(folder, { mode: 0o700 });
    return null;
  } catch (error) {
    if (codeOf(error) !== "EEXIST") return `${folder}: ${codeOf(error) ?? "unusable"}`;
  }
  return isOurs(folder) ? null : `${folder}: not a folder of this user alone`;
}

// In a shared folder such as /tmp another user may have made it first: then it is not ours to trust.
function isOurs(folder: string): boolean {
  const stat = lstatSync(folder);
  return stat.isDirectory() && stat.uid === (process.getuid?.() ?? 0) && (stat.mode & 0o022) === 0;
}
