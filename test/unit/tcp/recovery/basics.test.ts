/** Loss recovery on the wire: SACK (RFC 6675), NewReno (RFC 6582), timeouts and congestion control (RFC 5681). */
import { describe, expect, test } from "vitest";
import { Peer, pattern } from "../peer.ts";
import { App, accepted, listen, MS, opening, type Pair, Rig, SECOND } from "../rig.ts";

const MSS = 1_000;

/** `n` segments of 1,000 bytes are outstanding; segment k (from 0) starts at 1 + 1000 k. */
function sent(n: number, options = {}): Pair {
  const pair = accepted({ mss: MSS, ...options }, { tcp: { congestion: "newreno" } }, 10 * MS);
  pair.connection.send(Uint8Array.from({ length: n * MSS }, (_, i) => pattern(i)));
  expect(pair.peer.mine(pair.rig.run())).toHaveLength(Math.min(n, 10));
  pair.rig.now += 10 * MS;
  return pair;
}
const at = (k: number): number => 1 + k * MSS;
const starts = (lines: string[]): number[] => lines.map((l) => (Number(/ (\d+):/.exec(l)![1]) - 1) / MSS);

describe("SACK recovery (RFC 6675)", () => {
  test("4 (IsLost): more than two segments SACKed above a hole, and it is sent again at once", () => {
    const pair = sent(10, { sack: true });
    const say = (right: number): number[] =>
      starts(pair.peer.says(".", 1, at(0), { sack: [[at(1), at(right)]] }));
    expect(say(2)).toEqual([]);
    expect(say(3)).toEqual([]);
    expect(say(4)[0]).toBe(0);
    expect(pair.rig.stack.counters.TCPSackRecovery).toBe(1);
    // Once: further reports of the same loss do not send it again.
    expect(say(5).includes(0)).toBe(false);
  });

  test("every hole is sent once, in order, and nothing that is SACKed", () => {
    const pair = sent(10, { sack: true });
    const first = pair.peer.says(".", 1, at(0), {
      sack: [
        [at(9), at(10)],
        [at(5), at(8)],
        [at(1), at(3)],
      ],
    });
    const again = starts(first);
    expect(again.slice(0, 2)).toEqual([0, 3]);
    const more = starts(
      pair.peer.says(".", 1, at(3), {
        sack: [
          [at(9), at(10)],
          [at(5), at(8)],
        ],
      }),
    );
    const all = [...again, ...more];
    expect(new Set(all).size).toBe(all.length);
    for (const k of all) expect([0, 3, 4, 8].includes(k)).toBe(true);
    // The ACK of everything ends it.
    pair.peer.send(".", 1, at(10));
    expect(pair.connection.info().ca_state).toBe(0);
    expect(pair.app.take()).toContain("finish");
  });

  test("what is sent again is what was sent: the same bytes", () => {
    const pair = sent(10, { sack: true });
    const [again] = pair.peer.send(".", 1, at(0), { sack: [[at(1), at(9)]] });
    expect(again!.text).toEqual(Uint8Array.from({ length: MSS }, (_, i) => pattern(i)));
  });

  test("RFC 5681 3.2, RFC 6675 5: the window is halved once a recovery, and full again after it only by growth", () => {
    const pair = sent(10, { sack: true });
    const before = pair.connection.info().snd_cwnd;
    pair.peer.send(".", 1, at(0), { sack: [[at(1), at(5)]] });
    expect(pair.connection.info()).toMatchObject({
      ca_state: 3,
      snd_ssthresh: before / 2,
      // RFC 9937 6.2: in flight are five already, and one retransmission is forced.
      snd_cwnd: before / 2 + 1,
    });
    pair.peer.send(".", 1, at(0), { sack: [[at(1), at(8)]] });
    expect(pair.connection.info().snd_ssthresh).toBe(before / 2);
    pair.peer.send(".", 1, at(10));
    expect(pair.connection.info().snd_cwnd).toBe(before / 2);
  });

  test("blocks that are inverted, old or beyond SND.NXT are counted and do nothing", () => {
    const pair = sent(10, { sack: true });
    for (const block of [
      [at(5), at(4)],
      [at(9), at(11)],
      [at(12), at(20)],
      [at(3), at(3)],
    ] as [number, number][]) {
      expect(pair.peer.says(".", 1, at(0), { sack: [block] })).toEqual([]);
    }
    expect(pair.rig.stack.counters.TCPSACKDiscard).toBe(4);
    expect(pair.connection.info().sacked).toBe(0);
  });

  test("RFC 2883: a DSACK is counted and proves no loss", () => {
    const pair = sent(10, { sack: true });
    pair.peer.send(".", 1, at(4));
    expect(pair.peer.says(".", 1, at(4), { sack: [[at(1), at(2)]] })).toEqual([]);
    expect(pair.connection.info().dsack_dups).toBe(1);
  });

  test("RFC 2018 8: after a timeout what was SACKed may be gone: a receiver that reneged gets it again", () => {
    const pair = sent(4, { sack: true });
    pair.peer.send(".", 1, at(0), { sack: [[at(1), at(2)]] });
    const again = starts(pair.peer.lines(pair.rig.advance(2 * SECOND)));
    expect(again[0]).toBe(0);
    pair.peer.send(".", 1, at(1));
    const later = starts(pair.peer.lines(pair.rig.advance(20 * SECOND)));
    expect(later).toContain(1);
  });
});

