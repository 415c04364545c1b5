/**
 * The servers under test: how each is started in namespaces of its own, what it says of itself, how much
 * CPU it took. Adding a target is one entry in `TARGETS`. Workloads and rows are kernel.ts's business.
 */
import { type ChildProcess, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Failure } from "./failure.ts";
import {
  addDefaultRoute,
  addSources,
  CLIENT_PAIR,
  createNamespace,
  deviceTowards,
  forward,
  joinByVeth,
  removeNamespace,
  SERVER_PAIR,
  sendSinglePackets,
  spawnIn,
  stop,
  useCubic,
} from "./namespace.ts";
import { joinByPath, type RunningPath } from "./path.ts";
import { BUILD, CLI, COMPILED, packageVersion, ROOT } from "./paths.ts";

/** What every target is started with. */
export interface LinkSettings {
  readonly mtu: number;
  /** Microseconds; null leaves it to the target. */
  readonly spinUs: number | null;
  /** False runs usertcp's TUN device, and the kernel at every end, without segmentation offload. */
  readonly offload: boolean;
  /** What stands between client and server: a router where packets can be lost, and a path of given conditions behind it. */
  readonly between: "nothing" | "router" | "path";
  /** Congestion control of both ends. */
  readonly congestion: string;
}

/** A target that has said it is ready. */
export interface RunningTarget {
  readonly name: string;
  /** Where the client runs, and where the server does: the same namespace for usertcp. */
  readonly clientNamespace: string;
  readonly serverNamespace: string;
  /** Whoever forwards between them; null when nobody does. */
  readonly router: string | null;
  /** The path between them; null where there is none. */
  readonly path: RunningPath | null;
  /** The address that the client dials, and those it may dial from. */
  readonly host: string;
  readonly sources: readonly string[];
  readonly pid: number;
  readonly spinUs: number;
  /** True where the server's TCP is the kernel's, so that `ss` can show it. */
  readonly onKernel: boolean;
  readonly versions: Readonly<Record<string, string>>;
  /** How it was set up, where that is not plain. */
  readonly notes: Readonly<Record<string, string>>;
  readonly process: ChildProcess;
  /** The last lines that it wrote to standard error. */
  readonly complaints: () => string;
  /** Ends it, and removes its namespaces. */
  readonly stop: () => Promise<void>;
}

const STACK = "10.77.0.2";
const STACK_HOST = "10.77.0.1";
const SOURCES = 8;
const READY_MS = 20_000;

/** Rewrites the command that a target is started with, such as to put a profiler before it. */
export type Wrap = (command: readonly string[]) => readonly string[];

type Start = (name: string, settings: LinkSettings, wrap: Wrap) => Promise<RunningTarget>;

const NODE_NET = [process.execPath, join(COMPILED, "node-net.js")];

/**
 * Our addon calls mallopt() with these for the whole process. Node's own `net` gains from them too (`up` by up to
 * three times: glibc else gives memory back, and faults it in anew for every 64 KiB read), so it gets them as
 * well: the comparison is of TCP stacks. `node-net-stock` is Node as it comes.
 */
const ADDON_MALLOC = { MALLOC_MMAP_THRESHOLD_: `${8 << 20}`, MALLOC_TRIM_THRESHOLD_: `${256 << 20}` };

const TARGETS: Readonly<Record<string, Start>> = {
  usertcp: startUsertcp("raw"),
  "usertcp-net": startUsertcp("net"),
  "node-net": startOnKernel(NODE_NET, { malloc: "as our addon sets it" }, ADDON_MALLOC),
  "kernel-c": startOnKernel([join(BUILD, "server")]),
  "node-net-stock": startOnKernel(NODE_NET, { malloc: "glibc's own" }),
};

export const TARGET_NAMES: readonly string[] = Object.keys(TARGETS);

/** Those that a run compares when none are named. */
export const DEFAULT_TARGETS: readonly string[] = ["usertcp", "usertcp-net", "node-net", "kernel-c"];

/** Starts a target by name. */
export function startTarget(name: string, settings: LinkSettings, wrap: Wrap = asIs): Promise<RunningTarget> {
  return TARGETS[name]!(name, settings, wrap);
}

/** Throws a `Failure` that says what to do when a target's program is not there. */
export function requireBuilt(names: readonly string[]): void {
  if (names.some((name) => name.startsWith("usertcp")) && !existsSync(CLI)) {
    throw new Failure(`${CLI} is not there: run 'npm run build' first`);
  }
}

/** The arguments of `usertcp serve` for a bench. */
export function serveArguments(
  api: "raw" | "net",
  { mtu, spinUs, offload, congestion }: LinkSettings,
): string[] {
  const args = ["serve", "--api", api, "--mtu", String(mtu), "--http", "0"];
  args.push("--host", `${STACK_HOST}/24`, "--stack", STACK);
  if (spinUs !== null) args.push("--spin", String(spinUs));
  if (!offload) args.push("--no-offload");
  if (congestion !== "cubic") args.push("--congestion", congestion);
  return args;
}

/** What a target says when it is ready. Its `pid` is not the child's where a profiler stands before it. */
export interface Ready {
  readonly pid: number;
  readonly spinUs?: number;
}

/** Waits for the line `ready {...}` on a child's standard output, and gives the object. */
export function readyLine(child: ChildProcess, name: string, complaints: () => string): Promise<Ready> {
  return new Promise((resolve, reject) => {
    const fail = (what: string): void => {
      clearTimeout(late);
      reject(new Failure(`${name}: ${what}${complaints()}`));
    };
    const late = setTimeout(() => fail(`not ready within ${READY_MS / 1000} s`), READY_MS);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`ended (${signal ?? code}) before it was ready`));
    createInterface({ input: child.stdout! }).on("line", (line) => {
      if (!line.startsWith("ready ")) return;
      clearTimeout(late);
      try {
        resolve(JSON.parse(line.slice("ready ".length)) as Ready);
      } catch {
        fail(`its ready line is not JSON: ${line}`);
      }
    });
  });
}

