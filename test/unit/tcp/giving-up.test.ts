/** What a connection does when its retransmissions are used up, and how long back-off lasts. */
import { describe, expect, test } from "vitest";
import { accepted, SECOND } from "./rig.ts";

describe("R2 (RFC 9293 3.8.3)", () => {
  test.each([
    [true, 1],
    [false, 0],
  ])("timeoutResets %s: the peer hears %s resets", (timeoutResets, resets) => {
    const { rig, peer, connection } = accepted({}, { tcp: { r2: 2, timeoutResets } });
    connection.send(new Uint8Array(10));
    rig.run();
    const lines = peer.lines(rig.advance(60 * SECOND));
    expect(lines.filter((line) => line.startsWith("R"))).toHaveLength(resets);
    expect(connection.error).toBe("ETIMEDOUT");
  });
});
