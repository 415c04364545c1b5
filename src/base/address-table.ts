/**
 * IPv6 addresses interned as small ids, so that tables of flows, paths and ports have int32 keys for both families.
 * Counted by reference: who keeps an id holds it, and lets go of it. The addresses of the packet at hand have two ids of
 * their own, `SCRATCH_SRC` and `SCRATCH_DST`, while nobody holds them: a stranger's packet is answered and forgotten, and
 * a flood of them leaves nothing behind.
 *
 * Open addressing like the flow table's, under a secret seed. Looking up allocates nothing. Knows no packet.
 */

import type { SipHash } from "./siphash.ts";
import { derivedSipHash, deriveWords, PURPOSE_ADDRESS_DIGEST, PURPOSE_ADDRESS_TABLE } from "./siphash.ts";

/** The ids of the current packet's source and destination, valid until the next packet. */
export const SCRATCH_SRC = 0 as const;
export const SCRATCH_DST = 1 as const;

/** Ids below this are scratch. */
const FIRST = 2;
const SEED_WORDS = 8;
const END = 0;

/** The IPv6 addresses that a stack has to do with. */
export class AddressTable {
  /** Four words an id, from 4 * id on. Replaced on growth: read it anew after `hold` and `intern`. */
  words: Int32Array = new Int32Array(4 * 16);
  /** Addresses held. */
  size = 0;
  #counts: Int32Array = new Int32Array(16);
  /** The hash of each held id; of a free one, the next free one. */
  #hashes: Int32Array = new Int32Array(16);
  /** Ids by hash; 0 is empty. At most half full. */
  #index: Int32Array = new Int32Array(32);
  #shift = 27;
  #free = END;
  #fresh = FIRST;
  /** The ids that `take` gave last: a batch has few sources. Scratch ids when there is none. */
  readonly #last: Int32Array = Int32Array.of(SCRATCH_SRC, SCRATCH_DST);
  readonly #seed: Int32Array;
  readonly #sip: SipHash;

  /** `secret` is 16 bytes, as in `Host`. */
  constructor(secret: Uint8Array) {
    this.#seed = deriveWords(secret, PURPOSE_ADDRESS_TABLE, SEED_WORDS);
    this.#sip = derivedSipHash(secret, PURPOSE_ADDRESS_DIGEST);
  }

  /** The id of the address at `words[at]` if somebody holds it; else it becomes that of `scratch`. */
  take(scratch: typeof SCRATCH_SRC | typeof SCRATCH_DST, words: Int32Array, at: number): number {
    const store = this.words;
    const last = this.#last[scratch]!;
    if (last >= FIRST && isSame(store, 4 * last, words, at)) return last;
    const id = this.find(words, at);
    if (id >= 0) {
      this.#last[scratch] = id;
      return id;
    }
    const to = 4 * scratch;
    for (let i = 0; i < 4; i++) store[to + i] = words[at + i]!;
    return scratch;
  }

  /** The id of the address at `words[at]` if somebody holds it, else -1. */
  find(words: Int32Array, at = 0): number {
    const hash = this.#hash(words, at);
    const index = this.#index;
    const hashes = this.#hashes;
    const mask = index.length - 1;
    for (let i = hash >>> this.#shift; ; i = (i + 1) & mask) {
      const id = index[i]!;
      if (id === 0) return -1;
      if (hashes[id] === hash && isSame(this.words, 4 * id, words, at)) return id;
    }
  }

  /** The id of the address at `words[at]`, held once more. */
  intern(words: Int32Array, at = 0): number {
    const known = this.find(words, at);
    if (known >= 0) {
      this.#counts[known]!++;
      return known;
    }
    const id = this.#allocate();
    const store = this.words;
    for (let i = 0; i < 4; i++) store[4 * id + i] = words[at + i]!;
    const hash = this.#hash(store, 4 * id);
    this.#hashes[id] = hash;
    this.#counts[id] = 1;
    this.size++;
    this.#place(id, hash);
    return id;
  }

  /** Holds `id` once more. A scratch id becomes one that lasts, which is returned. */
  hold(id: number): number {
    if (this.#counts[id]! === 0) return this.intern(this.words, 4 * id);
    this.#counts[id]!++;
    return id;
  }

  /** Lets go of `id` once. After the last time its words can still be read until the next `hold` or `intern`. */
  release(id: number): void {
    const count = this.#counts[id];
    if (count === undefined || count <= 0) return;
    this.#counts[id] = count - 1;
    if (count > 1) return;
    this.#unplace(id);
    this.#hashes[id] = this.#free;
    this.#free = id;
    this.size--;
    const last = this.#last;
    if (last[SCRATCH_SRC] === id) last[SCRATCH_SRC] = SCRATCH_SRC;
    if (last[SCRATCH_DST] === id) last[SCRATCH_DST] = SCRATCH_DST;
  }

  /** Whether somebody holds `id`. */
  isHeld(id: number): boolean {
    return (this.#counts[id] ?? 0) > 0;
  }

  /**
   * 32 bits that stand for the address where an id won't do, because they must mean the same when nobody has held the
   * address in between (initial sequence numbers, cookies). Keyed, so that a peer, with 2^64 addresses of its own, can't
   * look for two that agree.
   */
  digest(id: number): number {
    const { words } = this;
    const at = 4 * id;
    return this.#sip.hash5(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, 6);
  }

  /** See `FlowTable.hash`: multilinear over 16-bit halves under secret multipliers, then Murmur3's finalizer. */
  #hash(words: Int32Array, at: number): number {
    const seed = this.#seed;
    let h = 0;
    for (let i = 0; i < 4; i++) {
      const word = words[at + i]!;
      h = (h + Math.imul(word & 0xffff, seed[2 * i]!) + Math.imul(word >>> 16, seed[2 * i + 1]!)) | 0;
    }
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }

  #allocate(): number {
    const id = this.#free;
    if (id !== END) {
      this.#free = this.#hashes[id]!;
      return id;
    }
    if (this.#fresh === this.#counts.length) this.#grow();
    return this.#fresh++;
  }

  #place(id: number, hash: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let i = hash >>> this.#shift;
    while (index[i] !== 0) i = (i + 1) & mask;
    index[i] = id;
  }

  /** Empties the index entry of `id` and moves back what probing had carried past it. */
  #unplace(id: number): void {
    const index = this.#index;
    const hashes = this.#hashes;
    const mask = index.length - 1;
    let hole = hashes[id]! >>> this.#shift;
    while (index[hole] !== id) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; index[i] !== 0; i = (i + 1) & mask) {
      const home = hashes[index[i]!]! >>> this.#shift;
      // An entry may move back to the hole unless its home lies (cyclically) after the hole.
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        index[hole] = index[i]!;
        hole = i;
      }
    }
    index[hole] = 0;
  }

  /** Doubles every array; called when every id is held. */
  #grow(): void {
    const before = this.#counts.length;
    const double = (array: Int32Array): Int32Array => {
      const doubled = new Int32Array(array.length * 2);
      doubled.set(array);
      return doubled;
    };
    this.words = double(this.words);
    this.#counts = double(this.#counts);
    this.#hashes = double(this.#hashes);
    this.#index = new Int32Array(before * 4);
    this.#shift--;
    for (let id = FIRST; id < before; id++) this.#place(id, this.#hashes[id]!);
  }
}

function isSame(a: Int32Array, at: number, b: Int32Array, from: number): boolean {
  return (
    a[at + 3] === b[from + 3] && a[at + 2] === b[from + 2] && a[at + 1] === b[from + 1] && a[at] === b[from]
  );
}
