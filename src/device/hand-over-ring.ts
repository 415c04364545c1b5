/**
 * Packets on their way to another thread: a ring in shared memory with any number of producers and one consumer, bounded,
 * without locks. Space is reserved by one compare-and-exchange in slots of 128 bytes, a packet lying in as many as it
 * needs, one behind the other; what does not fit before the end of the ring leaves a gap there. Each slot's head is in a
 * table of its own, where no packet's bytes can pass for one: a packet is there once its first slot is sealed, and the
 * consumer breaks the seal before it gives the space back.
 */
import { type ReceiveBatch, RX, RX_BATCH, RX_CHECKSUM_OK, RX_HANDED_OVER } from "../base/packet-batch.ts";

const SLOT = 128;
/** 4 MiB: the windows of a few connections at full speed (64 super-segments), or 32,768 small packets. */
const SLOTS = 32_768;

/** Cells of the control words, a cache line apart: producers change one, the consumer the others. */
const RESERVED = 0;
const CONSUMED = 16;
const WOKEN = 32;
const CONTROL = 48;

/** Columns of a slot's head. SEAL: 1 once the packet is whole. */
const SEAL = 0;
/** Of the packet; negative: so many slots are a gap. */
const LENGTH = 1;
const FLAGS = 2;
const GSO_SIZE = 3;
const COLUMNS = 4;

/** Memory for a ring, to be shared with every thread that uses it. */
export function createRingMemory(slots: number = SLOTS): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * CONTROL + 4 * COLUMNS * slots + SLOT * slots);
}

/** One thread's view of a ring. */
export class HandOverRing {
  readonly #control: Int32Array;
  readonly #heads: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #slots: number;

  constructor(memory: SharedArrayBuffer) {
    const slots = (memory.byteLength - 4 * CONTROL) / (4 * COLUMNS + SLOT);
    this.#slots = slots;
    this.#control = new Int32Array(memory, 0, CONTROL);
    this.#heads = new Int32Array(memory, 4 * CONTROL, COLUMNS * slots);
    this.#bytes = new Uint8Array(memory, 4 * CONTROL + 4 * COLUMNS * slots);
  }

  /** A producer's: copies a packet into the ring. False: it has no room. */
  put(bytes: Uint8Array, offset: number, length: number, checksumOk: boolean, gsoSize: number): boolean {
    const position = this.#reserve(slotsOf(length));
    if (position === FULL) return false;
    const slot = this.#slotAt(position);
    this.#bytes.set(bytes.subarray(offset, offset + length), SLOT * slot);
    const head = COLUMNS * slot;
    this.#heads[head + FLAGS] = (checksumOk ? RX_CHECKSUM_OK : 0) | RX_HANDED_OVER;
    this.#heads[head + GSO_SIZE] = gsoSize;
    this.#seal(head, length);
    return true;
  }

  /** The position of `need` slots in a row for the caller alone. */
  #reserve(need: number): number {
    const control = this.#control;
    const slots = this.#slots;
    for (;;) {
      const from = Atomics.load(control, RESERVED);
      const left = slots - this.#slotAt(from);
      const gap = left < need ? left : 0;
      // Positions wrap at 2^32, a multiple of the number of slots.
      if (((from + gap + need - Atomics.load(control, CONSUMED)) | 0) > slots) return FULL;
      if (Atomics.compareExchange(control, RESERVED, from, (from + gap + need) | 0) !== from) continue;
      if (gap === 0) return from;
      this.#seal(COLUMNS * this.#slotAt(from), -gap);
      return (from + gap) | 0;
    }
  }

  #seal(head: number, length: number): void {
    this.#heads[head + LENGTH] = length;
    Atomics.store(this.#heads, head + SEAL, 1);
  }

  /** The consumer's: copies packets into `batch` from `at` on, as many as it holds. Returns where the next batch may start. */
  take(batch: ReceiveBatch & { count: number }, at: number): number {
    const control = this.#control;
    const heads = this.#heads;
    let position = control[CONSUMED]!;
    batch.count = 0;
    while (batch.count < RX_BATCH) {
      const slot = this.#slotAt(position);
      const head = COLUMNS * slot;
      if (Atomics.load(heads, head + SEAL) === 0) break;
      const length = heads[head + LENGTH]!;
      if (at + length > batch.bytes.length) break;
      heads[head + SEAL] = 0;
      position = (position + (length < 0 ? -length : slotsOf(length))) | 0;
      if (length < 0) continue;
      batch.bytes.set(this.#bytes.subarray(SLOT * slot, SLOT * slot + length), at);
      const row = batch.count++ * RX.COLUMNS;
      batch.table[row + RX.OFFSET] = at;
      batch.table[row + RX.LENGTH] = length;
      batch.table[row + RX.FLAGS] = heads[head + FLAGS]!;
      batch.table[row + RX.GSO_SIZE] = heads[head + GSO_SIZE]!;
      at = (at + length + 3) & ~3;
    }
    Atomics.store(control, CONSUMED, position);
    return at;
  }

  /** The consumer's: whether a packet waits. */
  get hasPackets(): boolean {
    return Atomics.load(this.#heads, COLUMNS * this.#slotAt(this.#control[CONSUMED]!) + SEAL) !== 0;
  }

  /** A producer's, after one `put` or several: the consumer looks, if it does not anyway. */
  wake(): void {
    if (Atomics.exchange(this.#control, WOKEN, 1) === 0) Atomics.notify(this.#control, WOKEN, 1);
  }

  /** The consumer's: `onWake` is called once, when a producer has put something since the last `wait`. */
  wait(onWake: () => void): void {
    const { async, value } = (Atomics as unknown as AsyncWaiting).waitAsync(this.#control, WOKEN, 0);
    if (async) void value.then(onWake);
    else queueMicrotask(onWake);
  }

  /** The consumer's, before it looks: what is put from now on wakes it anew. */
  awake(): void {
    Atomics.store(this.#control, WOKEN, 0);
  }

  #slotAt(position: number): number {
    return position & (this.#slots - 1);
  }
}

/** ES2024; Node 16 and later have it. */
interface AsyncWaiting {
  waitAsync(
    cells: Int32Array,
    index: number,
    value: number,
  ): { async: true; value: Promise<string> } | { async: false; value: string };
}

/** No position: `#reserve` answers int32. */
const FULL = Number.MAX_SAFE_INTEGER;

function slotsOf(length: number): number {
  return Math.ceil(length / SLOT);
}
