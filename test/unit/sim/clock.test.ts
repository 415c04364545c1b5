import fc from "fast-check";
import { expect, test } from "vitest";
import { Clock } from "../../../src/sim/clock.ts";

test("events come by time, those of one instant in the order of scheduling; the past means now", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean()), { maxLength: 600 }),
      (steps) => {
        const clock = new Clock(5);
        const waiting: { at: number; id: number }[] = [];
        const got: number[] = [];
        const want: number[] = [];
        const takeOne = (): void => {
          waiting.sort((x, y) => x.at - y.at || x.id - y.id);
          const next = waiting.shift();
          if (next === undefined) return;
          expect(clock.nextAt).toBe(next.at);
          want.push(next.id);
          clock.take().fire();
          expect(clock.now).toBe(next.at);
        };
        steps.forEach(([at, take], id) => {
          waiting.push({ at: Math.max(at, clock.now), id });
          clock.schedule(at, { fire: () => got.push(id) });
          if (take) takeOne();
        });
        while (clock.pending > 0) takeOne();
        expect(waiting).toEqual([]);
        expect(got).toEqual(want);
        expect(clock.nextAt).toBe(Number.POSITIVE_INFINITY);
      },
    ),
  );
});
