/**
 * One hierarchical timer wheel for all slots of a stack (`flow-table.ts`): one timer a slot, no object and no
 * host timer a connection. Six levels of 64 buckets, each level 64 times coarser, with a bitmap of occupied
 * buckets a level; what is nearly due waits in a small heap (`timer-heap.ts`), which makes it exact.
 *
 * A level-l bucket holds the ticks that agree with the current one above digit l (base 64) and exceed it
 * there, so every timer of a level is due before those of the next, and the first bucket is found by the
 * bitmaps alone. Time may jump by hours: only occupied buckets are visited.
 *
 * This file knows no clock and none of TCP's timers: a slot's timer is the earliest that its owner has.
 */
import { type Micros, MS, NEVER } from "../base/time.ts";
import { grownCapacity } from "./flow-table.ts";
import { HEAP_TOP, TimerHeap } from "./timer-heap.ts";

/** Timers below this fire exactly; others may fire up to one tick late (design, section 4). */
const EXACT_BELOW: Micros = 10 * MS;
const LEVELS = 6;
const DIGIT = 6;
const BUCKETS = 1 << DIGIT;
/** A deadline further off than this many ticks waits here, and is filed again when its bucket comes up. */
const FURTHEST = 0x3fffffff;
/** `where` of a slot: a bucket, `HEAP_TOP` - a position in the heap, or one of these. */
const IDLE = -1;
const DUE = -2;
const END = -1;

/** Options of a `TimerWheel`. */
export interface TimerWheelOptions {
  /** Rounds nothing: every timer fires at its deadline, as a simulator wants it. */
  readonly exact?: boolean;
}

/** The timers of all slots. */
export class TimerWheel {
  /** The latest time told by `expire` or `touch`: what "short" is measured from. */
  now: Micros;
  private readonly resolution: Micros;
  private readonly exact: boolean;
  /** `now` in ticks, as far as buckets have been emptied. */
  private tick: number;
  private stamp: number;
  private deadlines: Float64Array;
  private next: Int32Array;
  private prev: Int32Array;
  private where: Int32Array;
  /** The order of setting, which breaks ties; exact wheels alone have it. */
  private stamps: Int32Array;
  private readonly heads: Int32Array;
  /** The earliest time at which something in a bucket was to fire, since it was last empty. */
  private readonly soonest: Float64Array;
  /** Two words a level: a bit for each bucket that is not empty. */
  private readonly occupied: Int32Array;
  private readonly heap: TimerHeap;
  private due: Int32Array;
  private dueAt: number;
  private dueEnd: number;

  /** `resolution` is the tick of the finest level in whole microseconds, `now` the time at the start. */
  constructor(resolution: Micros, now: Micros, options: TimerWheelOptions = {}) {
    this.now = now;
    this.resolution = resolution;
    this.exact = options.exact ?? false;
    this.tick = Math.floor(now / resolution);
    this.stamp = 0;
    this.deadlines = new Float64Array(16).fill(NEVER);
    this.next = new Int32Array(16);
    this.prev = new Int32Array(16);
    this.where = new Int32Array(16).fill(IDLE);
    this.stamps = new Int32Array(this.exact ? 16 : 0);
    this.heads = new Int32Array(LEVELS * BUCKETS).fill(END);
    this.soonest = new Float64Array(LEVELS * BUCKETS).fill(NEVER);
    this.occupied = new Int32Array(LEVELS * 2);
    this.heap = new TimerHeap(this.where);
    this.due = new Int32Array(16);
    this.dueAt = 0;
    this.dueEnd = 0;
  }

  /** The bytes that a slot costs; a timer in the heap costs 16 more while it is there. */
  get bytesPerSlot(): number {
    const { deadlines, next, prev, where, stamps } = this;
    const bytes =
      deadlines.byteLength + next.byteLength + prev.byteLength + where.byteLength + stamps.byteLength;
    return bytes / where.length;
  }

