/** The ring between threads: whole packets, in order, bounded; several producers at once are real threads. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { build } from "rolldown";
import { describe, expect, test } from "vitest";
import { RX, RX_BATCH, RX_CHECKSUM_OK, RX_HANDED_OVER } from "../../../src/base/packet-batch.ts";
import { Random } from "../../../src/base/random.ts";
import { createRingMemory, HandOverRing } from "../../../src/device/hand-over-ring.ts";
import { packetsOf } from "./batch.ts";

const RING = fileURLToPath(new URL("../../../src/device/hand-over-ring.ts", import.meta.url));

class Taken {
  readonly bytes = new Uint8Array(256 * 1024);
  readonly view = new DataView(this.bytes.buffer);
  readonly table = new Int32Array(RX_BATCH * RX.COLUMNS);
  count = 0;
  retained = false;
}

/** A packet of `length` bytes that tells which one it is. */
function packet(index: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (index * 7 + i * (index + 1)) & 0xff;
  return bytes;
}

function drain(ring: HandOverRing): Uint8Array[] {
  const batch = new Taken();
  const all: Uint8Array[] = [];
  do {
    ring.take(batch, 0);
    all.push(...packetsOf(batch).map(({ bytes }) => bytes.slice()));
  } while (batch.count > 0);
  return all;
}

describe("the ring", () => {
  test("gives back what was put, with its flags and its GSO size, 4-aligned", () => {
    const ring = new HandOverRing(createRingMemory(64));
    ring.put(packet(1, 61), 0, 61, true, 0);
    ring.put(packet(2, 700), 100, 500, false, 1_448);
    const batch = new Taken();
    expect(ring.take(batch, 8)).toBe(8 + 64 + 500);
    expect(batch.count).toBe(2);
    expect([...batch.table.subarray(0, 8)]).toEqual([
      ...[8, 61, RX_CHECKSUM_OK | RX_HANDED_OVER, 0],
      ...[72, 500, RX_HANDED_OVER, 1_448],
    ]);
    expect(batch.bytes.slice(8, 69)).toEqual(packet(1, 61));
    expect(batch.bytes.slice(72, 572)).toEqual(packet(2, 700).slice(100, 600));
    expect(ring.hasPackets).toBe(false);
  });

  test("keeps packets whole and in order through thousands of laps, whatever their sizes, and refuses what does not fit", () => {
    const random = new Random(1);
    const ring = new HandOverRing(createRingMemory(64));
    const expected: Uint8Array[] = [];
    let refused = 0;
    for (let i = 0; i < 6_000; i++) {
      const bytes = packet(i, 1 + random.below(random.below(10) === 0 ? 4_000 : 300));
      if (ring.put(bytes, 0, bytes.length, false, 0)) expected.push(bytes);
      else refused++;
      if (random.below(8) > 0) continue;
      expect(Buffer.concat(drain(ring)).equals(Buffer.concat(expected))).toBe(true);
      expected.length = 0;
    }
    expect(refused).toBeGreaterThan(50);
  });

  test("is full at its size, and takes again what was made room for", () => {
    const ring = new HandOverRing(createRingMemory(8));
    const bytes = packet(3, 128);
    const put = (): boolean => ring.put(bytes, 0, 128, false, 0);
    expect(Array.from({ length: 9 }, put)).toEqual([...new Array(8).fill(true), false]);
    expect(drain(ring)).toHaveLength(8);
    expect(put()).toBe(true);
  });

  test("takes as many as the batch has room for, and leaves the rest", () => {
    const ring = new HandOverRing(createRingMemory(64));
    for (let i = 0; i < RX_BATCH + 5; i++) ring.put(packet(i, 40), 0, 40, false, 0);
    const batch = new Taken();
    ring.take(batch, 0);
    expect(batch.count).toBe(RX_BATCH);
    ring.take(batch, batch.bytes.length - 100);
    expect(batch.count).toBe(2);
    expect(drain(ring)).toHaveLength(3);
  });

  test("positions wrap at 2^32 slots", () => {
    const memory = createRingMemory(8);
    const near = -3;
    new Int32Array(memory).set([near], 0);
    new Int32Array(memory).set([near], 16);
    const ring = new HandOverRing(memory);
    for (let i = 0; i < 20; i++) {
      expect(ring.put(packet(i, 200), 0, 200, false, 0)).toBe(true);
      expect(drain(ring)).toEqual([packet(i, 200)]);
    }
  });

  test("a sleeping consumer is woken once, and again for what comes after it looked", async () => {
    const ring = new HandOverRing(createRingMemory(8));
    let wakes = 0;
    const wait = (): void => ring.wait(() => wakes++);
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));
    wait();
    ring.wake();
    ring.wake();
    await turn();
    expect(wakes).toBe(1);
    // Not looked yet: whoever waits now is told at once.
    wait();
    await turn();
    expect(wakes).toBe(2);
    ring.awake();
    wait();
    await turn();
    expect(wakes).toBe(2);
    ring.wake();
    await turn();
    expect(wakes).toBe(3);
  });

  test("three threads at once lose nothing, mix nothing up, and keep each one's order", async () => {
    const PACKETS = 4_000;
    const memory = createRingMemory(1_024);
    const folder = mkdtempSync(join(tmpdir(), "usertcp-ring-"));
    const file = join(folder, "ring.mjs");
    await build({ input: RING, logLevel: "warn", output: { file, format: "esm" } });
    const workers = [0, 1, 2].map(
      (producer) => new Worker(PRODUCER, { eval: true, workerData: { file, memory, producer, PACKETS } }),
    );
    const ring = new HandOverRing(memory);
    const batch = new Taken();
    const seen = [0, 0, 0];
    const wrong: string[] = [];
    while (seen.some((count) => count < PACKETS)) {
      ring.take(batch, 0);
      for (const { bytes } of packetsOf(batch)) {
        const view = new DataView(bytes.buffer, bytes.byteOffset);
        const [producer, index] = [view.getInt32(0), view.getInt32(4)];
        if (index !== seen[producer]) wrong.push(`${producer}: ${index} after ${seen[producer]}`);
        if (!Buffer.alloc(bytes.length - 8, index + producer).equals(bytes.subarray(8))) wrong.push("mixed");
        seen[producer]!++;
      }
      if (batch.count === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(wrong).toEqual([]);
    await Promise.all(workers.map((worker) => worker.terminate()));
    rmSync(folder, { recursive: true });
  });
});

const PRODUCER = `
const { workerData: { file, memory, producer, PACKETS } } = require("node:worker_threads");
import("file://" + file).then(async ({ HandOverRing }) => {
  const ring = new HandOverRing(memory);
  const bytes = new Uint8Array(1500);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < PACKETS; i++) {
    const length = 8 + ((i * 37 + producer) % 1400);
    bytes.fill((i + producer) & 0xff);
    view.setInt32(0, producer);
    view.setInt32(4, i);
    while (!ring.put(bytes, 0, length, false, 0)) await new Promise((resolve) => setImmediate(resolve));
  }
});`;
