/** The world of a stack in Node: monotonic clock, random numbers, a wake-up at the end of the current tick. */
import { randomBytes, randomFillSync } from "node:crypto";
import type { Host } from "../base/host.ts";

const POOL = 1_024;

/** A `Host` whose `wake` calls `onWake` once this tick's JavaScript has run. */
export class NodeHost implements Host {
  readonly secret: Uint8Array;
  readonly #onWake: () => void;
  /** Whether a wake-up is a turn of the event loop away. */
  readonly isLater: boolean;
  readonly #pool: Int32Array = new Int32Array(POOL);
  #left = 0;
  #isWaking = false;
  /** While the driver is in its round a wake-up says nothing new. */
  isRunning = false;

  /**
   * `later` is for a stack without a device: its wake-up is an event of its own, as packets from outside are. `secret` is that of
   * the other shards.
   */
  constructor(onWake: () => void, later = false, secret: Uint8Array = randomBytes(16)) {
    this.secret = secret;
    this.isLater = later;
    this.#onWake = (): void => {
      this.#isWaking = false;
      onWake();
    };
  }

  /** Microseconds since the process started. */
  clock(): number {
    return performance.now() * 1_000;
  }

  random(): number {
    if (this.#left === 0) {
      randomFillSync(this.#pool);
      this.#left = POOL;
    }
    return this.#pool[--this.#left]!;
  }

  /** `nextTick`, not `setImmediate`: it runs inside the device's callback, so that the addon's spin goes on. */
  wake(): void {
    if (this.#isWaking || this.isRunning) return;
    this.#isWaking = true;
    if (this.isLater) setImmediate(this.#onWake);
    else process.nextTick(this.#onWake);
  }
}
