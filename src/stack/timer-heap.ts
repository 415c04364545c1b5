/**
 * The near end of the timer wheel: a binary heap of slots by deadline, then by order of setting. It tells
 * where each slot stands in an array that it shares with the wheel, so that a cancel finds its entry.
 */
import { type Micros, NEVER } from "../base/time.ts";

/** `where` of the slot at heap position p is `HEAP_TOP - p`. */
export const HEAP_TOP = -3 as const;

/** A heap of timers. An entry keeps the deadline it was pushed with: the slot's own may since be later. */
export class TimerHeap {
  size: number;
  /** Position of each slot, shared with the wheel, which replaces it on growth. */
  where: Int32Array;
  private slots: Int32Array;
  private keys: Float64Array;
  private stamps: Int32Array;

  constructor(where: Int32Array) {
    this.size = 0;
    this.where = where;
    this.slots = new Int32Array(16);
    this.keys = new Float64Array(16);
    this.stamps = new Int32Array(16);
  }

  /** The earliest deadline, NEVER when empty. */
  topKey(): Micros {
    return this.size === 0 ? NEVER : this.keys[0]!;
  }

  topSlot(): number {
    return this.slots[0]!;
  }

  push(slot: number, key: Micros, stamp: number): void {
    if (this.size === this.slots.length) this.grow();
    this.rise(this.size++, slot, key, stamp);
  }

  /** Takes out the entry at position `at`; its slot's `where` is the caller's to set. */
  removeAt(at: number): void {
    const end = --this.size;
    if (at === end) return;
    const { slots, keys, stamps } = this;
    const slot = slots[end]!;
    const key = keys[end]!;
    const stamp = stamps[end]!;
    const parent = (at - 1) >> 1;
    if (at > 0 && before(key, stamp, keys[parent]!, stamps[parent]!)) this.rise(at, slot, key, stamp);
    else this.sink(at, slot, key, stamp);
  }

  private rise(at: number, slot: number, key: Micros, stamp: number): void {
    const { keys, stamps } = this;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(key, stamp, keys[parent]!, stamps[parent]!)) break;
      this.put(at, this.slots[parent]!, keys[parent]!, stamps[parent]!);
      at = parent;
    }
    this.put(at, slot, key, stamp);
  }

  private sink(at: number, slot: number, key: Micros, stamp: number): void {
    const { keys, stamps, size } = this;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && before(keys[child + 1]!, stamps[child + 1]!, keys[child]!, stamps[child]!))
        child++;
      if (!before(keys[child]!, stamps[child]!, key, stamp)) break;
      this.put(at, this.slots[child]!, keys[child]!, stamps[child]!);
      at = child;
    }
    this.put(at, slot, key, stamp);
  }

  private put(at: number, slot: number, key: Micros, stamp: number): void {
    this.slots[at] = slot;
    this.keys[at] = key;
    this.stamps[at] = stamp;
    this.where[slot] = HEAP_TOP - at;
  }

  private grow(): void {
    const length = this.slots.length * 2;
    const slots = new Int32Array(length);
    slots.set(this.slots);
    this.slots = slots;
    const keys = new Float64Array(length);
    keys.set(this.keys);
    this.keys = keys;
    const stamps = new Int32Array(length);
    stamps.set(this.stamps);
    this.stamps = stamps;
  }
}

/** Stamps count settings and wrap, so they compare by signed distance. */
function before(key: Micros, stamp: number, otherKey: Micros, otherStamp: number): boolean {
  return key < otherKey || (key === otherKey && ((stamp - otherStamp) | 0) < 0);
}
