import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { ScriptedPeer } from "../../src/sim/peer.ts";
import { World } from "../../src/sim/world.ts";
import { ACK, FIN, RST, SYN } from "../../src/wire/segment.ts";
import { connected, Log, pair, serve, states } from "./pair.ts";

test("RFC 9293 3.6 figure 13: both sides close at once, through CLOSING to TIME-WAIT", () => {
  const net = pair({ delay: 20 * MS });
  const { client, server, clientLog, serverLog } = connected(net);
  net.world.run(1 * SECOND);
  client.end();
  server.end();
  net.world.run(20 * MS);
  expect([client.state, server.state]).toEqual(["CLOSING", "CLOSING"]);
  net.world.run(20 * MS);
  expect([client.state, server.state]).toEqual(["TIME-WAIT", "TIME-WAIT"]);
  expect([clientLog.closed, serverLog.closed]).toEqual(["orderly", "orderly"]);
  net.world.run(59 * SECOND);
  expect([states(net.a), states(net.b)]).toEqual([["TIME-WAIT"], ["TIME-WAIT"]]);
  net.world.run(2 * SECOND);
  expect([states(net.a), states(net.b)]).toEqual([[], []]);
});

test("RFC 9293 3.6.1: half-close: one side ends, the other goes on sending, then ends too", () => {
  const net = pair({ delay: 20 * MS });
  const { client, server, clientLog, serverLog } = connected(net);
  client.send(new Uint8Array(10_000));
  client.end();
  net.world.run(5 * SECOND);
  expect([client.state, server.state]).toEqual(["FIN-WAIT-2", "CLOSE-WAIT"]);
  server.send(new Uint8Array(50_000));
  server.end();
  net.world.run(5 * SECOND);
  expect([clientLog.received, serverLog.received]).toEqual([50_000, 10_000]);
  expect([clientLog.closed, serverLog.closed]).toEqual(["orderly", "orderly"]);
  expect([states(net.a), states(net.b)]).toEqual([["TIME-WAIT"], []]);
});

test("RFC 9293 3.8.6.1: a FIN behind a closed window waits, and arrives when the reader goes on", () => {
  const net = pair({ delay: 10 * MS }, {}, { tcp: { receiveBuffer: 8_192, receiveBufferMax: 8_192 } });
  const { client, server, serverLog } = connected(net);
  server.pause();
  client.send(new Uint8Array(8_192));
  client.end();
  net.world.run(100 * SECOND);
  expect(server.receiveQueue).toBe(8_192);
  expect([client.state, server.state]).toEqual(["FIN-WAIT-1", "ESTABLISHED"]);
  server.resume();
  net.world.run(130 * SECOND);
  expect(serverLog.received).toBe(8_192);
  expect(serverLog.events.at(-1)).toBe("end");
  server.end();
  net.world.run(1 * SECOND);
  expect(serverLog.closed).toBe("orderly");
});

test("RFC 9293 3.10.7.4: LAST-ACK whose ACK never comes repeats its FIN and gives up", () => {
  const net = pair({ delay: 10 * MS });
  const { client, server, serverLog } = connected(net);
  net.world.run(1 * SECOND);
  client.end();
  net.world.run(1 * SECOND);
  net.wire.there.isUp = false;
  server.end();
  net.world.run(1 * SECOND);
  expect(server.state).toBe("LAST-ACK");
  net.world.run(2_000 * SECOND);
  expect(serverLog.closed).toBe("ETIMEDOUT");
  expect([states(net.a), states(net.b)]).toEqual([[], []]);
});

test("RFC 9293 3.10.7.4: TIME-WAIT answers a repeated FIN and starts its 2MSL anew", () => {
  const net = pair({ delay: 10 * MS });
  const { client, server } = connected(net);
  net.world.run(1 * SECOND);
  client.end();
  net.world.run(1 * SECOND);
  // The ACK of the server's FIN is lost for a while, so that the FIN comes again and again.
  net.wire.there.isUp = false;
  server.end();
  net.world.run(40 * SECOND);
  expect([client.state, server.state]).toEqual(["TIME-WAIT", "LAST-ACK"]);
  net.wire.there.isUp = true;
  net.world.run(59 * SECOND);
  // 99 s after it began TIME-WAIT still stands: the last FIN restarted it.
  expect([states(net.a), states(net.b)]).toEqual([["TIME-WAIT"], []]);
  net.world.run(61 * SECOND);
  expect(states(net.a)).toEqual([]);
});

test("RFC 6191 2: a newer SYN takes over the 4-tuple of a TIME-WAIT, with a higher ISS", () => {
  const net = pair({ delay: 10 * MS });
  const { world, a, b } = net;
  const log = new Log(world);
  serve(b, { onData: (c, bytes) => void c.send(bytes), onEnd: (c) => c.end() });
  // The server closes first, so that TIME-WAIT is on its side, where the SYN arrives.
  const options = { host: "10.0.0.2", port: 80, localPort: 4_000 };
  const first = a.stack.connect(options, { onEnd: (c) => c.end() });
  world.run(1 * SECOND);
  const server = b.stack.tcbs.find((tcb) => tcb !== null)!;
  (server.owner as { end(): void }).end();
  world.run(1 * SECOND);
  expect([first.state, states(a), states(b)]).toEqual(["CLOSED", [], ["TIME-WAIT"]]);
  const second = a.stack.connect(options, log.handler);
  world.run(1 * SECOND);
  expect(second.state).toBe("ESTABLISHED");
  expect(b.stack.counters.TWRecycled).toBe(1);
  second.send(Uint8Array.of(65));
  world.run(1 * SECOND);
  expect(log.text).toBe("A");
});

