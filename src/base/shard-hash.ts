/**
 * Which of several shards of a stack a flow belongs to: a keyed hash of its two ends, the same from either side, so that
 * both ends of a connection of the stack to itself are in one shard. Simple enough for the kernel to compute as well
 * (native/src/tun-steer.c is the same arithmetic): murmur-like rounds of XOR, multiply and shift on 32-bit words. It is
 * keyed so that nobody outside picks a shard at will, but it is no cryptographic hash: who defeats it gains the load of
 * one shard, not a secret.
 */
import { deriveWords, PURPOSE_SHARD } from "./siphash.ts";

/** The hash of one group of shards. */
export class ShardHash {
  /** Shards in the group. */
  readonly count: number;
  /** What each end's hash starts from. */
  readonly key: number;
  /** Odd, so that multiplying loses nothing. */
  readonly multiplier: number;

  /** `secret` is the 16 bytes of `Host`, the same in every shard. */
  constructor(secret: Uint8Array, count: number) {
    const words = deriveWords(secret, PURPOSE_SHARD, 2);
    this.count = count;
    this.key = words[0]!;
    this.multiplier = words[1]! | 1;
  }

  /** The shard of an IPv4 flow, 0 to `count` - 1. Ports 0 and 0: of the fragments between two addresses. */
  owner4(one: number, onePort: number, other: number, otherPort: number): number {
    return this.#owner(
      this.#round(this.#round(this.key, one), onePort),
      this.#round(this.#round(this.key, other), otherPort),
    );
  }

  /** The same for IPv6: addresses are four words from `oneAt` and `otherAt` on. */
  owner6(
    ones: Int32Array,
    oneAt: number,
    onePort: number,
    others: Int32Array,
    otherAt: number,
    otherPort: number,
  ): number {
    return this.#owner(
      this.#round(this.#address(ones, oneAt), onePort),
      this.#round(this.#address(others, otherAt), otherPort),
    );
  }

  #address(words: Int32Array, at: number): number {
    let hash = this.key;
    for (let i = at; i < at + 4; i++) hash = this.#round(hash, words[i]!);
    return hash;
  }

  #round(hash: number, word: number): number {
    const product = Math.imul(hash ^ word, this.multiplier);
    return product ^ (product >>> 15);
  }

  /** The sum does not know which end is which. */
  #owner(one: number, other: number): number {
    const sum = (one + other) | 0;
    const mixed = Math.imul(sum ^ (sum >>> 16), this.multiplier);
    return ((mixed ^ (mixed >>> 13)) >>> 0) % this.count;
  }
}
