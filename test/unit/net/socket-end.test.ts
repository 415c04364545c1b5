import { describe, expect, it, vi } from "vitest";
import { duplexNet } from "../../../src/net/net.ts";
import { FakeStack, settle } from "./fake-stack.ts";
import { accepted, record } from "./puppets.ts";

describe("half-close", () => {
  it("end() sends FIN and reading goes on", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    socket.end("last");
    await settle();
    expect(connection.text).toBe("last");
    expect(connection.calls).toEqual(["end"]);
    expect(socket.readyState).toBe("readOnly");
    connection.deliver("still");
    connection.deliverEnd();
    await settle();
    expect(log).toEqual(["finish", "data still", "end", "close false"]);
  });

  it("with allowHalfOpen, the peer's FIN leaves the writing side open", async () => {
    const { socket, connection } = accepted({ allowHalfOpen: true });
    const log = record(socket);
    connection.deliverEnd();
    await settle();
    expect(log).toEqual(["end"]);
    expect(socket.readyState).toBe("writeOnly");
    socket.write("more");
    expect(connection.text).toBe("more");
    socket.end();
    await settle();
    expect(log).toEqual(["end", "finish", "close false"]);
    expect(connection.calls).toEqual(["end", "close"]);
  });

  it("without it, a write after the peer's FIN is an EPIPE in Node's words", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    const done = vi.fn();
    socket.on("finish", () => socket.write("late", done));
    connection.deliverEnd();
    await settle();
    expect(log).toEqual([
      "end",
      "finish",
      "error This socket has been ended by the other party",
      "close true",
    ]);
    expect(done.mock.calls[0]![0].code).toBe("EPIPE");
  });
});

describe("failing", () => {
  it("a reset is read ECONNRESET without an address, then close with hadError", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    const errors: unknown[] = [];
    socket.on("error", (error) => errors.push(error));
    connection.closeWith("ECONNRESET");
    await settle();
    expect(log).toEqual(["error read ECONNRESET", "close true"]);
    expect(errors[0]).toMatchObject({ code: "ECONNRESET", errno: -104, syscall: "read" });
    expect((errors[0] as { address?: string }).address).toBeUndefined();
    expect(connection.calls).toEqual([]);
  });

  it("a keepalive or retransmission timeout is read ETIMEDOUT", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    connection.closeWith("ETIMEDOUT");
    await settle();
    expect(log).toEqual(["error read ETIMEDOUT", "close true"]);
  });

  it("a reset after FIN still reads as EOF, and writing gives EPIPE (tcp_reset in CLOSE-WAIT)", async () => {
    const { socket, connection } = accepted({ allowHalfOpen: true });
    const log = record(socket);
    connection.deliverEnd();
    connection.closeWith("ECONNRESET");
    await settle();
    expect(log).toEqual(["end"]);
    socket.write("x");
    await settle();
    expect(log).toEqual(["end", "error write EPIPE", "close true"]);
  });

  it("a reset while a write waits after FIN fails that write with EPIPE", async () => {
    const { socket, connection } = accepted({ allowHalfOpen: true });
    const log = record(socket);
    connection.deliverEnd();
    await settle();
    connection.room = false;
    socket.write("x");
    connection.closeWith("ECONNRESET");
    await settle();
    expect(log).toEqual(["end", "error write EPIPE", "close true"]);
  });

  it("a reset while nothing is read waits for the reader, as the kernel's does", async () => {
    const { socket, connection } = accepted({ highWaterMark: 2 });
    connection.deliver("123");
    connection.closeWith("ECONNRESET");
    await settle();
    expect(socket.destroyed).toBe(false);
    const log = record(socket);
    await settle();
    expect(log).toEqual(["data 123", "error read ECONNRESET", "close true"]);
  });

  it("a write after an unseen reset gets its code once", async () => {
    const { socket, connection } = accepted({ highWaterMark: 2 });
    connection.deliver("123");
    connection.closeWith("ECONNRESET");
    const errors: string[] = [];
    socket.on("error", (error) => errors.push(error.message));
    socket.write("x");
    await settle();
    expect(errors).toEqual(["write ECONNRESET"]);
  });

  it("resetAndDestroy aborts, destroy closes, and both keep the counts", async () => {
    const one = accepted();
    one.connection.deliver("abc");
    one.socket.write("de");
    one.socket.resetAndDestroy();
    expect(one.connection.calls).toEqual(["abort"]);
    expect([one.socket.bytesRead, one.socket.bytesWritten]).toEqual([3, 2]);
    const two = accepted();
    two.socket.destroy();
    two.socket.destroy();
    expect(two.connection.calls).toEqual(["close"]);
    expect(two.socket.remoteAddress).toBe("10.77.0.1");
  });

  it("resetAndDestroy of a closed socket is ERR_SOCKET_CLOSED", async () => {
    const { Socket } = duplexNet(new FakeStack());
    const socket = new Socket();
    const errors: NodeJS.ErrnoException[] = [];
    socket.on("error", (error) => errors.push(error));
    socket.resetAndDestroy();
    await settle();
    expect(errors[0]!.code).toBe("ERR_SOCKET_CLOSED");
  });

  it("destroySoon closes after what was written", async () => {
    const { socket, connection } = accepted();
    connection.room = false;
    socket.write("x");
    socket.destroySoon();
    expect(connection.calls).toEqual([]);
    connection.drain();
    await settle();
    expect(connection.calls).toEqual(["end", "close"]);
  });

  it("nothing is heard of a connection after destroy", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    socket.destroy();
    connection.deliver("late");
    connection.closeWith("ECONNRESET");
    await settle();
    expect(log).toEqual(["close false"]);
    expect(socket.bytesRead).toBe(0);
  });
});
