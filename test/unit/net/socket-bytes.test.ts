import { describe, expect, it, vi } from "vitest";
import { duplexNet } from "../../../src/net/net.ts";
import { FakeStack, settle } from "./fake-stack.ts";
import { accepted, record } from "./puppets.ts";

describe("reading", () => {
  it("delivers data, then end, then closes by itself when both sides have ended", async () => {
    const { socket, connection } = accepted();
    const log = record(socket);
    connection.deliver("one");
    connection.deliver("two");
    connection.deliverEnd();
    await settle();
    expect(log).toEqual(["data one", "data two", "end", "finish", "close false"]);
    expect(connection.calls).toEqual(["end", "close"]);
    expect(socket.bytesRead).toBe(6);
  });

  it("ends though nobody reads, when there is nothing to read", async () => {
    const { socket, connection } = accepted();
    const ended = vi.fn();
    socket.on("end", ended);
    connection.deliverEnd();
    await settle();
    expect(ended).toHaveBeenCalledOnce();
  });

  it("pauses the connection when its buffer is full, and resumes it when that was read", async () => {
    const { socket, connection } = accepted({ highWaterMark: 10 });
    connection.deliver("12345");
    expect(connection.paused).toBe(false);
    connection.deliver("6789012345");
    expect(connection.paused).toBe(true);
    const log = record(socket);
    await settle();
    expect(connection.paused).toBe(false);
    expect(log.join()).toContain("12345");
    connection.deliver("more");
    expect(log[log.length - 1]).toBe("data more");
  });

  it("pause() holds data back up to the buffer's limit, as Node does, and resume() lets it go", async () => {
    const { socket, connection } = accepted({ highWaterMark: 4 });
    const log = record(socket);
    socket.pause();
    await settle();
    connection.deliver("12345");
    expect(log).toEqual([]);
    expect(connection.paused).toBe(true);
    socket.resume();
    await settle();
    expect(log).toEqual(["data 12345"]);
    expect(connection.paused).toBe(false);
  });

  it("a small chunk does not hold the slab it arrived in; a large one is a view of it", () => {
    const { socket, connection } = accepted();
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    const slab = new Uint8Array(1 << 20);
    connection.deliver(slab.subarray(100, 164));
    connection.deliver(slab.subarray(164, 164 + 65_000));
    expect(chunks[0]!.length).toBe(64);
    expect(chunks[0]!.buffer).not.toBe(slab.buffer);
    expect(chunks[1]!.length).toBe(65_000);
    expect(chunks[1]!.buffer).toBe(slab.buffer);
    expect(chunks[1]!.byteOffset).toBe(164);
  });

  it("pauseOnCreate reads nothing until resume()", async () => {
    const { socket, connection } = accepted({ pauseOnCreate: true });
    const log = record(socket);
    await settle();
    expect(connection.paused).toBe(true);
    socket.resume();
    await settle();
    connection.deliver("x");
    expect(log).toEqual(["data x"]);
  });

  it("onread fills the application's buffer, and pauses when the callback says false", () => {
    const buffer = Buffer.alloc(4);
    const seen: string[] = [];
    let go = true;
    const callback = (length: number, target: Uint8Array) => {
      seen.push(Buffer.from(target.subarray(0, length)).toString());
      return go;
    };
    const { socket, connection } = accepted({ onread: { buffer, callback } });
    connection.deliver("123456");
    expect(seen).toEqual(["1234", "56"]);
    go = false;
    connection.deliver("abcdef");
    expect(seen).toEqual(["1234", "56", "abcd"]);
    expect(connection.paused).toBe(true);
    go = true;
    socket.resume();
    expect(seen).toEqual(["1234", "56", "abcd", "ef"]);
    expect(connection.paused).toBe(false);
    expect(socket.bytesRead).toBe(12);
  });
});

describe("writing", () => {
  it("copies the application's bytes, not a string's", () => {
    const { socket, connection } = accepted();
    const bytes = Buffer.from("abc");
    socket.write(bytes);
    bytes.fill(0);
    socket.write("déf");
    socket.write("00ff", "hex");
    expect(connection.sent.map((send) => send.copy)).toEqual([true, false, false]);
    expect(Buffer.concat(connection.sent.map((s) => s.bytes)).toString("latin1")).toBe(
      `${Buffer.from("abcdéf\u0000").toString("latin1")}\u00ff`,
    );
    expect(socket.bytesWritten).toBe(9);
  });

  it("below the limit it takes writes at once, without waiting for the peer", async () => {
    const { socket } = accepted();
    const done = vi.fn();
    expect(socket.write("x", done)).toBe(true);
    expect(socket.writableLength).toBe(0);
    await settle();
    expect(done).toHaveBeenCalledOnce();
  });

  it("a full send buffer holds the callback and 'drain' back until onDrain", async () => {
    const { socket, connection } = accepted({ writableHighWaterMark: 4 });
    const log = record(socket);
    const done = vi.fn();
    connection.room = false;
    expect(socket.write("123456", done)).toBe(false);
    socket.write("second");
    await settle();
    expect(done).not.toHaveBeenCalled();
    expect(connection.text).toBe("123456");
    expect(socket.bytesWritten).toBe(12);
    expect(socket.bufferSize).toBe(12);
    connection.drain();
    await settle();
    expect(done).toHaveBeenCalledOnce();
    expect(connection.text).toBe("123456second");
    expect(log).toEqual(["drain"]);
    expect(socket.bufferSize).toBe(0);
  });

  it("cork joins writes to one run of sends in one tick", () => {
    const { socket, connection } = accepted();
    socket.cork();
    socket.write("a");
    socket.write(Buffer.from("b"));
    expect(connection.sent).toEqual([]);
    socket.uncork();
    expect(connection.text).toBe("ab");
    expect(socket.bytesWritten).toBe(2);
  });

  it("a write in flight when the socket is destroyed still calls back", async () => {
    const { socket, connection } = accepted();
    const done = vi.fn();
    connection.room = false;
    socket.write("x", done);
    socket.destroy();
    await settle();
    expect(done).toHaveBeenCalledOnce();
    expect(socket.bytesWritten).toBe(1);
  });

  it("a socket that never connected gives ERR_SOCKET_CLOSED", async () => {
    const { Socket } = duplexNet(new FakeStack());
    const socket = new Socket();
    const done = vi.fn();
    socket.on("error", () => {});
    socket.write("x", done);
    await settle();
    expect(done.mock.calls[0]![0].code).toBe("ERR_SOCKET_CLOSED");
  });
});
