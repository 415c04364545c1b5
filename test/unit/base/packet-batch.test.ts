/** What a device relies on in a transmit batch: packets in one piece, and each array of the application's named once. */
import { describe, expect, it } from "vitest";
import { TransmitBatch } from "../../../src/base/packet-batch.ts";

const chunk = (...bytes: number[]): Uint8Array => Uint8Array.from(bytes);

/** Adds a packet: a head of one byte, and pieces [chunk, offset, length]. */
function add(batch: TransmitBatch, head: number, ...pieces: [Uint8Array, number, number][]): void {
  const offset = batch.open();
  batch.bytes[offset] = head;
  for (const [bytes, from, length] of pieces) batch.addPiece(bytes, from, length);
  const total = pieces.reduce((sum, [, , length]) => sum + length, 1);
  batch.close(offset, 1, pieces.length, total, 0, -1, 4);
}

describe("transmit batch", () => {
  const one = chunk(1, 2, 3, 4);
  const two = chunk(5, 6);

  it("names an array once for all neighbouring pieces of it, over the packets' borders too", () => {
    const batch = new TransmitBatch();
    add(batch, 100, [one, 0, 2], [one, 2, 1]);
    add(batch, 101, [one, 3, 1], [two, 0, 2]);
    add(batch, 102, [one, 1, 2]);
    expect(batch.chunks.slice(0, batch.chunkCount)).toEqual([one, two, one]);
    expect([batch.pieceCount, batch.count]).toEqual([5, 3]);
  });

  it("gives each packet in one piece, and each piece", () => {
    const batch = new TransmitBatch();
    add(batch, 100, [one, 1, 2], [two, 1, 1]);
    add(batch, 101, [two, 0, 1]);
    const bytes = new Uint8Array(8);
    batch.copyPacket(0, bytes, 1);
    batch.copyPacket(1, bytes, 6);
    expect([...bytes]).toEqual([0, 100, 2, 3, 6, 0, 101, 5]);
    expect([...batch.pieceAt(1)]).toEqual([6]);
  });

  it("cleared, it holds no array of the application's, and starts anew", () => {
    const batch = new TransmitBatch();
    add(batch, 100, [one, 0, 4], [two, 0, 2]);
    batch.clear();
    expect(batch.chunks.every((held) => held.length === 0)).toBe(true);
    add(batch, 101, [two, 0, 2]);
    expect(batch.chunks.slice(0, batch.chunkCount)).toEqual([two]);
    expect([...batch.pieceAt(0)]).toEqual([5, 6]);
  });
});
