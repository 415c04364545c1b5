/**
 * The table of flows: every TCB, half-open SYN-queue entry and TIME-WAIT record has one slot, a small
 * integer, on which demultiplexing, timers (`timer-wheel.ts`) and compact records all hang.
 *
 * Structure of arrays, with an open-addressing index (linear probing, load at most 1/2, backward-shift
 * deletion, so no tombstones and no slow decay). The hash is universal under a secret seed, so that a peer,
 * who chooses its address and port, cannot choose collisions. This file knows no state of TCP and no timer.
 */
import type { Family } from "../base/address.ts";

/** What a slot holds. */
export type FlowKind = 0 | 1 | 2 | 3;
/** Nothing: the slot is on the free list. */
export const KIND_FREE = 0 as const;
/** A connection with a TCB. */
export const KIND_TCB = 1 as const;
/** A passive SYN-RECEIVED in a SYN queue: key and record only (RFC 4987 3.5: a SYN cache). */
export const KIND_SYN_RECEIVED = 2 as const;
/** A connection in TIME-WAIT: key and record only. */
export const KIND_TIME_WAIT = 3 as const;

/** int32 words in the record of each slot. */
export const RECORD = 10;
/** int32 words in the seed of the hash. */
export const SEED_WORDS = 6;

/** Words of a key: local, remote, local port << 16 | remote port, hash with the family in bit 0. */
const KEY = 4;
const LOCAL = 0;
const REMOTE = 1;
const PORTS = 2;
const HASH = 3;
/** An index entry is 0 (empty) or `tag << 24 | slot + 1`: the tag spares most misses in the keys. */
const SLOT_MASK = 0xffffff;
const MAX_SLOTS = 1 << 23;
const END = -1;

/** Options of a `FlowTable`. */
export interface FlowTableOptions {
  /** `SEED_WORDS` random int32 words, secret from peers: the key of the hash. */
  readonly seed: Int32Array;
  /** The most flows that it holds; `insert` then answers -1. Default and at most 2^23. */
  readonly maximum?: number;
  /** Slots to make room for at once (rounded up to a power of two). */
  readonly capacity?: number;
}

/** All flows of a stack. */
export class FlowTable {
  /** `RECORD` words a slot, zero when the slot is handed out. Replaced on growth: read it anew after `insert`. */
  record: Int32Array;
  /** Flows in the table. */
  size: number;
  private keys: Int32Array;
  private kinds: Uint8Array;
  private index: Int32Array;
  /** Home position of a hash: `hash >>> shift`. */
  private shift: number;
  private last: number;
  private free: number;
  /** Slots from here on have never been used. */
  private fresh: number;
  private readonly counts: Int32Array;
  private readonly maximum: number;
  private readonly seed: Int32Array;

  constructor(options: FlowTableOptions) {
    const maximum = Math.min(options.maximum ?? MAX_SLOTS, MAX_SLOTS);
    let capacity = 16;
    while (capacity < Math.min(options.capacity ?? 16, maximum)) capacity *= 2;
    this.record = new Int32Array(capacity * RECORD);
    this.size = 0;
    this.keys = new Int32Array(capacity * KEY);
    this.kinds = new Uint8Array(capacity);
    this.index = new Int32Array(capacity * 2);
    this.shift = Math.clz32(capacity * 2) + 1;
    this.last = END;
    this.free = END;
    this.fresh = 0;
    this.counts = new Int32Array(4);
    this.maximum = maximum;
    if (options.seed.length < SEED_WORDS)
      throw new RangeError(`seed: ${SEED_WORDS} words needed, got ${options.seed.length}`);
    this.seed = options.seed.slice(0, SEED_WORDS);
  }

  /** Whether `insert` would answer -1. */
  get isFull(): boolean {
    return this.size >= this.maximum;
  }

  /** Slots there is room for before the arrays grow. */
  get capacity(): number {
    return this.kinds.length;
  }

