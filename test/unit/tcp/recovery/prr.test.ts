/** Proportional rate reduction (RFC 9937). NewReno halves: ten segments in flight become five. */
import { describe, expect, test } from "vitest";
import { blocks, flight, MSS, RTT } from "./flight.ts";

describe("PRR (RFC 9937)", () => {
  test("6.2: while more than ssthresh is in flight, half as much leaves as is delivered", () => {
    const { ack, wait, info } = flight(40);
    wait(RTT);
    ack(0, blocks([1, 2]));
    ack(0, blocks([1, 3]));
    // RecoverFS is 10 of 12 (two limited transmits): 0 is forced out, then one for every second.
    expect(ack(0, blocks([1, 4]))).toEqual([0]);
    const sent = [5, 6, 7, 8, 9, 10].map((k) => ack(0, blocks([1, k])).length);
    expect(sent.reduce((a, b) => a + b)).toBeLessThanOrEqual(4);
    expect(sent.reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2);
    ack(12);
    expect(info()).toMatchObject({ ca_state: 0, snd_cwnd: 5, snd_ssthresh: 5 });
  });

  test("6.2 (CRB): with less in flight than ssthresh, as much leaves as is delivered", () => {
    const { ack, wait } = flight(40);
    wait(RTT);
    // 0 to 4 lost at once: in flight are 1, ssthresh is 5.
    expect(ack(0, blocks([5, 9]))).toHaveLength(4);
    expect(ack(0, blocks([5, 10]))).toHaveLength(1);
  });

  test("6.2 (SSRB): one segment more when SND.UNA advances and no further loss shows", () => {
    const { ack, wait } = flight(40, {}, { initialWindow: 20 });
    wait(RTT);
    expect(ack(0, blocks([12, 20]))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    wait(RTT);
    expect(ack(1, blocks([12, 20]))).toEqual([8, 9]);
    // A further loss (1 again), and SND.UNA where it was: one for one.
    expect(ack(1, blocks([2, 3], [12, 20]))).toEqual([1]);
  });

  test("6.2: a retransmission is forced upon entering recovery, though more than ssthresh is in flight", () => {
    const { ack, wait, tcb } = flight(40);
    wait(RTT);
    tcb.cwnd = 3 * MSS;
    expect(ack(0, blocks([1, 4]))).toEqual([0]);
  });

  test("6.2: cwnd is ssthresh when recovery ends", () => {
    const { ack, wait, info } = flight(10);
    wait(RTT);
    ack(0, blocks([1, 10]));
    wait(RTT);
    ack(10);
    expect(info()).toMatchObject({ ca_state: 0, snd_cwnd: 5, snd_ssthresh: 5 });
  });
});

describe("limited transmit (RFC 3042)", () => {
  test.each([true, false])("2: the first two duplicate ACKs send a new segment each (SACK: %s)", (sack) => {
    const { ack, wait } = flight(20, { sack });
    wait(RTT);
    expect(ack(0, sack ? blocks([1, 2]) : {})).toEqual([10]);
    expect(ack(0, sack ? blocks([1, 3]) : {})).toEqual([11]);
    expect(ack(0, sack ? blocks([1, 4]) : {})).toEqual([0]);
  });
});
