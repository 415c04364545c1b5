/**
 * What a client remembers of a destination for Fast Open (RFC 7413 4.1.3): the cookie and the MSS of its last SYN-ACK, or
 * that it is not worth asking; and whether Fast Open is paused for all. Bounded; the oldest gives way.
 */
import { copyBytes } from "../base/copy-bytes.ts";
import type { Micros } from "../base/time.ts";

interface Destination {
  cookie: Uint8Array | null;
  /** The MSS option; 0: not known. */
  mss: number;
  /** Not asked before this. */
  avoidUntil: Micros;
}

/** The cache of one stack. */
export class FastOpenCache {
  readonly #destinations: Map<string, Destination> = new Map();
  #pausedUntil: Micros = 0;
  #pauses = 0;

  /** Whether a SYN to the destination may use Fast Open at `now`. */
  isAllowed(family: number, remote: number, now: Micros): boolean {
    if (now < this.#pausedUntil) return false;
    const known = this.#destinations.get(`${family} ${remote}`);
    return known === undefined || now >= known.avoidUntil;
  }

  cookie(family: number, remote: number): Uint8Array | null {
    return this.#destinations.get(`${family} ${remote}`)?.cookie ?? null;
  }

  /** The MSS of the last SYN-ACK; 0: not known. */
  mss(family: number, remote: number): number {
    return this.#destinations.get(`${family} ${remote}`)?.mss ?? 0;
  }

  learnMss(family: number, remote: number, mss: number): void {
    this.#entry(family, remote).mss = mss;
  }

  /** A cookie of `length` bytes, 4 to 16, at `at`. */
  learn(family: number, remote: number, bytes: Uint8Array, at: number, length: number): void {
    const entry = this.#entry(family, remote);
    entry.cookie = copyBytes(bytes, at, at + Math.min(length, COOKIE_MAX));
    entry.avoidUntil = 0;
  }

  /** The destination gave no cookie, or did not take ours. */
  avoid(family: number, remote: number, until: Micros): void {
    this.#entry(family, remote).avoidUntil = until;
  }

  /** No Fast Open at all for `time`, twice as long each time (Linux: tcp_fastopen_active_disable). */
  pause(now: Micros, time: Micros): void {
    this.#pausedUntil = now + time * 2 ** Math.min(this.#pauses++, 6);
  }

  /** Forgets everything. */
  clear(): void {
    this.#destinations.clear();
    this.#pausedUntil = this.#pauses = 0;
  }

  #entry(family: number, remote: number): Destination {
    const key = `${family} ${remote}`;
    const known = this.#destinations.get(key);
    if (known !== undefined) return known;
    if (this.#destinations.size >= DESTINATIONS_MAX)
      this.#destinations.delete(this.#destinations.keys().next().value!);
    const made = { cookie: null, mss: 0, avoidUntil: 0 };
    this.#destinations.set(key, made);
    return made;
  }
}

/** Longest cookie (RFC 7413 4.1.1). */
const COOKIE_MAX = 16;
/** Destinations remembered. */
const DESTINATIONS_MAX = 1_024;
