/** Found in review: what an exception of the application's costs (src/stack/events.ts: no other connection its events). */
import { expect, test } from "vitest";
import { Peer } from "../tcp/peer.ts";
import { PEER, Rig } from "../tcp/rig.ts";

const boom = (): never => {
  throw new Error("boom");
};

test("thrown by onConnection: the others in the accept queue are told", () => {
  const rig = new Rig();
  const told: number[] = [];
  const listener = rig.stack.listen({ port: 7 }, {});
  for (const port of [1_001, 1_002, 1_003]) {
    const peer = new Peer(rig, { port });
    peer.send("S", 0, 0);
    peer.send(".", 1, 1);
  }
  listener.handler = {
    onConnection: (connection) => {
      if (told.push(connection.remotePort) === 1) boom();
    },
  };
  listener.resume();
  expect(() => rig.run()).toThrow("boom");
  expect(rig.stack.isBusy).toBe(true);
  rig.run();
  expect(told).toEqual([1_001, 1_002, 1_003]);
});

test("thrown by onSyn: later calls still wake the driver", () => {
  const rig = new Rig();
  let wakes = 0;
  rig.stack.host.wake = () => void wakes++;
  rig.stack.listen({ port: 7 }, { onSyn: boom });
  expect(() => new Peer(rig).send("S", 0, 0)).toThrow("boom");
  wakes = 0;
  rig.stack.connect({ host: PEER, port: 80 }, {});
  expect(wakes).toBeGreaterThan(0);
});

test("thrown by onSyn for a SYN over the loopback: it is not delivered again and again", () => {
  const rig = new Rig();
  let syns = 0;
  const onSyn = (): never => {
    syns++;
    return boom();
  };
  rig.stack.listen({ port: 7 }, { onSyn });
  rig.stack.connect({ host: "127.0.0.1", port: 7 }, {});
  expect(() => rig.run()).toThrow("boom");
  for (let i = 0; i < 5; i++) rig.run();
  expect(syns).toBe(1);
});
