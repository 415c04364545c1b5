/** Transmit batches for device tests: packets of plain bytes, whole or in pieces. */
import { type ReceiveBatch, RX, TransmitBatch } from "../../../src/base/packet-batch.ts";

export interface Outgoing {
  head: Uint8Array;
  pieces?: readonly Uint8Array[];
  gsoSize?: number;
  csumStart?: number;
  family?: number;
}

/** A batch of these packets. */
export function batchOf(...packets: readonly Outgoing[]): TransmitBatch {
  const batch = new TransmitBatch();
  for (const { head, pieces = [], gsoSize = 0, csumStart = -1, family = 4 } of packets) {
    const offset = batch.open();
    batch.bytes.set(head, offset);
    let total = head.length;
    for (const piece of pieces) {
      batch.addPiece(piece, 0, piece.length);
      total += piece.length;
    }
    batch.close(offset, head.length, pieces.length, total, gsoSize, csumStart, family);
  }
  return batch;
}

export interface Incoming {
  bytes: Uint8Array;
  offset: number;
  flags: number;
  gsoSize: number;
}

/** The packets of a batch, copied. */
export function packetsOf(batch: ReceiveBatch): Incoming[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const row = i * RX.COLUMNS;
    const offset = batch.table[row + RX.OFFSET]!;
    return {
      bytes: Uint8Array.from(batch.bytes.subarray(offset, offset + batch.table[row + RX.LENGTH]!)),
      offset,
      flags: batch.table[row + RX.FLAGS]!,
      gsoSize: batch.table[row + RX.GSO_SIZE]!,
    };
  });
}
