/** Found in review, in tcp: each of these once went wrong. */
import { describe, expect, test } from "vitest";
import { RX } from "../../../src/base/packet-batch.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { Tcb } from "../../../src/tcp/tcb.ts";
import { Peer, type PeerOptions, pattern } from "./peer.ts";
import { App, accepted, listen, type Pair, Rig, SECOND } from "./rig.ts";
import { bring, stateOf } from "./state-setup.ts";

const MSS = 1_460;

/** The only TCB there is. */
function tcbOf(rig: Rig): Tcb {
  const found = rig.stack.tcbs.filter((tcb) => tcb != null);
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe("RFC 6298 5.7: the timeout for data after a passive open", () => {
  /** Seconds until data is sent again, where the SYN,ACK was sent `times` times. */
  const timeout = (times: number, options: PeerOptions): number => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { mss: MSS, ...options });
    peer.send("S", 0, 0, peer.synOptions);
    for (let i = 1; i < times; i++) {
      expect(peer.lines(rig.advance(i * SECOND))).toEqual(["S. 0:1(0) ack 1"]);
    }
    peer.send(".", 1, 1);
    app.connection!.send(new Uint8Array(10));
    const [first] = peer.mine(rig.run());
    const [again] = peer.mine(rig.advance(4 * SECOND));
    expect(again!.seq).toBe(first!.seq);
    return (again!.at - first!.at) / SECOND;
  };

  test("3 s, when the SYN,ACK was sent twice and no timestamp tells which one was answered", () => {
    expect(timeout(2, {})).toBe(3);
  });

  test("RFC 6298 2.4: the least timeout, when it was sent once", () => {
    expect(timeout(1, {})).toBeCloseTo(0.2, 3);
  });

  test("RFC 7323 4: the least timeout, when a timestamp tells", () => {
    expect(timeout(2, { timestamps: true })).toBeCloseTo(0.2, 3);
  });
});

describe("SACK blocks (RFC 2018) that only split records", () => {
  /** 20 segments out, of which the peer SACKs every other byte, one byte a block. */
  const crowded = (): Pair & { tcb: Tcb; most: number } => {
    const pair = accepted({ mss: MSS, sack: true }, { tcp: { initialWindow: 20 } });
    const { rig, peer, connection } = pair;
    connection.send(new Uint8Array(20 * MSS));
    peer.mine(rig.run());
    const tcb = tcbOf(rig);
    let most = 0;
    for (let at = 2; at < 10_000; at += 8) {
      const sack = [0, 2, 4, 6].map((by): [number, number] => [at + by, at + by + 1]);
      peer.send(".", 1, 1, { sack });
      most = Math.max(most, tcb.sentRing.count);
    }
    return { ...pair, tcb, most };
  };

  test("split none: a record is SACKED by whole segments, as in Linux", () => {
    const { tcb, most } = crowded();
    expect(most).toBe(20);
    expect(tcb.sentRing.sacked).toBe(0);
  });

  test("nor does a block that begins where a record does, or ends where it ends", () => {
    const { peer, tcb } = crowded();
    const sack: [number, number][] = [
      [1 + 12 * MSS, 2 + 12 * MSS],
      [15 * MSS, 1 + 15 * MSS],
    ];
    peer.send(".", 1, 1, { sack });
    expect([tcb.sentRing.count, tcb.sentRing.sacked]).toEqual([20, 0]);
  });

  test("RFC 2018 5: a block of a whole segment is taken all the same", () => {
    const { peer, tcb } = crowded();
    const before = tcb.sentRing.sacked;
    peer.send(".", 1, 1, { sack: [[1 + 18 * MSS, 1 + 19 * MSS]] });
    expect(tcb.sentRing.sacked - before).toBe(MSS);
  });
});

describe("TIME-WAIT", () => {
  test("RFC 9293 3.3.2: `connection.state` says TIME-WAIT while the record is there, CLOSED after 2MSL", () => {
    const { rig, peer, connection } = accepted();
    connection.end();
    peer.mine(rig.run());
    peer.send("F.", 1, 2);
    expect(connection.state).toBe("TIME-WAIT");
    rig.advance(60 * SECOND - 1);
    expect(connection.state).toBe("TIME-WAIT");
    rig.advance(1);
    expect(connection.state).toBe("CLOSED");
  });

  test("RFC 1337: abort() in the onEnd that brought it: the FIN is acknowledged, and the record stays", () => {
    const { rig, peer, vars, connection, state } = bring("FIN-WAIT-2", "passive", false);
    connection!.handler = { ...connection!.handler, onEnd: (c) => c.abort() };
    const { nxt, rcvNxt } = vars;
    expect(peer.says("F.", rcvNxt, nxt)).toEqual([`. ${nxt}:${nxt}(0) ack ${rcvNxt + 1}`]);
    expect(state()).toBe("TIME-WAIT");
    rig.advance(60 * SECOND);
    expect(state()).toBe("gone");
  });

  test("RFC 6191 2: an old connection without timestamps makes way for a SYN with one, whatever its number", () => {
    const { rig, peer, vars, state } = bring("TIME-WAIT", "passive", false);
    const below = vars.rcvNxt - 5_000;
    peer.send("S", below);
    expect(state()).toBe("TIME-WAIT");
    const [synAck] = peer.send("S", below, 0, { ts: 77 });
    expect([synAck!.flags, synAck!.ts?.ecr]).toEqual(["S.", 77]);
    expect(state()).toBe("SYN-RECEIVED");
    expect(rig.stack.counters.TWRecycled).toBe(1);
  });

  test("RFC 6191 2: a listener whose accept queue is full takes no SYN, so the record stays and answers", () => {
    const rig = new Rig();
    const listener = rig.stack.listen({ port: 7, backlog: 0 }, {});
    const peer = new Peer(rig);
    peer.send("S", 0);
    peer.send(".", 1, 1);
    listener.accept()!.end();
    peer.mine(rig.run());
    peer.send("F.", 1, 2);
    const other = new Peer(rig, { port: 1_000 });
    other.send("S", 0);
    other.send(".", 1, 1);
    expect(listener.stats().acceptQueue).toBe(1);
    expect(peer.says("S", 1_000)).toEqual([". 2:2(0) ack 2"]);
    expect(stateOf(rig, peer)).toBe("TIME-WAIT");
    // With room again the same SYN is a new connection.
    listener.accept();
    const [synAck] = peer.send("S", 1_000);
    expect(synAck!.flags).toBe("S.");
  });
});

