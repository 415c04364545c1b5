/** Urgent data (RFC 9293 3.8.5, RFC 6093), sent and received, in line and out of band. */
import { describe, expect, test } from "vitest";
import { accepted, type Pair, type RigOptions, SECOND } from "./rig.ts";

/** An accepted connection whose application writes down urgent news and reads when told to. */
function reading(oobInline: boolean, rig: RigOptions = {}): Pair & { reads: () => string[] } {
  const pair = accepted({ mss: 1_460 }, rig);
  const { connection, app } = pair;
  connection.set({ oobInline });
  connection.handler = { onUrgent: () => void app.log.push("urgent"), onEnd: () => void app.log.push("end") };
  const reads = (): string[] => {
    const all: string[] = [];
    for (;;) {
      const mark = connection.atMark ? "^" : "";
      const bytes = connection.read();
      if (bytes === null) return all;
      all.push(mark + new TextDecoder().decode(bytes));
    }
  };
  app.take();
  return { ...pair, reads };
}

describe("urgent data sent", () => {
  test("RFC 9293 3.8.5 MUST-31: URG and the pointer, to the byte after the last urgent one, on every segment up to it", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 });
    connection.send(new Uint8Array(1_500));
    connection.sendUrgent(new Uint8Array(600));
    connection.send(new Uint8Array(900));
    const sent = peer.mine(rig.run()).map((s) => [s.flags.includes("U"), s.text.length, s.up]);
    expect(sent).toEqual([
      [true, 1_000, 2_100],
      [true, 1_000, 1_100],
      [true, 1_000, 100],
    ]);
    peer.send(".", 1, 3_001);
    connection.send(new Uint8Array(10));
    expect(peer.mine(rig.run()).map((s) => [s.flags, s.up])).toEqual([["P.", 0]]);
  });

  test("RFC 6093 3.1: a pointer more than 65,535 ahead stops there", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000, wnd: 3_000 });
    connection.send(new Uint8Array(80_000));
    connection.sendUrgent(new Uint8Array(1));
    expect(peer.mine(rig.run())[0]!.up).toBe(65_535);
  });

  test("a super-segment is not sent while URG is: each segment has its own pointer", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 }, { offload: true });
    connection.sendUrgent(new Uint8Array(3_000));
    expect(peer.mine(rig.run()).map((s) => [s.text.length, s.up])).toEqual([
      [1_000, 3_000],
      [1_000, 2_000],
      [1_000, 1_000],
    ]);
  });

  test("RFC 9293 3.8.6: with a closed window the pointer goes ahead of the text, and is sent again with it", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000, wnd: 0 });
    connection.sendUrgent(new Uint8Array(5));
    expect(peer.mine(rig.run()).map((s) => [s.flags, s.text.length, s.up])).toEqual([[".U", 0, 5]]);
    const sent = peer.send(".", 1, 1, { wnd: 5_000 });
    expect(sent.map((s) => [s.flags, s.text.length, s.up])).toEqual([["P.U", 5, 5]]);
    expect(peer.mine(rig.advance(2 * SECOND))[0]!.up).toBe(5);
  });
});

describe("urgent data received", () => {
  test("RFC 6093 4: in line: told once, the byte stays, a read ends at the mark", () => {
    const { peer, app, reads } = reading(true);
    peer.send("P.U", 1, 1, { text: "abcde", up: 3 });
    expect(app.take()).toEqual(["urgent"]);
    expect(reads()).toEqual(["ab", "^cde"]);
    peer.send("P.", 6, 1, { text: "fgh" });
    expect([app.take(), reads()]).toEqual([[], ["fgh"]]);
  });

  test("out of band: the byte before the pointer is taken out, and read apart, once", () => {
    const { peer, connection, reads } = reading(false);
    peer.send("P.U", 1, 1, { text: "abcde", up: 3 });
    expect(connection.receiveUrgent()).toBe("c".charCodeAt(0));
    expect(connection.receiveUrgent()).toBe(null);
    expect(reads()).toEqual(["ab", "^de"]);
    expect([connection.atMark, connection.bytesReceived]).toEqual([false, 5]);
  });

  test("RFC 9293 3.8.5 MUST-32: a pointer beyond the data is news before the data is", () => {
    const { peer, connection, app, reads } = reading(false);
    peer.send("P.U", 1, 1, { text: "ab", up: 5 });
    expect([app.take(), connection.receiveUrgent(), reads()]).toEqual([["urgent"], null, ["ab"]]);
    peer.send("P.U", 3, 1, { text: "cdef", up: 3 });
    expect([app.take(), connection.receiveUrgent()]).toEqual([[], "e".charCodeAt(0)]);
    expect(reads()).toEqual(["cd", "^f"]);
  });

  test("RFC 9293 3.10.7.4 sixth: an older pointer, and one of 0, change nothing; a newer one moves the mark", () => {
    const { peer, app, reads } = reading(true);
    peer.send("P.U", 1, 1, { text: "abcd", up: 2 });
    peer.send("P.U", 1, 1, { text: "abcd", up: 1 });
    peer.send("P.U", 5, 1, { text: "ef", up: 0 });
    expect(app.take()).toEqual(["urgent"]);
    peer.send("P.U", 7, 1, { text: "gh", up: 2 });
    expect(app.take()).toEqual(["urgent"]);
    expect(reads()).toEqual(["abcdefg", "^h"]);
  });

  test("across a retransmission and a gap", () => {
    const { peer, connection, app, reads } = reading(false);
    peer.send("P.U", 4, 1, { text: "def", up: 2 });
    expect([app.take(), connection.receiveUrgent()]).toEqual([["urgent"], "e".charCodeAt(0)]);
    peer.send("P.U", 1, 1, { text: "abcdef", up: 5 });
    expect([app.take(), reads()]).toEqual([[], ["abcd", "^f"]]);
  });

  test("out of band: the last byte of all", () => {
    const { rig, peer, connection, app, reads } = reading(false);
    peer.send("FP.U", 1, 1, { text: "abc", up: 3 });
    expect(reads()).toEqual(["ab"]);
    expect([connection.receiveUrgent(), connection.receiveQueue]).toEqual(["c".charCodeAt(0), 0]);
    rig.run();
    expect(app.take()).toEqual(["urgent", "end"]);
  });

  test("MUST-66: with a zero window URG is still heeded", () => {
    const { rig, peer, app } = reading(true, { tcp: { receiveBuffer: 1_000, receiveBufferMax: 1_000 } });
    peer.send("P.", 1, 1, { text: 1_000 });
    rig.advance(SECOND);
    peer.send(".U", 1_001, 1, { up: 4 });
    expect(app.take()).toEqual(["urgent"]);
  });

  test("RFC 9293 3.4: RCV.UP is kept near, and never compares as ahead after 2^31 bytes", () => {
    const { rig, peer, app } = reading(true);
    peer.send("P.U", 1, 1, { text: "a", up: 1 });
    app.take();
    const tcb = rig.stack.tcbs.find((t) => t !== null && t !== undefined)!;
    const { rcv } = tcb;
    tcb.receiveBuffer.clear();
    tcb.urgent!.isAhead = false;
    const far = 0x7fff_ffff;
    for (const name of ["nxt", "edge"] as const)
      rcv[name] = ((rcv[name] as unknown as number) + far) as unknown as typeof rcv.nxt;
    tcb.lastAckSent = rcv.nxt;
    peer.send("P.U", 2 + far, 1, { text: "xyz", up: 2 });
    expect(app.take()).toEqual(["urgent"]);
  });
});
