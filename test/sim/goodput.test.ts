import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import type { Conditions } from "../../src/sim/link.ts";
import type { SimHostOptions } from "../../src/sim/sim-host.ts";
import { connected, pair } from "./pair.ts";

const RATE = 1e7;
/** Bandwidth times the round trip of 20 ms, in bytes. */
const BDP = (RATE / 8) * 0.02;

/** Text that arrives in `seconds`, as a share of what the link carries. */
function goodput(
  conditions: Partial<Conditions>,
  seconds: number,
  host: Partial<SimHostOptions> = {},
): number {
  const net = pair({ delay: 10 * MS, rate: RATE, queue: BDP, ...conditions }, host);
  const { client, server } = connected(net);
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  server.handler = { onData: () => {} };
  fill();
  const before = server.bytesReceived;
  net.world.run(seconds * SECOND);
  return ((server.bytesReceived - before) * 8) / (RATE * seconds);
}

test("without loss a connection fills 90 % of a link of 10^7 bit/s, 20 ms, with a queue of one BDP", () => {
  expect(goodput({}, 60)).toBeGreaterThan(0.9);
});

test("with offload too, where a loss costs a whole super-segment", () => {
  expect(goodput({ queue: 4 * BDP }, 60, { offload: true })).toBeGreaterThan(0.8);
});

test("with 1 % loss it stays near what Reno can do (RFC 5681; Mathis 1997), with SACK and without", () => {
  // 1460 * 8 / 0.02 s * 1.22 / sqrt(0.01) = 7.1 Mbit/s; queueing and timeouts take their part.
  expect(goodput({ loss: 0.01 }, 60)).toBeGreaterThan(0.45);
  expect(goodput({ loss: 0.01 }, 60, { tcp: { sack: false } })).toBeGreaterThan(0.35);
});

test.each([0.25, 0.5])(
  "RFC 8985: packets late by up to %d round trips, 3 in 100, cost a tenth at most, with SACK",
  (by) => {
    const late = { reorder: 0.03, reorderBy: by * 20 * MS };
    const clean = goodput({}, 30);
    expect(goodput(late, 30)).toBeGreaterThan(0.9 * clean);
  },
);

test("RFC 7323 5.3: where the path loses and reorders, late segments behind a retransmission are not taken for old", () => {
  const net = pair({
    delay: 50 * MS,
    rate: 1e8,
    queue: 1.25e6,
    loss: 0.0005,
    reorder: 0.03,
    reorderBy: 25 * MS,
  });
  const { client, server } = connected(net);
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  server.handler = { onData: () => {} };
  fill();
  net.world.run(10 * SECOND);
  expect(net.wire.there.statistics.lost).toBeGreaterThan(5);
  expect(net.b.stack.drops.toObject()["tcp-paws"] ?? 0).toBeLessThan(3);
});

test("RFC 8985: at 5 % loss RACK and probes leave the retransmission timer little to do", () => {
  const timeouts = (tcp: SimHostOptions["tcp"]): number => {
    const net = pair(
      { delay: 10 * MS, rate: RATE, queue: BDP, loss: 0.05 },
      tcp === undefined ? {} : { tcp },
    );
    const { client, server } = connected(net);
    const block = new Uint8Array(65_536);
    const fill = (): void => {
      while (client.send(block));
    };
    client.handler = { onDrain: fill };
    server.handler = { onData: () => {} };
    fill();
    net.world.run(30 * SECOND);
    return net.a.stack.counters.TCPTimeouts;
  };
  expect(timeouts({})).toBeLessThan(timeouts({ rack: false, tlp: false, frto: false }) / 3);
});

test("180 virtual seconds at 10^7 bit/s take a few real ones", () => {
  const start = performance.now();
  goodput({ loss: 0.001 }, 180);
  expect(performance.now() - start).toBeLessThan(20_000);
});
