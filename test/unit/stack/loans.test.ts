/** `borrowsData`: what the handler only reads during `onData` goes back to the device; what anybody keeps does not. */
import { describe, expect, test } from "vitest";
import { RX } from "../../../src/base/packet-batch.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import { COPY_BELOW } from "../../../src/tcp/buffer/send-buffer.ts";
import { Peer } from "../tcp/peer.ts";
import { accepted, type Pair, type Rig } from "../tcp/rig.ts";

type OnData = (connection: Connection, bytes: Uint8Array) => void;

const TEXT = 4_000;

/** A connection whose handler borrows, with segments of up to 8,000 bytes. */
function borrowing(onData: OnData, borrowsData = true): Pair {
  const pair = accepted({ mss: 8_000 }, { mtu: 9_000 });
  pair.connection.handler = { borrowsData, onData };
  return pair;
}

/** Hands in a batch of one packet a text, from sequence number `from` on; whether its memory is kept after the round. */
function keeps({ rig, peer }: Pair, texts: number[], from = 1): boolean {
  const packets: Uint8Array[] = [];
  for (const text of texts) {
    packets.push(peer.segment("P.", from, 1, { text }));
    from += text;
  }
  return isKept(rig, packets);
}

/** Hands in a batch; whether its memory is kept after the round. */
function isKept(rig: Rig, packets: readonly Uint8Array[]): boolean {
  const bytes = new Uint8Array(packets.reduce((n, { length }) => n + length + 3, 0));
  const table = new Int32Array(packets.length * RX.COLUMNS);
  let at = 0;
  packets.forEach((packet, i) => {
    bytes.set(packet, at);
    table.set([at, packet.length, 0, 0], i * RX.COLUMNS);
    at = (at + packet.length + 3) & ~3;
  });
  const batch = { bytes, view: new DataView(bytes.buffer), count: packets.length, table, retained: false };
  rig.stack.tick();
  rig.stack.input(rig.link, batch);
  rig.run();
  return batch.retained;
}

describe("borrowed bytes", () => {
  test("read during onData, few or many, leave the batch free; given for good, they keep it", () => {
    let read = 0;
    const count: OnData = (_c, bytes) => {
      read += bytes.length;
    };
    expect(keeps(borrowing(count), [TEXT, 10, TEXT])).toBe(false);
    expect(read).toBe(2 * TEXT + 10);
    expect(keeps(borrowing(count, false), [TEXT, 10, TEXT])).toBe(true);
  });

  test("are lent without a copy, whatever their length", () => {
    const seen: ArrayBufferLike[] = [];
    const pair = borrowing((_c, bytes) => void seen.push(bytes.buffer));
    keeps(pair, [10, TEXT]);
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]!.byteLength).toBeGreaterThan(TEXT + 10);
  });

  test("given to send by reference stay until acknowledged; copied ones do not", () => {
    expect(
      keeps(
        borrowing((c, bytes) => void c.send(bytes)),
        [TEXT],
      ),
    ).toBe(true);
    expect(
      keeps(
        borrowing((c, bytes) => void c.send(bytes.subarray(7))),
        [TEXT],
      ),
    ).toBe(true);
    expect(
      keeps(
        borrowing((c, bytes) => void c.send(bytes, true)),
        [TEXT],
      ),
    ).toBe(false);
  });

  test("small ones given to send are copied by it, and stay free: an echo goes on in the same memory", () => {
    const echo: OnData = (c, bytes) => void c.send(bytes);
    expect(keeps(borrowing(echo), [10, 64, COPY_BELOW - 1])).toBe(false);
    expect(keeps(borrowing(echo), [COPY_BELOW])).toBe(true);
  });

  test("given to a connection of another stack stay as well", () => {
    const other = accepted({ mss: 8_000 }, { mtu: 9_000 });
    expect(
      keeps(
        borrowing((_c, bytes) => void other.connection.send(bytes)),
        [TEXT],
      ),
    ).toBe(true);
  });

  test("are kept when the handler throws or pauses before all of the batch was read", () => {
    const pair = borrowing(() => {
      throw new Error("of the application");
    });
    expect(() => keeps(pair, [TEXT, TEXT])).toThrow("of the application");
    const pausing = borrowing((c) => c.pause());
    expect(keeps(pausing, [TEXT, TEXT])).toBe(true);
    const read = pausing.connection.read();
    expect(read?.length).toBe(TEXT);
  });

  test("an urgent byte that is left out between two arrays frees nothing of another connection's", () => {
    const held: Uint8Array[] = [];
    const { rig, peer, app } = borrowing((_c, bytes) => void held.push(bytes), false);
    const two = new Peer(rig, { mss: 8_000, port: 9_002 });
    two.send("S", 0, 0, two.synOptions);
    two.send(".", 1, 1);
    app.connection!.handler = { borrowsData: true, onData() {} };
    app.connection!.set({ oobInline: false });
    two.send("P.", 2, 1, { text: TEXT + 1 });
    // Freed by mistake, TEXT + 1 bytes would leave 0 of the TEXT that the first keeps and the one of the second.
    expect(
      isKept(rig, [peer.segment("P.", 1, 1, { text: TEXT }), two.segment("P.U", 1, 1, { text: "!", up: 1 })]),
    ).toBe(true);
    expect(held.map(({ length }) => length)).toEqual([TEXT]);
  });

  test("of an earlier batch, read late, do not free the memory of a later one", () => {
    let isLate = true;
    const pair = borrowing((c) => {
      if (isLate) c.pause();
    });
    expect(keeps(pair, [TEXT, TEXT])).toBe(true);
    isLate = false;
    pair.connection.resume();
    expect(keeps(pair, [TEXT], 1 + 2 * TEXT)).toBe(false);
  });
});
