/** Found in review, in loss recovery: each of these once went wrong. */
import { describe, expect, test } from "vitest";
import { diff } from "../../../../src/base/seq.ts";
import { LOST, RETRANSMITTED, SACKED } from "../../../../src/tcp/buffer/sent-ring.ts";
import { MtuSearch } from "../../../../src/tcp/mtu-search.ts";
import { CA_LOSS } from "../../../../src/tcp/tcb.ts";
import { MS, SECOND } from "../rig.ts";
import { at, blocks, type Flight, flight, MSS } from "./flight.ts";

describe("runs of SACKED records (RFC 2018)", () => {
  test("what is acknowledged is forgotten, also while other data stays SACKED: 2^31 bytes on it would compare as ahead", () => {
    const { ack, tcb } = flight(60);
    ack(0, blocks([6, 7], [2, 4]));
    const known = (): number[] => [...tcb.recovery.runs!].filter((edge) => edge !== 0);
    expect(known()).toHaveLength(4);
    ack(5, blocks([6, 8]));
    expect(tcb.sentRing.sacked).toBe(2 * MSS);
    expect(known()).toHaveLength(2);
  });
});

describe("F-RTO (RFC 5682)", () => {
  test("2.1 step 2 b: new text that only waits for its turn in pacing still leaves instead of old text", () => {
    const { ack, wait, tcb, rig } = flight(30, {}, { tlp: false });
    expect(wait(301 * MS)).toEqual([0]);
    tcb.pacingRate = tcb.maxPacingRate = 20_000;
    tcb.departAt = rig.now + 400 * MS;
    expect(ack(1)).toEqual([]);
    expect(tcb.recovery.frto).toBe(true);
    expect(wait(401 * MS)[0]).toBe(10);
    ack(2);
    expect(rig.stack.counters.TCPSpuriousRTOs).toBe(1);
  });

  test("a timeout with a probe of the path MTU in flight is no business of F-RTO: the probe's size may explain it (Linux: tcp_enter_loss)", () => {
    const { wait, tcb } = flight(30, {}, { tlp: false });
    const search = new MtuSearch(1_000, 1_400, 1_000 * SECOND);
    search.size = 1_200;
    search.start = search.end = tcb.snd.nxt;
    tcb.mtuSearch = search;
    expect(wait(301 * MS)).toEqual([0]);
    expect(tcb.caState).toBe(CA_LOSS);
    expect(tcb.recovery.frto).toBe(false);
  });
});

describe("a window probe (RFC 9293 3.8.6.1) for a peer that reneges (RFC 2018 8)", () => {
  test("the oldest record, SACKED and not acknowledged, is sent again without counting as in flight twice", () => {
    const { ack, wait, tcb } = flight(4, {}, { tlp: false });
    ack(0, blocks([1, 4]));
    ack(1, { ...blocks([1, 4]), wnd: 0 });
    tcb.persistAt = tcb.retransmitAt;
    const { sacked } = tcb.sentRing;
    tcb.retransmitAt = Number.POSITIVE_INFINITY;
    expect(wait(2 * SECOND)[0]).toBe(1);
    expect(tcb.sentRing.flagsAt(0) & (SACKED | RETRANSMITTED)).not.toBe(SACKED | RETRANSMITTED);
    expect(tcb.sentRing.sacked).toBe(sacked);
    expect(tcb.sentRing.retransmitted).toBe(0);
  });
});

describe("RFC 6675 4 (IsLost), with RACK off", () => {
  const lost = ({ tcb }: Flight): number[] => {
    const ring = tcb.sentRing;
    return Array.from({ length: ring.count }, (_, i) => i)
      .filter((i) => (ring.flagsAt(i) & LOST) !== 0)
      .map((i) => (diff(ring.seqAt(i), tcb.snd.iss) - 1) / MSS);
  };
  const small = (): Flight => {
    const it = flight(1, {}, { tlp: false, rack: false });
    it.tcb.noDelay = true;
    for (let i = 0; i < 6; i++) {
      it.connection.send(new Uint8Array(100));
      it.peer.mine(it.rig.run());
    }
    return it;
  };

  test("three discontiguous SACKed sequences above, however few bytes", () => {
    const it = small();
    const sack = (...starts: number[]): void =>
      void it.ack(0, { sack: starts.map((n): [number, number] => [at(1) + n, at(1) + n + 100]) });
    sack(0, 200);
    expect(lost(it)).toEqual([]);
    sack(0, 200, 400);
    expect(lost(it)).toEqual([0]);
  });

  test("three segments in a row are one sequence, and count by their bytes", () => {
    const it = small();
    it.ack(0, { sack: [[at(1), at(1) + 300]] });
    expect(lost(it)).toEqual([]);
  });
});
