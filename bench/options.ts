/** The command line of `npm run bench`: parsed and checked here, run by main.ts. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { Failure } from "./failure.ts";
import type { Family } from "./namespace.ts";

import { SIZES } from "./scale.ts";
import { DEFAULT_TARGETS, HTTP_TARGETS, PEERS_TARGETS, QUEUE_TARGETS, TARGET_NAMES } from "./target.ts";
import {
  ALL_WORKLOADS,
  HTTP_WORKLOADS,
  LOSS_WORKLOADS,
  PATH_WORKLOADS,
  PEERS_WORKLOADS,
  WORKLOADS,
} from "./workload.ts";

export const SUITES = [
  "parse",
  "lookup",
  "kernel",
  "peers",
  "http",
  "loss",
  "path",
  "queues",
  "scale",
  "gate",
] as const;
export type Suite = (typeof SUITES)[number];

export interface BenchOptions {
  readonly suite: Suite;
  readonly json: boolean;
  readonly targets: readonly string[];
  readonly workloads: readonly string[];
  readonly seconds: number;
  readonly warmUp: number;
  readonly runs: number;
  readonly mtu: number;
  readonly family: Family;
  readonly spinUs: number | null;
  readonly offload: boolean;
  readonly between: "nothing" | "router" | "path";
  readonly congestion: string;
  /** The suite gate rewrites its figures. */
  readonly update: boolean;
  /** Connections, of the suite scale. */
  readonly sizes: readonly number[];
}

interface Raw {
  readonly json?: true;
  readonly update?: true;
  readonly targets?: readonly string[];
  readonly workloads?: readonly string[];
  readonly seconds: number;
  readonly warmUp: number;
  readonly runs?: number;
  readonly mtu: number;
  readonly family: "4" | "6";
  readonly spin?: number;
  readonly offload: boolean;
  readonly congestion: string;
  readonly sizes: readonly number[];
}

/**
 * The options, or the text of `--help`.
 * @throws Failure with exit code 2 and one line for what can't be meant.
 */
export function parseArguments(args: readonly string[]): BenchOptions | string {
  let said = "";
  const workloads = Object.keys(ALL_WORKLOADS);
  const command = new Command("npm run bench --")
    .argument("<suite>", `${SUITES.join(", ")}; or 'plot FILE.json...', which draws what --json printed`)
    .option("--json", "print a JSON array of rows (design section 8)")
    .option("--targets <names>", `of ${TARGET_NAMES.join(",")}`, listOf("target", TARGET_NAMES))
    .option("--workloads <names>", `of ${workloads.join(",")}`, listOf("workload", workloads))
    .option("--seconds <s>", "length of a run after its warm-up", numberIn(0.1, 60), 2)
    .option("--warm-up <s>", "start of each run that does not count", numberIn(0, 60), 1)
    .option(
      "--runs <n>",
      "runs of each workload and target; fewer than 3 tell little (3; loss: 5; path: 1)",
      wholeIn(1, 100),
    )
    .option("--mtu <bytes>", "of the link, such as 1500 or 65520", wholeIn(576, 65_535), 1500)
    .addOption(new Option("--family <n>", "of the addresses").choices(["4", "6"]).default("4"))
    .option("--spin <us>", "microseconds that usertcp polls after a productive batch", wholeIn(0, 10_000))
    .option("--no-offload", "no segmentation offload at either end (always so for loss and path)")
    .option("--update", "the suite gate: what is counted now becomes what is committed")
    .option("--sizes <n,n>", "connections, of the suite scale", sizes, SIZES)
    .addOption(
      new Option("--congestion <name>", "of both ends").choices(["cubic", "reno", "bbr"]).default("cubic"),
    )
    .exitOverride()
    .configureOutput({ writeOut: (text) => (said += text), writeErr: () => {} });
  try {
    command.parse(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return said;
    throw new Failure(error.message.replace(/^error: /, ""), 2);
  }
  const { json, update, spin, family: version, ...rest } = command.opts<Raw>();
  const suite = suiteOf(command.args[0]!);
  const { between, ...defaults } =
    SUITE_DEFAULTS[suite in SUITE_DEFAULTS ? (suite as keyof typeof SUITE_DEFAULTS) : "kernel"];
  const family = version === "4" ? 4 : 6;
  requireFamily(family, between, rest.mtu);
  // A drop must take one packet of the wire, not a super-segment of 64 KiB.
  const offload = rest.offload && between === "nothing";
  return {
    ...{ ...defaults, ...rest, family, offload, between, suite },
    ...{ json: json ?? false, update: update ?? false, spinUs: spin ?? null },
  };
}

function requireFamily(family: Family, between: BenchOptions["between"], mtu: number): void {
  if (family === 4) return;
  if (between !== "nothing") throw new Failure("--family 6: the suites loss and path have IPv4 alone", 2);
  if (mtu < 1280) throw new Failure(`--mtu ${mtu}: IPv6 needs 1280 bytes (RFC 8200 5)`, 2);
}

const SUITE_DEFAULTS = {
  kernel: { targets: DEFAULT_TARGETS, workloads: Object.keys(WORKLOADS), runs: 3, between: "nothing" },
  peers: { targets: PEERS_TARGETS, workloads: Object.keys(PEERS_WORKLOADS), runs: 3, between: "nothing" },
  http: { targets: HTTP_TARGETS, workloads: Object.keys(HTTP_WORKLOADS), runs: 3, between: "nothing" },
  queues: {
    targets: QUEUE_TARGETS,
    workloads: ["up", "down", "rr64", "crr"],
    runs: 3,
    between: "nothing",
  },
  loss: {
    targets: ["usertcp", "kernel-c"],
    workloads: Object.keys(LOSS_WORKLOADS),
    runs: 5,
    between: "router",
  },
  path: {
    targets: ["usertcp", "kernel-c"],
    workloads: Object.keys(PATH_WORKLOADS),
    runs: 1,
    between: "path",
  },
} as const;

function suiteOf(name: string): Suite {
  const suite = SUITES.find((known) => known === name);
  if (suite !== undefined) return suite;
  throw new Failure(`suite '${name}' is not known: there are ${SUITES.join(", ")}`, 2);
}

function listOf(what: string, known: readonly string[]): (text: string) => string[] {
  return (text) => {
    const names = [...new Set(text.split(","))];
    const stranger = names.find((name) => !known.includes(name));
    if (stranger !== undefined) {
      throw new InvalidArgumentError(`No ${what} '${stranger}': there are ${known.join(", ")}.`);
    }
    return names;
  };
}

/** Numbers of connections, ascending. */
function sizes(text: string): number[] {
  return text
    .split(",")
    .map(wholeIn(1_000, 200_000))
    .sort((a, b) => a - b);
}

export function numberIn(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It takes a number from ${least} to ${most}.`);
    }
    return value;
  };
}

export function wholeIn(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) {
      throw new InvalidArgumentError(`It takes a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}
