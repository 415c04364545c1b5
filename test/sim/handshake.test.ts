import { expect, test } from "vitest";
import { NetworkError } from "../../src/base/errors.ts";
import { MS, SECOND } from "../../src/base/time.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { Trace } from "../../src/sim/trace.ts";
import { FIRST_EPHEMERAL, LAST_EPHEMERAL } from "../../src/stack/ports.ts";
import { ACK, SYN } from "../../src/wire/segment.ts";
import { connected, Log, pair, serve, states } from "./pair.ts";

test("RFC 9293 3.5 figure 7: a simultaneous open makes one connection, in which data flows both ways", () => {
  const { world, a, b } = pair({ delay: 20 * MS });
  const [logA, logB] = [new Log(world), new Log(world)];
  const end = { onConnect: "connect" };
  const fromA = a.stack.connect({ host: "10.0.0.2", port: 5_000, localPort: 4_000 }, logA.handler);
  const fromB = b.stack.connect({ host: "10.0.0.1", port: 4_000, localPort: 5_000 }, logB.handler);
  world.run(30 * MS);
  expect([fromA.state, fromB.state]).toEqual(["SYN-RECEIVED", "SYN-RECEIVED"]);
  world.run(30 * MS);
  expect([fromA.state, fromB.state]).toEqual(["ESTABLISHED", "ESTABLISHED"]);
  expect([logA.events, logB.events]).toEqual([[end.onConnect], [end.onConnect]]);
  fromA.send(Uint8Array.of(65));
  fromB.send(Uint8Array.of(66));
  world.run(1 * SECOND);
  expect([logA.text, logB.text]).toEqual(["B", "A"]);
  fromA.end();
  fromB.end();
  world.run(61 * SECOND);
  expect([logA.closed, logB.closed]).toEqual(["orderly", "orderly"]);
  expect([states(a), states(b)]).toEqual([[], []]);
});

test("a simultaneous open in which every first segment of each kind is lost still succeeds", () => {
  const { world, a, b, wire } = pair({ delay: 20 * MS });
  for (const link of [wire.there, wire.back]) {
    let n = 0;
    link.filter = () => n++ % 2 === 0;
  }
  const [logA, logB] = [new Log(world), new Log(world)];
  a.stack.connect({ host: "10.0.0.2", port: 5_000, localPort: 4_000 }, logA.handler);
  b.stack.connect({ host: "10.0.0.1", port: 4_000, localPort: 5_000 }, logB.handler);
  world.run(10 * SECOND);
  expect([states(a), states(b)]).toEqual([["ESTABLISHED"], ["ESTABLISHED"]]);
});

test("RFC 9293 3.8.3 MUST-23, RFC 6298 5.5: a SYN to nobody is sent 8 times, each wait twice the last, then ETIMEDOUT", () => {
  const { world, a, wire } = pair();
  wire.there.isUp = false;
  const sent: number[] = [];
  wire.there.tap = () => sent.push((world.now - world.startAt) / SECOND);
  const log = new Log(world);
  a.stack.connect({ host: "10.0.0.2", port: 80 }, log.handler);
  expect(world.runUntilIdle(600 * SECOND)).toBe(true);
  expect(sent).toEqual([0, 1, 3, 7, 15, 31, 63, 127]);
  expect(log.events).toEqual(["close ETIMEDOUT"]);
  expect((log.times[0]! - world.startAt) / SECOND).toBe(247);
  expect(states(a)).toEqual([]);
});

test("RFC 9293 3.10.7.1: a SYN to a port where nobody listens is answered by RST: ECONNREFUSED", () => {
  const { world, a, b } = pair({ delay: 10 * MS });
  const log = new Log(world);
  a.stack.connect({ host: "10.0.0.2", port: 81 }, log.handler);
  world.run(1 * SECOND);
  expect(log.events).toEqual(["close ECONNREFUSED"]);
  expect(log.times[0]! - world.startAt).toBe(20 * MS);
  expect([states(a), states(b)]).toEqual([[], []]);
});

test("RFC 4987 3.6: under a flood of 5,000 SYNs a real client still connects, by a cookie that carries its options", () => {
  const { world, a, b } = pair({ delay: 5 * MS });
  const serverLog = new Log(world);
  const listener = serve(b, serverLog.handler, 16);
  const flood = new ScriptedPeer(world, b, { address: "10.0.0.66", hostPort: 80 });
  for (let i = 0; i < 5_000; i++) {
    flood.send({ flags: SYN, seq: i * 7_919, port: 1_024 + i, options: { mss: 1_460 } });
  }
  expect(flood.received.length).toBe(5_000);
  expect(listener.stats().synQueue).toBe(listener.synQueueMax);
  const log = new Log(world);
  const client = a.stack.connect({ host: "10.0.0.2", port: 80 }, log.handler);
  world.run(100 * MS);
  expect(log.events).toEqual(["connect"]);
  client.send(new Uint8Array(100_000));
  world.run(1 * SECOND);
  expect(serverLog.received).toBe(100_000);
  expect(listener.stats()).toMatchObject({ cookiesRecv: 1, accepted: 1 });
  const { snd_mss, sack, timestamps } = client.info();
  expect([sack, timestamps]).toEqual([true, true]);
  const server = b.stack.snapshot().sockets.find((row) => row.state === "ESTABLISHED")!;
  expect(server.info).toMatchObject({ snd_mss, sack, timestamps, wscale_ok: true });
  // What the flood left is forgotten when its SYN-ACKs have been repeated often enough.
  world.run(120 * SECOND);
  expect(states(b)).toEqual(["ESTABLISHED"]);
});

