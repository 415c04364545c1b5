/**
 * How often the stack answers what has no connection, or may be forged (RFC 5961 7). A limit that everybody shares is a
 * side channel: whoever counts what is left of it learns what others were answered (CVE-2016-5696). So challenge ACKs
 * are limited by connection (tcp/challenge.ts) and, unless it is asked for, not for the stack as a whole; resets and ICMP
 * errors are limited by a keyed hash of the address they go to, each share drawn at random every second (limiter.ts).
 */
import type { Host } from "../base/host.ts";
import { derivedSipHash, PURPOSE_RATE_LIMITS, type SipHash } from "../base/siphash.ts";
import type { Micros } from "../base/time.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { Limiter } from "./limiter.ts";

/** The limits of a stack. */
export class RateLimits {
  readonly #challenges: Limiter | null;
  readonly #resets: Limiter[] = [];
  readonly #hash: SipHash;

  constructor(config: TcpConfig, host: Host) {
    const random = (): number => host.random();
    this.#hash = derivedSipHash(host.secret, PURPOSE_RATE_LIMITS);
    this.#challenges = config.challengeAcks > 0 ? new Limiter(config.challengeAcks, random) : null;
    for (let i = 0; i < SHARES; i++) this.#resets.push(new Limiter(config.resets, random));
  }

  /** Whether one more challenge ACK may leave. */
  allowChallenge(now: Micros): boolean {
    return this.#challenges === null || this.#challenges.allow(now);
  }

  /** Whether one more reset or ICMP error may go to `remote`; of IPv6, whose words these are, to its /64, in which a host has many addresses. */
  allowReset(family: number, remote: number, words: Int32Array, now: Micros): boolean {
    const first = family === 4 ? remote : words[4 * remote]!;
    const second = family === 4 ? 0 : words[4 * remote + 1]!;
    return this.#resets[this.#hash.hash5(first, second, 0, 0, 0) & (SHARES - 1)]!.allow(now);
  }
}

/** A flood from forged addresses costs so many times `TcpConfig.resets` a second at most. */
const SHARES = 16;
