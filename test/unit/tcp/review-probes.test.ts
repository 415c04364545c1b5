/** Found in review: what probes, FINs and keepalives do where a window is closed or tiny (RFC 9293 3.8.4, 3.8.6.1, 3.8.6.2.1). */
import { expect, test } from "vitest";
import { accepted, MS } from "./rig.ts";

test("a FIN that a closed window cuts off is answered, or its sender takes us for dead (RFC 9293 3.8.6.1)", () => {
  const { peer, connection } = accepted(
    { mss: 1_460 },
    { tcp: { receiveBuffer: 4_000, receiveBufferMax: 4_000 } },
  );
  connection.pause();
  for (let at = 1; at < 4_001; at += 1_000) peer.send(".", at, 1, { text: 1_000 });
  expect(peer.says("F.", 4_001, 1)).toEqual([". 1:1(0) ack 4001"]);
  expect(connection.state).toBe("ESTABLISHED");
});

test("a keepalive probe is not urgent (RFC 9293 3.8.4, 3.8.5)", () => {
  const { peer, connection, rig } = accepted();
  connection.send(new Uint8Array(10));
  rig.run();
  peer.send(".", 1, 11);
  connection.setKeepAlive(true, 1_000, 1_000, 3);
  expect(peer.lines(rig.advance(1_500 * MS))).toEqual([". 10:10(0) ack 1"]);
});
