/** HyStart++ (RFC 9406): when slow start ends. */
import { describe, expect, test } from "vitest";
import { add, seq } from "../../../../src/base/seq.ts";
import { DEFAULT_CONFIG } from "../../../../src/tcp/config.ts";
import {
  AckSample,
  CONGESTION_CONTROLS,
  type CongestionName,
} from "../../../../src/tcp/congestion/congestion.ts";
import { Tcb } from "../../../../src/tcp/tcb.ts";

const MSS = 1_000;
const MS = 1_000;
const NONE = 0x7fffffff;

function connection(name: CongestionName, hystart = true): Tcb {
  const config = { ...DEFAULT_CONFIG, hystart };
  const control = CONGESTION_CONTROLS[name];
  const tcb = new Tcb(
    4,
    1,
    2,
    3,
    4,
    { mtu: 1_500, mssClamp: 0, offload: false, bigTcp: false },
    config,
    control,
  );
  tcb.snd.mss = MSS;
  // Rounds cross 2^31 and 2^32 alike.
  tcb.snd.una = tcb.snd.nxt = seq(0x7fff_fff0);
  control.init(tcb, 10);
  tcb.cwndLimited = true;
  return tcb;
}

/** Sends a window and acknowledges it segment by segment, each with that round trip. Returns cwnd in segments. */
function round(tcb: Tcb, rttUs: number): number {
  const n = Math.floor(tcb.cwnd / MSS);
  tcb.snd.nxt = add(tcb.snd.una, n * MSS);
  const sample = new AckSample();
  sample.acked = sample.delivered = MSS;
  sample.rttUs = rttUs;
  for (let i = 0; i < n; i++) {
    tcb.snd.una = add(tcb.snd.una, MSS);
    // The ACK clock: what is acknowledged is replaced by new data, so that our rounds are HyStart's.
    tcb.snd.nxt = add(tcb.snd.una, tcb.cwnd + MSS);
    tcb.congestion.onAck(tcb, sample);
  }
  return tcb.cwnd / MSS;
}

describe.each(["cubic", "newreno"] as const)("RFC 9406 with %s", (name) => {
  test("4.2: steady round trips double the window", () => {
    const tcb = connection(name);
    expect(round(tcb, 40 * MS)).toBe(20);
    expect(round(tcb, 40 * MS)).toBe(40);
    expect(round(tcb, 40 * MS)).toBe(80);
    expect(tcb.ssthresh).toBe(NONE);
  });

  test("4.2: a round trip longer by an eighth (4 to 16 ms) leads to conservative slow start, and after five rounds out", () => {
    const tcb = connection(name);
    for (let i = 0; i < 4; i++) round(tcb, 40 * MS);
    const before = round(tcb, 40 * MS);
    const first = round(tcb, 46 * MS);
    // Eight samples of full growth, then a quarter.
    expect(first).toBeLessThan(before * 1.35);
    expect(first).toBeGreaterThan(before * 1.15);
    let rounds = 0;
    while (tcb.ssthresh === NONE && rounds < 20) {
      round(tcb, 46 * MS);
      rounds++;
    }
    expect(rounds).toBeGreaterThanOrEqual(3);
    expect(rounds).toBeLessThanOrEqual(6);
    expect(tcb.ssthresh).toBeLessThanOrEqual(tcb.cwnd);
    expect(tcb.cwnd / MSS).toBeLessThan(before * 4);
  });

  test("4.2: growth below the threshold is no sign", () => {
    for (const [rtt, more] of [
      [8, 3.9],
      [40, 4.9],
      [300, 15.9],
    ] as const) {
      const tcb = connection(name);
      for (let i = 0; i < 3; i++) round(tcb, rtt * MS);
      expect(round(tcb, (rtt + more) * MS)).toBe(160);
      const other = connection(name);
      for (let i = 0; i < 3; i++) round(other, rtt * MS);
      expect(round(other, (rtt + more + 0.2) * MS)).toBeLessThan(160);
    }
  });

  test("4.2: round trips that shrink again were a false sign: slow start resumes", () => {
    const tcb = connection(name);
    for (let i = 0; i < 3; i++) round(tcb, 40 * MS);
    const slow = round(tcb, 60 * MS);
    expect(slow).toBeLessThan(160);
    round(tcb, 40 * MS);
    const resumed = tcb.cwnd / MSS;
    expect(round(tcb, 40 * MS)).toBeGreaterThan(resumed * 1.9);
    expect(tcb.ssthresh).toBe(NONE);
  });

  test("4.3: in the first slow start alone; and not where it is switched off", () => {
    const later = connection(name);
    later.ssthresh = 400 * MSS;
    const off = connection(name, false);
    for (const tcb of [later, off]) {
      for (let i = 0; i < 3; i++) round(tcb, 40 * MS);
      expect(round(tcb, 80 * MS)).toBe(160);
    }
  });
});
