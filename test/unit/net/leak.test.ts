/** usertcp/loopback leaves nothing behind: connections that come and go leave the heap and the stack as they were. */
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, expect, it } from "vitest";
import { holderCount } from "../../../src/net/liveness.ts";
import { loopbackNet, loopbackStack } from "../../../src/net/loopback.ts";

/** Of connections, twice; CI runs few, `USERTCP_LEAK_CYCLES=50000` the 100,000 that were asked for. */
const CYCLES = Number(process.env["USERTCP_LEAK_CYCLES"] ?? 2_000);

/** Connections at once. */
const ABREAST = 16;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const server = loopbackNet.createServer((socket) => socket.on("data", (bytes) => socket.end(bytes)));
afterAll(() => server.close());

/** So many connections, each a byte there and back. */
async function cycle(count: number): Promise<void> {
  const { port } = server.address() as AddressInfo;
  let left = count;
  const one = async () => {
    while (left-- > 0) {
      await new Promise<void>((resolve) => {
        const socket = loopbackNet.connect(port, "127.0.0.1", () => socket.write("x"));
        socket.resume().on("close", () => resolve());
      });
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, one));
}

it("connections that come and go leave a flat heap, no socket and no handle", {
  timeout: 120_000 + 10 * CYCLES,
}, async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const holders = holderCount();
  const cycles = CYCLES;
  // Tables and caches reach their size first: TIME-WAIT holds a minute's connections.
  await cycle(cycles);
  collect();
  const before = process.memoryUsage().heapUsed;
  await cycle(cycles);
  await new Promise((resolve) => setTimeout(resolve, 50));
  collect();
  const grown = process.memoryUsage().heapUsed - before;
  // Not a whole socket (2 KiB and more) is left of any of them.
  expect(grown / cycles).toBeLessThan(500);
  const open = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
  expect(open).toBe(0);
  expect(holderCount()).toBe(holders);
  expect(server.eventNames().map((name) => [name, server.listenerCount(name)])).toEqual([["connection", 1]]);
  expect(loopbackStack.snapshot().sockets.filter(({ state }) => state === "ESTABLISHED")).toEqual([]);
});
