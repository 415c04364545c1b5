/**
 * At most so many of something a second. The limit of each second is drawn at random between half and all of it, so
 * that counting what gets through tells an attacker nothing (RFC 5961 7, the side channel of CVE-2016-5696).
 */
import { type Micros, SECOND } from "../base/time.ts";

/** A rate limit. */
export class Limiter {
  readonly #rate: number;
  readonly #random: () => number;
  #since: Micros = -SECOND;
  #left = 0;

  /** `rate` a second; `random` gives 32 random bits. */
  constructor(rate: number, random: () => number) {
    this.#rate = rate;
    this.#random = random;
  }

  /** Whether one more may happen at `now`. */
  allow(now: Micros): boolean {
    if (now - this.#since >= SECOND) {
      this.#since = now;
      const half = Math.ceil(this.#rate / 2);
      this.#left = half + ((this.#random() >>> 0) % (this.#rate - half + 1));
    }
    if (this.#left <= 0) return false;
    this.#left--;
    return true;
  }
}
