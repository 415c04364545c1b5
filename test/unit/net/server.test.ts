import { EventEmitter, once } from "node:events";
import nodeNet from "node:net";
import { inherits } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { NetworkError } from "../../../src/base/errors.ts";
import { duplexNet } from "../../../src/net/net.ts";
import type { Server } from "../../../src/net/server.ts";
import type { Socket } from "../../../src/net/socket.ts";
import { FakeStack, settle } from "./fake-stack.ts";

function listening(options: object = {}): { stack: FakeStack; server: Server; sockets: Socket[] } {
  const stack = new FakeStack();
  const sockets: Socket[] = [];
  const server = duplexNet(stack).createServer(options, (socket) => sockets.push(socket));
  server.listen(80);
  return { stack, server, sockets };
}

describe("Server as a constructor", () => {
  it("is an instance of node:net's Server, with or without new, and by Server.call", () => {
    const { Server } = duplexNet(new FakeStack());
    function Old(this: Server) {
      (Server as unknown as (this: Server) => void).call(this);
    }
    inherits(Old, Server);
    for (const server of [
      new Server(),
      (Server as () => Server)(),
      new (Old as unknown as new () => Server)(),
    ]) {
      expect(server).toBeInstanceOf(Server);
      expect(server).toBeInstanceOf(nodeNet.Server);
      expect(server).toBeInstanceOf(EventEmitter);
      expect(server.listening).toBe(false);
    }
  });

  it("runs none of the real prototype's methods: each name of it is our own", () => {
    const { Server } = duplexNet(new FakeStack());
    const own = new Set(Reflect.ownKeys(Object.getPrototypeOf(Server.prototype)));
    const missing = Reflect.ownKeys(nodeNet.Server.prototype).filter((name) => !own.has(name));
    expect(missing).toEqual([]);
  });
});

describe("listen", () => {
  it.each([
    ["()", [], undefined, 0, 511],
    ["(null)", [null], undefined, 0, 511],
    ["(port)", [80], undefined, 80, 511],
    ["('port')", ["80"], undefined, 80, 511],
    ["(port, backlog)", [80, 10], undefined, 80, 10],
    ["(port, host)", [80, "10.77.0.2"], "10.77.0.2", 80, 511],
    ["(port, host, backlog)", [80, "10.77.0.2", 10], "10.77.0.2", 80, 10],
    ["({port: undefined})", [{ port: undefined }], undefined, 0, 511],
    ["({port, host, backlog})", [{ port: 80, host: "10.77.0.2", backlog: 5 }], "10.77.0.2", 80, 5],
  ])("%s, each with a listener or without", async (_shape, args, host, port, backlog) => {
    const stack = new FakeStack();
    const { createServer } = duplexNet(stack);
    const heard = vi.fn();
    (createServer() as unknown as { listen(...a: unknown[]): void }).listen(...args, heard);
    (createServer() as unknown as { listen(...a: unknown[]): void }).listen(...args);
    expect(stack.listens).toEqual([
      { host, port, backlog },
      { host, port, backlog },
    ]);
    expect(heard).not.toHaveBeenCalled();
    await settle();
    expect(heard).toHaveBeenCalledOnce();
  });

  it("knows its address, and the port that was chosen for 0", () => {
    const server = duplexNet(new FakeStack()).createServer();
    expect(server.address()).toBeNull();
    server.listen(0, "10.77.0.2");
    expect(server.listening).toBe(true);
    expect(server.address()).toEqual({ address: "10.77.0.2", family: "IPv4", port: 50_001 });
  });

  it("a port in use is an 'error' in the next tick, in Node's words", async () => {
    const stack = new FakeStack();
    const server = duplexNet(stack).createServer();
    stack.failure = new NetworkError("EADDRINUSE", "listen");
    server.listen(80, "10.77.0.2");
    const errors: unknown[] = [];
    server.on("error", (error) => errors.push(error));
    await settle();
    expect(String(errors[0])).toBe("Error: listen EADDRINUSE: address already in use 10.77.0.2:80");
    expect(errors[0]).toMatchObject({ code: "EADDRINUSE", errno: -98, syscall: "listen", port: 80 });
    expect(server.listening).toBe(false);
    server.listen(81);
    expect(server.listening).toBe(true);
  });

  it("twice is ERR_SERVER_ALREADY_LISTEN", () => {
    const { server } = listening();
    expect(() => server.listen(81)).toThrowError(
      expect.objectContaining({ code: "ERR_SERVER_ALREADY_LISTEN" }),
    );
  });

  it("a name that is found after close() opens nothing", async () => {
    const stack = new FakeStack();
    const server = duplexNet(stack).createServer();
    server.listen(80, "localhost");
    server.close();
    server.listen(81, "localhost");
    await once(server, "listening");
    expect(stack.listens.map((options) => options.port)).toEqual([81]);
  });

  it("an aborted signal closes it", async () => {
    const controller = new AbortController();
    const stack = new FakeStack();
    const server = duplexNet(stack).createServer().listen({ port: 80, signal: controller.signal });
    const closed = vi.fn();
    server.on("close", closed);
    controller.abort();
    await settle();
    expect(stack.listeners[0]!.closed).toBe(true);
    expect(closed).toHaveBeenCalledOnce();
  });
});

