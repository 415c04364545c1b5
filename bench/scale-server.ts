/**
 * The server of the suites `scale` and `gate`: echo (7) on a TUN device of its own, over the raw API or the net API, in a process that
 * weighs itself when it is asked. Run with --expose-gc.
 *
 * usage: node --expose-gc scale-server.js raw|net      prints `ready {...}`, then one line of JSON for each line of its input:
 *   weigh    its memory after a collection, and its flows by kind
 *   close    closes every connection
 *   count    the device's counters: packets and system calls
 */

import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { TunDevice } from "../src/device/tun.ts";
import type * as Usertcp from "../src/index.ts";
import type * as Net from "../src/net.ts";
import type { Connection } from "../src/stack/connection.ts";
import type { ConnectionHandler } from "../src/stack/events.ts";
import { ROOT } from "./paths.ts";
import type { Weight } from "./weight.ts";

const PORT = 7;
const BACKLOG = 4_096;
/** Nothing in the suite opens more at once. */
const FLOWS = 1_048_576;

const api = process.argv[2];
if (api !== "raw" && api !== "net") {
  process.stderr.write("usage: scale-server raw|net\n");
  process.exit(2);
}
// What is measured is the package as it is installed: the addon is found from there too.
const { createStack } = (await built("index.js")) as typeof Usertcp;
const running = createStack({
  tun: { addresses: ["10.77.0.1/24"] },
  addresses: ["10.77.0.2/24"],
  tcp: { flowsMax: FLOWS, timeWaitMax: FLOWS },
});
if (api === "raw") serveRaw();
else await serveNet();

process.once("SIGTERM", () => void running.close().then(() => process.exit(0)));
process.stdout.write(`ready ${JSON.stringify({ pid: process.pid })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}

async function answer(command: string): Promise<object> {
  if (command === "close") return closeAll();
  return command === "count" ? (running.device as TunDevice).counters : weigh();
}

function built(file: string): Promise<unknown> {
  return import(pathToFileURL(join(ROOT, "dist", file)).href);
}

function serveRaw(): void {
  const echo: ConnectionHandler = {
    onData(connection: Connection, bytes: Uint8Array) {
      if (!connection.send(bytes)) connection.pause();
    },
    onDrain(connection: Connection) {
      connection.resume();
    },
  };
  const onConnection = (connection: Connection): void => {
    connection.handler = echo;
  };
  running.listen({ port: PORT, backlog: BACKLOG }, { onConnection });
}

async function serveNet(): Promise<void> {
  const { createNet } = (await built("net.js")) as typeof Net;
  const server = createNet(running).createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.on("data", (data) => void socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen({ port: PORT, backlog: BACKLOG }, resolve));
}

/**
 * By the stack's own list, so that nothing of the bench's is weighed; some at a time, so that no queue overflows and the
 * kernel, which forgets closed sockets when there are too many, is never left with many of them.
 */
async function closeAll(): Promise<{ closed: number }> {
  let closed = 0;
  for (const tcb of [...running.stack.tcbs]) {
    if (tcb === null) continue;
    (tcb.owner as Connection).end();
    if (++closed % 200 === 0) await delay(5);
  }
  return { closed };
}

/** Twice, with turns between, so that what finalizers free is gone. */
async function weigh(): Promise<Weight> {
  for (let i = 0; i < 2; i++) {
    gc!();
    await turn();
  }
  const { heapUsed, arrayBuffers, external, rss } = process.memoryUsage();
  const { flows } = running.stack;
  const [, established, halfOpen, timeWait] = [0, 1, 2, 3].map((kind) =>
    flows.countOfKind(kind as 0 | 1 | 2 | 3),
  );
  return {
    heap: heapUsed,
    buffers: arrayBuffers,
    external,
    rss,
    established: established!,
    halfOpen: halfOpen!,
    timeWait: timeWait!,
  };
}
