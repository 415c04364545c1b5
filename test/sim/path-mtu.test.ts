/** Paths narrower than the hosts' links: routers that say so, routers that fragment (RFC 1191, RFC 791 3.2). */
import { describe, expect, test } from "vitest";
import { finish, sum } from "../../src/base/checksum.ts";
import { seq } from "../../src/base/seq.ts";
import { MS, SECOND } from "../../src/base/time.ts";
import type { Packet } from "../../src/sim/packet.ts";
import { connected, type Pair, pair } from "./pair.ts";

const AMOUNT = 400_000;

/** Sends `AMOUNT` bytes from a to b; returns how long it took, in microseconds. */
function transfer(net: Pair, limit = 60 * SECOND): number {
  const { client, serverLog } = connected(net);
  const start = net.world.now;
  for (let sent = 0; sent < AMOUNT; sent += 10_000) client.send(new Uint8Array(10_000));
  net.world.runWhile(() => serverLog.received < AMOUNT, start + limit);
  expect(serverLog.received).toBe(AMOUNT);
  return net.world.now - start;
}

describe("a narrower link in the middle", () => {
  test.each([
    ["packets", { offload: false }, { segments: false }],
    ["super-segments", { offload: true }, { segments: false }],
    ["super-segments that the device cuts", { offload: true }, { segments: true }],
  ])(
    "RFC 1191 6.4: a router says what it takes: %s become smaller at once, without timeout or congestion",
    (_, host, link) => {
      const net = pair({ delay: 10 * MS, tooBig: "answer", ...link }, host);
      net.wire.there.change({ mtu: 1_000 });
      const took = transfer(net);
      expect(took).toBeLessThan(400 * MS);
      expect(net.wire.there.statistics.tooBig).toBeGreaterThan(0);
      expect(net.a.stack.counters).toMatchObject({ TCPTimeouts: 0, TCPSackRecovery: 0, TCPRenoRecovery: 0 });
      expect(net.a.stack.interfaces.pathTo(4, net.b.key, net.a.link).mtu).toBe(1_000);
    },
  );

  test.each([
    ["packets", false],
    ["super-segments", true],
  ])("RFC 8201 4, 5.4: the same over IPv6: %s", (_, offload) => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" }, { offload }, {}, 6);
    net.wire.there.change({ mtu: 1_300 });
    const took = transfer(net);
    expect(took).toBeLessThan(400 * MS);
    expect(net.a.stack.counters).toMatchObject({ TCPTimeouts: 0, TCPSackRecovery: 0 });
    expect(net.a.stack.snapshot().sockets[0]!.info!.pmtu).toBe(1_300);
  });

  test("RFC 8201 4: less than 1,280 is not believed over IPv6", () => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" }, {}, {}, 6);
    const { client } = connected(net);
    net.wire.there.change({ mtu: 1_000 });
    client.send(new Uint8Array(10_000));
    net.world.run(100 * MS);
    expect(client.info().pmtu).toBe(1_500);
    expect(net.a.stack.drops.toObject()["icmp-unmatched"]).toBeGreaterThan(0);
  });

  test.each([2 ** 31, 2 ** 32])("a transfer whose sequence numbers pass %d", (edge) => {
    for (const start of [edge - 100_000, edge - 300_000]) {
      const net = pair({ delay: 10 * MS, tooBig: "answer" });
      net.a.stack.isn = () => seq(start);
      net.wire.there.change({ mtu: 1_000 });
      transfer(net);
      expect(net.a.stack.counters.TCPTimeouts).toBe(0);
    }
  });

  test("RFC 1191 7.1: a router that does not say how much: plateau by plateau", () => {
    const net = pair({ delay: 10 * MS, tooBig: "answer-without-mtu" }, { mtu: 9_000 });
    net.wire.there.change({ mtu: 1_000 });
    transfer(net);
    expect(net.a.stack.counters.TCPTimeouts).toBe(0);
    expect(net.a.stack.interfaces.pathTo(4, net.b.key, net.a.link).mtu).toBe(576);
  });

  test("RFC 5927 7.2: a path that becomes narrower later is believed after one timeout", () => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(50_000));
    net.world.run(SECOND);
    net.wire.there.change({ mtu: 900 });
    client.send(new Uint8Array(50_000));
    net.world.run(2 * SECOND);
    expect(serverLog.received).toBe(100_000);
    expect(net.a.stack.counters.TCPTimeouts).toBe(1);
  });

  test("RFC 1191 6.3: after ten minutes without news the larger MTU is tried again", () => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" });
    net.wire.there.change({ mtu: 1_000 });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(20_000));
    net.world.run(SECOND);
    expect(client.info().pmtu).toBe(1_000);
    net.wire.there.change({ mtu: 1_500 });
    net.world.run(598 * SECOND);
    client.send(new Uint8Array(20_000));
    net.world.run(500 * MS);
    expect(client.info().pmtu).toBe(1_000);
    net.world.run(3 * SECOND);
    client.send(new Uint8Array(20_000));
    net.world.run(SECOND);
    expect([client.info().pmtu, client.info().snd_mss]).toEqual([1_500, 1_448]);
    expect(serverLog.received).toBe(60_000);
  });
});

describe("routers that fragment", () => {
  /** A middlebox that clears DF, as some do. */
  function clearDf(net: Pair): void {
    const to = net.wire.there;
    net.a.routes.set(net.b.key, {
      take(packet: Packet): void {
        packet.completeChecksum();
        packet.view.setUint16(4, id++ & 0xffff);
        packet.view.setUint16(6, 0);
        packet.view.setUint16(10, 0);
        packet.view.setUint16(10, finish(sum(packet.bytes, packet.view, 0, 20, 0)));
        to.take(packet);
      },
    });
  }
  let id = 0;

  test.each([
    ["in order", {}],
    ["reordered", { reorder: 0.2, reorderBy: 5 * MS }],
    ["doubled", { duplicate: 0.1, reorderBy: 1 * MS }],
    ["lost now and then", { loss: 0.01 }],
  ])("RFC 791 3.2: a whole transfer through fragments, %s", (_, luck) => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" });
    clearDf(net);
    net.wire.there.change({ mtu: 600, ...luck });
    transfer(net, 120 * SECOND);
    const { ip } = net.b.stack;
    expect(ip.ReasmOKs).toBeGreaterThan(200);
    expect(net.b.stack.fragments.reassembly.size).toBeLessThan(100);
    net.world.run(31 * SECOND);
    expect(net.b.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
    expect(net.a.stack.interfaces.pathTo(4, net.b.key, net.a.link).mtu).toBe(1_500);
  });
});