describe("NewReno (RFC 6582), where the peer has no SACK", () => {
  const duplicates = (pair: Pair, n: number): string[] => {
    let lines: string[] = [];
    for (let i = 0; i < n; i++) lines = pair.peer.says(".", 1, at(0));
    return lines;
  };

  test("3.2 step 2: the third duplicate ACK sends the oldest segment again, the second does not", () => {
    const pair = sent(10);
    expect(duplicates(pair, 2)).toEqual([]);
    expect(starts(duplicates(pair, 1))).toEqual([0]);
    expect(pair.rig.stack.counters.TCPRenoRecovery).toBe(1);
  });

  test("RFC 5681 2: an ACK with text, another window or no news at all outstanding is no duplicate", () => {
    const pair = sent(10);
    for (let i = 0; i < 4; i++) pair.peer.send("P.", 1 + 5 * i, at(0), { text: 5 });
    for (let i = 0; i < 4; i++) pair.peer.send(".", 21, at(0), { wnd: 60_000 - 1_000 * i });
    expect(pair.rig.stack.counters.TCPRenoRecovery).toBe(0);
    const idle = accepted({ mss: MSS });
    for (let i = 0; i < 5; i++) expect(idle.peer.says(".", 1, 1)).toEqual([]);
  });

  test("3.2 step 3: a partial ACK sends the next hole at once; the full ACK ends recovery", () => {
    const pair = sent(10);
    duplicates(pair, 3);
    expect(starts(pair.peer.says(".", 1, at(4)))[0]).toBe(4);
    expect(starts(pair.peer.says(".", 1, at(7)))[0]).toBe(7);
    expect(pair.connection.info().ca_state).toBe(3);
    pair.peer.send(".", 1, at(10));
    // Held until something above the recovery point is acknowledged (step 1), as in Linux.
    expect(pair.connection.info().ca_state).toBe(3);
    pair.connection.send(new Uint8Array(MSS));
    pair.peer.mine(pair.rig.run());
    pair.peer.send(".", 1, at(11));
    expect(pair.connection.info()).toMatchObject({ ca_state: 0, snd_cwnd: 5 });
  });

  test("4: duplicates of what a timeout sent again start no second recovery", () => {
    const pair = sent(10);
    pair.rig.advance(300 * MS);
    const before = pair.rig.stack.counters.TCPRenoRecovery;
    duplicates(pair, 5);
    expect(pair.rig.stack.counters.TCPRenoRecovery).toBe(before);
  });
});

