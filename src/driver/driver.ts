/**
 * The event loop around a stack: packets in, timers, events out, packets out. The only one that knows both a
 * device and a stack, and the only one that waits.
 */
import type { ReceiveBatch } from "../base/packet-batch.ts";
import { MS, NEVER } from "../base/time.ts";
import type { Device, DeviceReceiver } from "../device/device.ts";
import { KIND_TCB } from "../stack/flow-table.ts";
import type { StackInterface } from "../stack/interface.ts";
import { leaving } from "../stack/observe.ts";
import type { Stack } from "../stack/stack.ts";
import { DEVICE_REFUSED } from "../wire/drop.ts";
import type { NodeHost } from "./host-node.ts";

/** Rounds of "tell the applications, send" in a row before the event loop gets its turn. */
const ROUNDS = 64;
/** Longest wait of a Node timer. */
const TIMEOUT_MAX = 2_147_483_647;

/** Drives one stack over one device. */
export class Driver implements DeviceReceiver {
  readonly #stack: Stack;
  readonly #host: NodeHost;
  readonly #device: Device;
  readonly #link: StackInterface;
  readonly #onGone: (error: Error | null) => void;
  #timer: NodeJS.Timeout | null = null;
  #timerAt = NEVER;
  #isClosed = false;
  #isRef = true;
  readonly #rounds: number;
  readonly #onTimer: () => void = () => {
    this.#timer = null;
    this.#timerAt = NEVER;
    // After a stall libuv runs timers before it looks at descriptors. Packets that wait there come first: an ACK among them
    // may be what the timer is about.
    setImmediate(() => this.run());
  };

  /** `link` is the stack's interface that stands for `device`. `onGone` is told once when the device is. `rounds`: before the event loop gets its turn. */
  constructor(
    stack: Stack,
    host: NodeHost,
    device: Device,
    link: StackInterface,
    onGone: (error: Error | null) => void,
    rounds: number = ROUNDS,
  ) {
    this.#rounds = rounds;
    this.#stack = stack;
    this.#host = host;
    this.#device = device;
    this.#link = link;
    this.#onGone = onGone;
  }

  start(): void {
    this.#device.start(this);
  }

  /** Packets came: the whole round, with one reading of the clock. */
  onPackets(batch: ReceiveBatch): void {
    if (this.#isClosed) return;
    const stack = this.#stack;
    stack.tick();
    try {
      stack.input(this.#link, batch);
    } finally {
      this.#round();
    }
  }

  onClose(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTimer();
    try {
      // Nobody will answer any more: who waits is told so now.
      this.#stack.shutdown("ENETDOWN");
      this.finish();
    } finally {
      this.#onGone(error);
    }
  }

  /** A round without new packets: a timer expired, or `Host.wake` was called. */
  run(): void {
    if (this.#isClosed) return;
    this.#stack.tick();
    this.#round();
  }

  /** After `Stack.shutdown`: every connection is told, whatever others throw; the first exception goes on to the caller. */
  finish(): void {
    const thrown: unknown[] = [];
    this.#stack.tick();
    this.#host.isRunning = true;
    for (let isTold = false; !isTold; ) {
      try {
        this.#send();
        this.#stack.dispatch();
        isTold = true;
      } catch (error) {
        // What threw counts as told, so this comes to an end.
        thrown.push(error);
      }
    }
    this.#round();
    if (thrown.length > 0) throw thrown[0];
  }

  /** No more rounds; the device is closed by its owner. */
  stop(): void {
    this.#isClosed = true;
    this.#stopTimer();
  }

  /** Sends what is ready, whatever happened before. */
  flush(): void {
    while (!this.#stack.flush()) this.#send();
    this.#send();
  }

  ref(): void {
    this.#isRef = true;
    this.#device.ref();
    this.#timer?.ref();
  }

  unref(): void {
    this.#isRef = false;
    this.#device.unref();
    this.#timer?.unref();
  }

  #round(): void {
    const stack = this.#stack;
    this.#host.isRunning = true;
    let finished = false;
    try {
      if (stack.nextDeadline() <= stack.now) stack.expire();
      let rounds = 0;
      do {
        this.#send();
        stack.dispatch();
        this.flush();
        stack.inputLocal();
      } while (stack.isBusy && ++rounds < this.#rounds);
      finished = !stack.isBusy;
    } finally {
      // An exception of the application's goes on to whoever called; the stack's work does too.
      this.#host.isRunning = false;
      if (!finished && !this.#isClosed) {
        if (this.#host.isLater) this.#host.wake();
        else setImmediate(() => this.run());
      }
    }
    this.#arm();
  }

  #send(): void {
    const { tx } = this.#link;
    if (tx.count === 0) return;
    leaving(this.#stack, this.#link);
    let sent = 0;
    try {
      if (!this.#isClosed) sent = this.#device.send(tx);
    } finally {
      // Also when it throws, for bytes that an application detached: the others' packets would never leave.
      for (let i = sent; i < tx.count; i++) this.#stack.drop(DEVICE_REFUSED);
      tx.clear();
    }
  }

  /** Waits for the next deadline. A timer that comes up too early finds out, so only an earlier one is set anew. */
  #arm(): void {
    const at = this.#stack.nextDeadline();
    if (at === NEVER || at >= this.#timerAt || this.#isClosed) return;
    this.#stopTimer();
    // Node's timers count whole milliseconds; one that fires early would only come again.
    const wait = Math.min(TIMEOUT_MAX, Math.max(1, Math.ceil((at - this.#stack.now) / MS)));
    this.#timerAt = at;
    this.#timer = setTimeout(this.#onTimer, wait);
    // TIME-WAIT alone keeps no process alive.
    if (!this.#isRef || this.#stack.flows.countOfKind(KIND_TCB) === 0) this.#timer.unref();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timerAt = NEVER;
  }
}
