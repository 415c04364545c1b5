import { describe, expect, test } from "vitest";
import { MS, NEVER, SECOND } from "../../../src/base/time.ts";
import { TimerWheel } from "../../../src/stack/timer-wheel.ts";

const TICK = 1024;
const HOUR = 3600 * SECOND;

const fired = (wheel: TimerWheel, now: number): number[] => {
  const slots: number[] = [];
  wheel.expire(now, (slot) => slots.push(slot));
  return slots;
};

describe("timer wheel", () => {
  test("a timer that nobody moved costs one wake-up, at its deadline rounded up to the tick", () => {
    for (const delay of [10 * MS, 200 * MS, SECOND, 60 * SECOND, 2 * HOUR, 24 * HOUR]) {
      const wheel = new TimerWheel(TICK, 0);
      wheel.set(1, delay);
      expect(wheel.nextDeadline()).toBe(Math.ceil(delay / TICK) * TICK);
      expect(fired(wheel, wheel.nextDeadline())).toEqual([1]);
    }
  });

  test("an exact wheel wakes at the deadline itself, once, however far off", () => {
    for (const delay of [1, 999.5, 10 * MS + 1, 200_001, 2 * HOUR + 3]) {
      const wheel = new TimerWheel(TICK, 77, { exact: true });
      wheel.set(1, 77 + delay);
      expect(wheel.nextDeadline()).toBe(77 + delay);
      expect(fired(wheel, 77 + delay)).toEqual([1]);
    }
  });

  test("below 10 ms is measured from the time last told, not from the last expire", () => {
    const wheel = new TimerWheel(TICK, 0);
    wheel.touch(5 * SECOND + 1);
    wheel.set(1, 5 * SECOND + 501);
    expect(wheel.nextDeadline()).toBe(5 * SECOND + 501);
    expect(fired(wheel, 5 * SECOND + 501)).toEqual([1]);
  });

  test("put off within the tick that it is filed under, a timer now below 10 ms is exact", () => {
    const wheel = new TimerWheel(TICK, 0);
    wheel.set(1, 12_100);
    expect(fired(wheel, 9_000)).toEqual([]);
    wheel.set(1, 12_150);
    expect(wheel.nextDeadline()).toBe(12_150);
    expect(fired(wheel, 12_150)).toEqual([1]);
  });

  test("a timer put off takes its turn by its new deadline", () => {
    const wheel = new TimerWheel(TICK, 0, { exact: true });
    wheel.set(1, 100);
    wheel.set(2, 200);
    wheel.set(1, 300);
    expect(fired(wheel, 500)).toEqual([2, 1]);
  });

  test("a timer put off again and again wakes at most once for each deadline that it had when filed", () => {
    const wheel = new TimerWheel(TICK, 0);
    let wakes = 0;
    let now = 0;
    wheel.set(1, 200 * MS);
    for (; now < 10 * SECOND; now += MS) {
      if (wheel.nextDeadline() <= now) {
        wakes++;
        expect(fired(wheel, now)).toEqual([]);
      }
      wheel.set(1, now + 200 * MS);
    }
    expect(wakes).toBeLessThanOrEqual(51);
    expect(wheel.deadlineOf(1)).toBe(now - MS + 200 * MS);
  });

  test("a fire that throws leaves the others due for the next expire", () => {
    const wheel = new TimerWheel(TICK, 0, { exact: true });
    for (const slot of [1, 2, 3]) wheel.set(slot, slot);
    expect(() =>
      wheel.expire(10, () => {
        throw new Error("assert");
      }),
    ).toThrow("assert");
    expect(fired(wheel, 10)).toEqual([2, 3]);
    expect(wheel.nextDeadline()).toBe(NEVER);
  });

  test("NEVER and NaN disarm; a deadline in the past is due at once; a clock that steps back fires nothing", () => {
    const wheel = new TimerWheel(TICK, SECOND);
    wheel.set(1, 2 * SECOND);
    wheel.set(1, NEVER);
    wheel.set(2, 2 * SECOND);
    wheel.set(2, Number.NaN);
    expect(wheel.nextDeadline()).toBe(NEVER);
    wheel.set(3, -5);
    expect(wheel.nextDeadline()).toBeLessThanOrEqual(SECOND);
    expect(fired(wheel, SECOND)).toEqual([3]);
    wheel.set(4, 3 * SECOND);
    expect(fired(wheel, 0)).toEqual([]);
    expect(fired(wheel, 4 * SECOND)).toEqual([4]);
  });

  test("the tick counter's wrap at 2^32 ticks loses and hurries nothing", () => {
    const origin = 2 ** 32 * TICK - 3 * SECOND;
    const wheel = new TimerWheel(TICK, origin);
    const delays = [SECOND, 2 * SECOND, 4 * SECOND, 60 * SECOND, 20 * HOUR, 400 * HOUR];
    for (const [slot, delay] of delays.entries()) wheel.set(slot, origin + delay);
    let now = origin;
    const order: number[] = [];
    while (wheel.nextDeadline() !== NEVER) {
      now = Math.max(now, wheel.nextDeadline());
      for (const slot of fired(wheel, now)) {
        expect(now - origin - delays[slot]!).toBeGreaterThanOrEqual(0);
        expect(now - origin - delays[slot]!).toBeLessThan(TICK);
        order.push(slot);
      }
    }
    expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
