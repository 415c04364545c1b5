/** Growth and validation of cwnd on the wire, as Linux's tcp_info shows it. */
import { describe, expect, test } from "vitest";
import { accepted, MS, type Pair, SECOND } from "../rig.ts";

const MSS = 1_000;
const at = (k: number): number => 1 + k * MSS;
const cwnd = (pair: Pair): number => pair.connection.info().snd_cwnd;
const write = (pair: Pair, segments: number): number[] => {
  pair.connection.send(new Uint8Array(segments * MSS));
  return lengths(pair);
};
const lengths = (pair: Pair): number[] => pair.peer.mine(pair.rig.run()).map((s) => s.text.length);

describe.each(["cubic", "newreno"] as const)("%s", (congestion) => {
  const begin = (tcp = {}): Pair =>
    accepted({ mss: MSS, sack: true }, { tcp: { congestion, hystart: false, ...tcp } });

  test("RFC 5681 3.1, RFC 3465: an ACK for two segments opens slow start by two", () => {
    const pair = begin();
    expect(write(pair, 60)).toHaveLength(10);
    pair.rig.now += 100 * MS;
    for (let k = 2; k <= 10; k += 2) expect(pair.peer.send(".", 1, at(k))).toHaveLength(4);
    expect(cwnd(pair)).toBe(20);
  });

  test("RFC 7661 4.2: a window of which more than half was used grows, one of which less was used does not", () => {
    for (const [sent, after] of [
      [5, 10],
      [6, 16],
      [9, 19],
    ] as const) {
      const pair = begin();
      write(pair, sent);
      pair.rig.now += 100 * MS;
      pair.peer.send(".", 1, at(sent));
      expect(cwnd(pair)).toBe(after);
    }
  });

  test("RFC 5681 4.1, RFC 2861: half for each RTO of silence, down to the first window, which is sent at once", () => {
    const pair = begin();
    write(pair, 26);
    pair.rig.now += 100 * MS;
    pair.peer.send(".", 1, at(10));
    pair.rig.now += 100 * MS;
    pair.peer.send(".", 1, at(26));
    expect(cwnd(pair)).toBe(36);
    const { rto } = pair.connection.info();
    // Counted from the last segment sent, 100 ms before the ACK, as in Linux.
    pair.rig.now += Math.floor(rto * 0.9) - 100 * MS;
    write(pair, 1);
    expect(cwnd(pair)).toBe(36);
    pair.peer.send(".", 1, at(27));
    pair.rig.now += Math.ceil(pair.connection.info().rto * 1.5);
    write(pair, 1);
    expect(cwnd(pair)).toBe(18);
    pair.peer.send(".", 1, at(28));
    pair.rig.now += 5 * SECOND;
    expect(write(pair, 40)).toHaveLength(10);
    expect(cwnd(pair)).toBe(10);
  });

  test("tcp_slow_start_after_idle = 0 keeps the window", () => {
    const pair = begin({ slowStartAfterIdle: false });
    write(pair, 10);
    pair.rig.now += 100 * MS;
    pair.peer.send(".", 1, at(10));
    pair.rig.now += 60 * SECOND;
    expect(write(pair, 40)).toHaveLength(20);
  });

  test("RFC 2861 3.2: an RTO of little use takes half of what was not used", () => {
    const pair = begin();
    write(pair, 30);
    pair.rig.now += 10 * MS;
    pair.peer.send(".", 1, at(10));
    pair.rig.now += 10 * MS;
    pair.peer.send(".", 1, at(30));
    expect(cwnd(pair)).toBe(40);
    let k = 30;
    const until = pair.rig.now + pair.connection.info().rto * 1.5;
    while (pair.rig.now < until) {
      write(pair, 1);
      pair.rig.now += 10 * MS;
      pair.peer.send(".", 1, at(++k));
    }
    expect(cwnd(pair)).toBe(25);
  });

  test("a loss takes Linux's share of the window", () => {
    const pair = begin();
    write(pair, 10);
    pair.rig.now += 100 * MS;
    for (let k = 2; k <= 4; k++) pair.peer.send(".", 1, at(0), { sack: [[at(1), at(k)]] });
    expect(pair.connection.info().snd_ssthresh).toBe(congestion === "cubic" ? 7 : 5);
  });
});
