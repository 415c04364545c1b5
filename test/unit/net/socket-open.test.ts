import { describe, expect, it, vi } from "vitest";
import { duplexNet } from "../../../src/net/net.ts";
import { FakeStack, settle } from "./fake-stack.ts";
import { accepted, connecting, record } from "./puppets.ts";

describe("opening", () => {
  it("emits connect, then ready, and knows both sides", async () => {
    const { socket, log, connection, stack } = await connecting({ localPort: 4000 });
    expect(socket.connecting).toBe(true);
    expect(socket.pending).toBe(true);
    expect(socket.readyState).toBe("opening");
    expect(socket.remoteAddress).toBeUndefined();
    connection.establish();
    expect(log).toEqual(["connect", "ready"]);
    expect(socket.connecting).toBe(false);
    expect(socket.pending).toBe(false);
    expect(socket.readyState).toBe("open");
    expect(stack.connects).toEqual([{ host: "10.77.0.9", port: 7, localPort: 4000 }]);
    expect(socket.address()).toEqual({ address: "10.77.0.2", family: "IPv4", port: 4000 });
    expect([socket.remoteAddress, socket.remotePort, socket.remoteFamily]).toEqual(["10.77.0.9", 7, "IPv4"]);
    expect([socket.localAddress, socket.localPort, socket.localFamily]).toEqual(["10.77.0.2", 4000, "IPv4"]);
  });

  it("looks names up, tells, and tries the addresses in turn", async () => {
    const stack = new FakeStack();
    const addresses = [
      { address: "10.77.0.8", family: 4 },
      { address: "10.77.0.9", family: 4 },
    ];
    const lookup = vi.fn((_host: string, _options: object, done: (e: null, a: typeof addresses) => void) => {
      done(null, addresses);
    });
    const socket = duplexNet(stack).connect({ port: 7, host: "peer", lookup: lookup as never });
    const failed: string[] = [];
    socket.on("connectionAttemptFailed", (ip: string, _p: number, _f: number, error: Error) => {
      failed.push(`${ip} ${error.message}`);
    });
    const log = record(socket);
    await settle();
    stack.last.closeWith("ECONNREFUSED");
    stack.last.establish();
    expect(lookup.mock.calls[0]![0]).toBe("peer");
    expect(failed).toEqual(["10.77.0.8 connect ECONNREFUSED 10.77.0.8:7"]);
    expect(log).toEqual(["connect", "ready"]);
    expect(socket.remoteAddress).toBe("10.77.0.9");
  });

  it("a name whose addresses all fail gives an AggregateError with the first code", async () => {
    const stack = new FakeStack();
    const lookup = (_h: string, _o: object, done: (e: null, a: object[]) => void) =>
      done(null, [
        { address: "10.77.0.8", family: 4 },
        { address: "fd77::8", family: 6 },
      ]);
    const socket = duplexNet(stack).connect({ port: 7, host: "peer", lookup: lookup as never });
    const errors: (AggregateError & { code?: string })[] = [];
    socket.on("error", (error) => errors.push(error as AggregateError));
    await settle();
    stack.last.closeWith("ETIMEDOUT");
    stack.last.closeWith("ENETUNREACH");
    await settle();
    expect(errors).toHaveLength(1);
    expect(errors[0]!.code).toBe("ETIMEDOUT");
    expect(errors[0]!.errors.map(String)).toEqual([
      "Error: connect ETIMEDOUT 10.77.0.8:7",
      "Error: connect ENETUNREACH fd77::8:7",
    ]);
  });

  it("a name that is not found: lookup, error with host and port, close", async () => {
    const failure = Object.assign(new Error("getaddrinfo ENOTFOUND nowhere"), { code: "ENOTFOUND" });
    const lookup = (_h: string, _o: object, done: (e: Error) => void) => done(failure);
    const socket = duplexNet(new FakeStack()).connect({ port: 7, host: "nowhere", lookup: lookup as never });
    const log = record(socket);
    await settle();
    expect(log).toEqual(["error getaddrinfo ENOTFOUND nowhere", "close true"]);
    expect(failure).toMatchObject({ host: "nowhere", port: 7 });
  });

  it("reads when a listener of 'connect' reads by 'readable', as undici does", async () => {
    const stack = new FakeStack();
    const socket = duplexNet(stack).connect({ port: 7, host: "10.77.0.9" });
    await settle();
    const connection = stack.last;
    const read: string[] = [];
    socket.on("connect", () => {
      socket.on("readable", () => read.push(String(socket.read())));
      socket.read();
    });
    connection.establish();
    await settle();
    expect(connection.paused).toBe(false);
    connection.deliver("answer");
    await settle();
    expect(read).toEqual(["answer"]);
  });

  it("a refused connection: Node's message, code, errno, syscall, address and port", async () => {
    const { socket, log, connection } = await connecting();
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    connection.closeWith("ECONNREFUSED");
    await settle();
    expect(log).toEqual(["error connect ECONNREFUSED 10.77.0.9:7", "close true"]);
    const facts = { code: "ECONNREFUSED", errno: -111, syscall: "connect", address: "10.77.0.9", port: 7 };
    expect(errors[0]).toMatchObject(facts);
    expect(socket.destroyed).toBe(true);
  });

  it("names the local side it was given in the error", async () => {
    const { log, connection } = await connecting({ localAddress: "10.77.0.2", localPort: 4000 });
    connection.closeWith("ECONNREFUSED");
    await settle();
    expect(log[0]).toBe("error connect ECONNREFUSED 10.77.0.9:7 - Local (10.77.0.2:4000)");
  });

  it("destroy while connecting gives the connection up, and close without an error", async () => {
    const { socket, log, connection } = await connecting();
    socket.destroy();
    await settle();
    expect(connection.calls).toEqual(["close"]);
    expect(log).toEqual(["close false"]);
    connection.establish();
    expect(log).toEqual(["close false"]);
  });

  it("connects again after it has ended", async () => {
    const { socket, stack, log, connection } = await connecting();
    connection.establish();
    socket.destroy();
    await settle();
    socket.connect(7, "10.77.0.9");
    await settle();
    stack.last.establish();
    stack.last.deliver("again");
    expect(log).toEqual(["connect", "ready", "close false", "connect", "ready", "data again"]);
    expect(socket.bytesRead).toBe(5);
  });

  it("connects again after the peer has ended it, and forgets that the peer did", async () => {
    const { socket, stack, connection } = await connecting();
    connection.establish();
    connection.deliverEnd();
    await settle();
    socket.connect(7, "10.77.0.9");
    await settle();
    stack.last.establish();
    socket.end("last");
    await settle();
    expect(stack.last.text).toBe("last");
    const done = vi.fn();
    socket.on("error", () => {});
    socket.write("more", done);
    await settle();
    expect(done.mock.calls[0]![0].code).toBe("ERR_STREAM_WRITE_AFTER_END");
  });

  it("destroy during the look-up opens nothing", async () => {
    const stack = new FakeStack();
    let answer = (): void => {};
    const lookup = (_host: string, _options: object, done: (e: null, a: string, f: number) => void): void => {
      answer = () => done(null, "10.77.0.9", 4);
    };
    const socket = duplexNet(stack).connect({ port: 7, host: "peer", lookup: lookup as never });
    socket.destroy();
    answer();
    await settle();
    expect(stack.connects).toEqual([]);
  });

  it("an aborted signal destroys it with an AbortError", async () => {
    const controller = new AbortController();
    const { log, connection } = await connecting({ signal: controller.signal });
    connection.establish();
    controller.abort();
    await settle();
    expect(log).toEqual(["connect", "ready", "error The operation was aborted", "close true"]);
  });

  it("holds writes back until connected, and counts them", async () => {
    const { socket, connection } = await connecting();
    const done = vi.fn();
    socket.write("héllo", done);
    socket.write(Buffer.from(" you"));
    expect(socket.bytesWritten).toBe(10);
    expect(connection.sent).toEqual([]);
    connection.establish();
    await settle();
    expect(connection.text).toBe("héllo you");
    expect(done).toHaveBeenCalledWith(null);
    expect(socket.bytesWritten).toBe(10);
  });

  it("a write that waits when the socket is destroyed fails with ERR_SOCKET_CLOSED_BEFORE_CONNECTION", async () => {
    const { socket } = await connecting();
    const done = vi.fn();
    socket.write("x", done);
    socket.destroy();
    await settle();
    expect(done.mock.calls[0]![0].code).toBe("ERR_SOCKET_CLOSED_BEFORE_CONNECTION");
  });

  it("end before the connection sends FIN after it", async () => {
    const { socket, connection } = await connecting();
    socket.end("bye");
    connection.establish();
    await settle();
    expect(connection.text).toBe("bye");
    expect(connection.calls).toContain("end");
  });
});

