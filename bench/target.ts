/**
 * The servers under test, by name: what each can be, and how it is started. Adding a target is one entry in `TARGETS`.
 * Workloads and rows are kernel.ts's business.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "./failure.ts";
import type { Family } from "./namespace.ts";
import { startOnKernel } from "./on-kernel.ts";
import { startPeer, startUsertcp } from "./on-tun.ts";
import type { RunningPath } from "./path.ts";
import { BUILD, CLI, COMPILED } from "./paths.ts";
import { PEERS, preparePeer } from "./peers/peer.ts";

/**
 * What a server is to be: echo, discard and chargen; the same with chargen writing segments above 64 KiB; or node:http.
 */
export type Program = "services" | "big" | "http";

/** What every target is started with. */
export interface LinkSettings {
  readonly mtu: number;
  readonly family: Family;
  /** Microseconds; null leaves it to the target. */
  readonly spinUs: number | null;
  /** False runs usertcp's TUN device, and the kernel at every end, without segmentation offload. */
  readonly offload: boolean;
  /** What stands between client and server: a router where packets can be lost, and a path of given conditions behind it. */
  readonly between: "nothing" | "router" | "path";
  /** Congestion control of both ends. */
  readonly congestion: string;
}

/** With what it is to be. */
export interface StartSettings extends LinkSettings {
  readonly program: Program;
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
  /** The control socket of usertcp. */
  readonly control?: string;
  readonly process: ChildProcess;
  /** The last lines that it wrote to standard error. */
  readonly complaints: () => string;
  /** Ends it, and removes its namespaces. */
  readonly stop: () => Promise<void>;
}

/** Rewrites the command that a target is started with, such as to put a profiler before it. */
export type Wrap = (command: readonly string[]) => readonly string[];

export type Start = (name: string, settings: StartSettings, wrap: Wrap) => Promise<RunningTarget>;

interface Target {
  readonly start: Start;
  readonly programs: readonly Program[];
}

const NODE_NET = {
  services: [process.execPath, join(COMPILED, "node-net.js")],
  http: [process.execPath, join(COMPILED, "http-server.js")],
};
const SERVER = { services: [join(BUILD, "server")] };

/**
 * Our addon calls mallopt() with these for the whole process. Node's own `net` gains from them too (`up` by up to
 * three times: glibc else gives memory back, and faults it in anew for every 64 KiB read), so it gets them as
 * well: the comparison is of TCP stacks. `node-net-stock` is Node as it comes.
 */
const ADDON_MALLOC = { MALLOC_MMAP_THRESHOLD_: `${8 << 20}`, MALLOC_TRIM_THRESHOLD_: `${256 << 20}` };

const TARGETS: Readonly<Record<string, Target>> = {
  usertcp: { start: startUsertcp("raw"), programs: ["services", "big"] },
  "usertcp-net": { start: startUsertcp("net"), programs: ["services", "big", "http"] },
  ...Object.fromEntries(
    ["2", "4"].flatMap((queues) =>
      ["auto", "kernel"].map((steering) => [
        `usertcp-${queues}q${steering === "kernel" ? "-kernel" : ""}`,
        {
          start: startUsertcp("raw", ["--queues", queues, "--steering", steering]),
          programs: ["services"],
        } as const,
      ]),
    ),
  ),
  "node-net": {
    start: startOnKernel(NODE_NET, { malloc: "as our addon sets it" }, ADDON_MALLOC),
    programs: ["services", "http"],
  },
  "kernel-c": { start: startOnKernel(SERVER), programs: ["services"] },
  "node-net-stock": {
    start: startOnKernel(NODE_NET, { malloc: "glibc's own" }),
    programs: ["services", "http"],
  },
  ...Object.fromEntries(
    Object.entries(PEERS).map(([name, peer]) => [
      name,
      {
        start: startPeer(peer),
        programs: peer.big === undefined ? ["services"] : ["services", "big"],
      } as const,
    ]),
  ),
};

export const TARGET_NAMES: readonly string[] = Object.keys(TARGETS);

/** Those that a run compares when none are named. */
export const DEFAULT_TARGETS: readonly string[] = ["usertcp", "usertcp-net", "node-net", "kernel-c"];
export const PEERS_TARGETS: readonly string[] = [...DEFAULT_TARGETS, ...Object.keys(PEERS)];
export const HTTP_TARGETS: readonly string[] = ["usertcp-net", "node-net"];

/** One queue, and several with either way of steering. */
export const QUEUE_TARGETS: readonly string[] = TARGET_NAMES.filter((name) => /^usertcp(-\dq|$)/.test(name));

/** Starts a target by name. */
export function startTarget(
  name: string,
  settings: StartSettings,
  wrap: Wrap = asIs,
): Promise<RunningTarget> {
  return TARGETS[name]!.start(name, settings, wrap);
}

/** Whether a target can be that. No one can write IPv6 segments above 64 KiB to a TUN device. */
export function canRun(name: string, program: Program, family: Family): boolean {
  return TARGETS[name]!.programs.includes(program) && !(program === "big" && family === 6);
}

/** Builds what is ours to build of these targets. Gives those that can't be had here, with one line that says why. */
export function prepareTargets(
  names: readonly string[],
  mtu: number,
  progress: (line: string) => void,
): ReadonlyMap<string, string> {
  if (names.some((name) => name.startsWith("usertcp")) && !existsSync(CLI)) {
    throw new Failure(`${CLI} is not there: run 'npm run build' first`);
  }
  const missing = new Map<string, string>();
  for (const name of names) {
    const peer = PEERS[name];
    if (peer === undefined) continue;
    const why = preparePeer(peer, mtu, progress);
    if (why !== null) missing.set(name, why);
  }
  return missing;
}

function asIs(command: readonly string[]): readonly string[] {
  return command;
}