describe("text that waits for its application pins no packet memory", () => {
  /** Hands in one packet; whether the stack kept its memory. */
  const keeps = (rig: Rig, bytes: Uint8Array): boolean => {
    const table = new Int32Array(RX.COLUMNS);
    table.set([0, bytes.length, 0, 0]);
    const batch = { bytes, view: new DataView(bytes.buffer), count: 1, table, retained: false };
    rig.stack.tick();
    rig.stack.input(rig.link, batch);
    rig.run();
    return batch.retained;
  };

  const offered = (): Pair => accepted({ mss: 8_000 }, { mtu: 9_000 });

  test("a large payload for an application that takes it stays where it is", () => {
    const { rig, peer, app } = offered();
    expect(keeps(rig, peer.segment("P.", 1, 1, { text: 4_000 }))).toBe(true);
    expect(app.received).toBe(4_000);
  });

  test.each<[string, (connection: Connection) => void]>([
    ["paused", (connection) => connection.pause()],
    [
      "without onData",
      (connection) => {
        connection.handler = {};
      },
    ],
  ])("for a connection that is %s it is copied", (_name, wait) => {
    const { rig, peer, connection } = offered();
    wait(connection);
    expect(keeps(rig, peer.segment("P.", 1, 1, { text: 4_000 }))).toBe(false);
    const got = connection.read()!;
    expect([got.length, got.every((byte, i) => byte === pattern(i + 1))]).toEqual([4_000, true]);
  });

  test("for one that resumed it is not copied any more", () => {
    const { rig, peer, connection } = offered();
    connection.pause();
    connection.resume();
    expect(keeps(rig, peer.segment("P.", 1, 1, { text: 4_000 }))).toBe(true);
  });

  test("for one in the accept queue it is copied, and after accept() with a handler it is not", () => {
    const rig = new Rig({ mtu: 9_000 });
    const listener = rig.stack.listen({ port: 7 }, {});
    const peer = new Peer(rig, { mss: 8_000 });
    peer.send("S", 0, 0, peer.synOptions);
    peer.send(".", 1, 1);
    expect(keeps(rig, peer.segment("P.", 1, 1, { text: 4_000 }))).toBe(false);
    const app = new App();
    listener.accept()!.handler = app.handler;
    rig.run();
    expect(app.received).toBe(4_000);
    expect(keeps(rig, peer.segment("P.", 4_001, 1, { text: 4_000 }))).toBe(true);
    expect(app.received).toBe(8_000);
  });

  test("connections that take turns in the arena: neighbouring small ranges become one", () => {
    const rig = new Rig();
    const listener = rig.stack.listen({ port: 7 }, {});
    const peers = [1_001, 1_002].map((port) => new Peer(rig, { port, mss: MSS }));
    for (const peer of peers) {
      peer.send("S", 0, 0, peer.synOptions);
      peer.send(".", 1, 1);
    }
    for (let at = 1; at < 1_001; at += 100) {
      for (const peer of peers) peer.send("P.", at, 1, { text: 100 });
    }
    for (const connection of [listener.accept()!, listener.accept()!]) {
      const got = connection.read()!;
      expect([got.length, got.every((byte, i) => byte === pattern(i + 1))]).toEqual([1_000, true]);
      expect(connection.read()).toBeNull();
    }
  });
});

describe("RFC 7661, RFC 5681 4.1: the window grows only where it is the limit", () => {
  /** Sends `segments` at once, and acknowledges whatever leaves. Returns the last number. */
  const burst = ({ rig, peer, connection }: Pair, at: number, segments: number): number => {
    connection.send(new Uint8Array(segments * MSS));
    let acked = at;
    for (let sent = peer.mine(rig.run()); sent.length > 0; sent = peer.send(".", 1, acked)) {
      acked += sent.reduce((n, s) => n + s.text.length, 0);
      rig.now += 10_000;
    }
    expect(acked).toBe(at + segments * MSS);
    return acked;
  };
  const trickle = (pair: Pair, at: number, times: number): number => {
    let end = at;
    for (let i = 0; i < times; i++) end = burst(pair, end, 1);
    return end;
  };

  test("an application that sends a segment a round trip keeps the first window", () => {
    const pair = accepted({ mss: MSS });
    trickle(pair, 1, 30);
    expect(pair.connection.info().snd_cwnd).toBe(10);
  });

  test("an application that was limited by it once is not for ever: the mark is for one window", () => {
    const pair = accepted({ mss: MSS });
    const end = burst(pair, 1, 20);
    const grown = pair.connection.info().snd_cwnd;
    expect(grown).toBeGreaterThan(10);
    trickle(pair, end, 15);
    expect(tcbOf(pair.rig).cwndLimited).toBe(false);
    expect(pair.connection.info().snd_cwnd).toBe(grown);
  });
});
