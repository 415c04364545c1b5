/**
 * A seeded pseudo-random generator (sfc32) for the simulator and for tests: fast, small, and the same
 * sequence everywhere from the same seed. Never a source of secrets: those come from `Host.random`.
 */

/** A seeded stream of random numbers. */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  /** Any number will do as a seed; its low 32 bits count. */
  constructor(seed: number) {
    this.a = seed | 0;
    this.b = 0x5f356495;
    this.c = 0x32c2e2a9;
    this.counter = 1;
    // Without these rounds, neighbouring seeds begin alike.
    for (let i = 0; i < 16; i++) this.next();
  }

  /** 32 random bits as an int32. */
  next(): number {
    const out = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + out) | 0;
    return out;
  }

  /** A whole number from 0 to `n` - 1, for `n` from 1 to 2^32. */
  below(n: number): number {
    return Math.floor(((this.next() >>> 0) / 0x1_0000_0000) * n);
  }

  /** A number from 0 (included) to 1 (excluded), with 32 random bits. */
  float(): number {
    return (this.next() >>> 0) / 0x1_0000_0000;
  }

  /** A generator of its own, seeded from this one: what it draws does not disturb this one's sequence. */
  fork(): Random {
    return new Random(this.next());
  }
}
