/** A queue with a ring beside it: what others hand over comes in like packets, and the others are woken for what goes out. */
import { describe, expect, test, vi } from "vitest";
import { RX_HANDED_OVER } from "../../../src/base/packet-batch.ts";
import type { DeviceReceiver } from "../../../src/device/device.ts";
import { createRingMemory, HandOverRing } from "../../../src/device/hand-over-ring.ts";
import { createPipe } from "../../../src/device/pipe.ts";
import { ShardDevice } from "../../../src/device/shard-device.ts";
import { batchOf, packetsOf } from "./batch.ts";

class Sink implements DeviceReceiver {
  readonly got: string[] = [];
  readonly kept: Uint8Array[] = [];
  keep = false;
  onPackets: DeviceReceiver["onPackets"] = (batch) => {
    for (const { bytes, offset, flags } of packetsOf(batch)) {
      this.got.push(Buffer.from(bytes).toString());
      this.kept.push(batch.bytes.subarray(offset, offset + bytes.length));
      this.flags.push(flags);
    }
    if (this.keep) batch.retained = true;
  };
  readonly flags: number[] = [];
  onClose(): void {}
}

function shards(): { queues: ShardDevice[]; sinks: Sink[]; far: ReturnType<typeof createPipe>[1][] } {
  const rings = [createRingMemory(), createRingMemory()];
  const pipes = rings.map(() => createPipe());
  const queues = pipes.map(([near], index) => new ShardDevice(near, index, rings));
  const sinks = queues.map(() => new Sink());
  for (const [index, queue] of queues.entries()) queue.start(sinks[index]!);
  const far = pipes.map(([, other]) => other);
  for (const other of far) other.start(new Sink());
  return { queues, sinks, far };
}

const packet = (text: string): Uint8Array => Buffer.from(text);

describe("a shard's device", () => {
  test("wakes the other shard once its own batch is done, which then gets the packet, marked", async () => {
    const { queues, sinks, far } = shards();
    const [zero, one] = sinks as [Sink, Sink];
    const receive = zero.onPackets;
    zero.onPackets = (batch) => {
      receive(batch);
      expect(queues[0]!.handOver(1, packet("stray"), 0, 5, true, 0)).toBe(true);
    };
    far[0]!.send(batchOf({ head: packet("came in") }));
    await vi.waitFor(() => expect(one.got).toEqual(["stray"]));
    expect(one.flags[0]! & RX_HANDED_OVER).toBe(RX_HANDED_OVER);
    expect(zero.got).toEqual(["came in"]);
  });

  test("delivers what was handed over before what its queue brings later", async () => {
    const { queues, sinks, far } = shards();
    queues[0]!.handOver(1, packet("earlier"), 0, 7, true, 0);
    far[1]!.send(batchOf({ head: packet("later") }));
    await vi.waitFor(() => expect(sinks[1]!.got).toHaveLength(2));
    expect(sinks[1]!.got).toEqual(["earlier", "later"]);
  });

  test("memory that was kept is not written to again, also past the end of a slab", async () => {
    const { queues, sinks, far } = shards();
    const sink = sinks[1]!;
    sink.keep = true;
    const sent: string[] = [];
    for (let i = 0; i < 90; i++) {
      const text = `${i}`.padEnd(20_000, String.fromCharCode(97 + (i % 26)));
      sent.push(text);
      queues[0]!.handOver(1, packet(text), 0, text.length, true, 0);
      if (i % 9 === 8) far[1]!.send(batchOf({ head: packet("tick") }));
      if (i % 9 === 8)
        await vi.waitFor(() => expect(sink.got.filter((t) => t !== "tick")).toHaveLength(i + 1));
    }
    expect(sink.kept.map((bytes) => Buffer.from(bytes).toString()).filter((t) => t !== "tick")).toEqual(sent);
  });

  test("has room for the largest packet wherever the slab is filled up to: a whole one of IPv6 fragments", async () => {
    const memory = createRingMemory();
    const device = new ShardDevice(createPipe()[0], 0, [memory]);
    const sink = new Sink();
    sink.keep = true;
    device.start(sink);
    const ring = new HandOverRing(memory);
    const put = async (length: number, packets: number): Promise<void> => {
      expect(ring.put(new Uint8Array(length), 0, length, true, 0)).toBe(true);
      ring.wake();
      await expect.poll(() => sink.got.length).toBe(packets);
    };
    for (let i = 1; i <= 15; i++) await put(65_536, i);
    await put(65_575, 16);
    await put(100, 17);
    await device.close();
  });
});