  /** Notes the time without firing anything. Once a batch is enough. */
  touch(now: Micros): void {
    if (now > this.now) this.now = now;
  }

  /**
   * Arms the timer of `slot`, or moves it. NEVER disarms it. Setting the deadline that it has changes
   * nothing. A deadline that has passed fires at the next `expire`.
   */
  set(slot: number, deadline: Micros): void {
    const old = this.deadlines[slot];
    // Later: stays where it is, and is filed anew when it comes up there. So an acknowledgment that pushes the
    // retransmission timer back costs one store (bench lookup). Inside `expire` the slot may be on the due
    // list, so there the long way is taken.
    if (
      old !== undefined &&
      deadline > old &&
      deadline < NEVER &&
      this.dueEnd === 0 &&
      (this.exact || deadline - this.now >= EXACT_BELOW)
    ) {
      this.deadlines[slot] = deadline;
      if (this.exact) this.stamps[slot] = this.stamp = (this.stamp + 1) | 0;
      return;
    }
    this.move(slot, deadline);
  }

  /** Disarms the timer of `slot`. */
  cancel(slot: number): void {
    const where = this.where[slot];
    if (where === undefined || where === IDLE) return;
    if (where !== DUE) this.unfile(slot, where);
    this.where[slot] = IDLE;
    this.deadlines[slot] = NEVER;
  }

  /** The deadline of `slot`, NEVER when its timer is not armed. */
  deadlineOf(slot: number): Micros {
    return this.deadlines[slot] ?? NEVER;
  }

  /** When to call `expire` next: the earliest time at which a timer fires, or earlier, never later. */
  nextDeadline(): Micros {
    const near = this.heap.topKey();
    const bucket = this.firstBucket();
    if (bucket < 0) return near;
    const far = this.soonest[bucket]!;
    return Math.min(far, near);
  }

  /**
   * Disarms what is due at `now` and calls `fire` for each, by deadline and then (exact wheels) by order of
   * setting, and answers how many. `fire` may set and cancel any slot: what it cancels or sets anew does not fire in this
   * call.
   */
  expire(now: Micros, fire: (slot: number) => void): number {
    this.touch(now);
    this.advance(Math.floor(this.now / this.resolution));
    this.collect();
    let fired = 0;
    while (this.dueAt < this.dueEnd) {
      const slot = this.due[this.dueAt++]!;
      if (this.where[slot] !== DUE) continue;
      this.where[slot] = IDLE;
      this.deadlines[slot] = NEVER;
      fired++;
      fire(slot);
    }
    this.dueAt = 0;
    this.dueEnd = 0;
    return fired;
  }

  /** Sets a timer that is idle, or not put off for long, or put forward. */
  private move(slot: number, deadline: Micros): void {
    if (!(deadline < NEVER)) {
      this.cancel(slot);
      return;
    }
    if (slot >= this.where.length) this.grow(slot);
    const where = this.where[slot]!;
    if (where !== IDLE && where !== DUE) {
      if (deadline === this.deadlines[slot]) return;
      this.unfile(slot, where);
    }
    this.deadlines[slot] = deadline;
    if (this.exact) this.stamps[slot] = this.stamp = (this.stamp + 1) | 0;
    this.file(slot, deadline);
  }

  /** Empties the buckets up to `target`, in order: what they hold goes to finer ones or to the heap. */
  private advance(target: number): void {
    for (;;) {
      const bucket = this.firstBucket();
      if (bucket < 0) break;
      const level = bucket >> DIGIT;
      const above = level === LEVELS - 1 ? 0 : -1 << (DIGIT * (level + 1));
      const start = (this.tick & above) | ((bucket & (BUCKETS - 1)) << (DIGIT * level));
      const distance = (start - (this.tick | 0)) | 0;
      if (this.tick + distance > target) break;
      this.tick += distance;
      let slot = this.heads[bucket]!;
      this.heads[bucket] = END;
      this.clearBit(bucket);
      while (slot !== END) {
        const following = this.next[slot]!;
        this.file(slot, this.deadlines[slot]!);
        slot = following;
      }
    }
    if (target > this.tick) this.tick = target;
  }

