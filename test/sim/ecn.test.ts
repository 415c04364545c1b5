/** ECN end to end: a link that marks instead of dropping (RFC 3168 5, 6.1). */
import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { connected, pair } from "./pair.ts";

test.each([
  ["cubic", false],
  ["newreno", false],
  ["cubic", true],
] as const)(
  "RFC 3168: %s over a marking link (offload: %s) fills it and loses nothing",
  (congestion, offload) => {
    const rate = 1e7;
    const bdp = (rate / 8) * 0.02;
    const run = (ecn: "on" | "off"): { share: number; resent: number; marked: number } => {
      const net = pair(
        { delay: 10 * MS, rate, queue: (offload ? 16 : 8) * bdp, markThreshold: (offload ? 6 : 1) * bdp },
        { offload, tcp: { congestion, ecn } },
      );
      const { client, server } = connected(net);
      const block = new Uint8Array(65_536);
      const fill = (): void => {
        while (client.send(block));
      };
      client.handler = { onDrain: fill };
      server.handler = { onData: () => {} };
      fill();
      net.world.run(20 * SECOND);
      return {
        share: (server.bytesReceived * 8) / (rate * 20),
        resent: net.a.stack.counters.RetransSegs,
        marked: net.b.stack.ip.InCEPkts,
      };
    };
    const marking = run("on");
    expect(marking.marked).toBeGreaterThan(0);
    expect(marking.resent).toBe(0);
    // Reno's half becomes a quarter where the segment with CWR is marked itself: see the test below.
    expect(marking.share).toBeGreaterThan(congestion === "cubic" ? 0.9 : 0.8);
    if (offload) return;
    // The same link without ECN drops.
    expect(run("off")).toMatchObject({ marked: 0 });
    expect(run("off").resent).toBeGreaterThan(0);
  },
);

test("RFC 3168 6.1.3: a mark on the segment that carries CWR is news, and the only reason for a second reduction", () => {
  const rate = 1e7;
  const bdp = (rate / 8) * 0.02;
  const net = pair(
    { delay: 10 * MS, rate, queue: 8 * bdp, markThreshold: bdp },
    { tcp: { congestion: "newreno", ecn: "on" } },
  );
  const { client, server } = connected(net);
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  server.handler = { onData: () => {} };
  const reductions: { at: number; marked: boolean }[] = [];
  net.b.stack.observers.add((direction, at, bytes, offset) => {
    if (direction === "out" || (bytes[offset + 33]! & 0x80) === 0) return;
    reductions.push({ at, marked: (bytes[offset + 1]! & 3) === 3 });
  });
  fill();
  net.world.run(20 * SECOND);
  // PRR lets a segment go with the first echo, before the queue lost any: with it goes CWR, and where that one meets the
  // threshold again the window comes down again a round trip later (as in Linux, which sends CWR at the same place).
  for (let i = 1; i < reductions.length - 1; i++) {
    const isSecond = reductions[i + 1]!.at - reductions[i]!.at < 100 * MS;
    expect([i, isSecond]).toEqual([i, reductions[i]!.marked]);
  }
  expect(reductions.filter(({ marked }) => marked).length).toBeGreaterThan(10);
});