/** Keeps the tail of a child's standard error, to be shown if it fails. */
export function listen(child: ChildProcess): () => string {
  let tail = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-2000);
  });
  return () => (tail === "" ? "" : `: ${tail.trim()}`);
}

/** User and system time of a process so far, in seconds, from /proc/PID/stat (proc_pid_stat(5)). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return cpuSecondsOf(stat);
}

/** The same, of the text of such a file. */
export function cpuSecondsOf(stat: string): number {
  // The command's name may hold spaces and parentheses: count fields from behind the last one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const utime = Number(fields[14 - 3]);
  const stime = Number(fields[15 - 3]);
  return (utime + stime) / USER_HZ;
}

/** What all CPUs together have spent on anything but idling, in seconds, from the text of /proc/stat. */
export function busySecondsOf(stat: string): number {
  // user nice system idle iowait irq softirq steal; guest time is in user already (proc_stat(5)).
  const [user, nice, system, , , irq, softirq, steal] = stat
    .split("\n", 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq! + steal!) / USER_HZ;
}

// Ticks in /proc are 1/100 s on every Linux that Node runs on, whatever the kernel's own HZ.
const USER_HZ = 100;

function startUsertcp(api: "raw" | "net"): Start {
  return async (name, settings, wrap) => {
    const namespace = createNamespace();
    const command = [process.execPath, CLI, ...serveArguments(api, settings)];
    const child = spawnIn(namespace, wrap(command), { stdio: ["ignore", "pipe", "pipe"] });
    const complaints = listen(child);
    const ready = await readyLine(child, name, complaints);
    const direct = settings.between === "nothing";
    const { client, path } = direct
      ? { client: namespace, path: null }
      : await clientBehind(namespace, settings);
    const device = deviceTowards(client, STACK);
    const sources = addSources(client, device, direct ? STACK_HOST : CLIENT_PAIR.far, SOURCES);
    if (direct) useCubic(client, device);
    if (!settings.offload) sendSinglePackets(client, device);
    return {
      name,
      clientNamespace: client,
      serverNamespace: namespace,
      router: direct ? null : namespace,
      path,
      host: STACK,
      sources,
      pid: ready.pid,
      spinUs: settings.spinUs ?? ready.spinUs ?? 0,
      onKernel: false,
      versions: { ...platform(), usertcp: usertcpVersion() },
      notes: { offload: settings.offload ? "on" : "off" },
      process: child,
      complaints,
      stop: async () => {
        await Promise.all([stop(child), path?.stop()]);
        for (const name of new Set([namespace, client])) removeNamespace(name);
      },
    };
  };
}

/** A client's namespace behind `router`, which forwards for it. */
async function clientBehind(
  router: string,
  { mtu, between, congestion }: LinkSettings,
): Promise<{ client: string; path: RunningPath | null }> {
  const client = createNamespace();
  forward(router);
  if (between === "path") return { client, path: await joinByPath(router, client, mtu, congestion) };
  joinByVeth(router, client, mtu, CLIENT_PAIR, "veth1");
  addDefaultRoute(client, CLIENT_PAIR.near, congestion);
  return { client, path: null };
}

function startOnKernel(
  command: readonly string[],
  notes: Readonly<Record<string, string>> = {},
  environment: Readonly<Record<string, string>> = {},
): Start {
  return async (name, settings, wrap) => {
    const server = createNamespace();
    const router = settings.between === "nothing" ? null : createNamespace();
    const host = router === null ? CLIENT_PAIR.near : SERVER_PAIR.far;
    if (router !== null) {
      joinByVeth(router, server, settings.mtu, SERVER_PAIR);
      addDefaultRoute(server, SERVER_PAIR.near, settings.congestion);
    }
    const { client, path } =
      router === null ? { client: createNamespace(), path: null } : await clientBehind(router, settings);
    if (router === null) joinByVeth(server, client, settings.mtu);
    const device = deviceTowards(client, host);
    const sources = addSources(client, device, CLIENT_PAIR.far, SOURCES);
    if (!settings.offload) {
      sendSinglePackets(server, "veth0");
      sendSinglePackets(client, device);
    }
    const child = spawnIn(server, wrap([...command, host]), {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    const complaints = listen(child);
    const ready = await readyLine(child, name, complaints);
    const all = router === null ? [server, client] : [server, router, client];
    return {
      name,
      clientNamespace: client,
      serverNamespace: server,
      router,
      path,
      host,
      sources,
      pid: ready.pid,
      spinUs: 0,
      onKernel: true,
      versions: platform(),
      notes,
      process: child,
      complaints,
      stop: async () => {
        await Promise.all([stop(child), path?.stop()]);
        all.forEach(removeNamespace);
      },
    };
  };
}

function asIs(command: readonly string[]): readonly string[] {
  return command;
}

function platform(): Record<string, string> {
  return { node: process.version, kernel: release() };
}

/** Our version with the commit, and `+` where the checkout has changes that no commit holds. */
function usertcpVersion(): string {
  const git = spawnSync("git", ["-C", ROOT, "describe", "--always", "--dirty=+"], { encoding: "utf8" });
  return git.status === 0 ? `${packageVersion()}-${git.stdout.trim()}` : packageVersion();
}
