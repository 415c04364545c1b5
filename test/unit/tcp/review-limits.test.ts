/** Found in review: windows that must not creep. */
import { expect, test } from "vitest";
import { accepted } from "./rig.ts";

test("a peer of tiny segments cannot push the right edge beyond the buffer by rounding (RFC 7323 2.4)", () => {
  const { peer, connection } = accepted(
    { mss: 1_460, wscale: 7 },
    { tcp: { receiveBuffer: 16_384, receiveBufferMax: 6 * 1_024 * 1_024 } },
  );
  connection.pause();
  // An old byte before the new one makes each be acknowledged at once.
  peer.send(".", 1, 1, { text: 1 });
  for (let at = 1; at < 40_000; at++) peer.send(".", at, 1, { text: 2 });
  expect(connection.receiveQueue).toBeLessThanOrEqual(16_384 + 16_384 / 8);
});
