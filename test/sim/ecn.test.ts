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
    // What was sent before the queue fell below its threshold may be marked again: Reno's half then becomes a quarter.
    expect(marking.share).toBeGreaterThan(congestion === "cubic" ? 0.9 : 0.8);
    if (offload) return;
    // The same link without ECN drops.
    expect(run("off")).toMatchObject({ marked: 0 });
    expect(run("off").resent).toBeGreaterThan(0);
  },
);
