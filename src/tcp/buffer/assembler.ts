/**
 * Text that arrived out of order, until the gap before it is filled. Blocks are kept sorted, without overlap;
 * of two segments that carry the same bytes the first one wins (an inconsistent retransmission changes nothing).
 * Beside the blocks it keeps the merged ranges that SACK reports, most recent first (RFC 2018 4).
 * Bounded by the window in bytes, and in objects so that tiny segments are no attack (`BLOCKS_MAX`).
 */
import { add, diff, geq, leq, lt, max, min, type Seq, toInt } from "../../base/seq.ts";
import type { Arena } from "./arena.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";

/** Blocks that may be of any size; beyond them, text is taken while the blocks hold so many bytes on average. */
const BLOCKS_MAX = 4_608;
const BLOCK_LEAST = 256;
/** Ranges that are remembered in order of arrival, as many as SACK can report. */
const RECENT = 4;

/** Out-of-order text of one connection. */
export class Assembler {
  #seqs: Seq[] = [];
  #chunks: Uint8Array[] = [];
  #starts: number[] = [];
  #lengths: number[] = [];
  /** Merged ranges, sorted; left edges and right edges. */
  #lefts: Seq[] = [];
  #rights: Seq[] = [];
  /** A sequence number inside each recently extended range, newest first. */
  #recent: Seq[] = [];
  /** Bytes held. */
  length = 0;

  get isEmpty(): boolean {
    return this.#lefts.length === 0;
  }

  /** Merged ranges held. */
  get ranges(): number {
    return this.#lefts.length;
  }

