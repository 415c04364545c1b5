/** What is acknowledged and when: delayed ACKs, duplicate ACKs, SACK and DSACK blocks (RFC 9293 3.8.6.3, 5681, 2018, 2883). */
import { describe, expect, test } from "vitest";
import { accepted, MS, type Pair } from "./rig.ts";

/** Past slow beginnings: the window is open, and full segments are known to be 1,000 bytes. */
function warm(options = {}): Pair & { at: number } {
  const pair = accepted({ mss: 1_460, wscale: 7, sack: true, ...options });
  pair.peer.send("P.", 1, 1, { text: 1_000 });
  pair.peer.send("P.", 1_001, 1, { text: 1_000 });
  pair.peer.send("P.", 2_001, 1, { text: 1_000 });
  pair.peer.mine(pair.rig.advance(50 * MS));
  pair.app.take();
  return { ...pair, at: 3_001 };
}

describe("acknowledgments", () => {
  test("RFC 9293 3.8.6.3 MUST-40: a single segment is acknowledged after 40 ms, not before", () => {
    const { rig, peer, at } = warm();
    expect(peer.says("P.", at, 1, { text: 1_000 })).toEqual([]);
    expect(peer.lines(rig.advance(40 * MS - 1))).toEqual([]);
    expect(peer.lines(rig.advance(1))).toEqual([`. 1:1(0) ack ${at + 1_000}`]);
    expect(rig.stack.counters.DelayedACKs).toBeGreaterThanOrEqual(0);
  });

  test("RFC 9293 3.8.6.3 SHLD-18: every second full segment is acknowledged at once", () => {
    const { peer, at } = warm();
    expect(peer.says("P.", at, 1, { text: 1_000 })).toEqual([]);
    expect(peer.says("P.", at + 1_000, 1, { text: 1_000 })).toEqual([`. 1:1(0) ack ${at + 2_000}`]);
    expect(peer.says("P.", at + 2_000, 1, { text: 1_000 })).toEqual([]);
  });

  test("small segments do not count as full ones", () => {
    const { rig, peer, at } = warm();
    for (let i = 0; i < 5; i++) expect(peer.says("P.", at + 10 * i, 1, { text: 10 })).toEqual([]);
    expect(peer.lines(rig.advance(40 * MS))).toEqual([`. 1:1(0) ack ${at + 50}`]);
  });

  test("data that goes out carries the ACK: none follows", () => {
    const { rig, peer, connection, at } = warm();
    peer.send("P.", at, 1, { text: 100 });
    connection.send(new Uint8Array(10));
    expect(peer.lines(rig.run())).toEqual([`P. 1:11(10) ack ${at + 100}`]);
    expect(peer.lines(rig.advance(60 * MS))).toEqual([]);
  });

  test("the first 16 ACKs of a connection are not delayed (Linux: TCP_MAX_QUICKACKS), until text goes out as an answer", () => {
    const { peer } = accepted({ mss: 1_460 }, { tcp: { quickAcks: 3 } });
    for (const at of [1, 11, 21]) {
      expect(peer.says("P.", at, 1, { text: 10 })).toEqual([`. 1:1(0) ack ${at + 10}`]);
    }
    expect(peer.says("P.", 31, 1, { text: 10 })).toEqual([]);
    const asking = accepted({ mss: 1_460 }, { tcp: { quickAcks: 3 } });
    asking.connection.send(new Uint8Array(10));
    asking.rig.run();
    expect(asking.peer.says("P.", 1, 11, { text: 10 })).toEqual([". 11:11(0) ack 11"]);
    asking.connection.send(new Uint8Array(10));
    asking.rig.run();
    expect(asking.peer.says("P.", 11, 21, { text: 10 })).toEqual([]);
  });

  test("an ACK delayed in vain: the next eight are not", () => {
    const { rig, peer, at } = warm();
    peer.send("P.", at, 1, { text: 10 });
    expect(peer.lines(rig.advance(40 * MS))).toHaveLength(1);
    for (let i = 1; i <= 8; i++) expect(peer.says("P.", at + 10 * i, 1, { text: 10 })).toHaveLength(1);
    expect(peer.says("P.", at + 90, 1, { text: 10 })).toEqual([]);
  });

  test("RFC 5681 4.2: each segment behind a gap is answered, also those of one batch", () => {
    const { rig, peer, at } = warm();
    const segment = (i: number): Uint8Array => peer.segment("P.", at + 1_000 * i, 1, { text: 1_000 });
    const said = peer.lines(rig.input(segment(1), segment(2), segment(3)));
    expect(said).toEqual([2, 3, 4].map((i) => `. 1:1(0) ack ${at} <${at + 1_000}-${at + 1_000 * i}>`));
    expect(peer.lines(rig.input(segment(0)))).toEqual([`. 1:1(0) ack ${at + 4_000}`]);
    // And every second segment after it, until the path has been quiet for a while.
    const more = peer.lines(rig.input(...[4, 5, 6, 7].map(segment)));
    expect(more).toEqual([`. 1:1(0) ack ${at + 6_000}`, `. 1:1(0) ack ${at + 8_000}`]);
    for (let i = 8; i < 72; i += 2) rig.input(segment(i), segment(i + 1));
    expect(peer.lines(rig.input(...[72, 73, 74, 75].map(segment)))).toHaveLength(1);
  });

  test("one batch of segments is one ACK (SHLD-18's every second one at the least)", () => {
    const { rig, peer, at } = warm();
    const batch = [0, 1, 2, 3, 4, 5].map((i) => peer.segment("P.", at + 1_000 * i, 1, { text: 1_000 }));
    expect(peer.lines(rig.input(...batch))).toEqual([`. 1:1(0) ack ${at + 6_000}`]);
  });

  test("RFC 5681 4.2: text behind a gap is answered by a duplicate ACK at once, and the segment that fills it too", () => {
    const { peer, at } = warm();
    expect(peer.says("P.", at + 1_000, 1, { text: 100 })).toEqual([
      `. 1:1(0) ack ${at} <${at + 1_000}-${at + 1_100}>`,
    ]);
    expect(peer.says("P.", at, 1, { text: 500 })).toEqual([
      `. 1:1(0) ack ${at + 500} <${at + 1_000}-${at + 1_100}>`,
    ]);
    expect(peer.says("P.", at + 500, 1, { text: 500 })).toEqual([`. 1:1(0) ack ${at + 1_100}`]);
  });

  test("RFC 2018 4: the block that holds the newest segment comes first, then the others by age", () => {
    const { peer, at } = warm();
    peer.send("P.", at + 1_000, 1, { text: 100 });
    peer.send("P.", at + 3_000, 1, { text: 100 });
    peer.send("P.", at + 5_000, 1, { text: 100 });
    peer.send("P.", at + 7_000, 1, { text: 100 });
    const [line] = peer.says("P.", at + 3_100, 1, { text: 100 });
    const block = (from: number, to: number): string => ` <${at + from}-${at + to}>`;
    expect(line).toBe(
      `. 1:1(0) ack ${at}${block(3_000, 3_200)}${block(7_000, 7_100)}${block(5_000, 5_100)}${block(1_000, 1_100)}`,
    );
  });

  test("RFC 2018 3: three blocks fit beside timestamps", () => {
    const { peer, at } = warm({ timestamps: true });
    for (let i = 1; i < 5; i++) peer.send("P.", at + 1_000 * i, 1, { text: 100 });
    const [ack] = peer.send("P.", at + 9_000, 1, { text: 100 });
    expect(ack!.sack).toHaveLength(3);
    expect(ack!.raw.length).toBe(20 + 20 + 12 + 28);
  });

  test("RFC 2018 2: no SACK where it was not permitted", () => {
    const { peer } = accepted({ mss: 1_460 });
    expect(peer.says("P.", 101, 1, { text: 100 })).toEqual([". 1:1(0) ack 1"]);
  });

  test("RFC 2883 4.1: a whole segment again is reported as DSACK, once", () => {
    const { rig, peer, at } = warm();
    expect(peer.says("P.", at - 1_000, 1, { text: 1_000 })).toEqual([
      `. 1:1(0) ack ${at} <${at - 1_000}-${at}>`,
    ]);
    rig.now += 1_000 * MS;
    expect(peer.says("P.", at + 500, 1, { text: 100 })).toEqual([
      `. 1:1(0) ack ${at} <${at + 500}-${at + 600}>`,
    ]);
    expect(rig.stack.counters.TCPDSACKOldSent).toBe(1);
  });

  test("RFC 2883 4.1.2: a duplicate ahead of the gap is reported first, then the block that holds it", () => {
    const { peer, at } = warm();
    peer.send("P.", at + 1_000, 1, { text: 500 });
    expect(peer.says("P.", at + 1_100, 1, { text: 100 })).toEqual([
      `. 1:1(0) ack ${at} <${at + 1_100}-${at + 1_200}> <${at + 1_000}-${at + 1_500}>`,
    ]);
  });

  test("RFC 2883 4.2: of a segment that is partly old the old part is reported", () => {
    const { peer, at, app } = warm();
    const [line] = peer.says("P.", at - 200, 1, { text: 500 });
    expect(line).toBe(`. 1:1(0) ack ${at + 300} <${at - 200}-${at}>`);
    expect(app.take()).toEqual(["data 300"]);
  });

  test("RFC 9293 3.10.7.4: of bytes that come twice, different, the first are delivered", () => {
    const { peer, connection, at } = warm();
    const got: number[] = [];
    connection.handler = { onData: (_c, bytes) => void got.push(...bytes) };
    peer.send("P.", at + 2, 1, { text: "BBB" });
    peer.send("P.", at + 1, 1, { text: "xyyyD" });
    peer.send("P.", at, 1, { text: "A" });
    expect(String.fromCharCode(...got)).toBe("AxBBBD");
  });
});

