/**
 * A path of a given rate, delay, loss, reordering and buffer between two namespaces, in real time: `path.c` started,
 * told its conditions, and ended. Its counterpart in virtual time is src/sim/link.ts.
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { listen, readyLine } from "./child.ts";
import { addDefaultRoute, CLIENT_PAIR, giveAddresses, stop } from "./namespace.ts";
import { BUILD } from "./paths.ts";

/** What the path does to packets from server to client; the way back has the delay alone. */
export interface Conditions {
  /** Bits a second. */
  readonly rate: number;
  readonly rttMs: number;
  /** Shares, 0 to 1, of packets lost, and late by a quarter of the round trip. */
  readonly loss: number;
  readonly late: number;
  /** Drop-tail buffer in bandwidth-delay products. */
  readonly buffer: number;
}

/** A path that runs. */
export interface RunningPath {
  readonly set: (conditions: Conditions, seed: number) => void;
  readonly stop: () => Promise<void>;
}

/** No buffer is smaller than two packets. */
const BUFFER_MIN = 3_000;

/** Joins `near` (towards the server) and `far` (the client's) by a path, with the client's addresses and default route. */
export async function joinByPath(
  near: string,
  far: string,
  mtu: number,
  congestion: string,
): Promise<RunningPath> {
  const child: ChildProcess = spawn(join(BUILD, "path"), [near, far], { stdio: ["pipe", "pipe", "pipe"] });
  await readyLine(child, "path", listen(child));
  giveAddresses(near, far, "path0", "path0", mtu, CLIENT_PAIR);
  addDefaultRoute(far, CLIENT_PAIR.near, congestion);
  return {
    set({ rate, rttMs, loss, late, buffer }, seed) {
      const queue = Math.max(BUFFER_MIN, (buffer * rate * rttMs) / 8e3);
      child.stdin!.write(`${rate} ${rttMs * 500} ${loss} ${late} ${rttMs * 250} ${queue} ${seed}\n`);
    },
    stop: () => stop(child),
  };
}
