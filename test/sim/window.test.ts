import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { Trace } from "../../src/sim/trace.ts";
import { World } from "../../src/sim/world.ts";
import { ACK } from "../../src/wire/segment.ts";
import { connected, type Log, pair, serve } from "./pair.ts";

const SMALL = { receiveBuffer: 8_192, receiveBufferMax: 8_192 };

test("RFC 9293 3.8.6: both windows closed at once, both readers slow: nothing is lost and nobody waits for ever", () => {
  const net = pair({ delay: 10 * MS }, { tcp: SMALL });
  const { client, server, clientLog, serverLog } = connected(net);
  client.pause();
  server.pause();
  client.send(new Uint8Array(50_000).fill(1));
  server.send(new Uint8Array(50_000).fill(2));
  client.end();
  server.end();
  net.world.run(300 * SECOND);
  expect([client.receiveQueue, server.receiveQueue]).toEqual([8_192, 8_192]);
  expect([client.state, server.state]).toEqual(["FIN-WAIT-1", "FIN-WAIT-1"]);
  // A hundred bytes a second each.
  const read = (connection: typeof client, log: Log): void => {
    log.received += connection.read(100)?.length ?? 0;
    if (log.received < 50_000) net.world.after(1 * SECOND, () => read(connection, log));
    else connection.resume();
  };
  read(client, clientLog);
  read(server, serverLog);
  net.world.run(1_200 * SECOND);
  expect([clientLog.received, serverLog.received]).toEqual([50_000, 50_000]);
  expect([clientLog.closed, serverLog.closed]).toEqual(["orderly", "orderly"]);
});

test("RFC 9293 3.8.6.2.2: a reader of single bytes never makes the peer send silly segments", () => {
  const net = pair({ delay: 10 * MS }, { tcp: SMALL });
  const { client, server } = connected(net);
  server.pause();
  client.send(new Uint8Array(20_000));
  net.world.run(1 * SECOND);
  const sizes: number[] = [];
  const before = net.wire.there.statistics.packets;
  net.wire.there.tap = (_, packet) => sizes.push(packet.length - 52);
  for (let i = 0; i < 1_000; i++) {
    server.read(1);
    net.world.run(1 * MS);
  }
  expect(net.wire.there.statistics.packets - before).toBeLessThan(5);
  for (let i = 0; i < 11_000; i++) {
    server.read(1);
    net.world.run(1 * MS);
  }
  expect(sizes.filter((size) => size > 1 && size < 1_000)).toEqual([]);
  expect(sizes.filter((size) => size >= 1_000).length).toBeGreaterThan(5);
});

test("RFC 9293 3.8.6.1: a lost window update is made good by a probe", () => {
  const net = pair({ delay: 10 * MS }, { tcp: SMALL });
  const { client, server, serverLog } = connected(net);
  server.pause();
  client.send(new Uint8Array(20_000));
  net.world.run(500 * MS);
  net.wire.back.isUp = false;
  server.resume();
  net.world.run(50 * MS);
  net.wire.back.isUp = true;
  expect(serverLog.received).toBe(8_192);
  net.world.run(3 * SECOND);
  expect(serverLog.received).toBe(20_000);
  expect(net.a.stack.counters.TCPWinProbe).toBeGreaterThan(0);
});

test("RFC 9293 3.8.6.1 MUST-37: a peer whose window stays closed, but which answers probes, is waited for a whole day", () => {
  const net = pair({ delay: 10 * MS }, { tcp: SMALL });
  const { client, server, clientLog, serverLog } = connected(net);
  server.pause();
  client.send(new Uint8Array(20_000));
  const times: number[] = [];
  net.wire.there.tap = () => times.push(net.world.now);
  net.world.run(24 * 3_600 * SECOND);
  expect(clientLog.closed).toBe(null);
  // SHLD-30: exponential, to the maximum of 120 s.
  const gaps = times.slice(1).map((at, i) => (at - times[i]!) / SECOND);
  expect(Math.max(...gaps)).toBeLessThan(121);
  expect(gaps.slice(-10).every((gap) => gap > 119)).toBe(true);
  server.resume();
  net.world.run(121 * SECOND);
  expect(serverLog.received).toBe(20_000);
});

