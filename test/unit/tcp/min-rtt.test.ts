/** The windowed minimum of round trips, against the minimum by definition. */
import { describe, expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { SECOND } from "../../../src/base/time.ts";
import { MinRtt } from "../../../src/tcp/min-rtt.ts";

describe("min_rtt (Linux: tcp_min_rtt_wlen, 300 s)", () => {
  test("a longer path shows once the old samples are five minutes old, not before", () => {
    const filter = new MinRtt();
    for (let t = 0; t < 60; t++) filter.take(10_000, t * SECOND);
    let shownAt = -1;
    for (let t = 60; t < 500; t++) {
      const min = filter.take(50_000 + (t % 7), t * SECOND);
      if (min > 10_000 && shownAt < 0) shownAt = t;
    }
    expect(shownAt).toBeGreaterThan(300);
    expect(shownAt).toBeLessThanOrEqual(361);
  });

  test("a smaller sample counts at once, and the next best takes its place when it is old", () => {
    const filter = new MinRtt();
    expect(filter.take(20_000, 0)).toBe(20_000);
    expect(filter.take(10_000, SECOND)).toBe(10_000);
    expect(filter.take(15_000, 200 * SECOND)).toBe(10_000);
    expect(filter.take(30_000, 290 * SECOND)).toBe(10_000);
    expect(filter.take(40_000, 302 * SECOND)).toBe(15_000);
    expect(filter.take(40_000, 502 * SECOND)).toBe(30_000);
  });

  test("never below the true minimum of the window, nor above that of all samples since a window ago by much", () => {
    const random = new Random(7);
    const filter = new MinRtt();
    const samples: [number, number][] = [];
    for (let t = 0; t < 3_000; t++) {
      const rtt = 10_000 + random.below(10_000) + (t > 1_500 ? 30_000 : 0);
      samples.push([t, rtt]);
      const min = filter.take(rtt, t * SECOND);
      const inWindow = samples.filter(([at]) => t - at <= 300).map(([, r]) => r);
      expect(min).toBeGreaterThanOrEqual(Math.min(...inWindow));
      expect(min).toBeLessThanOrEqual(Math.max(...inWindow));
    }
  });
});
