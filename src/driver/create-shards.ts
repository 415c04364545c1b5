/**
 * `createShards`: one stack over several queues of one TUN device, a worker thread for each. This thread starts them, asks
 * them, and ends them; no packet passes through it.
 */
import { randomBytes } from "node:crypto";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { ArgumentError } from "../base/errors.ts";
import { createRingMemory } from "../device/hand-over-ring.ts";
import type { TunOptions } from "../device/tun.ts";
import type { StackSnapshot } from "../stack/inspect.ts";
import { mergeSnapshots } from "../stack/merge-snapshots.ts";
import { type CaptureTap, type CreateStackOptions, checkStackOptions } from "./create-stack.ts";
import {
  type DeviceFacts,
  errorOf,
  type FromShard,
  type PlainError,
  plainError,
  type Seat,
  type ToShard,
} from "./shard-messages.ts";

/** What to bring up. */
export interface CreateShardsOptions extends Omit<CreateStackOptions, "device" | "inTurns"> {
  /** Queues of the device, and workers: 1 to 64. */
  readonly queues: number;
  /**
   * How packets find the queue of their shard. "bpf": by a program in the kernel, exactly, which takes CAP_BPF (root);
   * "kernel": the kernel goes by the queue that last sent for a flow, and what comes in elsewhere is handed over between
   * threads; "auto", the default: "bpf" where that is allowed.
   */
  readonly steering?: "auto" | "bpf" | "kernel";
  /** For the workers, as `RunningShard.workerData`. */
  readonly workerData?: unknown;
}

/** A sharded stack that is up. */
export interface RunningShards {
  readonly device: DeviceFacts;
  readonly steering: "bpf" | "kernel";
  /** By shard. Messages to and from them are the application's own. */
  readonly workers: readonly Worker[];
  /** The snapshots of all shards as one. */
  snapshot(options?: { info?: boolean }): Promise<StackSnapshot>;
  /** As `RunningStack.capture`, a little later; packets of different shards may be out of their order. */
  capture(tap: CaptureTap): () => void;
  /** Packets that `capture` left out because this thread was slower than they came. */
  readonly captureLost: number;
  /** Resets what is open, closes the device, ends the workers; resolves when nothing is left. */
  close(): Promise<void>;
  /** Resolves when all is over: null after `close`, else why; a shard that ends by itself ends the others. */
  readonly closed: Promise<Error | null>;
}

const QUEUES_MAX = 64;
/** A worker that has not closed its stack by then is stuck in its own JavaScript. */
const CLOSE_MS = 5_000;

/**
 * Starts `program`, a module that calls `joinShard()`, in `queues` workers, and opens a queue of the device in each.
 * Resolves when all queues are open. Rejects with `ArgumentError`, with what opening the device throws (EPERM, EBUSY,
 * ENOENT), or with what a worker died of.
 */
export async function createShards(
  program: string | URL,
  options: CreateShardsOptions,
): Promise<RunningShards> {
  const { queues, steering = "auto" } = options;
  if (!Number.isInteger(queues) || queues < 1 || queues > QUEUES_MAX) {
    throw new ArgumentError("queues", `a whole number from 1 to ${QUEUES_MAX}`, queues, "ERR_OUT_OF_RANGE");
  }
  if (!["auto", "bpf", "kernel"].includes(steering)) {
    throw new ArgumentError("steering", "'auto', 'bpf' or 'kernel'", steering);
  }
  checkStackOptions(options);
  const shards = new Shards(program, options);
  try {
    await shards.open();
    return shards;
  } catch (error) {
    await shards.close();
    throw error;
  }
}

interface Member {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** Resolves when its stack or its thread is no more. */
  readonly ended: Promise<void>;
  end: () => void;
}

class Shards implements RunningShards {
  device: DeviceFacts = { name: "", mtu: 0, offload: false };
  steering: "bpf" | "kernel" = "kernel";
  captureLost = 0;
  readonly closed: Promise<Error | null>;
  readonly #options: CreateShardsOptions;
  readonly #members: Member[];
  readonly #taps: Set<CaptureTap> = new Set();
  /** Those who wait for a message of a shard's. */
  readonly #waiting: Set<Waiter> = new Set();
  #resolveClosed: (error: Error | null) => void = () => {};
  #ending: Promise<void> | null = null;
  #error: Error | null = null;
  #questions = 0;

  constructor(program: string | URL, options: CreateShardsOptions) {
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    const secret = randomBytes(16);
    const rings = Array.from({ length: options.queues }, () => createRingMemory());
    this.#members = rings.map((_, index) => this.#start(program, index, secret, rings));
  }

  get workers(): readonly Worker[] {
    return this.#members.map(({ worker }) => worker);
  }

