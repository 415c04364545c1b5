/** ECN (RFC 3168) on the wire, in both families: who agrees, what is marked, echoed, and answered. */
import { describe, expect, test } from "vitest";
import type { Peer } from "./peer.ts";
import { Peer as PeerOf } from "./peer.ts";
import {
  App,
  accepted,
  listen,
  MS,
  opened,
  opening,
  type Pair,
  Rig,
  type RigOptions,
  type Sent,
} from "./rig.ts";

const MSS = 1_000;
const at = (k: number): number => 1 + k * MSS;

describe.each([4, 6] as const)("IPv%d", (family) => {
  const on: RigOptions = { family, tcp: { ecn: "on" } };
  const passive: RigOptions = { family, tcp: { quickAcks: 1_000 } };

  /** A connection that the peer opened by `flags`; what the SYN-ACK said. */
  function answered(flags: string, options: RigOptions, ecn = 0): { synAck: Sent; pair: Pair } {
    const rig = new Rig(options);
    const app = new App();
    const listener = listen(rig, app, family === 6 ? { host: "::" } : {});
    const peer = new PeerOf(rig, { mss: MSS, sack: true });
    const [synAck] = peer.send(flags, 0, 0, { ...peer.synOptions, ecn });
    rig.now += 10 * MS;
    peer.send(".", 1, 1);
    return { synAck: synAck!, pair: { rig, peer, app, connection: app.connection!, listener } };
  }
  const agreed = (options = passive): Pair => answered("SEC", options).pair;
  const write = ({ rig, peer, connection }: Pair, segments: number): Sent[] => {
    connection.send(new Uint8Array(segments * MSS));
    return peer.mine(rig.run());
  };

  describe("6.1.1: negotiation", () => {
    test("a SYN asks with ECE and CWR where ecn is on, and only there; no SYN carries a codepoint", () => {
      expect(opening({}, on).syn).toMatchObject({ flags: "SEC", ecn: 0 });
      expect(opening({}, passive).syn.flags).toBe("S");
      expect(opening({}, { family, tcp: { ecn: "off" } }).syn.flags).toBe("S");
    });

    test("6.1.1.1: the SYN sent again does not ask, or not after as many as ecnFallback says", () => {
      for (const ecnFallback of [0, 1, 3]) {
        const { rig, peer } = opening({}, { family, tcp: { ecn: "on", ecnFallback } });
        const again = peer.mine(rig.advance(20_000 * MS)).map((s) => s.flags);
        expect(again.length).toBeGreaterThan(3);
        expect(again).toEqual(again.map((_, i) => (i < ecnFallback ? "SEC" : "S")));
      }
    });

    test.each([
      ["S.E", true],
      ["S.", false],
      ["S.EC", false],
      ["S.C", false],
    ])("a SYN-ACK %s agrees: %s", (flags, ecn) => {
      const pair = opening({ mss: MSS }, on);
      pair.peer.send(flags, 0, 1, pair.peer.synOptions);
      expect(pair.connection.info().ecn).toBe(ecn);
      expect(write(pair, 1)[0]!.ecn).toBe(ecn ? 2 : 0);
    });

    test("an agreement to what was not asked, or not asked again, is none", () => {
      const pair = opening({ mss: MSS }, passive);
      pair.peer.send("S.E", 0, 1, pair.peer.synOptions);
      expect(pair.connection.info().ecn).toBe(false);
      const again = opening({ mss: MSS }, on);
      again.peer.mine(again.rig.advance(1_100 * MS));
      again.peer.send("S.E", 0, 1, again.peer.synOptions);
      expect(again.connection.info().ecn).toBe(false);
    });

    test.each([
      ["SEC", 0, "S.E"],
      ["S", 0, "S."],
      ["SE", 0, "S."],
      ["SC", 0, "S."],
      // A SYN with a codepoint was meddled with.
      ["SEC", 2, "S."],
      ["SEC", 3, "S."],
    ])("a SYN %s with codepoint %d is answered by %s", (flags, ecn, answer) => {
      const { synAck, pair } = answered(flags, passive, ecn);
      expect(synAck).toMatchObject({ flags: answer, ecn: 0 });
      expect(pair.connection.info().ecn).toBe(answer === "S.E");
      expect(answered(flags, { family, tcp: { ecn: "off" } }, ecn).synAck.flags).toBe("S.");
    });

    test("RFC 4987: a cookie carries it where timestamps carry a cookie's options, else it is not agreed", () => {
      for (const timestamps of [true, false]) {
        const rig = new Rig({ family, tcp: { synCookies: "always" } });
        const app = new App();
        listen(rig, app, family === 6 ? { host: "::" } : {});
        const peer = new PeerOf(rig, { mss: MSS, timestamps });
        expect(peer.send("SEC", 0, 0, peer.synOptions)[0]!.flags).toBe(timestamps ? "S.E" : "S.");
        peer.send(".", 1, 1);
        expect(app.connection!.info().ecn).toBe(timestamps);
      }
    });

    test("simultaneous open: both asked, both agree", () => {
      const pair = opening({ mss: MSS }, on);
      const answer = pair.peer.send("SEC", 0, 0, pair.peer.synOptions);
      expect(answer[0]!.flags).toBe("S.E");
      pair.peer.send(".", 1, 1);
      expect(pair.connection.info().ecn).toBe(true);
    });
  });

  describe("6.1.2, 6.1.5, 6.1.6: what is marked ECT(0)", () => {
    test("new text is; an ACK, a retransmission and a probe are not", () => {
      const pair = agreed();
      expect(write(pair, 3).map((s) => s.ecn)).toEqual([2, 2, 2]);
      const again = pair.peer.mine(pair.rig.advance(400 * MS));
      expect(again.length).toBeGreaterThan(0);
      const resent = again.filter((s) => s.seq !== again[0]!.seq || s.text.length > 0);
      expect(resent.every((s) => s.ecn === 0)).toBe(true);
      const acks = pair.peer.send("P.", 1, at(3), { text: 10 });
      const [ack] = [...acks, ...pair.peer.mine(pair.rig.advance(50 * MS))];
      expect(ack).toMatchObject({ ecn: 0 });
      expect(ack!.text).toHaveLength(0);
      pair.peer.send(".", 11, at(3), { wnd: 0 });
      expect(write(pair, 1)).toEqual([]);
      const probes = pair.peer.mine(pair.rig.advance(2_000 * MS));
      expect(probes.length).toBeGreaterThan(0);
      expect(probes.every((s) => s.ecn === 0)).toBe(true);
    });
  });

  describe("6.1.3: the receiver", () => {
    const text = (peer: Peer, k: number, extra: object): Sent[] =>
      peer.send("P.", at(k), 1, { text: MSS, ...extra });

    test("CE is echoed in every ACK until CWR comes; CE with CWR goes on echoing", () => {
      const { peer } = agreed();
      const flags = (sent: Sent[]): string[] => sent.map((s) => s.flags);
      expect(flags(text(peer, 0, { ecn: 2 }))).toEqual(["."]);
      expect(flags(text(peer, 1, { ecn: 3 }))).toEqual([".E"]);
      expect(flags(text(peer, 2, { ecn: 2 }))).toEqual([".E"]);
      const cwr = (k: number, ecn: number): Sent[] => peer.send("P.C", at(k), 1, { text: MSS, ecn });
      expect(flags(cwr(3, 3))).toEqual([".E"]);
      expect(flags(cwr(4, 2))).toEqual(["."]);
      expect(flags(text(peer, 5, { ecn: 2 }))).toEqual(["."]);
    });

    test("text of ours echoes as well, and what is out of order is looked at too", () => {
      const pair = agreed();
      text(pair.peer, 3, { ecn: 3 });
      expect(write(pair, 1)[0]!.flags).toContain("E");
    });

    test("without agreement CE means nothing", () => {
      const { peer, connection } = answered("S", passive).pair;
      expect(text(peer, 0, { ecn: 3 }).map((s) => s.flags)).toEqual(["."]);
      expect(connection.info()).toMatchObject({ ecn: false, ecn_seen: false });
    });

    test("what came is counted by codepoint, as IpExt and snmp6 do", () => {
      const { peer, rig, connection } = agreed();
      for (const [k, ecn] of [2, 1, 3, 3].entries()) text(peer, k, { ecn });
      const { counters } = rig.stack.snapshot();
      const own = family === 4 ? "" : "Ip6";
      const other = family === 4 ? "Ip6" : "";
      const codepoints = (of: string): unknown[] =>
        ["InECT0Pkts", "InECT1Pkts", "InCEPkts", "InNoECTPkts"].map((name) => counters[`${of}${name}`]);
      expect(codepoints(own)).toEqual([1, 1, 2, 2]);
      expect(codepoints(other)).toEqual([0, 0, 0, 0]);
      expect(connection.info()).toMatchObject({ ecn_seen: true, options: 2 | 8 | 16 });
    });
  });

  describe("6.1.2: the sender", () => {
    test("ECE lowers the window once a window, as a loss does, and CWR says so on the next new text, once", () => {
      const pair = agreed();
      write(pair, 60);
      pair.rig.now += 10 * MS;
      const first = pair.peer.send(".E", 1, at(2));
      const { ca_state, snd_ssthresh } = pair.connection.info();
      expect([ca_state, snd_ssthresh]).toEqual([2, 7]);
      expect(pair.connection.info().delivered_ce).toBe(2);
      const later: Sent[] = [...first];
      for (let k = 3; k <= 10; k++) later.push(...pair.peer.send(".E", 1, at(k)));
      expect(pair.connection.info().snd_ssthresh).toBe(7);
      const told = later.filter((s) => s.flags.includes("C"));
      expect(told).toHaveLength(1);
      expect(told[0]).toBe(later[0]);
      expect(later.every((s) => s.text.length > 0 && s.ecn === 2)).toBe(true);
      // The point of the reduction is passed: the window is what it was to become.
      for (let k = 11; k <= 14; k++) pair.peer.send(".", 1, at(k));
      expect(pair.connection.info().ca_state).toBe(0);
      expect(pair.connection.info().snd_cwnd).toBeGreaterThanOrEqual(7);
      expect(pair.connection.info().snd_cwnd).toBeLessThan(10);
      expect(pair.rig.stack.counters.RetransSegs).toBe(0);
    });

    test("with offload CWR rides on one segment, not on a super-segment", () => {
      const pair = agreed({ family, offload: true });
      write(pair, 60);
      pair.rig.now += 10 * MS;
      const sent: Sent[] = [];
      for (let k = 2; k <= 14; k += 4) sent.push(...pair.peer.send(".E", 1, at(Math.min(k, 10))));
      const told = sent.filter((s) => s.flags.includes("C"));
      expect(told.map((s) => [s.text.length, s.gsoSize])).toEqual([[MSS, 0]]);
    });

    test("a loss is told by CWR too (Linux: tcp_init_cwnd_reduction)", () => {
      const pair = agreed();
      write(pair, 60);
      pair.rig.now += 10 * MS;
      const sent: Sent[] = [];
      for (let k = 2; k <= 10; k++) {
        sent.push(...pair.peer.send(".", 1, at(0), { sack: [[at(1), at(k)]] }));
      }
      // Limited Transmit's two segments left before; then the first hole again, unmarked; then new text.
      const hole = sent.findIndex((s) => ((s.seq - pair.peer.irs) | 0) === at(0));
      expect(sent[hole]).toMatchObject({ flags: ".", ecn: 0 });
      const fresh = sent.filter((s) => s.ecn === 2);
      expect(fresh).toHaveLength(sent.length - 1);
      expect(fresh.length).toBeGreaterThan(hole);
      expect(fresh.map((s) => s.flags.includes("C"))).toEqual(fresh.map((_, i) => i === hole));
    });

    test("without agreement ECE means nothing", () => {
      const pair = accepted({ mss: MSS }, passive, 10 * MS);
      write(pair, 30);
      pair.rig.now += 10 * MS;
      pair.peer.send(".E", 1, at(2));
      expect(pair.connection.info().ca_state).toBe(0);
      const other = opened({ mss: MSS }, passive);
      expect(other.connection.info().ecn).toBe(false);
    });
  });
});
