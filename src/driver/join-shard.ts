/**
 * The worker's side of a sharded stack: `joinShard` opens its queue when the main thread says so, and answers that thread
 * for as long as the stack is up.
 */
import { workerData } from "node:worker_threads";
import { ShardDevice } from "../device/shard-device.ts";
import { openTun, type TunDevice, type TunOptions } from "../device/tun.ts";
import type { StackSnapshot } from "../stack/inspect.ts";
import { type CreateStackOptions, type RunningStack, runStack } from "./create-stack.ts";
import { type FromShard, type PlainError, plainError, type Seat, type ToShard } from "./shard-messages.ts";

/** This worker's shard: a stack like any other, for the flows that are its own. */
export interface RunningShard extends RunningStack {
  /** 0 to `count` - 1. */
  readonly index: number;
  readonly count: number;
  /** What `createShards` was given for its workers. */
  readonly workerData: unknown;
  /** The snapshots of all shards as one. */
  snapshotAll(options?: { info?: boolean }): Promise<StackSnapshot>;
}

/** Captured bytes on their way to the main thread; beyond, packets are left out and counted. */
const CAPTURED_MAX = 32 * 1024 * 1024;

/**
 * Takes this worker's place among the shards that `createShards` started. Every shard listens on the same ports: which one
 * a connection comes to is decided by its addresses and ports. Throws outside of such a worker; rejects with what opening
 * the device throws.
 */
export function joinShard(): Promise<RunningShard> {
  const seat = (workerData as Partial<Seat> | null)?.usertcpShard;
  if (seat === undefined) {
    throw Object.assign(new Error("joinShard() is for the workers that createShards() starts"), {
      code: "ERR_INVALID_STATE",
    });
  }
  return new Promise((resolve, reject) => {
    const { port } = seat;
    const tell = (message: FromShard): void => port.postMessage(message);
    port.once("message", (message: ToShard) => {
      if (message.type !== "open") return;
      try {
        const { running, tun } = open(seat, message.options);
        const unsteered = message.steer ? steer(running, tun) : null;
        resolve(answering(seat, running));
        const { name, mtu, offload } = tun;
        tell({ type: "up", name, mtu, offload, unsteered });
      } catch (error) {
        tell({ type: "failed", error: plainError(error) });
        reject(error);
      }
    });
    tell({ type: "joined" });
  });
}

function open(
  { index, count, secret, rings }: Seat["usertcpShard"],
  options: CreateStackOptions,
): { running: RunningStack; tun: TunDevice } {
  const tun = openTun(options.tun as TunOptions);
  const device = new ShardDevice(tun, index, rings);
  const handOver = device.handOver.bind(device);
  try {
    return { running: runStack(options, device, { secret, shard: { index, count, handOver } }), tun };
  } catch (error) {
    void tun.close();
    throw error;
  }
}

/** Null, or why the kernel goes on choosing queues by itself. */
function steer(running: RunningStack, tun: TunDevice): PlainError | null {
  const { key, multiplier } = running.stack.shard!.hash;
  try {
    tun.steer(key, multiplier);
    return null;
  } catch (error) {
    return plainError(error);
  }
}

/** Answers the main thread until the stack is gone. */
function answering(
  { index, count, port, workerData }: Seat["usertcpShard"],
  running: RunningStack,
): RunningShard {
  const asked = new Map<number, (snapshot: StackSnapshot) => void>();
  let asks = 0;
  const tell = (message: FromShard, transfer: ArrayBuffer[] = []): void =>
    port.postMessage(message, transfer);
  const capture = capturing(running, tell);
  port.on("message", (message: ToShard) => {
    if (message.type === "snapshot") {
      tell({ type: "snapshot", id: message.id, snapshot: running.snapshot({ info: message.info }) });
    } else if (message.type === "merged") {
      asked.get(message.id)?.(message.snapshot);
      asked.delete(message.id);
    } else if (message.type === "capture") {
      capture.set(message.on);
    } else if (message.type === "seen") {
      capture.seen(message.bytes);
    } else if (message.type === "close") {
      void running.close();
    }
  });
  void running.closed.then((error) => {
    tell({ type: "gone", error: error === null ? null : plainError(error) });
  });
  return {
    ...running,
    index,
    count,
    workerData,
    snapshotAll(options) {
      const id = ++asks;
      return new Promise((resolve) => {
        asked.set(id, resolve);
        tell({ type: "ask", id, info: options?.info ?? true });
      });
    },
  };
}

/** Sends the packets that pass to the main thread while it wants them. */
function capturing(
  running: RunningStack,
  tell: (message: FromShard, transfer: ArrayBuffer[]) => void,
): { set(on: boolean): void; seen(bytes: number): void } {
  let stop: (() => void) | null = null;
  let waiting = 0;
  let left = 0;
  return {
    set(on) {
      stop?.();
      stop = !on
        ? null
        : running.capture((direction, from, offset, length, timeUs) => {
            if (waiting > CAPTURED_MAX) {
              left++;
              return;
            }
            waiting += length;
            const bytes = new Uint8Array(length);
            bytes.set(from.subarray(offset, offset + length));
            tell({ type: "captured", direction, bytes, timeUs, left }, [bytes.buffer]);
            left = 0;
          });
    },
    seen(bytes) {
      waiting -= bytes;
    },
  };
}