test("RFC 1337: an RST does not end TIME-WAIT", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  serve(host, { onEnd: () => {} });
  const peer = new ScriptedPeer(world, host);
  peer.handshake();
  (host.stack.tcbs.find((tcb) => tcb !== null)!.owner as { end(): void }).end();
  world.settle();
  peer.expect({ flags: FIN | ACK });
  peer.send({ flags: FIN | ACK });
  peer.expect({ flags: ACK, ack: peer.seq });
  expect(states(host)).toEqual(["TIME-WAIT"]);
  peer.send({ flags: RST });
  expect(states(host)).toEqual(["TIME-WAIT"]);
  peer.expectNothing();
});

test("Linux tcp_fin_timeout: FIN-WAIT-2 that nobody owns ends after 60 s; one with an owner stays", () => {
  for (const orphan of [true, false]) {
    const net = pair({ delay: 10 * MS });
    const { client, clientLog } = connected(net);
    net.world.run(1 * SECOND);
    if (orphan) client.close();
    else client.end();
    net.world.run(50 * SECOND);
    expect(client.state).toBe("FIN-WAIT-2");
    net.world.run(20 * SECOND);
    expect(client.state).toBe(orphan ? "CLOSED" : "FIN-WAIT-2");
    expect(clientLog.closed).toBe(orphan ? "orderly" : null);
  }
});

test("RFC 2525 2.17: close with unread data, and data after close, are answered by RST", () => {
  const unread = pair({ delay: 10 * MS });
  const one = connected(unread);
  one.server.pause();
  one.client.send(new Uint8Array(100));
  unread.world.run(1 * SECOND);
  one.server.close();
  unread.world.run(1 * SECOND);
  expect(one.clientLog.closed).toBe("ECONNRESET");

  const late = pair({ delay: 10 * MS });
  const two = connected(late);
  late.world.run(1 * SECOND);
  two.server.close();
  late.world.run(1 * SECOND);
  two.client.send(new Uint8Array(100));
  late.world.run(1 * SECOND);
  expect(two.clientLog.closed).toBe("EPIPE");
  expect([states(unread.a), states(unread.b), states(late.a), states(late.b)]).toEqual([[], [], [], []]);
});

test("20,000 connections in TIME-WAIT cost a record each, and are gone after 2MSL", () => {
  const { world, a, b } = pair({ delay: 1 * MS });
  serve(b, { onEnd: (c) => c.end() });
  let closed = 0;
  const open = (): void => {
    if (a.stack.counters.ActiveOpens >= 20_000) return;
    a.stack.connect(
      { host: "10.0.0.2", port: 80 },
      {
        onConnect: (c) => c.end(),
        onClose: () => {
          closed++;
          open();
        },
      },
    );
  };
  for (let i = 0; i < 500; i++) open();
  world.run(5 * SECOND);
  expect(closed).toBe(20_000);
  expect(a.stack.counters.TW).toBe(20_000);
  expect(states(a).length).toBe(20_000);
  expect(a.stack.tcbs.filter((tcb) => tcb !== null && tcb !== undefined)).toEqual([]);
  expect(states(b)).toEqual([]);
  world.run(62 * SECOND);
  expect(states(a)).toEqual([]);
  expect(a.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
});

test("RFC 9293 3.10.4: CLOSE before the SYN has left sends nothing at all", () => {
  const { world, a, wire } = pair();
  const log = new Log(world);
  const connection = a.stack.connect({ host: "10.0.0.2", port: 80 }, log.handler);
  connection.end();
  world.run(10 * SECOND);
  expect(log.closed).toBe("orderly");
  expect(wire.there.statistics.packets).toBe(0);
});

test("RFC 9293 3.10.4: CLOSE in SYN-SENT ends at once, and the SYN-ACK that comes later is reset", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  const peer = new ScriptedPeer(world, host, { port: 9 });
  const log = new Log(world);
  const connection = host.stack.connect({ host: peer.address, port: 9 }, log.handler);
  world.settle();
  peer.hostPort = peer.expect({ flags: SYN }).srcPort;
  connection.close();
  world.settle();
  expect(log.closed).toBe("orderly");
  peer.send({ flags: SYN | ACK, ack: peer.ack });
  peer.expect({ flags: RST, seq: peer.ack });
});

test.each(["close", "abort"] as const)(
  "a connection that died with unread text is told its end when the application lets go by %s",
  (way) => {
    const net = pair({ delay: 10 * MS });
    const { client, server, serverLog } = connected(net);
    server.pause();
    client.send(new Uint8Array(100));
    net.world.run(1 * SECOND);
    client.abort();
    net.world.run(1 * SECOND);
    expect([server.state, serverLog.closed]).toEqual(["CLOSED", null]);
    server[way]();
    net.world.run(1 * SECOND);
    expect(serverLog.events).toEqual(["close ECONNRESET"]);
  },
);

test("after close only the end is told: no data, no end of file, paused or not", () => {
  for (const paused of [false, true]) {
    const net = pair({ delay: 10 * MS });
    const { client, server, clientLog } = connected(net);
    client.close();
    if (paused) client.pause();
    net.world.run(1 * SECOND);
    server.end();
    net.world.run(1 * SECOND);
    // `onFinish` may come: it is news of what was sent.
    expect(clientLog.events.filter((event) => event !== "finish")).toEqual(["connect", "close orderly"]);
  }
});
