/**
 * Bytes given to SEND and not yet acknowledged (RFC 9293 3.10.2). Position 0 is the byte after SYN. Large
 * chunks are kept by reference until acknowledged; small ones are copied, the first of them to a small block, others to the
 * arena, where consecutive writes become one range.
 */
import type { TransmitBatch } from "../../base/packet-batch.ts";
import { type Arena, copyBytes, copyWords, SMALL_BLOCK, type SmallBlock } from "./arena.ts";
import { ChunkQueue, JOIN_BELOW } from "./chunk-queue.ts";

/** Chunks below this are copied always: one range costs more to carry than so many bytes to copy. */
export const COPY_BELOW = 2_048;
/** Segments up to this length are copied behind their headers instead of being referenced as pieces. */
const INLINE_BELOW = 129;

/** The send buffer of one connection. */
export class SendBuffer extends ChunkQueue {
  /** Where the last `gather` ended, to begin the next one there: range index and its position. */
  #cursor = 0;
  #cursorPosition = 0;
  /** Where few bytes are copied that find the buffer empty, as requests and answers do, and how full it is; given back when it runs empty. */
  #small: SmallBlock | null = null;
  #smallEnd = 0;
  #arena: Arena | null = null;

  /** Appends `bytes`, by reference when they are many and `copy` is false. */
  append(bytes: Uint8Array, arena: Arena, copy: boolean): void {
    const length = bytes.length;
    if (!copy && length >= COPY_BELOW) {
      this.push(bytes, 0, length);
      return;
    }
    if (this.#appendSmall(bytes, arena)) return;
    for (let at = 0; at < length; at += ARENA_MAX) {
      this.pushCopy(bytes, at, Math.min(length - at, ARENA_MAX), arena);
    }
  }

  /** Behind what is in the small block already, or in a new one; false when it does not fit there. */
  #appendSmall(bytes: Uint8Array, arena: Arena): boolean {
    const { length } = bytes;
    let small = this.#small;
    if (this.length > 0) {
      const last = this.tail - 1;
      if (small === null || this.chunks[last] !== small.bytes || this.ends[last] !== this.#smallEnd)
        return false;
      if (this.#smallEnd + length > SMALL_BLOCK) return false;
    } else {
      if (length > SMALL_BLOCK) return false;
      if (small === null) {
        small = this.#small = arena.takeSmall();
        this.#arena = arena;
      }
      this.#smallEnd = 0;
    }
    small.bytes.set(bytes, this.#smallEnd);
    this.push(small.bytes, this.#smallEnd, length);
    this.#smallEnd += length;
    return true;
  }

  /** A bound for the pieces of one segment. */
  get piecesMax(): number {
    return Math.min(this.tail - this.head, PIECES_MAX);
  }

  /**
   * Puts `length` bytes from `position` into `batch`: copied to `at` when few (returns the number copied), else as
   * pieces (returns 0).
   */
  gather(position: number, length: number, batch: TransmitBatch, at: number): number {
    let index = this.head;
    let start = this.position;
    if (this.#cursor >= index && this.#cursor < this.tail && this.#cursorPosition <= position) {
      index = this.#cursor;
      start = Math.max(this.#cursorPosition, this.position);
    }
    let held = this.ends[index]! - this.starts[index]!;
    while (position >= start + held) {
      start += held;
      index++;
      held = this.ends[index]! - this.starts[index]!;
    }
    const inline = length < INLINE_BELOW;
    const small = this.#small;
    let skip = position - start;
    let left = length;
    for (;;) {
      const n = Math.min(held - skip, left);
      const from = this.starts[index]! + skip;
      const chunk = this.chunks[index]!;
      if (!inline) batch.addPiece(chunk, from, n);
      else if (chunk === small?.bytes) copyWords(small.view, from, n, batch.view, at + length - left);
      else copyBytes(chunk, from, n, batch.bytes, at + length - left);
      left -= n;
      if (left === 0) break;
      start += held;
      index++;
      held = this.ends[index]! - this.starts[index]!;
      skip = 0;
    }
    this.#cursor = index;
    this.#cursorPosition = start;
    return inline ? length : 0;
  }

  protected override moved(by: number): void {
    this.#cursor = this.#cursor >= by ? this.#cursor - by : -1;
  }

  protected override emptied(): void {
    this.#cursor = -1;
    if (this.#small === null) return;
    this.#arena!.giveSmall(this.#small);
    this.#small = null;
  }
}

/** Longest single copy into the arena: a block. */
const ARENA_MAX = 64 * 1024;
/** 128 KiB of text, the largest segment, in ranges of which two hold more than `JOIN_BELOW`. */
const PIECES_MAX = 2 * (131_072 / JOIN_BELOW) + 2;
