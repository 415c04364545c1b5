/**
 * Where small payloads are copied: blocks filled from front to end, shared by all connections of a stack, so
 * that a 64-byte segment neither pins a receive slab nor makes an ArrayBuffer of its own. A block is freed by
 * the garbage collector when the last view of it is gone.
 */
const BLOCK = 64 * 1024;

/** Up to this length a loop over bytes beats `set(subarray())`, which makes an object (`npm run bench -- parse` notes). */
const LOOP_MAX = 96;

/** Memory for the few bytes of a request or an answer, from `takeSmall`: small enough to stay in the cache. */
export class SmallBlock {
  readonly bytes: Uint8Array = new Uint8Array(SMALL_BLOCK);
  readonly view: DataView = new DataView(this.bytes.buffer);
}

/** Bytes of a small block. */
export const SMALL_BLOCK = 2_048;
/** Small blocks kept for their next use. */
const IDLE_MAX = 1_024;

/** A bump allocator over blocks. */
export class Arena {
  /** The block that the last `copy` went to. */
  block: Uint8Array = new Uint8Array(0);
  #used = 0;
  readonly #idle: SmallBlock[] = [];

  /** A block of the caller's own until `giveSmall`, the one used last first. What refers to it must have left by then (`Stack`). */
  takeSmall(): SmallBlock {
    return this.#idle.pop() ?? new SmallBlock();
  }

  giveSmall(block: SmallBlock): void {
    if (this.#idle.length < IDLE_MAX) this.#idle.push(block);
  }

  /** Makes room for `length` bytes, at most 64 KiB, and returns where in `block` they go. */
  reserve(length: number): number {
    if (this.#used + length > this.block.length) {
      this.block = new Uint8Array(BLOCK);
      this.#used = 0;
    }
    const at = this.#used;
    this.#used = at + length;
    return at;
  }

  /** Copies `length` bytes, at most 64 KiB, and returns where in `block` they are. */
  copy(source: Uint8Array, offset: number, length: number): number {
    const at = this.reserve(length);
    copyBytes(source, offset, length, this.block, at);
    return at;
  }

  /** Whether bytes that end at `end` of `chunk` would be followed by the next ones copied. */
  follows(chunk: Uint8Array, end: number): boolean {
    return chunk === this.block && end === this.#used;
  }
}

/** Copies a range of bytes from one array to another. */
export function copyBytes(
  source: Uint8Array,
  offset: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length === source.length) {
    target.set(source, at);
    return;
  }
  if (length > LOOP_MAX) {
    target.set(source.subarray(offset, offset + length), at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = source[offset + i]!;
}

/** The same for a few bytes whose views are at hand: four at a time, which is faster than `set` and than a loop over bytes. */
export function copyWords(
  source: DataView,
  offset: number,
  length: number,
  target: DataView,
  at: number,
): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) target.setInt32(at + i, source.getInt32(offset + i, true), true);
  for (; i < length; i++) target.setUint8(at + i, source.getUint8(offset + i));
}