describe("accepting", () => {
  it("hands out sockets that know their server", async () => {
    const { stack, server, sockets } = listening({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 3000,
    });
    const connection = stack.accept();
    expect(sockets[0]!.server).toBe(server);
    expect(sockets[0]).toBeInstanceOf(EventEmitter);
    expect(connection.calls.slice(0, 2)).toEqual(["noDelay true", "keepAlive true 3000 1000 10"]);
    const count = await new Promise((resolve) => server.getConnections((_error, n) => resolve(n)));
    expect(count).toBe(1);
  });

  it("pauseOnConnect reads nothing, allowHalfOpen and highWaterMark reach the sockets", () => {
    const { stack, sockets } = listening({ pauseOnConnect: true, allowHalfOpen: true, highWaterMark: 1234 });
    const connection = stack.accept();
    expect(connection.paused).toBe(true);
    expect(sockets[0]!.isPaused()).toBe(true);
    expect(sockets[0]!.allowHalfOpen).toBe(true);
    expect(sockets[0]!.readableHighWaterMark).toBe(1234);
    expect(sockets[0]!.writableHighWaterMark).toBe(1234);
  });

  it("closes what is above maxConnections, and tells by 'drop'", () => {
    const { stack, server, sockets } = listening();
    const drops: unknown[] = [];
    server.on("drop", (drop) => drops.push(drop));
    server.maxConnections = 1;
    stack.accept();
    const second = stack.accept();
    expect(sockets).toHaveLength(1);
    expect(second.calls).toEqual(["close"]);
    expect(drops).toEqual([
      {
        localAddress: "10.77.0.2",
        localPort: 80,
        localFamily: "IPv4",
        remoteAddress: "10.77.0.1",
        remotePort: 40_000,
        remoteFamily: "IPv4",
      },
    ]);
  });
});

describe("close", () => {
  it("ends listening at once, and says 'close' when the last connection has ended", async () => {
    const { stack, server, sockets } = listening();
    stack.accept();
    const closed = vi.fn();
    server.close(closed);
    expect(stack.listeners[0]!.closed).toBe(true);
    expect(server.listening).toBe(false);
    expect(server.address()).toBeNull();
    await settle();
    expect(closed).not.toHaveBeenCalled();
    sockets[0]!.destroy();
    await settle();
    expect(closed).toHaveBeenCalledOnce();
    expect(closed).toHaveBeenCalledWith();
  });

  it("of a server that does not listen gives ERR_SERVER_NOT_RUNNING", async () => {
    const closed = vi.fn();
    duplexNet(new FakeStack()).createServer().close(closed);
    await settle();
    expect(closed.mock.calls[0]![0].code).toBe("ERR_SERVER_NOT_RUNNING");
  });

  it("before 'listening' takes it back", async () => {
    const { server } = listening();
    const heard = vi.fn();
    server.on("listening", heard);
    server.close();
    await settle();
    expect(heard).not.toHaveBeenCalled();
  });

  it("by Symbol.asyncDispose", async () => {
    const { stack, server } = listening();
    await server[Symbol.asyncDispose]();
    expect(stack.listeners[0]!.closed).toBe(true);
    await server[Symbol.asyncDispose]();
  });
});
