/** CUBIC's window against RFC 9438's formulas, written here anew and integrated ACK by ACK. */
import { describe, expect, test } from "vitest";
import { DEFAULT_CONFIG } from "../../../../src/tcp/config.ts";
import { AckSample, CONGESTION_CONTROLS } from "../../../../src/tcp/congestion/congestion.ts";
import { Tcb } from "../../../../src/tcp/tcb.ts";
import { SECOND } from "../rig.ts";

const MSS = 1_000;
const { cubic } = CONGESTION_CONTROLS;

function connection(cwnd: number, rttUs: number): Tcb {
  const tcb = new Tcb(
    4,
    1,
    2,
    3,
    4,
    { mtu: 1_500, mssClamp: 0, offload: false, bigTcp: false },
    { ...DEFAULT_CONFIG },
    cubic,
  );
  tcb.snd.mss = MSS;
  cubic.init(tcb, 10);
  tcb.cwnd = cwnd * MSS;
  tcb.srttUs = rttUs;
  tcb.cwndLimited = true;
  return tcb;
}

/** One round trip: every segment of the window is acknowledged by itself, evenly. */
function round(tcb: Tcb, from: number, rttUs: number): number {
  const sample = new AckSample();
  sample.acked = sample.delivered = MSS;
  const n = Math.floor(tcb.cwnd / MSS);
  for (let i = 1; i <= n; i++) {
    sample.now = from + (rttUs * i) / n;
    cubic.onAck(tcb, sample);
  }
  return from + rttUs;
}

function lose(tcb: Tcb): void {
  cubic.onLoss(tcb, tcb.cwnd, new AckSample());
  tcb.cwnd = tcb.ssthresh;
  cubic.onRecovered(tcb, tcb.cwnd);
}

const segments = (tcb: Tcb): number => Math.floor(tcb.cwnd / MSS);

