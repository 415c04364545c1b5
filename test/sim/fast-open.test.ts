/** Fast Open (RFC 7413) between two stacks: what rides on the SYN, and that nothing is lost or doubled on a bad path. */
import { expect, test } from "vitest";
import { MS, SECOND } from "../../src/base/time.ts";
import { World } from "../../src/sim/world.ts";

test("RFC 7413 1: with a cookie the request arrives after half a round trip, and the answer after one", () => {
  const world = new World(1);
  const tcp = { fastOpen: 3 };
  const a = world.host({ addresses: ["10.0.0.1/24"], tcp });
  const b = world.host({ addresses: ["10.0.0.2/24"], tcp });
  world.link(a, b, { delay: 50 * MS });
  b.stack.listen(
    { port: 80, fastOpen: 10 },
    {
      onConnection(c) {
        c.handler = { onData: (own, bytes) => void own.send(bytes, true) };
      },
    },
  );
  const ask = (): number => {
    const begun = world.now;
    let answered = Number.NaN;
    const request = new Uint8Array(500).fill(1);
    const onData = (): void => {
      answered = world.now;
    };
    a.stack.connect({ host: "10.0.0.2", port: 80, fastOpen: request }, { onData });
    world.run(2 * SECOND);
    return answered - begun;
  };
  expect(ask()).toBe(200 * MS);
  expect(ask()).toBe(100 * MS);
});

test.each([1, 2, 3, 4, 5, 6])(
  "nothing is lost or doubled under loss, duplication and reordering (seed %i)",
  (seed) => {
    const world = new World(seed);
    const tcp = { fastOpen: 3, fastOpenNegative: 0, synRetries: 12, synAckRetries: 12 };
    const a = world.host({ addresses: ["10.0.0.1/24"], tcp });
    const b = world.host({ addresses: ["10.0.0.2/24"], tcp });
    world.link(a, b, { delay: 20 * MS, loss: 0.2, duplicate: 0.1, reorder: 0.2, reorderBy: 30 * MS });
    const got = new Map<number, string>();
    b.stack.listen(
      { port: 80, fastOpen: 50 },
      {
        onConnection: (c) => {
          const key = c.remotePort;
          const take = (bytes: Uint8Array): void =>
            void got.set(key, (got.get(key) ?? "") + new TextDecoder().decode(bytes));
          c.handler = { onData: (_, bytes) => take(bytes), onEnd: (own) => own.end() };
        },
      },
    );
    const want = new Map<number, string>();
    for (let i = 0; i < 20; i++) {
      const text = String.fromCharCode(97 + i).repeat(1 + world.random.below(4_000)) + i;
      const c = a.stack.connect({ host: "10.0.0.2", port: 80, fastOpen: new TextEncoder().encode(text) }, {});
      c.handler = { onConnect: (own) => own.end() };
      want.set(c.localPort, text);
      world.run(3 * SECOND);
    }
    world.run(600 * SECOND);
    for (const [port, text] of want) expect(got.get(port), `port ${port}`).toBe(text);
    expect(b.stack.counters.TCPFastOpenPassive).toBeGreaterThan(0);
  },
);
