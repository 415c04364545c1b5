/** Paths that swallow what is too large and say nothing (RFC 4821, RFC 2923 2.1). */
import { describe, expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { connected, type Pair, pair } from "./pair.ts";

/** Sends `amount` bytes from a to b, as the buffer takes them; returns the microseconds it took. */
function transfer(net: Pair, amount: number, limit = 120 * SECOND): { took: number; mss: number } {
  const { client, serverLog } = connected(net);
  const start = net.world.now;
  for (let sent = 0; sent < amount; sent += 10_000) client.send(new Uint8Array(10_000));
  net.world.runWhile(() => serverLog.received < amount, start + limit);
  expect(serverLog.received).toBe(amount);
  return { took: net.world.now - start, mss: client.info().snd_mss };
}

const tcp = (more: Partial<TcpConfig>): { tcp: Partial<TcpConfig> } => ({ tcp: more });

describe("a black hole", () => {
  test.each([
    ["1,400", 1_400, false],
    ["1,200", 1_200, false],
    ["1,400, super-segments", 1_400, true],
    ["600", 600, false],
  ])(
    "RFC 4821 7.6.2: a path that swallows packets above %s: the transfer completes, and the search goes up again",
    (_, mtu, offload) => {
      const net = pair({ delay: 10 * MS, segments: true }, { offload });
      net.wire.there.change({ mtu });
      const { took, mss } = transfer(net, 1_000_000);
      expect(took).toBeLessThan(20 * SECOND);
      expect(mss + 52).toBeLessThanOrEqual(mtu);
      expect(mss + 52).toBeGreaterThan(mtu === 600 ? 540 : mtu - 20);
    },
  );

  test("the same over IPv6: down to 1,024 bytes of text, and up again", () => {
    const net = pair({ delay: 10 * MS }, {}, {}, 6);
    net.wire.there.change({ mtu: 1_400 });
    const { mss } = transfer(net, 1_000_000);
    expect(mss + 72).toBeLessThanOrEqual(1_400);
    expect(mss + 72).toBeGreaterThan(1_380);
  });

  test("off: it hangs", () => {
    const net = pair({ delay: 10 * MS }, tcp({ mtuProbing: "off" }));
    net.wire.there.change({ mtu: 1_400 });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(100_000));
    net.world.run(60 * SECOND);
    expect(serverLog.received).toBe(0);
  });

  test("an outage is no black hole for good: the MSS comes back by itself", () => {
    const net = pair({ delay: 10 * MS });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(50_000));
    net.world.run(SECOND);
    net.wire.there.isUp = false;
    client.send(new Uint8Array(300_000));
    net.world.run(5 * SECOND);
    expect(client.info().snd_mss).toBeLessThan(1_100);
    net.wire.there.isUp = true;
    net.world.run(20 * SECOND);
    for (let i = 0; i < 40; i++) {
      client.send(new Uint8Array(50_000));
      net.world.run(SECOND);
    }
    expect(serverLog.received).toBe(2_350_000);
    expect(client.info().snd_mss).toBeGreaterThan(1_440 - 8);
  });

  test("small segments that time out say nothing of the MTU", () => {
    const net = pair({ delay: 10 * MS });
    const { client } = connected(net);
    net.wire.there.isUp = false;
    client.send(new Uint8Array(500));
    net.world.run(10 * SECOND);
    expect(client.info().snd_mss).toBe(1_448);
  });
});

describe("probing from the start", () => {
  test("RFC 4821 7: the MSS begins at 1,024 and finds the path's by probes", () => {
    const net = pair({ delay: 10 * MS }, { mtu: 9_000, tcp: { mtuProbing: "always" } });
    net.wire.there.change({ mtu: 4_000 });
    const { mss } = transfer(net, 4_000_000);
    const { counters } = net.a.stack;
    expect(mss + 52).toBeLessThanOrEqual(4_000);
    expect(mss + 52).toBeGreaterThan(4_000 - 60);
    expect(counters.TCPMTUPSuccess).toBeGreaterThan(3);
    expect(counters.TCPMTUPFail).toBeGreaterThan(1);
  });

  test.each([
    ["with SACK", true],
    ["without SACK", false],
  ])("RFC 4821 7.4: a lost probe is no congestion, %s", (_, sack) => {
    const net = pair({ delay: 10 * MS }, tcp({ mtuProbing: "always", sack }));
    net.wire.there.change({ mtu: 1_200 });
    transfer(net, 1_000_000);
    const { counters } = net.a.stack;
    expect(counters.TCPMTUPFail).toBeGreaterThan(0);
    expect(counters).toMatchObject({ TCPSackRecovery: 0, TCPRenoRecovery: 0, TCPTimeouts: 0 });
  });

  test("RFC 1191: a router that answers the probe ends the search at once", () => {
    const net = pair({ delay: 10 * MS, tooBig: "answer" }, { mtu: 9_000, tcp: { mtuProbing: "always" } });
    net.wire.there.change({ mtu: 4_000 });
    const { mss } = transfer(net, 2_000_000);
    expect(mss + 52).toBeGreaterThan(4_000 - 60);
    expect(mss + 52).toBeLessThanOrEqual(4_000);
    expect(net.a.stack.counters).toMatchObject({ TCPMTUPFail: 1, TCPTimeouts: 0 });
  });

  test("RFC 4821 7.2: ten minutes after the search ended it begins anew, and finds a wider path", () => {
    const net = pair({ delay: 10 * MS }, tcp({ mtuProbing: "always" }));
    net.wire.there.change({ mtu: 1_200 });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(500_000));
    net.world.run(10 * SECOND);
    const before = client.info().snd_mss;
    net.wire.there.change({ mtu: 1_500 });
    net.world.run(601 * SECOND);
    for (let i = 0; i < 20; i++) {
      client.send(new Uint8Array(100_000));
      net.world.run(SECOND);
    }
    expect(serverLog.received).toBe(2_500_000);
    expect(before).toBeLessThan(1_150);
    expect(client.info().snd_mss).toBeGreaterThan(1_430);
  });
});
