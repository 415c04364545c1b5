/** The simulated network over IPv6: hosts, links, a router that says what it takes, a scripted peer, traces. */
import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { addressKey } from "../../src/sim/packet.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { Trace } from "../../src/sim/trace.ts";
import { Router, World } from "../../src/sim/world.ts";
import { ACK, FIN, SYN } from "../../src/wire/segment.ts";
import { connected, pair, serve } from "./pair.ts";

test.each([
  ["packets", false, false],
  ["super-segments", true, false],
  ["super-segments that the device cuts", true, true],
])(
  "RFC 8201 4: a router says packet too big: %s become smaller at once, without timeout",
  (_, offload, segments) => {
    const net = pair({ delay: 10 * MS, tooBig: "answer", segments }, { offload }, {}, 6);
    net.wire.there.change({ mtu: 1_300 });
    const { client, serverLog } = connected(net);
    client.send(new Uint8Array(200_000));
    net.world.run(SECOND);
    expect(serverLog.received).toBe(200_000);
    expect(client.info()).toMatchObject({ pmtu: 1_300 });
    expect(net.wire.there.statistics.tooBig).toBeGreaterThan(0);
    expect(net.a.stack.counters.TCPTimeouts).toBe(0);
  },
);

test("damage to a packet is found by the checksum, which covers the addresses (RFC 8200 8.1)", () => {
  const net = pair({ delay: MS, corrupt: 0.1 }, {}, {}, 6);
  const { client, serverLog } = connected(net);
  client.send(new Uint8Array(300_000));
  net.world.run(60 * SECOND);
  expect(serverLog.received).toBe(300_000);
  expect(net.b.stack.drops.toObject()["tcp-checksum"]).toBeGreaterThan(3);
});

test("a scripted peer speaks IPv6 to a host that has nothing else; its lines say IP6", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["fd00::1/64"] });
  serve(host, { onData: (c, bytes) => void c.send(bytes), onEnd: (c) => c.end() });
  const peer = new ScriptedPeer(world, host);
  expect(peer.address).toBe("fd00::99");
  const synAck = peer.handshake();
  expect(synAck.mss).toBe(1_440);
  expect(synAck.line).toMatch(/^IP6 fd00::1\.80 > fd00::99\.40000: Flags \[S\.\], seq \d+, ack 1001, /);
  peer.send({ text: "hello" });
  peer.expect({ text: "hello" });
  peer.send({ flags: SYN, address: "fd00::98", seq: 1 });
  peer.send({ flags: FIN | ACK });
  peer.expect({ flags: FIN | ACK });
});

test("a router sends packets of both families where they belong, and a trace shows them", () => {
  const world = new World(1);
  const a = world.host({ addresses: ["10.0.0.1/24", "fd00::1/64"] });
  const b = world.host({ addresses: ["10.0.1.1/24", "fd00:1::1/64"] });
  const router = new Router();
  for (const host of [a, b]) {
    host.route = world.direct(router);
    for (const { words } of host.link.addresses) router.routes.set(addressKey(words), world.direct(host));
  }
  const trace = new Trace(world);
  serve(b);
  for (const host of ["10.0.1.1", "fd00:1::1"]) {
    const connection = a.stack.connect({ host, port: 80 }, {});
    world.run(SECOND);
    expect(connection.state).toBe("ESTABLISHED");
  }
  const syns = trace.lines().filter((line) => line.includes("Flags [S],"));
  expect(syns.map((line) => line.split(" ")[1])).toEqual(["IP", "IP", "IP6", "IP6"]);
});
