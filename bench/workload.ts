/** What the suites over a kernel client measure: one entry a workload, and how its figure reads. Runs nothing. */
import type { Errand } from "./load.ts";
import type { Conditions } from "./path.ts";
import type { Program } from "./target.ts";
import type { HttpErrand } from "./wrk.ts";

/** What a workload asks of the client, and how its figure reads. */
export interface Workload extends Errand {
  readonly unit: string;
  /** From the client's figure (bytes or transactions a second) to `unit`. */
  readonly scale: number;
  readonly cpuUnit: string;
  /** From CPU seconds for a byte or a transaction to `cpuUnit`. */
  readonly cpuScale: number;
  /** Whether the client times each transaction. */
  readonly timed: boolean;
  /** Share of the packets of either direction that is lost on the way, 0 to 1. */
  readonly loss: number;
  /** The path between client and server, in the suite `path`. */
  readonly path?: Conditions;
  /** What wrk asks for, where it is the client. */
  readonly http?: HttpErrand;
  /** What the server is to be. */
  readonly program: Program;
}

const BULK = {
  pinned: false,
  unit: "Gbit/s",
  scale: 8e-9,
  cpuUnit: "s/GB",
  cpuScale: 1e9,
  timed: false,
  loss: 0,
  program: "services" as Program,
};
const TRIPS = {
  pinned: false,
  loss: 0,
  unit: "transactions/s",
  scale: 1,
  cpuUnit: "us/transaction",
  cpuScale: 1e6,
  timed: true,
  program: "services" as Program,
};

/** Of the suite `kernel`. */
export const WORKLOADS: Readonly<Record<string, Workload>> = {
  up: { ...BULK, load: "up" },
  down: { ...BULK, load: "down" },
  rr1: { ...TRIPS, load: "rr1" },
  rr1p: { ...TRIPS, load: "rr1", pinned: true },
  rr64: { ...TRIPS, load: "rr64" },
  crr: { ...TRIPS, load: "crr", unit: "connections/s" },
};

/** Of the suite `peers`: those of `kernel`, and `down` with segments above 64 KiB, by those who can write them. */
export const PEERS_WORKLOADS: Readonly<Record<string, Workload>> = {
  ...WORKLOADS,
  "down-big": { ...BULK, load: "down", program: "big" },
};

/** Of the suite `http`: wrk over 1, 64 and 512 connections, kept alive or one a request, small and large bodies. */
export const HTTP_WORKLOADS: Readonly<Record<string, Workload>> = Object.fromEntries(
  [1, 64, 512].flatMap((connections) =>
    [true, false].flatMap((keepAlive) =>
      [100, 65_536].map((bytes) => [
        `http-${connections}-${keepAlive ? "keep" : "close"}-${bytes === 100 ? "100" : "64k"}`,
        {
          ...TRIPS,
          load: "http",
          unit: "requests/s",
          cpuUnit: "us/request",
          program: "http",
          http: { connections, keepAlive, bytes },
        },
      ]),
    ),
  ),
);

/** Of the suite `loss`: bulk each way while one packet in a hundred, and one in twenty, is dropped. */
export const LOSS_WORKLOADS: Readonly<Record<string, Workload>> = {
  "up-1": { ...BULK, load: "up", loss: 0.01 },
  "up-5": { ...BULK, load: "up", loss: 0.05 },
  "down-1": { ...BULK, load: "down", loss: 0.01 },
  "down-5": { ...BULK, load: "down", loss: 0.05 },
};

/** Of the suite `path`: one sender over a path of given conditions, cells of the loss matrix (test/sim/matrix). */
export const PATH_WORKLOADS: Readonly<Record<string, Workload>> = Object.fromEntries(
  [1e7, 1e8].flatMap((rate) =>
    [20, 100].flatMap((rttMs) =>
      [
        { loss: 0, late: 0 },
        { loss: 0.01, late: 0 },
        { loss: 0, late: 0.03 },
        { loss: 0.03, late: 0.03 },
      ].map(({ loss, late }) => [
        `1e${Math.log10(rate)}-rtt${rttMs}-loss${loss * 100}-late${late * 100}`,
        { ...BULK, load: "down", unit: "Mbit/s", scale: 8e-6, path: { rate, rttMs, loss, late, buffer: 1 } },
      ]),
    ),
  ),
);

export const ALL_WORKLOADS: Readonly<Record<string, Workload>> = {
  ...PEERS_WORKLOADS,
  ...HTTP_WORKLOADS,
  ...LOSS_WORKLOADS,
  ...PATH_WORKLOADS,
};