test("RFC 9293 3.8.6.1: probes that nobody answers end the connection with ETIMEDOUT", () => {
  const net = pair({ delay: 10 * MS }, { tcp: SMALL });
  const { client, server, clientLog } = connected(net);
  server.pause();
  client.send(new Uint8Array(20_000));
  net.world.run(1 * SECOND);
  net.wire.there.isUp = false;
  net.world.run(3_600 * SECOND);
  expect(clientLog.closed).toBe("ETIMEDOUT");
});

test("RFC 9293 3.8.6 SHLD-14: the right edge of the window never moves left, whatever the reader does", () => {
  const world = new World(7);
  const host = world.host({
    addresses: ["10.0.0.1/24"],
    tcp: { receiveBuffer: 30_000, receiveBufferMax: 200_000 },
  });
  let connection: import("../../src/stack/connection.ts").Connection | null = null;
  host.stack.listen({ port: 80 }, { onConnection: (c) => c.pause() });
  host.stack.listen(
    { port: 81 },
    {
      onConnection(c) {
        connection = c;
        c.pause();
      },
    },
  );
  const peer = new ScriptedPeer(world, host, { hostPort: 81 });
  const synAck = peer.handshake({ mss: 1_460, wscale: 7 });
  let edge = (synAck.ack + synAck.wnd) >>> 0;
  for (let i = 0; i < 3_000; i++) {
    const room = (edge - peer.seq) | 0;
    const length = Math.min(room, 1 + world.random.below(1_460));
    if (length > 0) peer.send({ text: new Uint8Array(length), wnd: 100 });
    if (world.random.float() < 0.4) connection!.read(1 + world.random.below(6_000));
    world.run(world.random.below(50) * MS);
    for (const got of peer.drain()) {
      const now = (got.ack + got.wnd * 2 ** synAck.wscale) >>> 0;
      expect((now - edge) | 0).toBeGreaterThanOrEqual(0);
      edge = now;
    }
  }
  expect(connection!.bytesReceived).toBeGreaterThan(500_000);
});

test("RFC 9293 3.7.4, 3.8.6.3: Nagle meets delayed ACKs: the second small write waits for the ACK, or not with noDelay", () => {
  for (const noDelay of [false, true]) {
    const net = pair({ delay: 10 * MS }, { tcp: { quickAcks: 0 } });
    const { client, serverLog } = connected(net);
    client.setNoDelay(noDelay);
    // The server's window is beyond the 65,535 of its SYN after this.
    client.send(new Uint8Array(100));
    net.world.run(1 * SECOND);
    const start = net.world.now;
    client.send(new Uint8Array(100));
    client.send(new Uint8Array(100));
    net.world.run(1 * MS);
    client.send(new Uint8Array(100));
    net.world.run(1 * SECOND);
    expect(serverLog.received).toBe(400);
    const last = (serverLog.times.at(-1)! - start) / MS;
    // With Nagle: 10 ms there, 40 ms of delayed ACK, 10 ms back, 10 ms there.
    if (noDelay) expect(last).toBe(11);
    else expect(last).toBeCloseTo(70, 0);
  }
});

test("RFC 9293 3.8.6.3 SHLD-18: every second full segment is acknowledged at once, a lone one within 40 ms", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"], tcp: { quickAcks: 0 } });
  serve(host, { onData: () => {} });
  const peer = new ScriptedPeer(world, host);
  peer.handshake();
  const full = new Uint8Array(1_460);
  for (let i = 0; i < 10; i++) {
    peer.send({ text: full });
    peer.drain();
  }
  peer.send({ text: full });
  peer.send({ text: full });
  peer.expect({ flags: ACK, ack: peer.seq });
  peer.send({ text: full });
  const at = world.now;
  peer.expectNothing();
  world.run(39 * MS);
  peer.expectNothing();
  world.run(2 * MS);
  expect(peer.expect({ flags: ACK, ack: peer.seq }).at - at).toBe(40 * MS);
});

test("RFC 5681 4.1: after an idle RTO the first burst is no more than the initial window", () => {
  const net = pair({ delay: 20 * MS });
  const { client } = connected(net);
  client.send(new Uint8Array(400_000));
  net.world.run(5 * SECOND);
  const trace = new Trace(net.world);
  client.send(new Uint8Array(200_000));
  net.world.run(15 * MS);
  const burst = trace.lines().filter((line) => line.includes("> 10.0.0.2.80"));
  expect(burst.length).toBe(10);
});
