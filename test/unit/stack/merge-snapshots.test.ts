import { describe, expect, test } from "vitest";
import { mergeSnapshots } from "../../../src/stack/merge-snapshots.ts";
import { Peer } from "../tcp/peer.ts";
import { App, listen, Rig } from "../tcp/rig.ts";

describe("the snapshots of shards as one", () => {
  const rigs = [1, 2, 3].map((connections) => {
    const rig = new Rig();
    listen(rig, new App(), { backlog: 10 });
    listen(rig, new App(), { port: 9, backlog: 5 });
    for (let i = 0; i < connections; i++) new Peer(rig, { port: 40_000 + 10 * connections + i }).send("S", 0);
    return rig;
  });
  const merged = mergeSnapshots(rigs.map((rig) => rig.stack.snapshot()));

  test("show each place to listen once, with the sums of its queues and counters", () => {
    const listeners = merged.sockets.filter(({ state }) => state === "LISTEN");
    expect(listeners.map(({ localPort, sendQ }) => [localPort, sendQ])).toEqual([
      [7, 30],
      [9, 15],
    ]);
    expect(listeners[0]!.listener).toMatchObject({ synQueue: 6, backlog: 30 });
  });

  test("show every connection, each under an id of its own that tells its shard", () => {
    const rows = merged.sockets.filter(({ state }) => state === "SYN-RECEIVED");
    expect(rows).toHaveLength(6);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(6);
    expect(rows.map(({ id }) => id % 3).sort()).toEqual([0, 1, 1, 2, 2, 2]);
  });

  test("add counters and drops up", () => {
    expect(merged.counters).toMatchObject({ InSegs: 6, OutSegs: 6, InReceives: 6 });
    const dropped = rigs.map((rig) => {
      rig.input(Uint8Array.of(1, 2, 3));
      return rig.stack.snapshot();
    });
    expect(mergeSnapshots(dropped).drops).toEqual({ "ip-truncated": 3 });
  });
});
