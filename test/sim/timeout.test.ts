import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { connected, pair, states } from "./pair.ts";

test("RFC 9293 3.8.3: data to a peer that vanished is sent 16 times, each wait twice the last up to 120 s, then ETIMEDOUT", () => {
  const net = pair({ delay: 10 * MS }, { tcp: { tlp: false } });
  const { client, clientLog } = connected(net);
  net.world.run(1 * SECOND);
  net.wire.there.isUp = false;
  const sent: number[] = [];
  net.wire.there.tap = () => sent.push(net.world.now);
  const start = net.world.now;
  client.send(new Uint8Array(100));
  net.world.run(3_600 * SECOND);
  expect(clientLog.events).toEqual(["connect", "close ETIMEDOUT"]);
  // 16 transmissions, and an RST to whoever may be there.
  expect(sent.length).toBe(17);
  const waits = sent.slice(1).map((at, i) => at - sent[i]!);
  for (let i = 1; i < waits.length; i++) {
    expect(waits[i]).toBeCloseTo(Math.min(2 * waits[i - 1]!, 120 * SECOND), -1);
  }
  // Linux: 924.6 s with RTO at its least (tcp_retries2 = 15).
  const total = (clientLog.times[1]! - start) / SECOND;
  expect(total).toBeGreaterThan(900);
  expect(total).toBeLessThan(1_030);
  expect(states(net.a)).toEqual([]);
});

test("an orphan gives up sooner: 8 retransmissions", () => {
  const net = pair({ delay: 10 * MS }, { tcp: { tlp: false } });
  const { client, clientLog } = connected(net);
  net.wire.there.isUp = false;
  client.send(new Uint8Array(100));
  client.close();
  net.world.run(300 * SECOND);
  expect(clientLog.closed).toBe("ETIMEDOUT");
  expect(net.a.stack.counters.RetransSegs).toBe(8);
});

test("RFC 9293 3.8.4: keepalive finds a silent peer alive, and says nothing", () => {
  const net = pair({ delay: 10 * MS });
  const { client, clientLog } = connected(net);
  client.setKeepAlive(true, 60_000, 10_000, 3);
  net.world.run(3_600 * SECOND);
  expect(clientLog.events).toEqual(["connect"]);
  expect(net.a.stack.counters.TCPKeepAlive).toBeGreaterThan(55);
  expect(client.state).toBe("ESTABLISHED");
});

test("RFC 9293 3.8.4: keepalive finds nobody: ETIMEDOUT after idle + count x interval", () => {
  const net = pair({ delay: 10 * MS });
  const { client, clientLog } = connected(net);
  const start = net.world.now;
  client.setKeepAlive(true, 60_000, 10_000, 3);
  net.wire.there.isUp = false;
  net.world.run(100 * SECOND);
  expect(clientLog.events).toEqual(["connect", "close ETIMEDOUT"]);
  expect((clientLog.times[1]! - start) / SECOND).toBeCloseTo(90, 0);
  expect(net.a.stack.counters.TCPKeepAlive).toBe(3);
});

test("RFC 9293 3.8.4: keepalive finds a peer that forgot the connection: ECONNRESET", () => {
  const net = pair({ delay: 10 * MS });
  const { client, server, clientLog } = connected(net);
  client.setKeepAlive(true, 60_000, 10_000, 3);
  net.wire.back.isUp = false;
  server.abort();
  net.world.run(1 * SECOND);
  net.wire.back.isUp = true;
  net.world.run(60 * SECOND);
  expect(clientLog.events).toEqual(["connect", "close ECONNRESET"]);
});

