/** F-RTO (RFC 5682) and the undo of reductions that were for nothing (RFC 3522, RFC 3708, RFC 4015). */
import { describe, expect, test } from "vitest";
import { MS } from "../rig.ts";
import { blocks, flight, MSS, RTT } from "./flight.ts";

describe("F-RTO (RFC 5682)", () => {
  const timedOut = (n: number, sack: boolean) => {
    const it = flight(n, { sack }, { tlp: false });
    expect(it.wait(301 * MS)).toEqual([0]);
    expect(it.info()).toMatchObject({ ca_state: 4, snd_cwnd: 1, snd_ssthresh: 5 });
    return it;
  };

  test("2.1 step 2 b: the first ACK sends two new segments instead of old ones", () => {
    for (const sack of [true, false]) expect(timedOut(30, sack).ack(1)).toEqual([10, 11]);
  });

  test("2.1 step 3 b: the second ACK that advances proves the timeout spurious: the window is what it was", () => {
    const { ack, info, rig } = timedOut(30, false);
    ack(1);
    ack(2);
    expect(info()).toMatchObject({ snd_ssthresh: 0x7fffffff, lost: 0 });
    expect(info().snd_cwnd).toBeGreaterThanOrEqual(10);
    expect(rig.stack.counters).toMatchObject({ TCPSpuriousRTOs: 1, TCPLossUndo: 1 });
  });

  test("3.1 step 3 b: with SACK, one original delivered is enough", () => {
    const { ack, info, rig } = timedOut(30, true);
    ack(0, blocks([1, 2]));
    expect(rig.stack.counters.TCPSpuriousRTOs).toBe(1);
    expect(info().snd_cwnd).toBeGreaterThanOrEqual(10);
  });

  test("2.1 step 3 a: a duplicate ACK after the new segments: the loss was real, and the rest is sent again", () => {
    const { ack, info, rig } = timedOut(30, false);
    ack(1);
    expect(ack(1)[0]).toBe(1);
    expect(info().ca_state).toBe(4);
    expect(rig.stack.counters.TCPSpuriousRTOs).toBe(0);
  });

  test("2.1 step 2 b: without new text the conventional recovery goes on", () => {
    const { ack } = timedOut(10, true);
    expect(ack(1)).toEqual([1, 2]);
  });

  test("2.1: without SACK, an ACK that covers the retransmission as well proves nothing", () => {
    const { ack, rig } = timedOut(30, false);
    ack(3);
    expect(rig.stack.counters.TCPSpuriousRTOs).toBe(0);
  });

  test("3.1 step 3 a: once new text is SACKed and nothing before it, the loss was real, whatever comes later", () => {
    const { ack, rig } = timedOut(30, true);
    ack(1);
    ack(1, blocks([10, 11]));
    ack(1, blocks([2, 3], [10, 11]));
    expect(rig.stack.counters.TCPSpuriousRTOs).toBe(0);
  });

  test("RFC 5681 3.1: slow start after it counts what an ACK newly delivered, not what was SACKed before", () => {
    const { ack, wait, info } = flight(30, {}, { tlp: false, rack: false, frto: false });
    ack(0, blocks([1, 3]));
    wait(301 * MS);
    expect(info()).toMatchObject({ ca_state: 4, snd_cwnd: 1 });
    ack(3);
    expect(info().snd_cwnd).toBe(2);
  });

  test("on a path that reorders, what is SACKED opens the window (Linux: tcp_may_raise_cwnd); elsewhere it does not", () => {
    const grown = (reordering: number): number => {
      const { ack, wait, tcb } = flight(40);
      wait(RTT);
      tcb.reordering = reordering;
      tcb.recovery.reorderings = 1;
      ack(0, blocks([1, 3]));
      return tcb.cwnd / MSS;
    };
    expect([grown(3), grown(4)]).toEqual([10, 12]);
  });

  test("off: the conventional recovery", () => {
    const { ack, wait } = flight(30, {}, { tlp: false, frto: false });
    wait(301 * MS);
    expect(ack(1)).toEqual([1, 2]);
  });
});