  /** Moves what is due from the heap to the end of the due list. */
  private collect(): void {
    const { heap, now } = this;
    while (heap.topKey() <= now) {
      const slot = heap.topSlot();
      const key = heap.topKey();
      heap.removeAt(0);
      const deadline = this.deadlines[slot]!;
      if (deadline !== key) {
        this.file(slot, deadline);
        continue;
      }
      this.where[slot] = DUE;
      if (this.dueEnd === this.due.length) {
        const longer = new Int32Array(this.due.length * 2);
        longer.set(this.due);
        this.due = longer;
      }
      this.due[this.dueEnd++] = slot;
    }
  }

  private file(slot: number, deadline: Micros): void {
    const { resolution, exact } = this;
    const current = this.tick;
    let tick = exact ? Math.floor(deadline / resolution) : Math.ceil(deadline / resolution);
    if (tick <= current || (!exact && deadline - this.now < EXACT_BELOW)) {
      this.heap.push(slot, deadline, exact ? this.stamps[slot]! : 0);
      return;
    }
    let fires = exact ? deadline : tick * resolution;
    if (tick - current > FURTHEST) {
      tick = current + FURTHEST;
      fires = tick * resolution;
    }
    // The highest digit in which the ticks differ; n * 43 >> 8 is n / 6 for n < 32.
    const level = ((31 - Math.clz32(tick ^ current)) * 43) >> 8;
    const digit = (tick >>> (DIGIT * level)) & (BUCKETS - 1);
    const bucket = (level << DIGIT) | digit;
    const head = this.heads[bucket]!;
    if (head === END) {
      this.occupied[2 * level + (digit >> 5)]! |= 1 << (digit & 31);
      this.soonest[bucket] = fires;
    } else {
      this.prev[head] = slot;
      if (fires < this.soonest[bucket]!) this.soonest[bucket] = fires;
    }
    this.next[slot] = head;
    this.prev[slot] = END;
    this.heads[bucket] = slot;
    this.where[slot] = bucket;
  }

  private unfile(slot: number, where: number): void {
    if (where <= HEAP_TOP) {
      this.heap.removeAt(HEAP_TOP - where);
      return;
    }
    const next = this.next[slot]!;
    const prev = this.prev[slot]!;
    if (next !== END) this.prev[next] = prev;
    if (prev !== END) {
      this.next[prev] = next;
    } else {
      this.heads[where] = next;
      if (next === END) this.clearBit(where);
    }
  }

  private clearBit(bucket: number): void {
    this.occupied[bucket >> 5]! &= ~(1 << (bucket & 31));
  }

  /** The bucket whose turn comes first, or -1. The last level wraps, but never has more than one bucket. */
  private firstBucket(): number {
    const occupied = this.occupied;
    for (let i = 0; i < LEVELS * 2; i++) {
      const bits = occupied[i]!;
      if (bits !== 0) return (i << 5) | (31 - Math.clz32(bits & -bits));
    }
    return -1;
  }

  private grow(slot: number): void {
    const before = this.where.length;
    let length = before;
    while (length <= slot) length = grownCapacity(length);
    const deadlines = new Float64Array(length).fill(NEVER, before);
    deadlines.set(this.deadlines);
    this.deadlines = deadlines;
    this.next = lengthened(this.next, length);
    this.prev = lengthened(this.prev, length);
    if (this.exact) this.stamps = lengthened(this.stamps, length);
    this.where = lengthened(this.where, length).fill(IDLE, before);
    this.heap.where = this.where;
  }
}

function lengthened(array: Int32Array, length: number): Int32Array {
  const longer = new Int32Array(length);
  longer.set(array);
  return longer;
}
