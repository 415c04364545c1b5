/** A packet of a transmit batch as bytes in one piece. */
import { type TransmitBatch, TX } from "../base/packet-batch.ts";

/** Copies packet `i` of a batch, head and pieces, to `at` of `target`. */
export function linearize(batch: TransmitBatch, i: number, target: Uint8Array, at: number): void {
  const row = i * TX.COLUMNS;
  const t = batch.table;
  const offset = t[row + TX.OFFSET]!;
  const head = t[row + TX.HEAD]!;
  target.set(batch.bytes.subarray(offset, offset + head), at);
  at += head;
  const first = t[row + TX.FIRST_PIECE]!;
  for (let p = first; p < first + t[row + TX.PIECES]!; p++) {
    const start = batch.ranges[2 * p]!;
    const length = batch.ranges[2 * p + 1]!;
    target.set(batch.pieces[p]!.subarray(start, start + length), at);
    at += length;
  }
}
