/**
 * The same scenes on node:net over the kernel's loopback and on ours over some network: each socket must tell the same
 * story, event by event.
 */
import { once } from "node:events";
import nodeNet, { type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Pair } from "./programs.ts";

type AnyNet = typeof nodeNet;
type AnySocket = nodeNet.Socket;

const EVENTS = ["connect", "ready", "data", "end", "finish", "drain", "timeout", "error", "close"];

function story(socket: AnySocket, log: string[]): void {
  for (const event of EVENTS) {
    socket.on(event, (value: unknown) => {
      if (value instanceof Error) {
        const { code, syscall } = value as NodeJS.ErrnoException;
        log.push(`${event} ${code} ${syscall} ${value.message.replace(/[\d.]+:\d+/, "there")}`);
      } else if (event === "close") log.push(`close ${value}`);
      else if (event !== "data") log.push(event);
      else if (log[log.length - 1] !== "data") log.push("data");
    });
  }
}

function state(socket: AnySocket): string {
  const { readyState, pending, connecting, destroyed, bytesRead, bytesWritten } = socket;
  return JSON.stringify({ readyState, pending, connecting, destroyed, bytesRead, bytesWritten });
}

interface Scene {
  name: string;
  serverOptions?: object;
  clientOptions?: object;
  server(socket: AnySocket, log: string[]): void;
  client(socket: AnySocket, log: string[]): void;
}

const SCENES: Scene[] = [
  {
    name: "echo, the client ends",
    server: (socket) => socket.pipe(socket),
    client: (socket) => socket.end("hello"),
  },
  {
    name: "the server ends at once, the client only listens",
    server: (socket) => socket.end("bye"),
    client: () => {},
  },
  {
    name: "the server ends, the half-open client writes on, then ends",
    clientOptions: { allowHalfOpen: true },
    server: (socket) => socket.end("bye"),
    client: (socket, log) => {
      socket.on("end", () => {
        log.push(state(socket));
        socket.write("still here");
        setTimeout(() => socket.end(), 5);
      });
    },
  },
  {
    name: "a write on 'end' without half-open",
    server: (socket) => socket.end(),
    client: (socket) => socket.on("end", () => socket.write("too late")),
  },
  {
    name: "the client destroys on 'connect'",
    server: () => {},
    client: (socket, log) =>
      socket.on("connect", () => {
        log.push(state(socket));
        socket.destroy();
        log.push(state(socket));
      }),
  },
  {
    name: "the client destroys with an error on the first data",
    server: (socket) => socket.write("x"),
    client: (socket) => socket.once("data", () => socket.destroy(new Error("mine"))),
  },
  {
    name: "a write after 'end' without half-open",
    server: (socket) => socket.end(),
    client: (socket, log) =>
      socket.on("end", () =>
        setImmediate(() => socket.write("too late", (e) => log.push(`written ${e?.message}`))),
      ),
  },
  {
    name: "a write in the tick after 'end' without half-open",
    server: (socket) => socket.end(),
    client: (socket) => socket.on("end", () => process.nextTick(() => socket.write("too late"))),
  },
  {
    name: "the server resets",
    server: (socket) => socket.once("data", () => socket.resetAndDestroy()),
    client: (socket) => socket.write("reset me"),
  },
  {
    name: "the client half-closes and resets, the server writes later",
    serverOptions: { allowHalfOpen: true },
    server: (socket, log) =>
      socket.on("end", () =>
        setTimeout(() => {
          log.push(`destroyed ${socket.destroyed}`);
          socket.write("late");
        }, 40),
      ),
    client: (socket) => {
      socket.end("x");
      socket.on("finish", () => setTimeout(() => socket.resetAndDestroy(), 10));
    },
  },
  {
    name: "the client resets after data",
    server: (socket) => socket.write("x"),
    client: (socket) => socket.once("data", () => socket.resetAndDestroy()),
  },
  {
    name: "a write after end()",
    serverOptions: { allowHalfOpen: true },
    server: (socket) => socket.once("data", () => socket.write("go on")),
    client: (socket) => {
      socket.end("last");
      socket.once("data", () => socket.write("more"));
    },
  },
  {
    name: "destroySoon after a write",
    server: () => {},
    client: (socket) => {
      socket.write("last words");
      socket.destroySoon();
    },
  },
  {
    name: "an idle timeout that destroys",
    server: () => {},
    client: (socket) => {
      socket.setTimeout(20);
      socket.on("timeout", () => socket.destroy());
    },
  },
  {
    name: "a megabyte out, read to the end",
    server: (socket) => socket.on("end", () => socket.end("thanks")),
    client: (socket) => socket.end(Buffer.alloc(1_000_000)),
  },
  {
    name: "end() in the callback of a write",
    server: (socket) => socket.pipe(socket),
    client: (socket, log) =>
      socket.write("x", () => {
        log.push("written");
        socket.end(() => log.push("ended"));
      }),
  },
];

async function play(
  serverNet: AnyNet,
  clientNet: AnyNet,
  host: string,
  scene: Scene,
): Promise<{ client: string[]; server: string[] }> {
  const logs = { client: [] as string[], server: [] as string[] };
  const server = serverNet.createServer(scene.serverOptions ?? {}, (socket) => {
    story(socket, logs.server);
    scene.server(socket, logs.server);
  });
  server.listen(0, host);
  await once(server, "listening");
  const client = clientNet.connect({
    port: (server.address() as AddressInfo).port,
    host,
    ...scene.clientOptions,
  });
  logs.client.push(state(client));
  story(client, logs.client);
  scene.client(client, logs.client);
  await new Promise((resolve) => client.once("close", resolve));
  logs.client.push(state(client));
  for (let i = 0; i < 200 && !logs.server.some((line) => line.startsWith("close")); i++) await sleep(1);
  server.close();
  return logs;
}

/** Every scene, on the pair that `open` makes. */
export function describeStories(name: string, open: () => Pair | Promise<Pair>): void {
  describe(`the story of a socket is node:net's, ${name}`, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await open();
    });
    afterAll(() => pair.close());
    const [server, client] = [() => pair.server as unknown as AnyNet, () => pair.client as unknown as AnyNet];

    it.each(SCENES)("$name", async (scene) => {
      const kernel = await play(nodeNet, nodeNet, "127.0.0.1", scene);
      expect(await play(server(), client(), pair.host, scene)).toEqual(kernel);
    });

    it("a refused connection", async () => {
      const kernel = await refused(nodeNet, "127.0.0.1");
      expect(await refused(client(), pair.host)).toEqual(kernel);
    });
  });
}

async function refused(net: AnyNet, host: string): Promise<string[]> {
  const log: string[] = [];
  const socket = net.connect({ port: 1, host });
  story(socket, log);
  await new Promise((resolve) => socket.once("close", resolve));
  return log;
}