describe("receive window (RFC 9293 3.8.6)", () => {
  const small = { tcp: { receiveBuffer: 10_000, receiveBufferMax: 10_000 } };

  test("SHLD-14: the right edge never moves left, whatever waits in the buffer", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 }, small);
    connection.pause();
    let edge = peer.edge;
    for (let at = 1; at < 9_000; at += 700) {
      peer.send("P.", at, 1, { text: 700 });
      const acks = peer.mine(rig.advance(40 * MS));
      for (const s of acks) {
        const right = ((s.ack - peer.iss) | 0) + s.wnd;
        expect(right).toBeGreaterThanOrEqual(edge);
        edge = right;
      }
    }
    expect(edge).toBe(10_001);
  });

  test("SHLD-14: nor where a scaled window rounds", () => {
    const { rig, peer, connection } = accepted(
      { mss: 1_000, wscale: 2 },
      { tcp: { receiveBuffer: 99_999, receiveBufferMax: 1 << 20 } },
    );
    connection.pause();
    const scale = connection.info().rcv_wscale;
    let edge = 0;
    for (let at = 1; at < 60_000; at += 777) {
      peer.send("P.", at, 1, { text: 777 });
      for (const s of peer.mine(rig.advance(40 * MS))) {
        const right = ((s.ack - peer.iss) | 0) + s.wnd * 2 ** scale;
        expect(right).toBeGreaterThanOrEqual(edge);
        edge = right;
      }
    }
    expect(edge).toBeGreaterThan(60_000);
  });

  test("3.8.6.2.2 MUST-39: a window that closed opens by a segment or half the buffer at once, never by crumbs", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 }, small);
    connection.pause();
    for (let at = 1; at < 10_001; at += 1_000) peer.send("P.", at, 1, { text: 1_000 });
    const [full] = peer.mine(rig.advance(40 * MS)).slice(-1);
    expect(full === undefined || full.wnd === 0).toBe(true);
    connection.handler = {};
    connection.resume();
    for (let i = 0; i < 9; i++) {
      connection.read(100);
      expect(peer.mine(rig.run())).toEqual([]);
    }
    connection.read(100);
    expect(peer.mine(rig.run()).map((s) => s.wnd)).toEqual([1_000]);
  });

  test("3.8.6.1 MUST-66: with a zero window ACKs are taken, text is not, and the probe is answered", () => {
    const { rig, peer, connection, app } = accepted({ mss: 1_000 }, small);
    connection.pause();
    for (let at = 1; at < 10_001; at += 1_000) peer.send("P.", at, 1, { text: 1_000 });
    peer.mine(rig.advance(40 * MS));
    connection.send(new Uint8Array(10));
    peer.mine(rig.run());
    app.take();
    const [answer] = peer.send("P.", 10_001, 11, { text: 1 });
    expect([peer.line(answer!), answer!.wnd]).toEqual([". 11:11(0) ack 10001", 0]);
    expect(app.take()).toEqual(["finish"]);
  });

  test("3.10.7.4 first: text beyond the window is cut off, to the byte", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 }, small);
    connection.pause();
    peer.send("P.", 1, 1, { text: 7_000 });
    peer.send("P.", 7_001, 1, { text: 7_000 });
    expect(peer.mine(rig.advance(40 * MS)).every((s) => ((s.ack - peer.iss) | 0) <= 10_001)).toBe(true);
    expect(connection.receiveQueue).toBe(10_000);
  });

  test("the buffer grows with what the application takes a round trip, up to its maximum", () => {
    const { rig, peer, connection } = accepted(
      { mss: 1_460, wscale: 7 },
      { tcp: { receiveBuffer: 65_536, receiveBufferMax: 300_000 } },
    );
    let at = 1;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 40; i++, at += 1_400) peer.send("P.", at, 1, { text: 1_400 });
      peer.mine(rig.advance(20 * MS));
    }
    const wnd = connection.info().rcv_wnd;
    expect(wnd).toBeGreaterThan(65_536);
    expect(wnd).toBeLessThanOrEqual(300_000);
  });
});
