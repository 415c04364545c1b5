/**
 * Where small payloads are copied: blocks filled from front to end, shared by all connections of a stack, so
 * that a 64-byte segment neither pins a receive slab nor makes an ArrayBuffer of its own. A block is freed by
 * the garbage collector when the last view of it is gone.
 */
const BLOCK = 64 * 1024;

/** Up to this length a loop over bytes beats `set(subarray())`, which makes an object (`npm run bench -- parse` notes). */
const LOOP_MAX = 96;

/** A bump allocator over blocks. */
export class Arena {
  /** The block that the last `copy` went to. */
  block: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Copies `length` bytes and returns where in `block` they are. `length` is at most 64 KiB. */
  copy(source: Uint8Array, offset: number, length: number): number {
    if (this.#used + length > this.block.length) {
      this.block = new Uint8Array(BLOCK);
      this.#used = 0;
    }
    const at = this.#used;
    copyBytes(source, offset, length, this.block, at);
    this.#used = at + length;
    return at;
  }
}

/** Copies a range of bytes from one array to another. */
export function copyBytes(source: Uint8Array, offset: number, length: number, target: Uint8Array, at: number): void {
  if (length > LOOP_MAX) {
    target.set(source.subarray(offset, offset + length), at);
    return;
  }
  for (let i = 0; i < length; i++) target[at + i] = source[offset + i]!;
}
