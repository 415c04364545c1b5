/** Pacing (draft-ietf-ccwg-bbr 5.6.2) and what the sent ring keeps for delivery rates (4.1.2.1.2). */
import { expect, test } from "vitest";
import { seq } from "../../../../src/base/seq.ts";
import { MS, SECOND } from "../../../../src/base/time.ts";
import { DELIVERED, IN_FLIGHT, LOST_BEFORE } from "../../../../src/tcp/buffer/rate-columns.ts";
import { SentRing } from "../../../../src/tcp/buffer/sent-ring.ts";
import { connected, pair } from "../../../sim/pair.ts";
import { accepted } from "../rig.ts";

test("5.6.2: text leaves at SO_MAX_PACING_RATE, two segments at once and no more", () => {
  const net = pair({ delay: 5 * MS }, { tcp: { maxPacingRate: 1_000_000 } });
  const { client, server } = connected(net);
  const sentAt: number[] = [];
  net.wire.there.tap = (_, packet) => {
    if (packet.length > 1_000) sentAt.push(net.world.now);
  };
  const block = new Uint8Array(100_000);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  fill();
  net.world.run(2 * SECOND);
  expect(server.bytesReceived / 2e6).toBeGreaterThan(0.98);
  expect(server.bytesReceived / 2e6).toBeLessThan(1.01);
  for (let i = 2; i < sentAt.length; i++) expect(sentAt[i]! - sentAt[i - 2]!).toBeGreaterThan(1_000);
});

test("a timer that comes late costs no rate: what it delayed follows at once", () => {
  const { rig, peer, connection } = accepted({ mss: 1_000 }, { tcp: { maxPacingRate: 2_000_000 } });
  connection.send(new Uint8Array(10_000));
  expect(peer.mine(rig.run())).toHaveLength(2);
  rig.now += 3 * MS;
  // 2 in the first millisecond, 6 in the three that passed.
  expect(peer.mine(rig.run())).toHaveLength(6);
  rig.now += 1 * MS;
  expect(peer.mine(rig.run())).toHaveLength(2);
});

test("silence earns no burst", () => {
  const { rig, peer, connection } = accepted({ mss: 1_000 }, { tcp: { maxPacingRate: 2_000_000 } });
  rig.now += 50 * MS;
  connection.send(new Uint8Array(10_000));
  expect(peer.mine(rig.run())).toHaveLength(2);
});

test("pacing of the window (tcp_update_pacing_rate): a window that opened during silence does not leave as one burst", () => {
  const burst = (pacing: boolean): number => {
    const net = pair({ delay: 20 * MS }, { tcp: { pacing } });
    const { client } = connected(net);
    client.send(new Uint8Array(400_000));
    net.world.run(300 * MS);
    let length = 0;
    const from = net.world.now;
    net.wire.there.tap = () => {
      if (net.world.now === from) length++;
    };
    client.send(new Uint8Array(100_000));
    net.world.run(100 * MS);
    return length;
  };
  expect(burst(false)).toBeGreaterThan(60);
  expect(burst(true)).toBeLessThan(30);
});

test("4.1.2.1.2: a record's rate state survives splitting, growth and wrap of the ring", () => {
  const ring = new SentRing();
  ring.trackRate();
  let at = 0;
  const push = (): void => {
    ring.push(seq(at), 100, at);
    ring.rate!.stamp(ring.rateRow(ring.count - 1), at, 0, 0, at + 1, at + 2, false);
    at += 100;
  };
  for (let i = 0; i < 6; i++) push();
  for (let i = 0; i < 4; i++) ring.shift();
  for (let i = 0; i < 20; i++) push();
  ring.split(3, seq(750));
  for (let i = 0; i < ring.count; i++) {
    const row = ring.rateRow(i);
    const sentAs = ring.seqAt(i) === seq(750) ? 700 : Number(ring.sentAt(i));
    expect(ring.rate!.at(row, DELIVERED)).toBe(sentAs);
    expect(ring.rate!.at(row, IN_FLIGHT)).toBe(sentAs + 1);
    expect(ring.rate!.at(row, LOST_BEFORE)).toBe(sentAs + 2);
  }
  expect(ring.count).toBe(23);
});