  /** The bytes that one slot of capacity costs here: key, kind, record and its share of the index. */
  get bytesPerSlot(): number {
    const { keys, kinds, record, index } = this;
    return (keys.byteLength + kinds.byteLength + record.byteLength + index.byteLength) / kinds.length;
  }

  /** The slot of a flow, or -1. */
  find(family: number, local: number, remote: number, localPort: number, remotePort: number): number {
    const ports = (localPort << 16) | remotePort;
    const keys = this.keys;
    const last = this.last;
    if (last !== END) {
      const at = last * KEY;
      if (
        keys[at + REMOTE] === remote &&
        keys[at + PORTS] === ports &&
        keys[at + LOCAL] === local &&
        (keys[at + HASH]! & 1) === familyBit(family)
      ) {
        return last;
      }
    }
    const hash = this.hash(family, local, remote, ports);
    const index = this.index;
    const mask = index.length - 1;
    const tag = hash & 0xfe;
    for (let i = hash >>> this.shift; ; i = (i + 1) & mask) {
      const entry = index[i]!;
      if (entry === 0) return -1;
      if (entry >>> 24 !== tag) continue;
      const slot = (entry & SLOT_MASK) - 1;
      const at = slot * KEY;
      if (
        keys[at + HASH] === hash &&
        keys[at + REMOTE] === remote &&
        keys[at + PORTS] === ports &&
        keys[at + LOCAL] === local
      ) {
        this.last = slot;
        return slot;
      }
    }
  }

  /**
   * Adds a flow that is not in the table (the caller has just looked), with a zeroed record. Answers its
   * slot, or -1 when the table is full.
   */
  insert(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    kind: FlowKind,
  ): number {
    if (this.size >= this.maximum) return -1;
    let slot = this.free;
    if (slot !== END) {
      this.free = this.keys[slot * KEY]!;
    } else {
      if (this.fresh === this.kinds.length) this.grow();
      slot = this.fresh++;
    }
    const ports = (localPort << 16) | remotePort;
    const hash = this.hash(family, local, remote, ports);
    const keys = this.keys;
    const at = slot * KEY;
    keys[at + LOCAL] = local;
    keys[at + REMOTE] = remote;
    keys[at + PORTS] = ports;
    keys[at + HASH] = hash;
    this.kinds[slot] = kind;
    this.counts[kind]!++;
    this.size++;
    this.place(slot, hash);
    return slot;
  }

  /** Takes a flow out; its slot may be handed out again at once. A free slot is left alone. */
  remove(slot: number): void {
    const kind = this.kinds[slot];
    if (kind === undefined || kind === KIND_FREE) return;
    const keys = this.keys;
    this.unplace(slot, keys[slot * KEY + HASH]!);
    this.counts[kind]!--;
    this.size--;
    this.kinds[slot] = KIND_FREE;
    const record = this.record;
    for (let i = slot * RECORD, end = i + RECORD; i < end; i++) record[i] = 0;
    keys[slot * KEY] = this.free;
    this.free = slot;
    if (this.last === slot) this.last = END;
  }

  /** What `slot` holds. */
  kind(slot: number): FlowKind {
    return (this.kinds[slot] ?? KIND_FREE) as FlowKind;
  }

  /** Makes a flow of one kind into another, as when a handshake completes. The record stays as it is. */
  setKind(slot: number, kind: FlowKind): void {
    this.counts[this.kinds[slot]!]!--;
    this.counts[kind]!++;
    this.kinds[slot] = kind;
  }

  /** How many slots hold flows of `kind`. */
  countOfKind(kind: FlowKind): number {
    return kind === KIND_FREE ? this.kinds.length - this.size : this.counts[kind]!;
  }

  /** The address family of a flow. */
  family(slot: number): Family {
    return (this.keys[slot * KEY + HASH]! & 1) === 0 ? 4 : 6;
  }

