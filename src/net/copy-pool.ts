/**
 * Memory for the bytes of applications that may overwrite theirs once a write has called back: copied here, kept
 * by reference in the send buffer, and used again when the peer has acknowledged them. Fresh memory for each
 * write costs more than the copy itself (page faults and zeroing took 27 % of `bench kernel`'s `down`).
 */

/** A block is at most four times what it holds, so that a peer who never acknowledges pins little more than it was sent. */
const SIZES = [4_096, 16_384, 65_536] as const;
/** Bytes that wait for their next use, for each size. */
const IDLE_MAX = 4 * 1024 * 1024;

/** The largest block. */
export const BLOCK_MAX = 65_536;

const idle: Buffer[][] = SIZES.map(() => []);

function take(length: number): Buffer {
  const size = sizeOf(length);
  return idle[size]!.pop() ?? Buffer.allocUnsafeSlow(SIZES[size]!);
}

function give(block: Buffer): void {
  const size = sizeOf(block.length);
  const blocks = idle[size]!;
  if (blocks.length * SIZES[size]! < IDLE_MAX) blocks.push(block);
}

function sizeOf(length: number): 0 | 1 | 2 {
  return length <= SIZES[0] ? 0 : length <= SIZES[1] ? 1 : 2;
}

/** The copies of one connection that the peer has not acknowledged, in order. */
export class CopiesInFlight {
  private blocks: Buffer[] = [];
  /** Bytes sent in all up to the end of each block. */
  private ends: number[] = [];
  private first = 0;

  /** Copies at most `BLOCK_MAX` bytes of `chunk`, which end at byte `end` of all that is sent. */
  copy(chunk: Uint8Array, from: number, length: number, end: number): Uint8Array {
    const block = take(length);
    block.set(from === 0 && length === chunk.length ? chunk : chunk.subarray(from, from + length));
    this.blocks.push(block);
    this.ends.push(end);
    return block.length === length ? block : block.subarray(0, length);
  }

  /** The peer has `acked` bytes of all that was sent: nobody will look at them again. */
  reclaim(acked: number): void {
    const { blocks, ends } = this;
    while (this.first < ends.length && ends[this.first]! <= acked) give(blocks[this.first++]!);
    if (this.first === ends.length) {
      blocks.length = 0;
      ends.length = 0;
      this.first = 0;
    } else if (this.first > 64) {
      blocks.splice(0, this.first);
      ends.splice(0, this.first);
      this.first = 0;
    }
  }
}