describe("undo", () => {
  test("RFC 3522 3.2: the ACK echoes a time before the retransmission: the original was only late", () => {
    const { ack, wait, info, peer, rig } = flight(10, { timestamps: true });
    const first = peer.tsSeen;
    wait(RTT);
    expect(ack(0, blocks([1, 4]))).toEqual([0]);
    expect(info().snd_ssthresh).toBe(5);
    wait(5 * MS);
    ack(10, { ts: [peer.clock, first] });
    expect(info()).toMatchObject({ ca_state: 0, snd_ssthresh: 0x7fffffff });
    expect(info().snd_cwnd).toBeGreaterThanOrEqual(10);
    expect(rig.stack.counters.TCPFullUndo).toBe(1);
  });

  test("RFC 3522 3.2: an echo of the retransmission undoes nothing", () => {
    const { ack, wait, info } = flight(10, { timestamps: true });
    wait(RTT);
    ack(0, blocks([1, 4]));
    wait(RTT);
    ack(10);
    expect(info()).toMatchObject({ ca_state: 0, snd_ssthresh: 5 });
    // The ACK may open it by one segment, as any.
    expect(info().snd_cwnd).toBeLessThanOrEqual(6);
  });

  test("RFC 3522 3.2 in a timeout: all of it was late", () => {
    const { ack, wait, info, peer, rig } = flight(10, { timestamps: true }, { tlp: false });
    const first = peer.tsSeen;
    wait(301 * MS);
    ack(1, { ts: [peer.clock, first] });
    expect(info()).toMatchObject({ ca_state: 0, snd_ssthresh: 0x7fffffff, lost: 0 });
    expect(rig.stack.counters.TCPLossUndo).toBe(1);
  });

  test("RFC 3708 2: all that was sent again is reported as duplicate", () => {
    const { ack, wait, info, rig } = flight(10);
    wait(RTT);
    expect(ack(0, blocks([2, 10]))).toContain(1);
    wait(RTT);
    ack(10);
    expect(info().snd_cwnd).toBe(5);
    ack(10, blocks([0, 1]));
    expect(info().snd_cwnd).toBe(5);
    ack(10, blocks([1, 2]));
    expect(info()).toMatchObject({ snd_cwnd: 10, snd_ssthresh: 0x7fffffff });
    // The SYN, ten segments, and two of them again (Linux: tcp_dsack_seen).
    expect(info().delivered).toBe(13);
    expect(rig.stack.counters.TCPDSACKUndo).toBe(1);
  });

  test("RFC 3708 3: more duplicates than were ever sent again prove nothing", () => {
    const { ack, wait, info, rig } = flight(10);
    wait(RTT);
    ack(10);
    for (let i = 0; i < 5; i++) ack(10, blocks([i, i + 1]));
    expect(info().dsack_dups).toBe(5);
    expect(rig.stack.counters.TCPDSACKUndo).toBe(0);
  });

  test("RFC 3708 3: nor do they where something was sent again", () => {
    const { ack, wait, tcb, rig } = flight(10);
    wait(RTT);
    ack(0, blocks([1, 10]));
    wait(RTT);
    ack(10);
    tcb.dsackDups = 5;
    ack(10, blocks([0, 1]));
    expect(rig.stack.counters.TCPDSACKUndo).toBe(0);
  });

  test("RFC 3708 3: a DSACK of more than the peer's window is none", () => {
    const { ack, rig, tcb } = flight(10, { wscale: 0, wnd: 12 * MSS });
    tcb.snd.maxWnd = 2 * MSS;
    ack(10);
    ack(10, blocks([0, 9]));
    expect(rig.stack.counters).toMatchObject({ TCPDSACKRecv: 0, TCPSACKDiscard: 1 });
  });
});

describe("a receiver that renounces (RFC 2018 8)", () => {
  test("an ACK up to where it had SACKED: after half a round trip all is lost and sent again", () => {
    const { ack, wait, rig } = flight(6);
    wait(RTT);
    ack(0, blocks([1, 3]));
    ack(1);
    expect(rig.stack.counters.TCPSACKReneging).toBe(0);
    const again = wait(60 * MS);
    expect(again[0]).toBe(1);
    expect(rig.stack.counters.TCPSACKReneging).toBe(1);
    expect([...again, ...ack(2), ...ack(4)]).toEqual(expect.arrayContaining([1, 2, 3]));
    ack(6);
    expect(rig.stack.counters.RetransSegs).toBeGreaterThan(2);
  });
});

describe("SACK blocks of an ACK that newer ones overtook", () => {
  test("RFC 2018: they are true all the same", () => {
    const { ack, wait, info } = flight(10);
    wait(RTT);
    ack(2);
    ack(0, blocks([4, 5]));
    expect(info().sacked).toBe(1);
  });
});
