/** Two stacks that lost each other's place: what each sends is unacceptable to the other, and is answered. */
import { expect, test } from "vitest";
import { add } from "../../src/base/seq.ts";
import { MS, SECOND } from "../../src/base/time.ts";
import type { SimHost } from "../../src/sim/sim-host.ts";
import { connected, pair } from "./pair.ts";

/** Moves SND.NXT and SND.UNA of the one connection of `host` by `by`, as if the peer had missed so much and forgotten it. */
function shift(host: SimHost, by: number): void {
  const tcb = host.stack.tcbs.find((t) => t !== null)!;
  const { snd } = tcb;
  snd.una = add(snd.una, by);
  snd.nxt = add(snd.nxt, by);
  snd.up = snd.small = tcb.recover = tcb.lostMark = tcb.resendHint = snd.una;
}

test.each([
  ["short", 1 * MS, 100_000_000],
  ["long", 700 * MS, 100_000_000],
  ["short, acknowledging too much", 1 * MS, -20_000],
  ["long, acknowledging too much", 700 * MS, -20_000],
] as const)("RFC 9293 3.10.7.4, RFC 5961 7: an ACK storm dies out (%s path)", (_, delay, by) => {
  const net = pair({ delay });
  connected(net);
  net.world.run(5 * SECOND);
  shift(net.a, by);
  shift(net.b, by);
  const segments = (): number => net.a.stack.counters.OutSegs + net.b.stack.counters.OutSegs;
  for (const host of [net.a, net.b]) {
    const tcb = host.stack.tcbs.find((t) => t !== null)!;
    tcb.ack = 2;
    host.stack.markDirty(tcb);
    host.wake();
  }
  const before = segments();
  net.world.run(600 * SECOND);
  const first = segments() - before;
  expect(first).toBeGreaterThan(2);
  expect(first).toBeLessThan(40);
  net.world.run(600 * SECOND);
  // Ten minutes later: a few, if any; at one each way in 0.7 s they would be 1,700.
  expect(segments() - before - first).toBeLessThan(40);
});

test("RFC 9293 3.8.4: keepalives of a peer are answered however often they come", () => {
  const net = pair({ delay: 1 * MS });
  const { client, clientLog } = connected(net);
  client.setKeepAlive(true, 1_000, 600, 2);
  net.world.run(120 * SECOND);
  expect(clientLog.closed).toBe(null);
});
