import { expect, test } from "vitest";
import { MS } from "../../src/base/time.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { World } from "../../src/sim/world.ts";
import { ACK, SYN } from "../../src/wire/segment.ts";
import { serve } from "./pair.ts";

test.each([
  ["with timestamps", true],
  ["without timestamps", false],
])("RFC 6691 3: text makes room for SACK blocks, so that no packet exceeds the MTU, %s", (_, timestamps) => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"], mtu: 1500 });
  serve(host, { onData: (c) => c.send(new Uint8Array(20_000)) });
  const peer = new ScriptedPeer(world, host);
  peer.handshake({ mss: 1460, sackPermitted: true, ...(timestamps ? { timestamps: [1, 0] } : {}) });
  const start = peer.seq;
  for (let hole = 1; hole <= 5; hole++) peer.send({ seq: start + 200 * hole, text: "x".repeat(100) });
  peer.drain();
  peer.send({ text: "x".repeat(50), flags: ACK });
  world.run(1 * MS);
  const sent = peer.drain().filter((got) => got.text.length > 0);
  expect(sent.length).toBeGreaterThan(5);
  const options = (timestamps ? 12 : 0) + 4 + 8 * (timestamps ? 3 : 4);
  for (const got of sent) {
    expect(got.flags & SYN).toBe(0);
    expect(got.sack.length).toBe(timestamps ? 3 : 4);
  }
  expect(sent[0]!.text.length).toBe(1460 - options);
});
