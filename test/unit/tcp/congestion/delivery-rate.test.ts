/** Delivery-rate samples (draft-ietf-ccwg-bbr 4.1), as BBR gets them. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bbr } from "../../../../src/tcp/congestion/bbr.ts";
import type { AckSample } from "../../../../src/tcp/congestion/congestion.ts";
import { accepted, MS, type Pair } from "../rig.ts";

const MSS = 1_000;
const at = (k: number): number => 1 + k * MSS;
let samples: AckSample[] = [];
let rttUs: number[] = [];

beforeEach(() => {
  samples = [];
  rttUs = [];
  const { onAck } = bbr;
  vi.spyOn(bbr, "onAck").mockImplementation((tcb, sample) => {
    samples.push({ ...sample });
    rttUs.push(tcb.rate!.rttUs);
    onAck(tcb, sample);
  });
});
afterEach(() => vi.restoreAllMocks());

/** `n` segments are sent at once; segment k (from 0) starts at 1 + 1000 k. */
function sent(n: number): Pair {
  const pair = accepted({ mss: MSS, sack: true }, { tcp: { congestion: "bbr" } });
  pair.connection.send(new Uint8Array(n * MSS));
  expect(pair.peer.mine(pair.rig.run())).toHaveLength(n);
  return pair;
}

describe("delivery rate", () => {
  test("4.1.1.2.1: what was delivered since the newest segment was sent, over that time", () => {
    const { rig, peer } = sent(10);
    rig.now += 10 * MS;
    peer.says(".", 1, at(5));
    rig.now += 5 * MS;
    peer.says(".", 1, at(5), { sack: [[at(6), at(8)]] });
    expect(samples[0]!.deliveryRate).toBeCloseTo((5 * MSS) / 0.01, 3);
    expect(samples[0]!.priorDelivered).toBe(0);
    expect(samples[1]!.deliveryRate).toBeCloseTo((7 * MSS) / 0.015, 3);
    expect(rttUs).toEqual([10 * MS, 15 * MS]);
  });

  test("4.1.2.4: a sample is application-limited when the application left the window unused, and not otherwise", () => {
    const few = sent(5);
    few.rig.now += 10 * MS;
    few.peer.says(".", 1, at(5));
    expect(samples[0]!.isAppLimited).toBe(false);
    few.connection.send(new Uint8Array(2 * MSS));
    few.rig.run();
    few.rig.now += 10 * MS;
    few.peer.says(".", 1, at(7));
    expect(samples[1]!.isAppLimited).toBe(true);
  });

  test("what was SACKed is not delivered a second time", () => {
    const { rig, peer } = sent(10);
    rig.now += 10 * MS;
    peer.says(".", 1, at(0), { sack: [[at(1), at(3)]] });
    rig.now += 10 * MS;
    peer.says(".", 1, at(3));
    expect(samples.map((sample) => sample.delivered)).toEqual([2 * MSS, MSS]);
  });

  test("4.1.3.5: what may be the answer to the first transmission gives no round trip", () => {
    const { rig, peer } = sent(10);
    rig.now += 10 * MS;
    peer.says(".", 1, at(0), { sack: [[at(1), at(9)]] });
    rig.now += 10 * MS;
    peer.says(".", 1, at(10));
    expect(rttUs[0]).toBe(10 * MS);
    // Record 9, sent once, is newer than nothing: the retransmission of 0 was sent last.
    expect(rttUs.at(-1)).toBe(-1);
  });
});

test("a connection that changes to BBR in the middle of a transfer measures no more than there was", () => {
  const { rig, peer, connection } = accepted({ mss: MSS, sack: true });
  connection.send(new Uint8Array(10 * MSS));
  rig.run();
  rig.now += 10 * MS;
  peer.says(".", 1, at(4));
  connection.setCongestion("bbr");
  rig.now += 10 * MS;
  peer.says(".", 1, at(8));
  expect(samples[0]!.deliveryRate).toBeCloseTo((4 * MSS) / 0.02, 3);
  expect(samples[0]!.isAppLimited).toBe(true);
});
