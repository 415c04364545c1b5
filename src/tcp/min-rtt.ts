/**
 * The smallest round trip of the last five minutes, by the three best samples of the window and of its later parts (Kathleen
 * Nichols's windowed filter; Linux: lib/win_minmax.c): when the path gets longer the old minimum is forgotten.
 */
import { type Micros, SECOND } from "../base/time.ts";

/** Linux: net.ipv4.tcp_min_rtt_wlen = 300 s. */
const WINDOW: Micros = 300 * SECOND;

/** Three samples, each no smaller and no older than the one before. */
export class MinRtt {
  #best = -1;
  #second = 0;
  #third = 0;
  #bestAt: Micros = -0.5;
  #secondAt: Micros = -0.5;
  #thirdAt: Micros = -0.5;

  /** When the minimum was. */
  get bestAt(): Micros {
    return this.#bestAt;
  }

  /** Takes a sample, and returns the minimum. */
  take(rttUs: number, now: Micros): number {
    if (this.#best < 0 || rttUs <= this.#best || now - this.#thirdAt > WINDOW) {
      this.#best = this.#second = this.#third = rttUs;
      this.#bestAt = this.#secondAt = this.#thirdAt = now;
      return rttUs;
    }
    if (rttUs <= this.#second) {
      this.#setSecond(rttUs, now);
    } else if (rttUs <= this.#third) {
      this.#setThird(rttUs, now);
    }
    this.#age(rttUs, now);
    return this.#best;
  }

  /** What left the window gives way; a second or third that never came is taken from the window's later parts. */
  #age(rttUs: number, now: Micros): void {
    const age = now - this.#bestAt;
    if (age > WINDOW) {
      this.#promote(rttUs, now);
      if (now - this.#bestAt > WINDOW) this.#promote(rttUs, now);
    } else if (this.#secondAt === this.#bestAt && age > WINDOW / 4) {
      this.#setSecond(rttUs, now);
    } else if (this.#thirdAt === this.#secondAt && age > WINDOW / 2) {
      this.#setThird(rttUs, now);
    }
  }

  #promote(rttUs: number, now: Micros): void {
    this.#best = this.#second;
    this.#bestAt = this.#secondAt;
    this.#second = this.#third;
    this.#secondAt = this.#thirdAt;
    this.#setThird(rttUs, now);
  }

  #setSecond(rttUs: number, now: Micros): void {
    this.#second = rttUs;
    this.#secondAt = now;
    this.#setThird(rttUs, now);
  }

  #setThird(rttUs: number, now: Micros): void {
    this.#third = rttUs;
    this.#thirdAt = now;
  }
}
