import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { MS } from "../../src/base/time.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { World } from "../../src/sim/world.ts";
import { ACK, FIN } from "../../src/wire/segment.ts";
import { Log, serve } from "./pair.ts";

const LENGTH = 20_000;

/** Pieces of one text, cut anew each time, in any order, over and over; SEQ and the window wrap where `iss` says. */
function scatter(seed: number): void {
  const random = new Random(seed);
  const world = new World(seed);
  const host = world.host({
    addresses: ["10.0.0.1/24"],
    tcp: { receiveBuffer: 4_000, receiveBufferMax: 4_000, sack: random.float() < 0.7 },
  });
  const text = Uint8Array.from({ length: LENGTH }, () => random.below(256));
  const log = new Log(world);
  let at = 0;
  let wrong = 0;
  serve(host, {
    ...log.handler,
    onData(_, bytes) {
      for (const byte of bytes) if (byte !== text[at++]) wrong++;
    },
    onEnd: (c) => c.end(),
  });
  const base = [2 ** 31, 2 ** 32][random.below(2)]! - random.below(LENGTH);
  const peer = new ScriptedPeer(world, host, { iss: base >>> 0 });
  peer.handshake({ mss: 1_460, sackPermitted: true });
  const first = (base + 1) >>> 0;
  for (let sent = 0; at < LENGTH && sent < 20_000; sent++) {
    const from = Math.max(0, Math.min(LENGTH - 1, at - 500 + random.below(5_000)));
    const to = Math.min(LENGTH, from + 1 + random.below(1_460));
    const flags = to === LENGTH ? ACK | FIN : ACK;
    peer.inject({ seq: (first + from) >>> 0, text: text.subarray(from, to), flags });
    if (random.float() < 0.6) world.run(random.below(20) * MS);
  }
  world.run(100 * MS);
  const end = (first + LENGTH + 1) >>> 0;
  let absurd = 0;
  for (const received of peer.received.slice(1)) {
    // An ACK of what was never sent; a SACK block that ends before it begins.
    if (((received.ack - first) | 0) > LENGTH + 1) absurd++;
    for (const [left, right] of received.sack) if (((right - left) | 0) <= 0) absurd++;
  }
  expect(absurd, `seed ${seed}`).toBe(0);
  // The FIN may have been cut off with the window: then it comes once more.
  peer.send({ seq: (first + LENGTH) >>> 0, flags: FIN | ACK });
  expect([at, wrong], `seed ${seed}`).toEqual([LENGTH, 0]);
  expect(peer.received.at(-1)!.ack, `seed ${seed}`).toBe(end);
}

test("RFC 9293 3.10.7.4: text in overlapping pieces, cut anew and in any order, is put together once and right", () => {
  for (let seed = 0; seed < 100; seed++) scatter(seed);
});
