/**
 * Virtual time: a binary heap of events, in microseconds. Nothing passes but by taking the next event, so a run of
 * hours costs what happens in it. Events of one instant come in the order in which they were scheduled.
 */
import { type Micros, NEVER } from "../base/time.ts";

/** Something that happens at a time. */
export interface SimEvent {
  fire(): void;
}

/** A clock and what is to come. */
export class Clock {
  now: Micros;
  #times: Float64Array = new Float64Array(256);
  #stamps: Float64Array = new Float64Array(256);
  readonly #events: (SimEvent | null)[] = [];
  #count = 0;
  #stamp = 0;

  constructor(now: Micros) {
    this.now = now;
  }

  /** How many events are to come. */
  get pending(): number {
    return this.#count;
  }

  /** The time of the next event; NEVER without any. */
  get nextAt(): Micros {
    return this.#count === 0 ? NEVER : this.#times[0]!;
  }

  /** Lets `event` happen at `at`; a time that is past means now. */
  schedule(at: Micros, event: SimEvent): void {
    if (this.#count === this.#times.length) this.#grow();
    this.#up(this.#count++, Math.max(at, this.now), this.#stamp++, event);
  }

  /** Moves on to the next event and takes it out. There must be one. */
  take(): SimEvent {
    const event = this.#events[0]!;
    this.now = this.#times[0]!;
    const last = --this.#count;
    const moved = this.#events[last]!;
    this.#events[last] = null;
    if (last > 0) this.#down(this.#times[last]!, this.#stamps[last]!, moved);
    return event;
  }

  #up(i: number, at: Micros, stamp: number, event: SimEvent): void {
    const times = this.#times;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (times[parent]! <= at) break;
      this.#put(i, times[parent]!, this.#stamps[parent]!, this.#events[parent]!);
      i = parent;
    }
    this.#put(i, at, stamp, event);
  }

  #down(at: Micros, stamp: number, event: SimEvent): void {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#count) break;
      if (child + 1 < this.#count && this.#precedes(child + 1, child)) child++;
      const time = this.#times[child]!;
      if (at < time || (at === time && stamp < this.#stamps[child]!)) break;
      this.#put(i, time, this.#stamps[child]!, this.#events[child]!);
      i = child;
    }
    this.#put(i, at, stamp, event);
  }

  #precedes(a: number, b: number): boolean {
    const difference = this.#times[a]! - this.#times[b]!;
    return difference < 0 || (difference === 0 && this.#stamps[a]! < this.#stamps[b]!);
  }

  #put(i: number, at: Micros, stamp: number, event: SimEvent | null): void {
    this.#times[i] = at;
    this.#stamps[i] = stamp;
    this.#events[i] = event;
  }

  #grow(): void {
    const times = new Float64Array(2 * this.#times.length);
    const stamps = new Float64Array(2 * this.#times.length);
    times.set(this.#times);
    stamps.set(this.#stamps);
    this.#times = times;
    this.#stamps = stamps;
  }
}
