/**
 * The send buffer against a plain array of bytes: writes by copy and by reference, segments gathered at random
 * positions (retransmissions included) into a batch, acknowledgments from the front.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TransmitBatch } from "../../src/base/packet-batch.ts";
import { Arena } from "../../src/tcp/buffer/arena.ts";
import { COPY_BELOW, SendBuffer } from "../../src/tcp/buffer/send-buffer.ts";

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const sizes = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 200 }) },
  fc.integer({ min: 1, max: 3 * COPY_BELOW }),
  fc.constantFrom(COPY_BELOW - 1, COPY_BELOW, 65_536, 65_537, 131_073),
);
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ op: fc.constant("append" as const), n: sizes, copy: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("gather" as const), x: fraction, y: fraction }) },
  fc.record({ op: fc.constant("discard" as const), x: fraction }),
  fc.record({ op: fc.constant("other" as const), n: fc.integer({ min: 1, max: 3_000 }) }),
);

/** The bytes of one gathered segment. */
function gathered(batch: TransmitBatch, at: number, inline: number): Uint8Array {
  if (inline > 0) return batch.bytes.slice(at, at + inline);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < batch.pieceCount; i++) {
    parts.push(batch.pieceAt(i));
  }
  return Buffer.concat(parts);
}

describe("send buffer against an array", () => {
  test("RFC 9293 3.10.2: every byte given leaves at its position, first time and again", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const buffer = new SendBuffer();
        const arena = new Arena();
        const batch = new TransmitBatch();
        let model = Buffer.alloc(0);
        let position = 0;
        let next = 0;
        for (const s of steps) {
          if (s.op === "append") {
            const bytes = Uint8Array.from({ length: s.n }, () => (next = (next * 5 + 7) & 0xff));
            buffer.append(bytes, arena, s.copy);
            model = Buffer.concat([model, bytes]);
            // Copied bytes are the application's again at once.
            if (s.copy || s.n < COPY_BELOW) bytes.fill(0);
          } else if (s.op === "other") {
            // Another connection's bytes come between in the arena.
            arena.copy(new Uint8Array(s.n), 0, s.n);
          } else if (s.op === "discard") {
            const n = Math.floor(s.x * model.length);
            buffer.discard(n);
            model = model.subarray(n);
            position += n;
          } else if (model.length > 0) {
            const from = Math.min(model.length - 1, Math.floor(s.x * model.length));
            const length = Math.max(1, Math.floor(s.y * Math.min(model.length - from, 131_072)));
            batch.clear();
            const inline = buffer.gather(position + from, length, batch, 40);
            expect(batch.pieceCount).toBeLessThanOrEqual(buffer.piecesMax);
            const bytes = gathered(batch, 40, inline);
            expect(Buffer.compare(bytes, model.subarray(from, from + length))).toBe(0);
          }
          expect([buffer.length, buffer.position]).toEqual([model.length, position]);
        }
      }),
      { numRuns: 250 },
    );
  });

  test("small writes of connections that take turns are joined: a segment never needs many pieces", () => {
    const arena = new Arena();
    const buffers = [new SendBuffer(), new SendBuffer(), new SendBuffer()];
    for (let i = 0; i < 4_000; i++)
      for (const buffer of buffers) buffer.append(new Uint8Array(16), arena, true);
    for (const buffer of buffers) {
      const batch = new TransmitBatch();
      buffer.gather(0, 64_000, batch, 40);
      expect(buffer.length).toBe(64_000);
      expect(batch.pieceCount).toBeLessThanOrEqual(64_000 / 2_000);
    }
  });

  test("few bytes are copied behind the header, many are referred to", () => {
    const buffer = new SendBuffer();
    const bytes = new Uint8Array(COPY_BELOW).fill(9);
    buffer.append(bytes, new Arena(), false);
    const batch = new TransmitBatch();
    expect(buffer.gather(0, 100, batch, 40)).toBe(100);
    expect(batch.pieceCount).toBe(0);
    expect(buffer.gather(0, 1_000, batch, 40)).toBe(0);
    expect(batch.chunks[0]).toBe(bytes);
  });
});