  /** The key of a flow's local address. */
  local(slot: number): number {
    return this.keys[slot * KEY + LOCAL]!;
  }

  /** The key of a flow's remote address. */
  remote(slot: number): number {
    return this.keys[slot * KEY + REMOTE]!;
  }

  localPort(slot: number): number {
    return this.keys[slot * KEY + PORTS]! >>> 16;
  }

  remotePort(slot: number): number {
    return this.keys[slot * KEY + PORTS]! & 0xffff;
  }

  /** Calls `visit` with each slot of `kind` in ascending order; `visit` may remove any flow. */
  forEachSlot(kind: FlowKind, visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.fresh; slot++) {
      if (this.kinds[slot] === kind) visit(slot);
    }
  }

  /**
   * Multilinear over 16-bit halves under secret multipliers: two different flows agree in 32 bits with a
   * chance of at most 2^-17, whatever a peer picks (Dietzfelbinger 1996). The finalizer, Murmur3's, is a
   * bijection that spreads neighbours. HalfSipHash's six dependent rounds alone would cost 30 ns.
   */
  private hash(family: number, local: number, remote: number, ports: number): number {
    const seed = this.seed;
    let h =
      (Math.imul(local & 0xffff, seed[0]!) +
        Math.imul(local >>> 16, seed[1]!) +
        Math.imul(remote & 0xffff, seed[2]!) +
        Math.imul(remote >>> 16, seed[3]!) +
        Math.imul(ports & 0xffff, seed[4]!) +
        Math.imul(ports >>> 16, seed[5]!)) |
      0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
    return (h & ~1) | familyBit(family);
  }

  private place(slot: number, hash: number): void {
    const index = this.index;
    const mask = index.length - 1;
    let i = hash >>> this.shift;
    while (index[i] !== 0) i = (i + 1) & mask;
    index[i] = ((hash & 0xfe) << 24) | (slot + 1);
  }

  /** Empties the index entry of `slot` and moves back what probing had carried past it. */
  private unplace(slot: number, hash: number): void {
    const { index, keys, shift } = this;
    const mask = index.length - 1;
    let hole = hash >>> shift;
    while ((index[hole]! & SLOT_MASK) !== slot + 1) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; ; i = (i + 1) & mask) {
      const entry = index[i]!;
      if (entry === 0) break;
      const home = keys[((entry & SLOT_MASK) - 1) * KEY + HASH]! >>> shift;
      // An entry may move back to the hole unless its home lies (cyclically) after the hole.
      if (((i - home) & mask) >= ((i - hole) & mask)) {
        index[hole] = entry;
        hole = i;
      }
    }
    index[hole] = 0;
  }

  /** Makes every array longer. The hashes are kept with the keys, so this hashes nothing again. */
  private grow(): void {
    const before = this.kinds.length;
    const capacity = grownCapacity(before);
    const keys = new Int32Array(capacity * KEY);
    keys.set(this.keys);
    const kinds = new Uint8Array(capacity);
    kinds.set(this.kinds);
    const record = new Int32Array(capacity * RECORD);
    record.set(this.record);
    this.keys = keys;
    this.kinds = kinds;
    this.record = record;
    if (capacity * 2 <= this.index.length) return;
    this.index = new Int32Array(this.index.length * 2);
    this.shift--;
    for (let slot = 0; slot < before; slot++) {
      if (kinds[slot] !== KIND_FREE) this.place(slot, keys[slot * KEY + HASH]!);
    }
  }
}

/** From here on memory counts for more than the copying: a quarter more at a time, so that no more than that lies idle. */
const DOUBLED_BELOW = 65_536;

/** How many slots to make room for when `capacity` are not enough. */
export function grownCapacity(capacity: number): number {
  return capacity < DOUBLED_BELOW ? capacity * 2 : capacity + ((capacity >> 2) & ~0xfff);
}

function familyBit(family: number): number {
  return family === 6 ? 1 : 0;
}
