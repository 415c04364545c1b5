/** Memory that the stack or an application uses again is not referred to by what waits to be sent. */
import { expect, test } from "vitest";
import type { Connection } from "../../../src/stack/connection.ts";
import { Peer } from "../tcp/peer.ts";
import { accepted } from "../tcp/rig.ts";

test("a retransmission that could not wait never carries what another connection sends in the same round", () => {
  const { rig, peer, connection } = accepted(
    { mss: 1_460, sack: true, wscale: 0 },
    { offload: true },
    10_000,
  );
  const other = new Peer(rig, { port: 43_211, mss: 1_460 });
  other.send("S", 0, 0, other.synOptions);
  other.send(".", 1, 1);
  connection.setNoDelay(true);
  connection.send(new Uint8Array(500).fill(65));
  peer.mine(rig.run());
  rig.advance(50_000);
  connection.send(new Uint8Array(300).fill(97));
  peer.mine(rig.run());
  rig.now += 5_000;
  const tcb = rig.stack.tcbs.find((known) => known?.remotePort === 43_211)!;
  (tcb.owner as Connection).handler = { onData: (c) => void c.send(new Uint8Array(600).fill(66)) };
  // SACK of the second makes the first leave again at once; the next ACK gives its memory back, the request asks for some.
  const sent = peer.mine(
    rig.input(
      peer.segment(".", 101, 1, { text: 10, sack: [[501, 801]] }),
      peer.segment(".", 101, 801),
      other.segment("P.", 1, 1, { text: 20 }),
    ),
  );
  const again = sent.filter(({ text }) => text.length === 500);
  expect(again).toHaveLength(1);
  expect(again[0]!.text.every((byte) => byte === 65)).toBe(true);
});