test("Linux: with the accept queue full, the last ACK counts as lost; the connection comes up when there is room", () => {
  const { world, a, b } = pair({ delay: 5 * MS });
  const serverLog = new Log(world);
  const listener = b.stack.listen({ port: 80, backlog: 1 }, {});
  const logs = [0, 1, 2, 3].map(() => new Log(world));
  for (const log of logs) a.stack.connect({ host: "10.0.0.2", port: 80 }, log.handler);
  world.run(500 * MS);
  expect(listener.stats()).toMatchObject({ acceptQueue: 2, synQueue: 2 });
  expect(listener.stats().acceptOverflows).toBeGreaterThan(0);
  listener.handler = {
    onConnection(connection) {
      connection.handler = serverLog.handler;
    },
  };
  listener.resume();
  world.run(5 * SECOND);
  expect(listener.stats()).toMatchObject({ acceptQueue: 0, synQueue: 0, accepted: 4 });
  expect(states(b)).toEqual(["ESTABLISHED", "ESTABLISHED", "ESTABLISHED", "ESTABLISHED"]);
});

test("Linux tcp_abort_on_overflow: with the accept queue full the last ACK is answered by RST", () => {
  const { world, a, b } = pair({ delay: 5 * MS }, {}, { tcp: { abortOnOverflow: true } });
  b.stack.listen({ port: 80, backlog: 0 }, {});
  const logs = [0, 1, 2].map(() => new Log(world));
  for (const log of logs) a.stack.connect({ host: "10.0.0.2", port: 80 }, log.handler);
  world.run(1 * SECOND);
  expect(logs.map((log) => log.events)).toEqual([
    ["connect"],
    ["connect", "close ECONNRESET"],
    ["connect", "close ECONNRESET"],
  ]);
});

test("RFC 6056: when every ephemeral port to one server is taken, connect says EADDRNOTAVAIL, and another server is no trouble", () => {
  const { world, a, wire } = pair();
  wire.there.isUp = false;
  const count = LAST_EPHEMERAL - FIRST_EPHEMERAL + 1;
  const ports = new Set<number>();
  for (let i = 0; i < count; i++) ports.add(a.stack.connect({ host: "10.0.0.2", port: 80 }, {}).localPort);
  expect(ports.size).toBe(count);
  let error: unknown;
  try {
    a.stack.connect({ host: "10.0.0.2", port: 80 }, {});
  } catch (e) {
    error = e;
  }
  expect(error).toBeInstanceOf(NetworkError);
  expect(error).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "connect", address: "10.0.0.2", port: 80 });
  a.stack.connect({ host: "10.0.0.2", port: 81 }, {});
  world.run(300 * SECOND);
  expect(states(a)).toEqual([]);
});

test("RFC 9293 3.5.2: data for a connection that one side has lost is reset, and a new one can be made", () => {
  const net = pair({ delay: 5 * MS });
  const { client, server, clientLog } = connected(net);
  // The server crashes: its end is gone, without a word.
  net.wire.back.isUp = false;
  server.abort();
  net.world.run(100 * MS);
  net.wire.back.isUp = true;
  client.send(Uint8Array.of(1));
  net.world.run(1 * SECOND);
  expect(clientLog.closed).toBe("ECONNRESET");
  expect(connected(net).client.state).toBe("ESTABLISHED");
});

test("RFC 9293 3.10.7.4: an old duplicate SYN on an open connection gets a challenge ACK and changes nothing", () => {
  const net = pair({ delay: 5 * MS });
  const trace = new Trace(net.world);
  let syn: Uint8Array | null = null;
  net.wire.there.filter = (packet) => {
    syn ??= packet.bytes.slice(0, packet.length);
    return false;
  };
  const { client, server, serverLog } = connected(net);
  const again = net.world.packets.get(syn!.length);
  again.bytes.set(syn!);
  net.world.run(10 * SECOND);
  net.b.take(again);
  net.world.run(100 * MS);
  expect(trace.lines().at(-1)).toMatch(/10\.0\.0\.2\.80 > .* Flags \[\.\], ack/);
  client.send(Uint8Array.of(65));
  net.world.run(100 * MS);
  expect(serverLog.text).toBe("A");
  expect(server.state).toBe("ESTABLISHED");
  expect(ACK).toBe(0x10);
});
