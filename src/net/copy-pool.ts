/**
 * Memory for the bytes of applications that may overwrite theirs once a write has called back: copied here, kept
 * by reference in the send buffer, and used again when the peer has acknowledged them. Fresh memory for each
 * write costs more than the copy itself (page faults and zeroing took 27 % of `bench kernel`'s `down`).
 */

import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler } from "../stack/events.ts";

/** A block is about four times what it holds at most, so that a peer who never acknowledges pins little more than it was sent. */
const SIZES = [4_096, 16_384, 65_536, 131_072] as const;
/** Blocks that may wait for their next use whatever was in flight lately, for each size: 4 MiB of the largest. */
const IDLE_LEAST = 32;
/** The peak of blocks in flight sinks towards what is in flight within some thousand blocks that come back. */
const PEAK_SPAN = 4_096;

/**
 * Where in its memory a block starts. memmove is 20 times slower on some processors (`rep movsb` of AMD's Zen 3) where the
 * target lies 1 to 31 bytes above the source, apart from whole pages of 4 KiB; and malloc puts 64 KiB with its header of 16
 * bytes just so behind another 64 KiB, such as the application's.
 */
const AWAY = 1_024;

/** The largest block. */
export const BLOCK_MAX = 131_072;

/** Blocks of one size: those that wait, how many are in flight, and their most in recent times. */
class Pool {
  readonly size: number;
  private readonly idle: Uint8Array[] = [];
  private inFlight = 0;
  private peak = 0;

  constructor(size: number) {
    this.size = size;
  }

  take(): Uint8Array {
    if (++this.inFlight > this.peak) this.peak = this.inFlight;
    // Without zeroing. Not as a Buffer, whose subarray costs four times as much.
    return (
      this.idle.pop() ?? new Uint8Array(Buffer.allocUnsafeSlow(AWAY + this.size).buffer, AWAY, this.size)
    );
  }

  /** As many wait as were in flight at once: five hundred answers of 64 KiB come and go together. */
  give(block: Uint8Array): void {
    this.inFlight--;
    this.peak -= (this.peak - this.inFlight) / PEAK_SPAN;
    if (this.idle.length < Math.max(IDLE_LEAST, this.peak)) this.idle.push(block);
  }
}

const pools: readonly Pool[] = SIZES.map((size) => new Pool(size));

function poolOf(length: number): Pool {
  return pools[sizeOf(length)]!;
}

function sizeOf(length: number): 0 | 1 | 2 | 3 {
  return length <= SIZES[0] ? 0 : length <= SIZES[1] ? 1 : length <= SIZES[2] ? 2 : 3;
}

/**
 * The copies of one connection that the peer has not acknowledged, in order. As the handler of a connection that its
 * application has closed it waits for the rest of them.
 */
export class CopiesInFlight implements ConnectionHandler {
  /** Live ones are from `first` up to `last`; the arrays keep their length (shortening them allocates anew). */
  private readonly blocks: Uint8Array[] = [];
  /** Bytes sent in all up to the end of each block. */
  private readonly ends: number[] = [];
  private first = 0;
  private last = 0;

  /** Copies at most `BLOCK_MAX` bytes of `chunk`, which end at byte `end` of all that is sent. */
  copy(chunk: Uint8Array, from: number, length: number, end: number): Uint8Array {
    const block = poolOf(length).take();
    block.set(from === 0 && length === chunk.length ? chunk : chunk.subarray(from, from + length));
    this.blocks[this.last] = block;
    this.ends[this.last++] = end;
    return block.length === length ? block : block.subarray(0, length);
  }

  /** The peer has `acked` bytes of all that was sent: nobody will look at them again. */
  reclaim(acked: number): void {
    const { blocks, ends } = this;
    while (this.first < this.last && ends[this.first]! <= acked) {
      const block = blocks[this.first]!;
      blocks[this.first++] = NOTHING;
      poolOf(block.length).give(block);
    }
    if (this.first === this.last) {
      this.first = 0;
      this.last = 0;
    } else if (this.first > COMPACT) {
      blocks.splice(0, this.first);
      ends.splice(0, this.first);
      this.last -= this.first;
      this.first = 0;
    }
  }

  onFinish(connection: Connection): void {
    this.reclaim(connection.bytesAcked);
  }

  onClose(): void {
    this.reclaim(Number.POSITIVE_INFINITY);
  }
}

const NOTHING = new Uint8Array(0);
/** Emptied entries in front before the arrays are moved up. */
const COMPACT = 64;
