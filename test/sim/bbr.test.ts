/** BBR version 3 (draft-ietf-ccwg-bbr) on simulated paths. */
import { expect, test, vi } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import type { Conditions } from "../../src/sim/link.ts";
import { bbr } from "../../src/tcp/congestion/bbr.ts";
import { type BbrState, PROBE_BW_UP, PROBE_RTT, STARTUP } from "../../src/tcp/congestion/bbr-state.ts";
import { cell } from "./matrix/cells.ts";
import { runCell } from "./matrix/run-cell.ts";
import { connected, pair } from "./pair.ts";

const RATE = 1e7;
const RTT = 40 * MS;
const BDP = (RATE * RTT) / 8e6;

interface Run {
  /** Share of the link's payload rate over the last part of the run. */
  readonly goodput: number;
  /** Mean and largest queue in BDPs. */
  readonly queue: number;
  readonly states: Set<number>;
  readonly probeRtts: number;
  readonly retransmitted: number;
}

function run(conditions: Partial<Conditions>, seconds: number, skip = 5): Run {
  const net = pair({ delay: RTT / 2, rate: RATE, queue: BDP, ...conditions }, { tcp: { congestion: "bbr" } });
  const init = vi.spyOn(bbr, "init");
  const { client, server } = connected(net);
  // The client is established first.
  const tcb = init.mock.calls[0]![0];
  init.mockRestore();
  const block = new Uint8Array(65_536);
  const fill = (): void => {
    while (client.send(block));
  };
  client.handler = { onDrain: fill };
  server.handler = { onData: () => {} };
  fill();
  const states = new Set<number>();
  let probeRtts = 0;
  let last = -1;
  let queued = 0;
  let samples = 0;
  const watch = (): void => {
    const { state } = tcb.ccState as BbrState;
    states.add(state);
    if (state === PROBE_RTT && last !== PROBE_RTT) probeRtts++;
    last = state;
    if (net.world.now > (1 + skip) * SECOND) {
      queued +=
        Math.max(0, (tcb.snd.nxt as unknown as number) - (tcb.snd.una as unknown as number)) / BDP - 1;
      samples++;
    }
  };
  for (let ms = 0; ms < seconds * 1_000; ms += 10) net.world.after(ms * MS, watch);
  net.world.run(skip * SECOND);
  const before = server.bytesReceived;
  net.world.run((seconds - skip) * SECOND);
  const goodput = ((server.bytesReceived - before) * 8) / ((seconds - skip) * RATE * (1_448 / 1_500));
  return { goodput, queue: queued / samples, states, probeRtts, retransmitted: client.info().bytes_retrans };
}

test("5.3: a clean path is filled to 0.9 and more, through all states, with a queue below one BDP", () => {
  const { goodput, queue, states, probeRtts } = run({ queue: 4 * BDP }, 30);
  expect(goodput).toBeGreaterThan(0.9);
  expect(queue).toBeLessThan(1);
  for (let state = STARTUP; state <= PROBE_RTT; state++) expect(states.has(state)).toBe(true);
  // Every 5 seconds (5.3.4.2).
  expect(probeRtts).toBeGreaterThanOrEqual(4);
  expect(probeRtts).toBeLessThanOrEqual(6);
});

test("5.5.10: losses of 1 % by chance leave 0.7 to 0.9 of the rate: the short-term model comes down by them between probes", () => {
  expect(runCell(cell("bbr", RATE, 20, 1, 0, 1, 1), 60, 40).goodput).toBeGreaterThan(0.85);
  expect(runCell(cell("bbr", RATE, 100, 1, 0, 1, 1), 60, 40).goodput).toBeGreaterThan(0.7);
});

test("a buffer of half a BDP is filled without losing much", () => {
  const r = run({ queue: BDP / 2 }, 30);
  expect(r.goodput).toBeGreaterThan(0.9);
  expect(r.states.has(PROBE_BW_UP)).toBe(true);
});

test("5.4: after silence it starts again at the rate it knew, not as a burst", () => {
  const net = pair({ delay: RTT / 2, rate: RATE, queue: BDP }, { tcp: { congestion: "bbr" } });
  const { client, server } = connected(net);
  server.handler = { onData: () => {} };
  client.send(new Uint8Array(2_000_000));
  net.world.run(4 * SECOND);
  expect(server.bytesReceived).toBe(2_000_000);
  const from = net.world.now;
  let burst = 0;
  net.wire.there.tap = () => {
    if (net.world.now === from) burst++;
  };
  client.send(new Uint8Array(200_000));
  net.world.run(RTT / 2 + 100 * MS);
  expect(burst).toBeLessThanOrEqual(4);
  // 100 ms at the rate carry 120,000 bytes.
  expect(server.bytesReceived - 2_000_000).toBeGreaterThan(90_000);
});

test("two connections share the bottleneck", () => {
  const { fairness, goodput } = runCell(cell("bbr", RATE, 40, 0, 0, 1, 2), 60, 40);
  expect(fairness).toBeGreaterThan(0.9);
  expect(goodput).toBeGreaterThan(0.92);
});