test("a deadline that a call sets while nothing else is due wakes the driver (Host.wake)", () => {
  const net = pair({ delay: 10 * MS });
  const { client, server, clientLog } = connected(net);
  // Nothing is left that would make a round by itself.
  expect(net.world.runUntilIdle(100 * SECOND)).toBe(true);
  net.wire.there.isUp = false;
  client.setKeepAlive(true, 5_000, 1_000, 2);
  net.world.run(10 * SECOND);
  expect(clientLog.events).toEqual(["connect", "close ETIMEDOUT"]);
  expect(server.state).toBe("ESTABLISHED");

  const other = pair({ delay: 10 * MS });
  const half = connected(other).client;
  half.end();
  expect(other.world.runUntilIdle(100 * SECOND)).toBe(true);
  expect(half.state).toBe("FIN-WAIT-2");
  half.close();
  other.world.run(70 * SECOND);
  expect(half.state).toBe("CLOSED");
});

test("RFC 9293 3.8.4: keepalive set before the connection stands begins when it does", () => {
  const net = pair({ delay: 10 * MS });
  const events: string[] = [];
  net.b.stack.listen({ port: 80 }, { onConnection: () => {} });
  const client = net.a.stack.connect(
    { host: "10.0.0.2", port: 80 },
    { onClose: (_, e) => events.push(String(e?.code)) },
  );
  client.setKeepAlive(true, 1_000, 1_000, 2);
  net.world.run(1 * SECOND);
  net.wire.there.isUp = false;
  net.world.run(10 * SECOND);
  expect(events).toEqual(["ETIMEDOUT"]);
});

test("RFC 5482: the user timeout ends a connection whose data is not acknowledged for so long", () => {
  const net = pair({ delay: 10 * MS });
  const { client, clientLog } = connected(net);
  client.setUserTimeout(5_000);
  net.world.run(100 * SECOND);
  expect(clientLog.closed).toBe(null);
  net.wire.there.isUp = false;
  const start = net.world.now;
  client.send(new Uint8Array(100));
  net.world.run(10 * SECOND);
  expect(clientLog.closed).toBe("ETIMEDOUT");
  expect((clientLog.at("close ETIMEDOUT") - start) / SECOND).toBeCloseTo(5, 1);
});

test("RFC 5482: a user timeout longer than R2 keeps the connection until it has passed", () => {
  const net = pair({ delay: 10 * MS });
  const { client, clientLog, serverLog } = connected(net);
  client.setUserTimeout(2 * 3_600_000);
  net.wire.there.isUp = false;
  client.send(new Uint8Array(100));
  net.world.run(7_000 * SECOND);
  expect(clientLog.closed).toBe(null);
  net.wire.there.isUp = true;
  net.world.run(121 * SECOND);
  expect(serverLog.received).toBe(100);
});

test("RFC 6429: the user timeout ends a connection whose window stays closed", () => {
  const net = pair({ delay: 10 * MS }, { tcp: { receiveBuffer: 8_192, receiveBufferMax: 8_192 } });
  const { client, server, clientLog } = connected(net);
  client.setUserTimeout(30_000);
  server.pause();
  client.send(new Uint8Array(20_000));
  net.world.run(100 * SECOND);
  expect(clientLog.closed).toBe("ETIMEDOUT");
  expect(clientLog.at("close ETIMEDOUT") - net.world.startAt).toBeLessThan(40 * SECOND);
});

test("SO_LINGER: close with data that nobody acknowledges resets after the linger time; with 0 at once", () => {
  const net = pair({ delay: 10 * MS });
  const { client, clientLog } = connected(net);
  net.world.run(1 * SECOND);
  net.wire.there.isUp = false;
  client.setLinger(3_000);
  client.send(new Uint8Array(100));
  const start = net.world.now;
  client.close();
  net.world.run(10 * SECOND);
  expect((clientLog.times.at(-1)! - start) / SECOND).toBeCloseTo(3, 1);
  expect(states(net.a)).toEqual([]);

  const other = pair({ delay: 10 * MS });
  const two = connected(other);
  two.client.setLinger(0);
  two.client.close();
  other.world.run(1 * SECOND);
  expect(two.serverLog.closed).toBe("ECONNRESET");
});
