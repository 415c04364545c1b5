/** The queue of chunks, and the receive buffer on it, against a plain array of bytes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Arena } from "../../src/tcp/buffer/arena.ts";
import { ChunkQueue } from "../../src/tcp/buffer/chunk-queue.ts";
import { COPY_ALWAYS, COPY_BELOW, ReceiveBuffer } from "../../src/tcp/buffer/receive-buffer.ts";

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("push" as const),
      n: fc.integer({ min: 0, max: 40 }),
      gap: fc.nat(2),
    }),
  },
  fc.record({ op: fc.constantFrom("shift" as const, "discard" as const), n: fc.nat(120) }),
  { weight: 1, arbitrary: fc.record({ op: fc.constant("clear" as const) }) },
);

describe("chunk queue against an array", () => {
  test("bytes leave in order, whole, whatever ranges they came in; position counts them", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 500 }), (steps) => {
        const queue = new ChunkQueue();
        const slab = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31) & 0xff);
        let cut = 0;
        const model: number[] = [];
        let position = 0;
        for (const s of steps) {
          if (s.op === "push") {
            // A gap of 0 makes neighbours in one array, which are joined.
            cut += s.gap;
            queue.push(slab, cut, s.n);
            model.push(...slab.subarray(cut, cut + s.n));
            cut += s.n;
          } else if (s.op === "shift") {
            const bytes = queue.shift(s.n);
            if (model.length === 0 || s.n === 0) {
              expect(bytes).toBeNull();
            } else {
              expect(bytes!.length).toBeGreaterThan(0);
              expect(bytes!.length).toBeLessThanOrEqual(s.n);
              expect([...bytes!]).toEqual(model.splice(0, bytes!.length));
              position += bytes!.length;
            }
          } else if (s.op === "discard") {
            const n = Math.min(s.n, model.length);
            queue.discard(n);
            model.splice(0, n);
            position += n;
          } else {
            queue.clear();
            position += model.length;
            model.length = 0;
          }
          expect([queue.length, queue.position]).toEqual([model.length, position]);
        }
        const rest: number[] = [];
        for (let b = queue.shift(7); b !== null; b = queue.shift(7)) rest.push(...b);
        expect(rest).toEqual(model);
      }),
      { numRuns: 300 },
    );
  });

  test("a shift ends where a range ends: no bytes are copied to join them", () => {
    const queue = new ChunkQueue();
    const slab = new Uint8Array(100);
    queue.push(slab, 0, 10);
    queue.push(slab, 10, 10);
    queue.push(slab, 50, 10);
    expect(queue.shift(100)).toEqual(slab.subarray(0, 20));
    expect(queue.shift(100)!.byteOffset).toBe(slab.byteOffset + 50);
  });
});

describe("receive buffer", () => {
  test.each([
    ["few bytes are copied, so that they do not pin the slab", COPY_BELOW - 1, COPY_BELOW, false],
    ["many bytes stay in the slab", COPY_BELOW, COPY_BELOW, true],
    ["few bytes stay in the slab when they are lent", 1, 0, true],
    ["many bytes are copied when they will wait (a paused reader)", COPY_BELOW, COPY_ALWAYS, false],
  ])("%s", (_name, length, copyBelow, kept) => {
    const buffer = new ReceiveBuffer();
    const slab = Uint8Array.from({ length: length + 5 }, (_, i) => i & 0xff);
    expect(buffer.append(slab, 5, length, new Arena(), copyBelow)).toBe(kept);
    const bytes = buffer.shift(length)!;
    expect(bytes).toEqual(slab.subarray(5));
    expect(bytes.buffer === slab.buffer).toBe(kept);
  });

  test("what was copied survives the reuse of the slab", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: COPY_BELOW - 1 }), { maxLength: 80 }), (lengths) => {
        const buffer = new ReceiveBuffer();
        const arena = new Arena();
        const slab = new Uint8Array(COPY_BELOW);
        const model: number[] = [];
        lengths.forEach((n, i) => {
          slab.fill(i + 1);
          buffer.append(slab, COPY_BELOW - n, n, arena, COPY_BELOW);
          for (let k = 0; k < n; k++) model.push((i + 1) & 0xff);
        });
        slab.fill(0xff);
        const all: number[] = [];
        for (let b = buffer.shift(1e9); b !== null; b = buffer.shift(1e9)) for (const x of b) all.push(x);
        expect(Buffer.compare(Buffer.from(all), Buffer.from(model))).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
