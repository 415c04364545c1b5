import { expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { MS, SECOND } from "../../src/base/time.ts";
import { World } from "../../src/sim/world.ts";
import type { Connection } from "../../src/stack/connection.ts";
import type { ConnectionHandler } from "../../src/stack/events.ts";
import { states } from "./pair.ts";

/** What may be told of a connection that one side or the other ends without manners. */
const OUTCOMES = ["orderly", "ECONNABORTED", "ECONNRESET", "EPIPE", "ECONNREFUSED", "ETIMEDOUT"];

/** Thirty connections, each of which does something else at some moment, on a bad link. Returns how they ended. */
function mischief(seed: number): string[] {
  const random = new Random(seed);
  const world = new World(seed, { startAt: Math.floor(random.float() * 2 ** 33) });
  const tcp = { receiveBuffer: 16_384, receiveBufferMax: 65_536, sack: random.float() < 0.5 };
  const offload = random.float() < 0.5;
  const a = world.host({ addresses: ["10.0.0.1/24"], tcp, offload });
  const b = world.host({ addresses: ["10.0.0.2/24"], tcp, offload });
  world.link(a, b, {
    delay: random.float() * 100 * MS,
    loss: random.float() * 0.1,
    corrupt: random.float() * 0.02,
    duplicate: random.float() * 0.05,
    reorder: random.float() * 0.2,
    reorderBy: 30 * MS,
  });
  const ends: string[] = [];
  let told = 0;
  const act = (connection: Connection): void => {
    const deeds = [
      () => connection.abort(),
      () => connection.close(),
      () => connection.end(),
      () => connection.setLinger(random.below(2) === 0 ? 0 : random.below(5_000)),
      () => connection.pause(),
      () => connection.resume(),
      () => void connection.send(new Uint8Array(random.below(50_000))),
      () => connection.setKeepAlive(true, 1 + random.below(10_000), 1_000, 3),
      () => connection.setUserTimeout(1_000 + random.below(60_000)),
      () => connection.setNoDelay(random.below(2) === 0),
      () => void connection.read(random.below(5_000)),
    ];
    for (let i = 0; i < 8; i++) world.after(random.below(10_000) * MS, deeds[random.below(deeds.length)]!);
    // In the end everybody goes.
    world.after(20 * SECOND, () => connection.close());
  };
  const handler: ConnectionHandler = {
    onData: () => {},
    onClose: (_, error) => void ends.push(error === null ? "orderly" : error.code),
  };
  b.stack.listen(
    { port: 80, backlog: 8 },
    {
      onConnection(connection) {
        told++;
        connection.handler = handler;
        act(connection);
      },
    },
  );
  for (let i = 0; i < 30; i++) {
    world.after(random.below(3_000) * MS, () => {
      told++;
      const connection = a.stack.connect({ host: "10.0.0.2", port: 80 }, handler);
      connection.send(new Uint8Array(random.below(30_000)));
      act(connection);
    });
  }
  world.run(60 * SECOND);
  expect(world.runUntilIdle(1_500 * SECOND), `seed ${seed}: comes to rest`).toBe(true);
  expect([...states(a), ...states(b)], `seed ${seed}: nothing is left`).toEqual([]);
  expect(ends.length, `seed ${seed}: each connection is told its end once`).toBe(told);
  return ends;
}

test("connections that abort, close, linger, pause and write at any moment leave nothing behind, and each ends once", () => {
  const ends = new Set<string>();
  for (let seed = 0; seed < 200; seed++) for (const end of mischief(seed)) ends.add(end);
  expect([...ends].filter((end) => !OUTCOMES.includes(end))).toEqual([]);
  for (const outcome of ["orderly", "ECONNABORTED", "ECONNRESET"]) expect(ends).toContain(outcome);
});

test("500 short connections at once over a lossy link, as http makes them: each gets its answer", () => {
  const world = new World(5);
  const a = world.host({ addresses: ["10.0.0.1/24"] });
  const b = world.host({ addresses: ["10.0.0.2/24"] });
  world.link(a, b, {
    delay: 20 * MS,
    loss: 0.03,
    reorder: 0.05,
    reorderBy: 10 * MS,
    rate: 1e8,
    queue: 200_000,
  });
  b.stack.listen(
    { port: 80 },
    {
      onConnection(connection) {
        connection.handler = {
          onData(c, bytes) {
            c.send(new Uint8Array(4 * bytes.length));
            c.end();
          },
        };
      },
    },
  );
  let right = 0;
  const wrong: string[] = [];
  for (let i = 0; i < 500; i++) {
    let received = 0;
    const size = 100 + i;
    const connection = a.stack.connect(
      { host: "10.0.0.2", port: 80 },
      {
        onData: (_, bytes) => {
          received += bytes.length;
        },
        onEnd: (c) => c.end(),
        onClose: (_, error) => {
          if (error === null && received === 4 * size) right++;
          else wrong.push(`${i}: ${error?.code} ${received}`);
        },
      },
    );
    connection.send(new Uint8Array(size));
  }
  world.run(200 * SECOND);
  expect(wrong).toEqual([]);
  expect(right).toBe(500);
});
