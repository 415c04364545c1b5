import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPipe } from "../../../src/device/pipe.ts";
import { createStack, type RunningStack } from "../../../src/driver/create-stack.ts";
import { holderCount } from "../../../src/net/liveness.ts";
import { createNet, duplexNet, type Net } from "../../../src/net/net.ts";

/** Timers that keep this process alive. */
function holders(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe.each([
  ["the real classes", createNet],
  ["stream.Duplex", duplexNet as unknown as typeof createNet],
])("what keeps the process alive, by %s", (_way, make) => {
  let stack: RunningStack;
  let net: Net;
  beforeEach(() => {
    stack = createStack({ device: createPipe()[0], addresses: ["10.77.0.2/24"] });
    stack.unref();
    net = make(stack);
  });
  afterEach(() => stack.close());

  it("a server that listens, until it is closed", async () => {
    const before = holders();
    const server = net.createServer();
    await once(server.listen(80), "listening");
    expect(holders()).toBe(before + 1);
    server.close();
    expect(holders()).toBe(before);
  });

  it("no server of a stack that was closed", async () => {
    const before = holders();
    const server = net.createServer();
    await once(server.listen(80), "listening");
    await stack.close();
    expect(holders()).toBe(before);
    expect(server.listening).toBe(true);
    server.close();
    await once(server, "close");
  });

  it("a socket while it opens and reads; not when it is unreferenced, paused, ended or destroyed", async () => {
    const server = net.createServer((socket) => socket.on("data", () => socket.end("x")));
    await once(server.listen(80, "10.77.0.2"), "listening");
    server.unref();
    const accepting = once(server, "connection");
    const socket = net.connect(80, "10.77.0.2");
    await new Promise(process.nextTick);
    expect(holds(socket)).toBe(true);
    const [accepted] = (await accepting) as [Socket];
    if (socket.connecting) await once(socket, "connect");
    expect(holds(socket)).toBe(true);
    accepted.unref();
    socket.on("data", () => {});
    socket.write("last");
    await once(socket, "end");
    expect(holds(socket)).toBe(false);
    await once(socket, "close");
    server.close();
  });

  it("no socket that nobody reads any more", async () => {
    const server = net.createServer((socket) =>
      socket
        .unref()
        .on("error", () => {})
        .write(Buffer.alloc(1_000_000)),
    );
    await once(server.listen(80, "10.77.0.2"), "listening");
    server.unref();
    const socket = net.connect(80, "10.77.0.2").pause();
    await once(socket, "connect");
    await expect.poll(() => holds(socket)).toBe(false);
    socket.resume();
    await expect.poll(() => holds(socket)).toBe(true);
    socket.destroy();
    server.close();
  });
});

/** Whether this one is among those that keep the process alive. */
function holds(socket: Socket): boolean {
  const before = holderCount();
  socket.unref();
  const without = holderCount();
  socket.ref();
  return before - without === 1;
}