describe("idle timeout", () => {
  it("fires once idle, and each read or write starts it again", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { socket, connection } = accepted();
      const fired = vi.fn();
      expect(socket.setTimeout(1000, fired)).toBe(socket);
      expect(socket.timeout).toBe(1000);
      vi.advanceTimersByTime(900);
      connection.deliver("x");
      vi.advanceTimersByTime(900);
      socket.write("y");
      vi.advanceTimersByTime(900);
      expect(fired).not.toHaveBeenCalled();
      vi.advanceTimersByTime(100);
      expect(fired).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it("does not fire for a slow write that moves, and does for one that stands", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { socket, connection } = accepted();
      const fired = vi.fn();
      connection.room = false;
      socket.write("x".repeat(100));
      socket.setTimeout(1000, fired);
      connection.bytesAcked = 10;
      vi.advanceTimersByTime(1000);
      expect(fired).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1000);
      expect(fired).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
    }
  });

  it("0 takes it and its listener away, and so does destroy", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { socket } = accepted();
      const fired = vi.fn();
      socket.setTimeout(1000, fired);
      socket.setTimeout(0, fired);
      expect(socket.listenerCount("timeout")).toBe(0);
      socket.setTimeout(1000);
      socket.destroy();
      expect(vi.getTimerCount()).toBe(0);
      socket.setTimeout(1000);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("options of the connection", () => {
  it("noDelay and keepAlive wait for the connection when there is none", async () => {
    const { socket, connection } = await connecting({ noDelay: true });
    socket.setKeepAlive(true, 2500);
    expect(connection.calls).toEqual([]);
    connection.establish();
    expect(connection.calls).toEqual(["noDelay true", "keepAlive true 2000 1000 10"]);
  });

  it("keepAlive without a delay takes the stack's times, and is set only when it changes", () => {
    const { socket, connection } = accepted();
    socket.setKeepAlive(true);
    socket.setKeepAlive(true);
    socket.setKeepAlive(false);
    socket.setNoDelay();
    socket.setNoDelay(false);
    expect(connection.calls).toEqual(["keepAlive true", "keepAlive false", "noDelay true", "noDelay false"]);
  });
});