describe("timeouts and congestion control (RFC 5681)", () => {
  test("RFC 6928: the first window is ten segments", () => {
    const pair = sent(40);
    expect(pair.connection.info()).toMatchObject({ snd_cwnd: 10, unacked: 10 });
  });

  test("RFC 5681 3.1: after a SYN or a SYN-ACK that was sent again the first window is one segment", () => {
    const active = opening({ mss: MSS });
    active.peer.mine(active.rig.advance(SECOND));
    active.peer.send("S.", 0, 1, { mss: MSS });
    const rig = new Rig();
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig);
    peer.send("S", 0, 0, { mss: MSS });
    peer.mine(rig.advance(SECOND));
    peer.send(".", 1, 1);
    for (const { connection } of [active, { connection: app.connection! }])
      expect(connection.info().snd_cwnd).toBe(1);
  });

  test("3.1: slow start doubles a round trip, up to ssthresh", () => {
    const pair = sent(100);
    const lines = [];
    for (let k = 1; k <= 10; k++) lines.push(...pair.peer.says(".", 1, at(k)));
    expect(lines).toHaveLength(20);
    expect(pair.connection.info().snd_cwnd).toBe(20);
  });

  test("3.1 (4), (5.4 of RFC 6298): after a timeout one segment leaves, the oldest; ssthresh is half of what was out", () => {
    const pair = sent(10);
    const again = pair.peer.lines(pair.rig.advance(300 * MS));
    expect(starts(again)).toEqual([0]);
    expect(pair.connection.info()).toMatchObject({ ca_state: 4, snd_cwnd: 1, snd_ssthresh: 5 });
    // Again: ssthresh is held.
    pair.rig.advance(SECOND);
    expect(pair.connection.info().snd_ssthresh).toBe(5);
  });

  test("3.1: after a timeout the window opens again by slow start, and everything is resent in order", () => {
    const pair = sent(10);
    pair.rig.advance(300 * MS);
    expect(starts(pair.peer.says(".", 1, at(1)))).toEqual([1, 2]);
    expect(starts(pair.peer.says(".", 1, at(3)))).toEqual([3, 4, 5, 6]);
  });

  test("4.1: after an idle time longer than RTO the window is the first one again", () => {
    const pair = sent(60);
    for (let k = 10; k <= 60; k += 5) pair.peer.send(".", 1, at(k));
    expect(pair.connection.info().snd_cwnd).toBeGreaterThan(10);
    pair.rig.advance(5 * SECOND);
    pair.connection.send(new Uint8Array(40 * MSS));
    expect(pair.peer.mine(pair.rig.run())).toHaveLength(10);
  });

  test("RFC 7661: a window that was not used does not grow", () => {
    const pair = accepted({ mss: MSS });
    for (let i = 0; i < 50; i++) {
      pair.connection.send(new Uint8Array(MSS));
      pair.peer.mine(pair.rig.run());
      pair.peer.send(".", 1, at(i + 1));
    }
    expect(pair.connection.info().snd_cwnd).toBe(10);
  });

  test("super-segments: with offload one packet carries many segments, cut in whole ones, and recovery counts in MSS", () => {
    const pair = accepted({ mss: 1_460, sack: true }, { offload: true });
    pair.connection.send(new Uint8Array(30_000));
    const first = pair.peer.mine(pair.rig.run());
    expect(first).toHaveLength(1);
    expect([first[0]!.text.length, first[0]!.gsoSize]).toEqual([14_600, 1_460]);
    const again = pair.peer.mine(
      pair.rig.input(pair.peer.segment(".", 1, 1, { sack: [[1 + 1_460, 1 + 5 * 1_460]] })),
    );
    expect(again[0]!.text.length).toBe(1_460);
    expect(pair.peer.line(again[0]!)).toMatch(/ 1:1461\(1460\)/);
  });
});
