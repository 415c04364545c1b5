import { expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { MS } from "../../../src/base/time.ts";
import { Clock } from "../../../src/sim/clock.ts";
import { type Conditions, Link } from "../../../src/sim/link.ts";
import { type Packet, PacketPool } from "../../../src/sim/packet.ts";
import { parseIpv4 } from "../../../src/wire/ipv4.ts";
import { parseTcp } from "../../../src/wire/tcp-parse.ts";
import { segmentOver, tcpPacket } from "../wire/packets.ts";

/** Sends `count` numbered packets, one each `gap` microseconds; returns what arrived, when, and the link. */
function through(conditions: Partial<Conditions>, count: number, gap = 1_000, size = 100) {
  const clock = new Clock(0);
  const pool = new PacketPool();
  const arrived: { id: number; at: number; bytes: Uint8Array }[] = [];
  const sink = {
    take(packet: Packet): void {
      arrived.push({
        id: packet.view.getInt32(4),
        at: clock.now,
        bytes: packet.bytes.slice(0, packet.length),
      });
      packet.free();
    },
  };
  const link = new Link(clock, new Random(1), sink, conditions);
  for (let id = 0; id < count; id++) {
    clock.schedule(id * gap, {
      fire() {
        const packet = pool.get(size);
        packet.bytes.fill(0, 0, size);
        packet.bytes[0] = 0x45;
        packet.view.setInt32(4, id);
        link.take(packet);
      },
    });
  }
  while (clock.pending > 0) clock.take().fire();
  return { arrived, link };
}

test("a perfect link delivers everything in order after its delay", () => {
  const { arrived } = through({ delay: 7 * MS }, 100);
  expect(arrived.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(arrived.every(({ id, at }) => at === id * 1_000 + 7 * MS)).toBe(true);
});

test("loss, duplication and reordering come in the shares that were asked for, and are counted", () => {
  const { arrived, link } = through({ loss: 0.1, duplicate: 0.05, reorder: 0.2, reorderBy: 20 * MS }, 20_000);
  const { statistics } = link;
  expect(statistics.packets).toBe(20_000);
  expect(statistics.lost / 20_000).toBeCloseTo(0.1, 1);
  expect(statistics.duplicated / 18_000).toBeCloseTo(0.05, 2);
  expect(statistics.reordered / 18_000).toBeCloseTo(0.2, 1);
  expect(arrived.length).toBe(20_000 - statistics.lost + statistics.duplicated);
  const late = arrived.filter(({ id }, i) => i > 0 && id < arrived[i - 1]!.id).length;
  expect(late).toBeGreaterThan(1_000);
});

test("jitter keeps the order", () => {
  const { arrived } = through({ jitter: 50 * MS }, 1_000);
  expect(arrived.every(({ id }, i) => id === i)).toBe(true);
  expect(new Set(arrived.map(({ id, at }) => at - id * 1_000)).size).toBeGreaterThan(100);
});

test("a rate spaces packets out, and what exceeds the queue is dropped", () => {
  // 100 bytes at 800 kbit/s take 1 ms; ten come at once with room for four behind the one being sent.
  const { arrived, link } = through({ delay: 0, rate: 800_000, queue: 500 }, 10, 0);
  expect(arrived.map(({ id, at }) => [id, at])).toEqual([1, 2, 3, 4, 5].map((n) => [n - 1, n * 1_000]));
  expect(link.statistics.overflowed).toBe(5);
});

test("packets above the MTU are dropped, super-segments only by the size of their segments", () => {
  const { arrived, link } = through({ mtu: 99 }, 3);
  expect([arrived.length, link.statistics.tooBig]).toEqual([0, 3]);
});

test("damage anywhere in a packet is always found by one of the checksums", () => {
  const clock = new Clock(0);
  const pool = new PacketPool();
  const whole = tcpPacket({ text: Uint8Array.from({ length: 101 }, (_, i) => i) });
  let found = 0;
  const sink = {
    take(packet: Packet): void {
      const seg = segmentOver(packet.bytes.slice(0, packet.length));
      const isGood = parseIpv4(seg.view, 0, packet.length, seg) === 0 && parseTcp(seg.view, seg) === 0;
      if (!isGood) found++;
      packet.free();
    },
  };
  const link = new Link(clock, new Random(3), sink, { corrupt: 1 });
  for (let i = 0; i < 20_000; i++) {
    const packet = pool.get(whole.length);
    packet.bytes.set(whole);
    link.take(packet);
    clock.take().fire();
  }
  expect(link.statistics.corrupted).toBe(20_000);
  expect(found).toBe(20_000);
});

test("a link that is down, and a filter, drop what they are told to", () => {
  const { link } = through({}, 0);
  const pool = new PacketPool();
  link.isUp = false;
  link.take(pool.get(50));
  link.isUp = true;
  link.filter = (packet) => packet.length > 60;
  link.take(pool.get(61));
  link.take(pool.get(60));
  expect(link.statistics).toMatchObject({ packets: 3, bytes: 171, down: 1, filtered: 1 });
});
