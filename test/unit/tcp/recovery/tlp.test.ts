/** Tail loss probes (RFC 8985 7). The round trip is 100 ms, so that PTO is 202 ms and RTO 300 ms. */
import { describe, expect, test } from "vitest";
import { MS } from "../rig.ts";
import { blocks, flight, MSS, RTT } from "./flight.ts";

describe("tail loss probes (RFC 8985 7)", () => {
  test("7.2, 7.3: after two round trips without an ACK the last segment is sent again, and the window is not touched", () => {
    const { wait, info, rig } = flight(3);
    expect(wait(201 * MS)).toEqual([]);
    expect(wait(2 * MS)).toEqual([2]);
    expect(info()).toMatchObject({ ca_state: 0, snd_cwnd: 10, backoff: 0 });
    expect(rig.stack.counters).toMatchObject({ TCPLossProbes: 1, TCPTimeouts: 0 });
  });

  test("7.3: new text goes first, though cwnd is full", () => {
    const { wait } = flight(12);
    expect(wait(203 * MS)).toEqual([10]);
  });

  test("7.3: not beyond the peer's window", () => {
    const { wait } = flight(12, { wnd: 10 * MSS, wscale: 0 });
    expect(wait(203 * MS)).toEqual([9]);
  });

  test("7.2: one segment alone waits for a delayed ACK as well, but no longer than RTO", () => {
    const { wait, rig } = flight(1);
    expect(wait(299 * MS)).toEqual([]);
    expect(wait(2 * MS)).toEqual([0]);
    expect(rig.stack.counters).toMatchObject({ TCPLossProbes: 1, TCPTimeouts: 0 });
    // RTO follows, counted from the probe.
    expect(wait(297 * MS)).toEqual([]);
    expect(wait(4 * MS)).toEqual([0]);
    expect(rig.stack.counters.TCPTimeouts).toBe(1);
  });

  test("7.3: one probe at a time; then the retransmission timer", () => {
    const { wait, rig } = flight(3);
    wait(203 * MS);
    expect(wait(298 * MS)).toEqual([]);
    expect(wait(3 * MS)).toEqual([0]);
    expect(rig.stack.counters).toMatchObject({ TCPLossProbes: 1, TCPTimeouts: 1 });
  });

  test("7.4: the probe's SACK shows the holes before it, and no timeout is needed", () => {
    const { wait, ack, info, rig } = flight(5);
    wait(RTT);
    ack(1);
    wait(203 * MS);
    wait(RTT);
    expect(ack(1, blocks([4, 5]))).toContain(1);
    expect(info().ca_state).toBe(3);
    expect(rig.stack.counters.TCPTimeouts).toBe(0);
  });

  test("7.4.2: a probe that repaired a loss lowers the window, as the loss would have", () => {
    const { wait, ack, info, connection, peer, rig } = flight(4);
    wait(203 * MS);
    ack(4);
    expect(info().snd_ssthresh).toBe(0x7fffffff);
    connection.send(new Uint8Array(MSS));
    peer.mine(rig.run());
    ack(5);
    expect(info()).toMatchObject({ ca_state: 0, snd_cwnd: info().snd_ssthresh });
    expect(rig.stack.counters.TCPLossProbeRecovery).toBe(1);
  });

  test.each([
    ["a DSACK", blocks([3, 4])],
    ["a duplicate ACK", {}],
  ])("7.4.2: %s says that the original and the probe arrived: nothing was lost", (_, extra) => {
    const { wait, ack, info, connection, peer, rig } = flight(4);
    wait(203 * MS);
    ack(4);
    ack(4, extra);
    connection.send(new Uint8Array(MSS));
    peer.mine(rig.run());
    ack(5);
    expect(info().snd_ssthresh).toBe(0x7fffffff);
    expect(rig.stack.counters.TCPLossProbeRecovery).toBe(0);
  });

  test("7.4.2: a DSACK says so on a segment with text, too, which is no duplicate ACK", () => {
    const { wait, ack, info, connection, peer, rig } = flight(4);
    wait(203 * MS);
    ack(4);
    peer.send("P.", 1, 1 + 4 * MSS, { ...blocks([3, 4]), text: 10 });
    connection.send(new Uint8Array(MSS));
    peer.mine(rig.run());
    peer.send(".", 11, 1 + 5 * MSS);
    expect(info().unacked).toBe(0);
    expect(info().snd_ssthresh).toBe(0x7fffffff);
  });

  test("7.4.2: a probe of new text tells nothing", () => {
    const { wait, ack, info } = flight(12);
    wait(203 * MS);
    ack(11);
    ack(12);
    expect(info().snd_ssthresh).toBe(0x7fffffff);
  });

  test.each([
    ["without SACK (7.1)", { sack: false }, {}],
    ["when they are off", {}, { tlp: false }],
  ])("none %s", (_, options, tcp) => {
    const { wait } = flight(3, options, tcp);
    expect(wait(299 * MS)).toEqual([]);
    expect(wait(2 * MS)).toEqual([0]);
  });

  test("of a super-segment the last segment is sent again", () => {
    const { wait, peer, rig, connection } = flight(5, {}, {}, { offload: true });
    const [probe] = peer.mine(rig.advance(203 * MS));
    expect(peer.line(probe!)).toMatch(/ 4001:5001\(1000\)/);
    expect(connection.info().unacked).toBe(5);
    expect(wait(0)).toEqual([]);
  });
});