  /** Queue after queue: the kernel numbers them as they are opened. */
  async open(): Promise<void> {
    const { queues, steering, workerData: _data, ...options } = this.#options;
    const tun: TunOptions = typeof options.tun === "string" ? { name: options.tun } : (options.tun ?? {});
    const { mtu: _mtu, addresses: _addresses, ...others } = tun;
    await Promise.all(this.#members.map((_, index) => this.#answer(index, "joined")));
    for (let index = 0; index < queues; index++) {
      const isLast = index === queues - 1;
      const queue: TunOptions = {
        // The first one makes the device, the last one brings it up.
        ...(index === 0 ? tun : { ...others, name: this.device.name }),
        multiQueue: true,
        up: isLast && tun.up !== false,
      };
      const up = this.#answer(index, "up");
      this.#tell(index, {
        type: "open",
        options: { ...options, tun: queue },
        steer: isLast && steering !== "kernel",
      });
      const { name: opened, mtu, offload, unsteered } = await up;
      if (index === 0) this.device = { name: opened, mtu, offload };
      if (isLast) this.#steered(unsteered);
    }
  }

  #steered(unsteered: PlainError | null): void {
    const { steering = "auto" } = this.#options;
    if (unsteered !== null && steering === "bpf") throw errorOf(unsteered);
    this.steering = steering !== "kernel" && unsteered === null ? "bpf" : "kernel";
  }

  async snapshot(options: { info?: boolean } = {}): Promise<StackSnapshot> {
    const id = ++this.#questions;
    const snapshots = this.#members.map((_, index) => this.#answer(index, "snapshot", id));
    this.#members.forEach((_, index) => {
      this.#tell(index, { type: "snapshot", id, info: options.info ?? true });
    });
    return mergeSnapshots((await Promise.all(snapshots)).map(({ snapshot }) => snapshot));
  }

  capture(tap: CaptureTap): () => void {
    this.#taps.add(tap);
    this.#tellAll({ type: "capture", on: true });
    return () => {
      this.#taps.delete(tap);
      if (this.#taps.size === 0) this.#tellAll({ type: "capture", on: false });
    };
  }

  close(): Promise<void> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  async #end(): Promise<void> {
    this.#tellAll({ type: "close" });
    const why = this.#error ?? new Error("the shards were closed");
    for (const waiter of this.#waiting) waiter.reject(why);
    this.#waiting.clear();
    for (const { worker, port, ended } of this.#members) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([ended, late]);
      clearTimeout(timer);
      await worker.terminate();
      port.close();
    }
    this.#resolveClosed(this.#error);
  }

  /** A shard ended by itself, and with it the whole. */
  #fail(error: Error): void {
    if (this.#ending !== null) return;
    this.#error = error;
    void this.close();
  }

  #start(
    program: string | URL,
    index: number,
    secret: Uint8Array,
    rings: readonly SharedArrayBuffer[],
  ): Member {
    const { port1, port2 } = new MessageChannel();
    const { queues, workerData } = this.#options;
    const seat: Seat = { usertcpShard: { index, count: queues, secret, rings, port: port2, workerData } };
    const worker = new Worker(program, {
      workerData: seat,
      transferList: [port2],
      name: `usertcp shard ${index}`,
    });
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    port1.on("message", (message: FromShard) => this.#hear(index, message));
    worker.on("error", (error: unknown) => this.#fail(deathOf(index, error)));
    worker.on("exit", (code) => {
      end();
      this.#fail(new Error(`shard ${index} ended by itself (exit code ${code})`));
    });
    return { worker, port: port1, ended, end };
  }

  #hear(index: number, message: FromShard): void {
    if (message.type === "captured") {
      this.captureLost += message.left;
      for (const tap of this.#taps) {
        tap(message.direction, message.bytes, 0, message.bytes.length, message.timeUs);
      }
      this.#tell(index, { type: "seen", bytes: message.bytes.length });
    } else if (message.type === "gone") {
      this.#members[index]!.end();
      this.#fail(
        message.error === null ? new Error(`shard ${index} closed its stack`) : errorOf(message.error),
      );
    } else if (message.type === "failed") {
      this.#fail(errorOf(message.error));
    } else if (message.type === "ask") {
      const { id, info } = message;
      const answer = (snapshot: StackSnapshot): void => this.#tell(index, { type: "merged", id, snapshot });
      // Who asked hears nothing more when all is over: it ends as well.
      this.snapshot({ info }).then(answer, () => {});
    } else {
      this.#settle(index, message);
    }
  }

  /** The next message of a type from a shard; rejects when the shards end first. */
  #answer<T extends Answer["type"]>(
    index: number,
    type: T,
    id?: number,
  ): Promise<Extract<Answer, { type: T }>> {
    if (this.#ending !== null) return Promise.reject(this.#error ?? new Error("the shards were closed"));
    return new Promise((resolve, reject) => {
      const settle = (message: Answer): void => resolve(message as Extract<Answer, { type: T }>);
      this.#waiting.add({ index, type, id, resolve: settle, reject });
    });
  }

  #settle(index: number, message: Answer): void {
    for (const waiter of this.#waiting) {
      if (waiter.index !== index || waiter.type !== message.type) continue;
      if (message.type === "snapshot" && waiter.id !== message.id) continue;
      this.#waiting.delete(waiter);
      waiter.resolve(message);
      return;
    }
  }

  #tell(index: number, message: ToShard): void {
    this.#members[index]!.port.postMessage(message);
  }

  #tellAll(message: ToShard): void {
    for (const { port } of this.#members) port.postMessage(message);
  }
}

/** Messages that somebody waits for. */
type Answer = Extract<FromShard, { type: "joined" | "up" | "snapshot" }>;

interface Waiter {
  readonly index: number;
  readonly type: Answer["type"];
  readonly id: number | undefined;
  readonly resolve: (message: Answer) => void;
  readonly reject: (error: Error) => void;
}

function deathOf(index: number, error: unknown): Error {
  const message = error instanceof Error ? error.message : String(error);
  const death = errorOf({ ...plainError(error), message: `shard ${index} died: ${message}` });
  return Object.assign(death, { cause: error });
}
