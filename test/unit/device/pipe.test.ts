import { describe, expect, it } from "vitest";
import { RX_BATCH, RX_CHECKSUM_OK } from "../../../src/base/packet-batch.ts";
import type { Device, DeviceReceiver } from "../../../src/device/device.ts";
import { createPipe, type PipeOptions } from "../../../src/device/pipe.ts";
import { batchOf, type Incoming, packetsOf } from "./batch.ts";

class Sink implements DeviceReceiver {
  readonly packets: Incoming[] = [];
  readonly batches: number[] = [];
  readonly closes: (Error | null)[] = [];
  onPackets: DeviceReceiver["onPackets"] = (batch) => {
    this.batches.push(batch.count);
    this.packets.push(...packetsOf(batch));
  };
  onClose(error: Error | null): void {
    this.closes.push(error);
  }
}

/** A pipe whose deliveries run when the test says. */
function manualPipe(options: PipeOptions = {}): {
  a: Device;
  b: Device;
  jobs: (() => void)[];
  run: () => void;
} {
  const jobs: (() => void)[] = [];
  const [a, b] = createPipe({ ...options, schedule: (job) => jobs.push(job) });
  const run = () => {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) job();
  };
  return { a, b, jobs, run };
}

const bytes = (...values: number[]) => Uint8Array.from(values);

describe("pipe", () => {
  it("hands over heads and pieces as one packet, 4-aligned, in order", () => {
    const { a, b, run } = manualPipe();
    const sink = new Sink();
    b.start(sink);
    expect(
      a.send(batchOf({ head: bytes(1, 2, 3), pieces: [bytes(4), bytes(5, 6)] }, { head: bytes(7) })),
    ).toBe(2);
    run();
    expect(sink.packets.map((p) => [...p.bytes])).toEqual([[1, 2, 3, 4, 5, 6], [7]]);
    expect(sink.packets.map((p) => p.offset % 4)).toEqual([0, 0]);
  });

  it("takes only the named range of a piece", () => {
    const { a, b, run } = manualPipe();
    const sink = new Sink();
    b.start(sink);
    const batch = batchOf({ head: bytes(1), pieces: [bytes(9, 8, 7, 6)] });
    batch.pieces.set([0, 1, 2], 0);
    batch.table[4] = 3;
    a.send(batch);
    run();
    expect([...sink.packets[0]!.bytes]).toEqual([1, 8, 7]);
  });

  it("copies: the batch is the caller's again on return", () => {
    const { a, b, run } = manualPipe();
    const sink = new Sink();
    b.start(sink);
    const batch = batchOf({ head: bytes(1, 2) });
    a.send(batch);
    batch.bytes.fill(0);
    run();
    expect([...sink.packets[0]!.bytes]).toEqual([1, 2]);
  });

  it("never delivers inside send, and does not recurse when a receiver answers", () => {
    const { a, b, run } = manualPipe();
    let depth = 0;
    let deepest = 0;
    let left = 1000;
    const answer = (device: Device): DeviceReceiver => ({
      onPackets(batch) {
        deepest = Math.max(deepest, ++depth);
        if (left-- > 0) device.send(batchOf({ head: packetsOf(batch)[0]!.bytes }));
        depth--;
      },
      onClose() {},
    });
    a.start(answer(a));
    b.start(answer(b));
    a.send(batchOf({ head: bytes(1) }));
    expect(depth).toBe(0);
    run();
    expect(left).toBe(-1);
    expect(deepest).toBe(1);
  });

  it("delivers at most a batch a turn, and the rest in turns of their own", () => {
    const { a, b, run } = manualPipe();
    const sink = new Sink();
    b.start(sink);
    const packets = Array.from({ length: RX_BATCH + 3 }, (_, i) => ({ head: bytes(i) }));
    a.send(batchOf(...packets));
    run();
    expect(sink.batches).toEqual([RX_BATCH, 3]);
    expect(sink.packets.map((p) => p.bytes[0])).toEqual(packets.map((p) => p.head[0]));
  });

  it("keeps what came before start for it", () => {
    const { a, b, run } = manualPipe();
    a.send(batchOf({ head: bytes(1) }));
    run();
    const sink = new Sink();
    b.start(sink);
    run();
    expect(sink.packets).toHaveLength(1);
  });

  it("refuses a packet longer than the MTU, and goes on with the next", () => {
    const { a, b, run } = manualPipe({ mtu: 100 });
    const sink = new Sink();
    b.start(sink);
    expect(a.send(batchOf({ head: new Uint8Array(101) }, { head: new Uint8Array(100) }))).toBe(1);
    run();
    expect(sink.packets.map((p) => p.bytes.length)).toEqual([100]);
  });

  it("without offload refuses super-segments and unfinished checksums", () => {
    const { a } = manualPipe();
    expect(a.send(batchOf({ head: new Uint8Array(60), csumStart: 20 }))).toBe(0);
    expect(a.send(batchOf({ head: new Uint8Array(60), csumStart: 20, gsoSize: 20 }))).toBe(0);
  });

  it("with offload passes super-segments above the MTU and vouches for their checksum", () => {
    const { a, b, run } = manualPipe({ offload: true });
    const sink = new Sink();
    b.start(sink);
    const big = { head: new Uint8Array(40), pieces: [new Uint8Array(5000)], csumStart: 20, gsoSize: 1460 };
    expect(a.send(batchOf(big, { head: bytes(1) }))).toBe(2);
    run();
    expect(sink.packets.map((p) => [p.bytes.length, p.flags, p.gsoSize])).toEqual([
      [5040, RX_CHECKSUM_OK, 1460],
      [1, 0, 0],
    ]);
  });

  it("takes no more than its queue holds", () => {
    const { a, b, run } = manualPipe({ queueLength: 2 });
    const sink = new Sink();
    b.start(sink);
    expect(a.send(batchOf({ head: bytes(1) }, { head: bytes(2) }, { head: bytes(3) }))).toBe(2);
    run();
    expect(sink.packets.map((p) => p.bytes[0])).toEqual([1, 2]);
  });

  it("leaves a retained batch alone", () => {
    const { a, b, run } = manualPipe();
    const kept: Uint8Array[] = [];
    b.start({
      onPackets(batch) {
        batch.retained = true;
        kept.push(batch.bytes.subarray(0, batch.table[1]!));
      },
      onClose() {},
    });
    for (let i = 1; i <= 3; i++) {
      a.send(batchOf({ head: bytes(i) }));
      run();
    }
    expect(kept.map((k) => k[0])).toEqual([1, 2, 3]);
  });

  it("ends both sides once when one closes, and loses what was under way", async () => {
    const { a, b, run } = manualPipe();
    const sinks = [new Sink(), new Sink()] as const;
    a.start(sinks[0]);
    b.start(sinks[1]);
    a.send(batchOf({ head: bytes(1) }));
    await a.close();
    await a.close();
    await b.close();
    run();
    expect(sinks.map((s) => s.closes)).toEqual([[null], [null]]);
    expect(sinks[1].packets).toEqual([]);
    expect(a.send(batchOf({ head: bytes(1) }))).toBe(0);
    expect(b.send(batchOf({ head: bytes(1) }))).toBe(0);
  });

  it("delivers by queueMicrotask unless told otherwise", async () => {
    const [a, b] = createPipe();
    const sink = new Sink();
    b.start(sink);
    a.send(batchOf({ head: bytes(1) }));
    expect(sink.packets).toHaveLength(0);
    await Promise.resolve();
    expect(sink.packets).toHaveLength(1);
  });
});
