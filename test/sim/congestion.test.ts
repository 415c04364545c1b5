/** Congestion control over simulated bottlenecks: how full it keeps them. */
import { describe, expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import type { CongestionName } from "../../src/tcp/congestion/congestion.ts";
import { connected, type Pair, pair } from "./pair.ts";

/** Sends without end for `seconds`; the share of the link's rate that arrived in the last `of` seconds. */
function share(net: Pair, rate: number, seconds: number, of: number): number {
  const { client, server } = connected(net);
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  server.handler = { onData: () => {} };
  fill();
  net.world.run((seconds - of) * SECOND);
  const before = server.bytesReceived;
  net.world.run(of * SECOND);
  return ((server.bytesReceived - before) * 8) / (rate * of);
}

const path = (congestion: CongestionName, rate: number, rttMs: number, buffer = 1): Pair => {
  const bdp = (rate / 8) * (rttMs / 1_000);
  const most = Math.max(4 * 1024 * 1024, 8 * bdp);
  return pair(
    { delay: (rttMs / 2) * MS, rate, queue: Math.max(buffer * bdp, 3_000) },
    { tcp: { congestion, sendBufferMax: most, receiveBufferMax: most } },
  );
};

describe("RFC 9438: CUBIC fills a path with a buffer of one BDP", () => {
  test.each([
    [1e7, 20, 20],
    [1e7, 100, 30],
    [1e8, 20, 15],
    [1e8, 100, 25],
  ])("at %d bit/s and %d ms to 90 %% or more", (rate, rtt, seconds) => {
    expect(share(path("cubic", rate, rtt), rate, seconds, seconds - 5)).toBeGreaterThan(0.9);
  });
});

// It takes a round trip to see that the last one waited, and five more to be sure: a queue of one BDP is full by then.
test("RFC 9406: the first slow start ends before a deep queue (6 BDP) overflows", () => {
  const lost = (hystart: boolean): number => {
    const net = pair(
      { delay: 50 * MS, rate: 1e8, queue: 7.5e6 },
      { tcp: { hystart, sendBuffer: 3e7, sendBufferMax: 3e7, receiveBuffer: 3e7, receiveBufferMax: 3e7 } },
    );
    share(net, 1e8, 3, 1);
    return net.a.stack.counters.RetransSegs;
  };
  const without = lost(false);
  expect(without).toBeGreaterThan(300);
  expect(lost(true)).toBe(0);
});
