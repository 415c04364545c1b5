import { expect, test } from "vitest";
import { MS, SECOND } from "../../../src/base/time.ts";
import { Trace } from "../../../src/sim/trace.ts";
import { Router, World } from "../../../src/sim/world.ts";

function run(seed: number): { trace: Trace; world: World } {
  const world = new World(seed);
  const a = world.host({ addresses: ["10.0.0.1/24"] });
  const b = world.host({ addresses: ["10.0.0.2/24"] });
  world.link(a, b, {
    delay: 10 * MS,
    loss: 0.05,
    reorder: 0.1,
    reorderBy: 5 * MS,
    corrupt: 0.02,
    duplicate: 0.02,
  });
  b.stack.listen(
    { port: 7 },
    {
      onConnection(connection) {
        connection.handler = { onData: (c, bytes) => void c.send(bytes), onEnd: (c) => c.end() };
      },
    },
  );
  const trace = new Trace(world);
  const client = a.stack.connect(
    { host: "10.0.0.2", port: 7 },
    { onData: () => {}, onConnect: (c) => c.end() },
  );
  client.send(new Uint8Array(100_000));
  world.run(60 * SECOND);
  return { trace, world };
}

test("one seed, one run: the same packets at the same times; another seed, another run", () => {
  const [one, two, other] = [run(1), run(1), run(2)];
  expect(one.trace.lines().length).toBeGreaterThan(150);
  expect(one.trace.lines()).toEqual(two.trace.lines());
  expect(one.trace.lines()).not.toEqual(other.trace.lines());
});

test("a trace shows times, segments and fates; the last packets when it is bounded", () => {
  const { trace } = run(1);
  const lines = trace.lines();
  expect(lines[0]).toMatch(
    /^0\.000000 IP 10\.0\.0\.1\.\d+ > 10\.0\.0\.2\.7: Flags \[S\], seq \d+, win \d+, options \[mss 1460/,
  );
  expect(lines.some((line) => line.endsWith("(lost)"))).toBe(true);
  expect(lines.some((line) => line.endsWith("(corrupted)"))).toBe(true);
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  const nobody = world.direct({ take: (packet) => packet.free() });
  host.route = nobody;
  const short = new Trace(world, { last: 2 });
  host.stack.connect({ host: "10.0.0.9", port: 7 }, {});
  world.run(10 * SECOND);
  expect(short.lines().map((line) => line.slice(0, 8))).toEqual(["3.000000", "7.000000"]);
});

test("a trace as pcapng: a section, an interface, a block a packet", () => {
  const { trace } = run(1);
  const bytes = trace.pcapng();
  const view = new DataView(bytes.buffer);
  const types: number[] = [];
  let at = 0;
  while (at < bytes.length) {
    types.push(view.getUint32(at, true));
    at += view.getUint32(at + 4, true);
  }
  expect(at).toBe(bytes.length);
  expect(types.slice(0, 3)).toEqual([0x0a0d0d0a, 1, 6]);
  expect(types.length).toBe(trace.lines().length + 2);
});

test("three hosts share one link through a router", () => {
  const world = new World(1);
  const server = world.host({ addresses: ["10.0.0.1/24"] });
  const clients = [2, 3, 4].map((n) => world.host({ addresses: [`10.0.0.${n}/24`] }));
  const near = new Router();
  const far = new Router();
  const shared = world.direct(far, { delay: 5 * MS, rate: 1e7, queue: 50_000 });
  const back = world.direct(near, { delay: 5 * MS });
  near.route = shared;
  far.routes.set(server.key, server);
  server.route = back;
  let received = 0;
  server.stack.listen(
    { port: 9 },
    {
      onConnection(connection) {
        connection.handler = {
          onData: (_, bytes) => {
            received += bytes.length;
          },
        };
      },
    },
  );
  for (const client of clients) {
    client.route = near;
    near.routes.set(client.key, client);
    client.stack.connect({ host: "10.0.0.1", port: 9 }, {}).send(new Uint8Array(100_000));
  }
  world.run(5 * SECOND);
  expect(received).toBe(300_000);
  expect(shared.statistics.overflowed).toBeGreaterThan(0);
});

test("time stands still in settle, and run ends exactly where it was told to", () => {
  const world = new World(1, { startAt: 1_000 });
  const seen: number[] = [];
  world.after(10, () => seen.push(world.now));
  world.after(5, () => world.after(0, () => seen.push(world.now)));
  world.settle();
  expect(seen).toEqual([]);
  world.run(7);
  expect([world.now, seen]).toEqual([1_007, [1_005]]);
  expect(world.runUntilIdle(100)).toBe(true);
  expect(seen).toEqual([1_005, 1_010]);
});