describe("RFC 9438", () => {
  test("4.6: a loss leaves 0.7 of the window, in whole segments, two at least", () => {
    for (const [before, after] of [
      [10, 7],
      [11, 7],
      [90, 63],
      [1_000, 700],
      [2, 2],
      [1, 2],
    ] as const) {
      const tcb = connection(before, 100_000);
      lose(tcb);
      expect(tcb.ssthresh).toBe(after * MSS);
    }
  });

  test("4.2: the window is back at W_max after K = cbrt(0.3 W_max / C) seconds, and flat around it", () => {
    const rtt = 100_000;
    const tcb = connection(1_000, rtt);
    lose(tcb);
    const k = Math.cbrt((1_000 - 700) / 0.4);
    let now = 5 * SECOND;
    const start = now;
    const wanted = (t: number): number => 0.4 * (t - k) ** 3 + 1_000;
    while (now < start + (k + 4) * SECOND) {
      now = round(tcb, now, rtt);
      const t = (now - start) / SECOND;
      // One round trip of delay and one of look-ahead; whole segments.
      expect(segments(tcb)).toBeGreaterThanOrEqual(Math.floor(wanted(t - rtt / SECOND)) - 2);
      expect(segments(tcb)).toBeLessThanOrEqual(Math.ceil(wanted(t + rtt / SECOND)) + 2);
    }
    expect(segments(tcb)).toBeGreaterThan(1_010);
  });

  test("4.3: on a short path the window is Reno's: alpha = 3 (1 - 0.7) / (1 + 0.7) a round trip, then 1", () => {
    const rtt = 10_000;
    const tcb = connection(20, rtt);
    lose(tcb);
    let wEst = 14;
    let now = SECOND;
    for (let i = 0; i < 60; i++) {
      const acked = segments(tcb);
      for (let j = 0; j < acked; j++) wEst += (wEst >= 20 ? 1 : (3 * 0.3) / 1.7) / acked;
      now = round(tcb, now, rtt);
      expect(Math.abs(segments(tcb) - wEst)).toBeLessThanOrEqual(1.5);
    }
    expect(segments(tcb)).toBeGreaterThan(60);
  });

  test("4.7, fast convergence: a second loss at a smaller window aims lower", () => {
    const reached = (windows: number[]): number => {
      const tcb = connection(windows[0]!, 100_000);
      for (const w of windows) {
        tcb.cwnd = w * MSS;
        lose(tcb);
      }
      let now = SECOND;
      for (let i = 0; i < 75; i++) now = round(tcb, now, 100_000);
      return segments(tcb);
    };
    // The same window at the last loss, 800; W_max is 800 or 0.85 x 800.
    expect(reached([600, 800])).toBeGreaterThan(reached([1_000, 800]) + 50);
  });

  test("4.5: no more than half a segment for a segment acknowledged", () => {
    const tcb = connection(100, 100_000);
    lose(tcb);
    let now = round(tcb, SECOND, 100_000);
    // A minute in which time passed and no ACK came: the cubic function is far ahead.
    now += 60 * SECOND;
    const before = segments(tcb);
    round(tcb, now, 100_000);
    expect(segments(tcb)).toBeGreaterThan(before * 1.4);
    expect(segments(tcb)).toBeLessThanOrEqual(before * 1.5 + 1);
  });

  test("4.8: after a timeout slow start up to 0.7, then K = 0 from there", () => {
    const rtt = 100_000;
    const tcb = connection(100, rtt);
    cubic.onTimeout(tcb, tcb.cwnd, true);
    expect([segments(tcb), tcb.ssthresh / MSS]).toEqual([1, 70]);
    cubic.onTimeout(tcb, tcb.cwnd, false);
    expect(tcb.ssthresh / MSS).toBe(70);
    let now = SECOND;
    for (let i = 0; i < 7; i++) now = round(tcb, now, rtt);
    expect(segments(tcb)).toBeGreaterThanOrEqual(70);
    const start = now;
    while (now < start + 5 * SECOND) now = round(tcb, now, rtt);
    const convex = 70 + 0.4 * 5 ** 3;
    expect(Math.abs(segments(tcb) - convex)).toBeLessThan(12);
  });

  test("4.9.1: a spurious loss leaves no trace", () => {
    const rtt = 100_000;
    const a = connection(500, rtt);
    const b = connection(500, rtt);
    lose(a);
    lose(b);
    let now = SECOND;
    for (let i = 0; i < 20; i++, now += rtt) {
      round(a, now, rtt);
      round(b, now, rtt);
    }
    b.priorCwnd = b.cwnd;
    b.priorSsthresh = b.ssthresh;
    lose(b);
    cubic.onUndo(b);
    for (let i = 0; i < 20; i++, now += rtt) {
      round(a, now, rtt);
      round(b, now, rtt);
    }
    expect(Math.abs(segments(a) - segments(b))).toBeLessThanOrEqual(1);
    expect(a.ssthresh).toBe(b.ssthresh);
  });

  test("5.8: t does not count time in which the window was not used, or nothing was sent", () => {
    const rtt = 100_000;
    const grown = (pause: (tcb: Tcb, now: number) => void): number => {
      const tcb = connection(100, rtt);
      lose(tcb);
      let now = SECOND;
      for (let i = 0; i < 10; i++) now = round(tcb, now, rtt);
      pause(tcb, now);
      now += 30 * SECOND;
      for (let i = 0; i < 10; i++) now = round(tcb, now, rtt);
      return segments(tcb);
    };
    const none = ((): number => {
      const tcb = connection(100, rtt);
      lose(tcb);
      let now = SECOND;
      for (let i = 0; i < 20; i++) now = round(tcb, now, rtt);
      return segments(tcb);
    })();
    expect(grown((tcb) => cubic.onIdle(tcb, 30 * SECOND))).toBe(none);
    const unused = grown((tcb, now) => {
      tcb.cwndLimited = false;
      const sample = new AckSample();
      sample.now = now;
      sample.acked = sample.delivered = MSS;
      cubic.onAck(tcb, sample);
      tcb.cwndLimited = true;
    });
    const both = grown((tcb, now) => {
      tcb.cwndLimited = false;
      const sample = new AckSample();
      sample.now = now;
      sample.acked = sample.delivered = MSS;
      cubic.onAck(tcb, sample);
      cubic.onIdle(tcb, 25 * SECOND);
      tcb.cwndLimited = true;
    });
    expect(Math.abs(both - none)).toBeLessThanOrEqual(1);
    expect(Math.abs(unused - none)).toBeLessThanOrEqual(1);
    expect(grown(() => {})).toBeGreaterThan(3 * none);
  });

  test("4.2, 4.3: a window that shrank by disuse follows W_est by half a segment for each one acknowledged, not at once", () => {
    const rtt = 10_000;
    const tcb = connection(100, rtt);
    lose(tcb);
    let now = SECOND;
    for (let i = 0; i < 100; i++) now = round(tcb, now, rtt);
    tcb.cwnd = 40 * MSS;
    tcb.ssthresh = 30 * MSS;
    const sample = new AckSample();
    sample.acked = sample.delivered = 2 * MSS;
    for (let i = 1; i <= 10; i++) {
      sample.now = now += 10;
      cubic.onAck(tcb, sample);
      expect(segments(tcb)).toBeLessThanOrEqual(40 + i);
    }
    expect(segments(tcb)).toBeGreaterThan(45);
  });

  test("a window of 2^30 bytes stays exact and grows no further", () => {
    const tcb = connection(2 ** 30 / MSS, 1_000);
    tcb.ssthresh = 2 ** 29;
    let now = SECOND;
    const sample = new AckSample();
    sample.acked = sample.delivered = 2 ** 29;
    for (let i = 0; i < 100; i++) {
      sample.now = now += 1_000_000;
      cubic.onAck(tcb, sample);
      expect(tcb.cwnd).toBeLessThanOrEqual(2 ** 30);
    }
    lose(tcb);
    expect(tcb.ssthresh / 2 ** 30).toBeCloseTo(0.7, 3);
  });
});