  /** Whether every byte from `left` to `right` is held already. */
  covers(left: Seq, right: Seq): boolean {
    const i = this.#rangeAt(left);
    return i >= 0 && leq(right, this.#rights[i]!);
  }

  /** The first held number from `left` on; `right` when nothing before that is held. */
  overlapStart(left: Seq, right: Seq): Seq {
    const i = this.#rangeAfter(left);
    return i < this.#lefts.length ? min(right, max(left, this.#lefts[i]!)) : right;
  }

  /** Where the piece that begins there ends, `right` at most. */
  overlapEnd(left: Seq, right: Seq): Seq {
    const i = this.#rangeAfter(left);
    return i < this.#lefts.length ? min(right, this.#rights[i]!) : right;
  }

  /** A FIN at `at` is held: SACK reports it (Linux does, RFC 2018 names sequence numbers), though it is no text. */
  holdFin(at: Seq): void {
    this.#merge(at, add(at, 1));
  }

  /**
   * Takes `length` bytes at `left`, by copy: text that waits must not pin a slab. Returns false when there is no room
   * for more blocks; then nothing is kept.
   */
  insert(left: Seq, bytes: Uint8Array, offset: number, length: number, arena: Arena): boolean {
    const count = this.#seqs.length;
    if (count >= BLOCKS_MAX && this.length < count * BLOCK_LEAST) return false;
    const right = add(left, length);
    let at = left;
    let i = this.#firstAfter(left);
    if (i > 0) at = max(at, add(this.#seqs[i - 1]!, this.#lengths[i - 1]!));
    while (lt(at, right)) {
      const gapEnd = i < this.#seqs.length ? min(this.#seqs[i]!, right) : right;
      const n = diff(gapEnd, at);
      if (n > 0) {
        const start = arena.copy(bytes, offset + diff(at, left), n);
        this.#place(i, at, arena.block, start, n);
        i++;
      }
      if (i >= this.#seqs.length) break;
      at = max(gapEnd, add(this.#seqs[i]!, this.#lengths[i]!));
      i++;
    }
    this.#merge(left, right);
    return true;
  }

  /** Moves what now follows `next` in order into `buffer`; returns the number of bytes moved. */
  take(next: Seq, buffer: ReceiveBuffer): number {
    let at = next;
    let i = 0;
    for (; i < this.#seqs.length && leq(this.#seqs[i]!, at); i++) {
      const skip = diff(at, this.#seqs[i]!);
      const n = this.#lengths[i]! - skip;
      this.length -= this.#lengths[i]!;
      if (n <= 0) continue;
      buffer.push(this.#chunks[i]!, this.#starts[i]! + skip, n);
      at = add(at, n);
    }
    if (i > 0) {
      this.#seqs.splice(0, i);
      this.#chunks.splice(0, i);
      this.#starts.splice(0, i);
      this.#lengths.splice(0, i);
    }
    while (this.#lefts.length > 0 && leq(this.#rights[0]!, at)) {
      this.#lefts.shift();
      this.#rights.shift();
    }
    return diff(at, next);
  }

  /** Makes the range that holds the byte at `s` the most recent. */
  touch(s: Seq): void {
    const i = this.#rangeAt(s);
    if (i < 0) return;
    const left = this.#lefts[i]!;
    const recent = this.#recent;
    for (let k = recent.length - 1; k >= 0; k--) {
      if (geq(recent[k]!, left) && lt(recent[k]!, this.#rights[i]!)) recent.splice(k, 1);
    }
    recent.unshift(s);
    if (recent.length > RECENT) recent.length = RECENT;
  }

  /** Writes up to `most` ranges, most recently extended first, into `edges` from index `from` on; returns how many. */
  report(edges: Int32Array, from: number, most: number): number {
    let count = 0;
    const recent = this.#recent;
    for (let k = 0; k < recent.length && count < most; k++) {
      const i = this.#rangeAt(recent[k]!);
      if (i < 0 || this.#reported(edges, from, count, this.#lefts[i]!)) continue;
      edges[2 * (from + count)] = toInt(this.#lefts[i]!);
      edges[2 * (from + count) + 1] = toInt(this.#rights[i]!);
      count++;
    }
    return count;
  }

  /** Forgets everything. */
  clear(): void {
    this.#seqs.length = this.#chunks.length = this.#starts.length = this.#lengths.length = 0;
    this.#lefts.length = this.#rights.length = this.#recent.length = 0;
    this.length = 0;
  }

  #reported(edges: Int32Array, from: number, count: number, left: Seq): boolean {
    for (let j = 0; j < count; j++) if (edges[2 * (from + j)] === toInt(left)) return true;
    return false;
  }

  #place(i: number, at: Seq, chunk: Uint8Array, start: number, length: number): void {
    if (i === this.#seqs.length) {
      this.#seqs.push(at);
      this.#chunks.push(chunk);
      this.#starts.push(start);
      this.#lengths.push(length);
    } else {
      this.#seqs.splice(i, 0, at);
      this.#chunks.splice(i, 0, chunk);
      this.#starts.splice(i, 0, start);
      this.#lengths.splice(i, 0, length);
    }
    this.length += length;
  }

  /** Index of the first block that starts after `s`. */
  #firstAfter(s: Seq): number {
    let low = 0;
    let high = this.#seqs.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (leq(this.#seqs[mid]!, s)) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** Index of the range that holds the byte at `s`, or -1. */
  #rangeAt(s: Seq): number {
    let low = 0;
    let high = this.#lefts.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (leq(this.#lefts[mid]!, s)) low = mid + 1;
      else high = mid;
    }
    return low > 0 && lt(s, this.#rights[low - 1]!) ? low - 1 : -1;
  }

  /** Index of the first range that ends after `s`. */
  #rangeAfter(s: Seq): number {
    let i = 0;
    while (i < this.#lefts.length && leq(this.#rights[i]!, s)) i++;
    return i;
  }

  /** Adds [left, right) to the ranges, joined with those it touches, and makes it the most recent. */
  #merge(left: Seq, right: Seq): void {
    let i = 0;
    while (i < this.#lefts.length && lt(this.#rights[i]!, left)) i++;
    let j = i;
    let l = left;
    let r = right;
    while (j < this.#lefts.length && leq(this.#lefts[j]!, right)) {
      l = min(l, this.#lefts[j]!);
      r = max(r, this.#rights[j]!);
      j++;
    }
    this.#lefts.splice(i, j - i, l);
    this.#rights.splice(i, j - i, r);
    const recent = this.#recent;
    for (let k = recent.length - 1; k >= 0; k--) {
      if (geq(recent[k]!, l) && lt(recent[k]!, r)) recent.splice(k, 1);
    }
    recent.unshift(left);
    if (recent.length > RECENT) recent.length = RECENT;
  }
}
