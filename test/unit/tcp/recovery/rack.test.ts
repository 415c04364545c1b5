/** RACK (RFC 8985 6): loss by time. The round trip is 100 ms throughout. */
import { describe, expect, test } from "vitest";
import { add } from "../../../../src/base/seq.ts";
import { MS } from "../rig.ts";
import { at, blocks, flight, MSS, RTT, startFor } from "./flight.ts";

describe("RACK (RFC 8985)", () => {
  test("6.2 step 5: with one segment SACKED above it, a hole is lost a quarter of min_RTT later, not before", () => {
    const { ack, wait, info } = flight(6);
    wait(RTT);
    expect(ack(0, blocks([1, 2]))).toEqual([]);
    expect(info().ca_state).toBe(1);
    expect(wait(24 * MS)).toEqual([]);
    expect(wait(2 * MS)).toEqual([0]);
    expect(info()).toMatchObject({ ca_state: 3, lost: 1, retrans: 1 });
  });

  test("6.2 step 5: what was sent after the newest segment delivered waits for nothing", () => {
    const { ack, wait } = flight(6);
    wait(RTT);
    ack(0, blocks([1, 2]));
    expect(wait(26 * MS)).toEqual([0]);
    // Segments 2 to 5 were sent with 1, behind it: nothing tells of them.
    expect(wait(100 * MS)).toEqual([]);
  });

  test("6.2 step 4: DupThresh segments SACKED, and no reordering ever seen: at once, as RFC 6675", () => {
    const { ack, wait } = flight(6);
    wait(RTT);
    ack(0, blocks([1, 2]));
    ack(0, blocks([1, 3]));
    expect(ack(0, blocks([1, 4]))).toEqual([0]);
  });

  test("6.2 step 3: what comes late is reordering, after which DupThresh counts no more and the window does", () => {
    const { ack, wait, info } = flight(30);
    wait(RTT);
    ack(0, blocks([1, 5]));
    // It was resent, but the original arrives: no retransmission is echoed, so it is told by the next.
    ack(10);
    const more = flight(30);
    more.wait(RTT);
    more.ack(0, blocks([1, 3]));
    more.ack(3);
    expect(more.info()).toMatchObject({ reord_seen: 1, reordering: 3, ca_state: 0 });
    more.wait(RTT);
    expect(more.ack(3, blocks([4, 9])).filter((k) => k < 10)).toEqual([]);
    expect(more.wait(26 * MS).filter((k) => k < 10)).toEqual([3]);
    expect(info().reord_seen).toBe(0);
  });

  test("6.2 step 3: the metric of reordering is the distance in segments", () => {
    const { ack, wait, info, tcb } = flight(10);
    tcb.reordering = 5;
    wait(RTT);
    ack(0, blocks([1, 5]));
    ack(5);
    expect(info()).toMatchObject({ reordering: 5, reord_seen: 1 });
    ack(5, blocks([6, 10]));
    const wide = flight(10);
    wide.tcb.reordering = 9;
    wide.wait(RTT);
    wide.ack(0, blocks([1, 9]));
    wide.tcb.reordering = 3;
    wide.ack(9);
    expect(wide.info()).toMatchObject({ reordering: 9, reord_seen: 1 });
  });

  test("6.2 step 4: a DSACK widens the window by a quarter of min_RTT, once a round trip", () => {
    const { ack, wait, tcb } = flight(40);
    wait(RTT);
    ack(0, blocks([1, 2]));
    ack(2);
    wait(RTT);
    ack(2, blocks([3, 4]));
    expect(wait(26 * MS)).toContain(2);
    // The original was late, and the peer reports the retransmission as a duplicate.
    ack(4);
    expect(tcb.recovery.reoWndMult).toBe(1);
    ack(4, blocks([2, 3]));
    expect(tcb.recovery).toMatchObject({ reoWndMult: 2, reoWndPersist: 16 });
    // Enough was sent again for it to be believed; only the round trip is not over.
    tcb.retransmits = 10;
    ack(4, blocks([2, 3]));
    expect(tcb.dsackDups).toBe(2);
    expect(tcb.recovery.reoWndMult).toBe(2);
  });

  test("6.2 step 4: the round trip of a DSACK ends with the ACK of what was sent then, not 2^32 bytes later", () => {
    const { ack, wait, tcb } = flight(10);
    wait(RTT);
    tcb.recovery.inDsackRound = true;
    tcb.recovery.dsackRound = add(tcb.snd.una, 2 * MSS);
    ack(1);
    expect(tcb.recovery.inDsackRound).toBe(true);
    ack(2);
    expect(tcb.recovery.inDsackRound).toBe(false);
  });

  test("6.2 step 4: a window of two quarters of min_RTT waits as long", () => {
    const { ack, wait, tcb } = flight(6);
    tcb.recovery.reorderings = 1;
    tcb.recovery.reoWndMult = 2;
    wait(RTT);
    ack(0, blocks([1, 2]));
    expect(wait(49 * MS)).toEqual([]);
    expect(wait(2 * MS)).toEqual([0]);
  });

  test("6.2 step 4: after 16 recoveries with real losses the window is what it was", () => {
    const { ack, wait, tcb } = flight(10);
    wait(RTT);
    ack(0, blocks([1, 7]));
    tcb.recovery.reoWndMult = 3;
    tcb.recovery.reoWndPersist = 1;
    wait(RTT);
    ack(10);
    expect(tcb.recovery).toMatchObject({ reoWndMult: 1, reoWndPersist: 0 });
  });

  test("6.2 step 5: a retransmission is lost when what was sent after it is delivered", () => {
    const { ack, wait, rig } = flight(40);
    wait(RTT);
    expect(ack(0, blocks([1, 7]))).toEqual([0, 10]);
    wait(RTT);
    expect(ack(0, blocks([1, 10]))).not.toContain(0);
    expect(ack(0, blocks([1, 11]))[0]).toBe(0);
    expect(rig.stack.counters.TCPLostRetransmit).toBe(1);
  });

  test("6.2 step 2: an acknowledgment that comes sooner than min_RTT after a retransmission is the original's", () => {
    const { ack, wait, tcb } = flight(40);
    wait(RTT);
    ack(0, blocks([1, 7]));
    const before = tcb.recovery.xmitAt;
    wait(10 * MS);
    ack(7);
    expect(tcb.recovery.xmitAt).toBe(before);
  });

  test("6.2 step 2: nor does one tell of the retransmission whose echoed timestamp is older", () => {
    const { ack, wait, tcb, peer } = flight(40, { timestamps: true });
    const first = peer.tsSeen;
    wait(RTT);
    ack(0, blocks([1, 7]));
    const before = tcb.recovery.xmitAt;
    wait(RTT + MS);
    ack(7, { ts: [peer.clock, first] });
    expect(tcb.recovery.xmitAt).toBe(before);
  });

  test("6.3: at a timeout, what was sent less than a round trip ago is not lost", () => {
    const { ack, wait, rig, info, connection, peer } = flight(3, {}, { tlp: false });
    wait(RTT);
    ack(1);
    wait(250 * MS);
    connection.send(new Uint8Array(1_000));
    peer.mine(rig.run());
    expect(wait(60 * MS)).toEqual([1]);
    expect(info()).toMatchObject({ ca_state: 4, lost: 2, unacked: 3 });
  });

  test.each([0x8000_0000, 0x1_0000_0000])("all of it the same where sequence numbers wrap at %d", (edge) => {
    const start = startFor(edge, 3_500);
    const { ack, wait, info, peer } = flight(30, {}, {}, { start });
    expect((edge - peer.irs) >>> 0).toBeLessThan(5_000);
    wait(RTT);
    expect(ack(0, blocks([1, 4], [6, 7]))[0]).toBe(0);
    wait(RTT);
    ack(4, blocks([6, 7]));
    ack(10);
    expect(info()).toMatchObject({ ca_state: 0, sacked: 0, lost: 0, retrans: 0 });
    expect(at(0)).toBe(1);
  });
});

describe("without RACK (RFC 6675 alone)", () => {
  test("4 (IsLost): one segment SACKED above proves nothing, however long ago; three do", () => {
    const { ack, wait } = flight(6, {}, { rack: false, tlp: false });
    wait(RTT);
    ack(0, blocks([1, 2]));
    expect(wait(90 * MS)).toEqual([]);
    expect(ack(0, blocks([1, 4]))).toEqual([0]);
  });
});
