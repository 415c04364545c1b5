import { describe, expect, it } from "vitest";
import { BLOCK_MAX, CopiesInFlight } from "../../../src/net/copy-pool.ts";
import { accepted } from "./puppets.ts";

describe("copies of what was written", () => {
  it("are used again once acknowledged, and not before", () => {
    const copies = new CopiesInFlight();
    const chunk = new Uint8Array(20_000).fill(1);
    const first = copies.copy(chunk, 0, 20_000, 20_000);
    copies.reclaim(19_999);
    const second = copies.copy(chunk, 0, 20_000, 40_000);
    expect(second.buffer).not.toBe(first.buffer);
    copies.reclaim(20_000);
    const third = copies.copy(chunk, 0, 20_000, 60_000);
    expect(third.buffer).toBe(first.buffer);
    expect(third.buffer).not.toBe(second.buffer);
  });

  it("take at most four times their length of memory", () => {
    const copies = new CopiesInFlight();
    for (const length of [2048, 4096, 4097, 16_384, 16_385, BLOCK_MAX]) {
      const copy = copies.copy(new Uint8Array(length), 0, length, length);
      expect(copy.length).toBe(length);
      expect(copy.buffer.byteLength).toBeLessThanOrEqual(4 * length);
    }
  });

  it("keep thousands in flight in order", () => {
    const copies = new CopiesInFlight();
    const held: Uint8Array[] = [];
    const byte = Uint8Array.of(0);
    for (let i = 0; i < 5000; i++) {
      byte[0] = i;
      held.push(copies.copy(byte, 0, 1, i + 1));
      if (i % 3 === 2) copies.reclaim(i - 200);
      for (let at = Math.max(0, i - 195); at <= i; at += 39) expect(held[at]![0]).toBe(at & 0xff);
    }
  });
});

describe("a socket's writes", () => {
  it("do not change with the application's memory, until the peer has acknowledged them", () => {
    const { socket, connection } = accepted();
    const memory = Buffer.alloc(100_000, "a");
    socket.write(memory);
    memory.fill("b");
    socket.write(memory);
    const sent = Buffer.concat(connection.sent.map((send) => send.bytes)).toString();
    expect(sent === "a".repeat(100_000) + "b".repeat(100_000)).toBe(true);
    expect(connection.sent.map((send) => send.bytes.length)).toEqual([65_536, 34_464, 65_536, 34_464]);
    connection.bytesAcked = 65_536;
    socket.write(Buffer.alloc(60_000, "c"));
    expect(connection.sent[4]!.bytes.buffer).toBe(connection.sent[0]!.bytes.buffer);
  });

  it("give their memory back when everything was acknowledged", () => {
    const one = accepted();
    one.socket.write(Buffer.alloc(60_000));
    one.connection.bytesAcked = 60_000;
    one.connection.handler.onFinish?.(one.connection.asConnection);
    const two = accepted();
    two.socket.write(Buffer.alloc(60_000));
    expect(two.connection.sent[0]!.bytes.buffer).toBe(one.connection.sent[0]!.bytes.buffer);
  });

  it("that may still be sent after destroy keep their memory", () => {
    const one = accepted();
    one.socket.write(Buffer.alloc(60_000, "a"));
    one.socket.destroy();
    one.connection.bytesAcked = 60_000;
    const two = accepted();
    two.socket.write(Buffer.alloc(60_000, "b"));
    expect(one.connection.sent[0]!.bytes[0]).toBe("a".charCodeAt(0));
  });
});
