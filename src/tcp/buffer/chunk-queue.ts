/**
 * A queue of bytes as ranges of arrays that somebody else allocated: slabs, arena blocks, the application's
 * own chunks. Nothing is copied and no view is made until bytes leave. Send and receive buffer build on it.
 * Positions count from the queue's first byte ever, so they stay valid while the front is discarded.
 */

import { type Arena, copyBytes } from "./arena.ts";

/** Ranges of bytes, first in, first out. */
export class ChunkQueue {
  /**
   * Range i is `chunks[i]` from `starts[i]` to `ends[i]`; live ones are from `head` up to `tail`. The arrays keep their length
   * when they run empty (setting it allocates anew; `npm run profile`, rr64), and have room for one range at first.
   */
  protected chunks: Uint8Array[] = [NOTHING];
  protected starts: number[] = [0];
  protected ends: number[] = [0];
  protected head = 0;
  protected tail = 0;
  /** Bytes held. */
  length = 0;
  /** Position of the first byte held. */
  position = 0;

  /** Appends a range by reference, joined to the last one where they are neighbours in one array. */
  push(chunk: Uint8Array, start: number, length: number): void {
    if (length === 0) return;
    const last = this.tail - 1;
    if (last >= this.head && this.chunks[last] === chunk && this.ends[last] === start) {
      this.ends[last] = start + length;
    } else {
      const i = this.tail++;
      this.chunks[i] = chunk;
      this.starts[i] = start;
      this.ends[i] = start + length;
    }
    this.length += length;
  }

  /**
   * Appends a copy of at most 64 KiB. Connections that take turns in the arena would end up with a range, and a block held,
   * for each few bytes: a short last range is copied again, together with what follows it. So two neighbouring ranges always
   * hold more than `JOIN_BELOW` bytes.
   */
  pushCopy(bytes: Uint8Array, at: number, length: number, arena: Arena): void {
    const last = this.tail - 1;
    const start = last < this.head ? 0 : this.starts[last]!;
    const held = last < this.head ? 0 : this.ends[last]! - start;
    if (held === 0 || held + length > JOIN_BELOW || arena.follows(this.chunks[last]!, this.ends[last]!)) {
      const to = arena.copy(bytes, at, length);
      this.push(arena.block, to, length);
      return;
    }
    const to = arena.reserve(held + length);
    copyBytes(this.chunks[last]!, start, held, arena.block, to);
    copyBytes(bytes, at, length, arena.block, to + held);
    this.chunks[last] = arena.block;
    this.starts[last] = to;
    this.ends[last] = to + held + length;
    this.length += length;
  }

  /** The array that the first range is of; while `length` is above 0. */
  get front(): Uint8Array {
    return this.chunks[this.head]!;
  }

  /** Removes up to `max` bytes from the front, one range at most, and returns them as a view. Null when empty. */
  shift(max: number): Uint8Array | null {
    if (this.length === 0 || max <= 0) return null;
    const start = this.starts[this.head]!;
    const length = Math.min(this.ends[this.head]! - start, max);
    const bytes = this.chunks[this.head]!.subarray(start, start + length);
    this.discard(length);
    return bytes;
  }

  /** Removes `n` bytes from the front; at most `length`. */
  discard(n: number): void {
    this.length -= n;
    this.position += n;
    while (n > 0) {
      const start = this.starts[this.head]!;
      const held = this.ends[this.head]! - start;
      if (n < held) {
        this.starts[this.head] = start + n;
        return;
      }
      n -= held;
      this.chunks[this.head] = NOTHING;
      this.head++;
    }
    if (this.length === 0) this.#rewind();
    else if (this.head >= COMPACT && this.head * 2 >= this.tail) this.#compact();
  }

  /** Forgets everything. */
  clear(): void {
    this.position += this.length;
    this.length = 0;
    for (let i = this.head; i < this.tail; i++) this.chunks[i] = NOTHING;
    this.#rewind();
  }

  #rewind(): void {
    this.head = 0;
    this.tail = 0;
    if (this.chunks.length > KEEP) {
      this.chunks = [NOTHING];
      this.starts = [0];
      this.ends = [0];
    }
    this.emptied();
  }

  #compact(): void {
    const by = this.head;
    this.chunks.splice(0, by);
    this.starts.splice(0, by);
    this.ends.splice(0, by);
    this.head = 0;
    this.tail -= by;
    this.moved(by);
  }

  /** The ranges moved to indices lower by `by`: subclasses that remember an index adjust it. */
  protected moved(_by: number): void {}

  /** Nothing is held any more. */
  protected emptied(): void {}
}

const NOTHING = new Uint8Array(0);
/** Short ranges are joined up to this length. */
export const JOIN_BELOW = 4_096;
/** Emptied entries in front before the arrays are moved up. */
const COMPACT = 64;
/** Ranges there is room for while empty; an idle connection keeps no more. */
const KEEP = 32;
