import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { connected, pair } from "./pair.ts";

test.each([true, false])(
  "RFC 6298 3: what a retransmission released is no round-trip sample (timestamps %s)",
  (timestamps) => {
    const net = pair({ delay: 10 * MS }, { tcp: { timestamps, sack: false } });
    const { client, serverLog } = connected(net);
    let dropped = 0;
    net.wire.there.filter = (packet) => packet.length > 500 && dropped++ === 0;
    client.setNoDelay(true);
    // Two segments after the lost one: too few duplicate ACKs, so that the timeout repairs it.
    for (let i = 0; i < 3; i++) client.send(new Uint8Array(1_000));
    net.world.run(2 * SECOND);
    expect(serverLog.received).toBe(3_000);
    expect(net.a.stack.counters.TCPTimeouts).toBe(1);
    expect(client.info().rtt).toBeLessThan(30 * MS);
  },
);
