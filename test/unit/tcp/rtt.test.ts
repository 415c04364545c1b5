/** SRTT, RTTVAR and RTO (RFC 6298), by numbers worked out by hand, and back-off on the wire. */
import { describe, expect, test } from "vitest";
import { DEFAULT_CONFIG } from "../../../src/tcp/config.ts";
import { CONGESTION_CONTROLS } from "../../../src/tcp/congestion/congestion.ts";
import { backOff, computeRto, sampleRtt } from "../../../src/tcp/rtt.ts";
import { Tcb } from "../../../src/tcp/tcb.ts";
import { accepted, MS, opening, SECOND } from "./rig.ts";

const exact = { ...DEFAULT_CONFIG, rtoMin: 1 };
const tcb = (): Tcb =>
  new Tcb(
    4,
    1,
    2,
    3,
    4,
    { mtu: 1_500, mssClamp: 0, offload: false, bigTcp: false },
    exact,
    CONGESTION_CONTROLS.newreno,
  );

describe("RFC 6298", () => {
  test("2.1: before a sample RTO is 1 second", () => expect(computeRto(tcb(), exact)).toBe(SECOND));

  test("2.2: the first sample R: SRTT = R, RTTVAR = R/2, RTO = SRTT + 4 RTTVAR", () => {
    const t = tcb();
    sampleRtt(t, 100 * MS, 0, exact);
    expect([t.srttUs, t.rttvarUs, t.rtoUs]).toEqual([100 * MS, 50 * MS, 300 * MS]);
  });

  test("2.3: RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R'|, then SRTT = 7/8 SRTT + 1/8 R'", () => {
    const t = tcb();
    sampleRtt(t, 100 * MS, 0, exact);
    sampleRtt(t, 180 * MS, 0, exact);
    // |100 - 180| / 4 + 50 * 3 / 4 = 57.5; 100 * 7 / 8 + 180 / 8 = 110
    expect([t.srttUs, t.rttvarUs, t.rtoUs]).toEqual([110 * MS, 57_500, 340 * MS]);
    sampleRtt(t, 70 * MS, 0, exact);
    // |110 - 70| / 4 + 57.5 * 3 / 4 = 53.125; 110 * 7 / 8 + 70 / 8 = 105
    expect([t.srttUs, t.rttvarUs, t.rtoUs]).toEqual([105 * MS, 53_125, 317_500]);
    expect(t.minRttUs).toBe(70 * MS);
  });

  test("2.4, 2.5: between the least and the largest", () => {
    const low = tcb();
    for (let i = 0; i < 50; i++) sampleRtt(low, 10, 0, DEFAULT_CONFIG);
    expect(low.rtoUs).toBeGreaterThanOrEqual(DEFAULT_CONFIG.rtoMin);
    const high = tcb();
    sampleRtt(high, 100 * SECOND, 0, DEFAULT_CONFIG);
    expect(high.rtoUs).toBe(DEFAULT_CONFIG.rtoMax);
  });

  test("5.5: a timeout doubles RTO, up to the largest", () => {
    const t = tcb();
    sampleRtt(t, 100 * MS, 0, exact);
    backOff(t, exact);
    backOff(t, exact);
    expect(t.rtoUs).toBe(1_200 * MS);
    for (let i = 0; i < 20; i++) backOff(t, exact);
    expect(t.rtoUs).toBe(exact.rtoMax);
  });

  test("5.5, 5.7: SYNs go out after 1, 2, 4 ... s, for 3 minutes at least (RFC 9293 3.8.3 MUST-23), and are given up", () => {
    const { rig, peer, app } = opening();
    const sent = peer.mine(rig.advance(240 * SECOND));
    expect(app.take()).toEqual([]);
    peer.mine(rig.advance(10 * SECOND));
    expect(sent.map((s) => s.at / SECOND)).toEqual([1, 3, 7, 15, 31, 63, 127]);
    expect(sent.every((s) => peer.line(s) === "S 0:1(0)")).toBe(true);
    expect(app.take()).toEqual(["close ETIMEDOUT"]);
  });

  test("5.7: after a SYN that timed out, without timestamps, RTO for data is 3 seconds at least", () => {
    const { rig, peer, connection } = opening({ mss: 1_460 });
    rig.advance(1_500 * MS);
    peer.send("S.", 0, 1, { mss: 1_460 });
    connection.send(new Uint8Array(10));
    const [first] = peer.mine(rig.run());
    const [again] = peer.mine(rig.advance(20 * SECOND));
    expect(again!.at - first!.at).toBe(3 * SECOND);
    // RFC 5681 3.1: and the window is one segment.
  });

  test("3 (Karn): an ACK of what was sent twice is no sample, and back-off stays until there is one", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(100));
    peer.mine(rig.run());
    const again = peer.mine(rig.advance(900 * MS));
    expect(again.length).toBeGreaterThanOrEqual(2);
    const { srtt } = { srtt: connection.info().rtt };
    peer.send(".", 1, 101);
    expect(connection.info().rtt).toBe(srtt);
    connection.send(new Uint8Array(100));
    const [fresh] = peer.mine(rig.run());
    rig.advance(30 * MS);
    peer.send(".", 1, 201);
    expect(connection.info().rtt).not.toBe(srtt);
    expect(peer.line(fresh!)).toBe("P. 101:201(100) ack 1");
  });

  test("3, RFC 7323 4.1: with timestamps the echo says which one was acknowledged", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, timestamps: true });
    connection.send(new Uint8Array(100));
    peer.mine(rig.run());
    const again = peer.mine(rig.advance(250 * MS));
    expect(again).toHaveLength(1);
    rig.advance(100 * MS);
    const before = connection.info().rtt;
    peer.send(".", 1, 101, { ts: [peer.clock, again[0]!.ts!.val] });
    expect(connection.info().rtt).not.toBe(before);
    expect(connection.info().rtt).toBeLessThan(200 * MS);
  });

  test("5.4, 5.5: data goes out again after RTO, 2 RTO, 4 RTO; R2 ends it with ETIMEDOUT", () => {
    const { rig, peer, connection, app } = accepted({ mss: 1_460 }, { tcp: { r2: 4 } });
    connection.send(new Uint8Array(100));
    peer.mine(rig.run());
    const times = peer
      .mine(rig.advance(60 * SECOND))
      .filter((s) => s.text.length > 0)
      .map((s) => s.at);
    expect(times).toHaveLength(4);
    const rto = times[0]!;
    expect(times.map((t) => t / rto)).toEqual([1, 3, 7, 15]);
    expect(app.take()).toEqual(["close ETIMEDOUT"]);
  });

  test("RFC 5482: the user timeout ends it to the microsecond, before or after R2", () => {
    for (const timeout of [700 * MS, 300 * SECOND]) {
      const { rig, peer, connection, app } = accepted({ mss: 1_460 }, { tcp: { r2: 3 } });
      connection.setUserTimeout(timeout / MS);
      connection.send(new Uint8Array(100));
      peer.mine(rig.run());
      rig.advance(timeout - 1);
      expect(app.take()).toEqual([]);
      rig.advance(1);
      expect(app.take()).toEqual(["close ETIMEDOUT"]);
    }
  });
});
