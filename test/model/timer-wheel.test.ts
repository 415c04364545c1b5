/** The timer wheel against a list of deadlines: random settings, cancels and jumps of time. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NEVER } from "../../src/base/time.ts";
import { TimerWheel } from "../../src/stack/timer-wheel.ts";

const TICK = 1024;
const SLOTS = 40;

type Step =
  | { readonly op: "set"; readonly slot: number; readonly delay: number }
  | { readonly op: "cancel"; readonly slot: number }
  | { readonly op: "advance"; readonly by: number }
  | { readonly op: "next" };

const slot = fc.nat(SLOTS - 1);
const delay = fc.oneof(
  fc.integer({ min: -50, max: 900 }),
  fc.integer({ min: 900, max: 12_000 }),
  fc.integer({ min: 10_000, max: 5_000_000 }),
  fc.integer({ min: 60_000_000, max: 7_200_000_000 }),
  // Beyond the reach of the wheel, and across the wrap of 2^32 ticks.
  fc.double({ min: 0, max: 1e13, noNaN: true }).map(Math.floor),
  fc.double({ min: 0, max: 20_000, noNaN: true }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("set" as const), slot, delay }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("cancel" as const), slot }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("advance" as const), by: delay.map(Math.abs) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("next" as const) }) },
);
const start = fc.constantFrom(0, 123_456.5, 2 ** 31 * TICK - 5000, 2 ** 32 * TICK - 70_000, 1.7e15);

/** The model: a deadline and an order of setting a slot. */
class Naive {
  readonly timers = new Map<number, { deadline: number; order: number; roundable: boolean }>();
  private order = 0;

  set(slot: number, deadline: number, now: number): void {
    if (this.timers.get(slot)?.deadline === deadline) return;
    this.timers.set(slot, { deadline, order: this.order++, roundable: deadline - now >= 10_000 });
  }

  earliest(): number {
    return Math.min(NEVER, ...[...this.timers.values()].map((t) => t.deadline));
  }

  /** Slots with deadlines up to `now`, in the order in which they are to fire. */
  due(now: number): number[] {
    return [...this.timers]
      .filter(([, t]) => t.deadline <= now)
      .sort(([, a], [, b]) => a.deadline - b.deadline || a.order - b.order)
      .map(([slot]) => slot);
  }
}

function run(exact: boolean, origin: number, steps: readonly Step[], tick: number = TICK): void {
  const wheel = new TimerWheel(tick, origin, { exact });
  const model = new Naive();
  let now = origin;
  const advance = (to: number): void => {
    now = to;
    const fired: number[] = [];
    const count = wheel.expire(now, (slot) => {
      expect(wheel.deadlineOf(slot)).toBe(NEVER);
      fired.push(slot);
    });
    expect(count).toBe(fired.length);
    const due = model.due(now);
    if (exact) {
      expect(fired).toEqual(due);
    } else {
      for (const slot of fired) expect(due).toContain(slot);
      for (const slot of due) {
        if (fired.includes(slot)) continue;
        const timer = model.timers.get(slot)!;
        expect(timer.roundable).toBe(true);
        expect(now).toBeLessThan(timer.deadline + tick);
      }
    }
    for (const slot of fired) model.timers.delete(slot);
  };
  for (const s of steps) {
    if (s.op === "set") {
      wheel.set(s.slot, now + s.delay);
      model.set(s.slot, now + s.delay, now);
    } else if (s.op === "cancel") {
      wheel.cancel(s.slot);
      model.timers.delete(s.slot);
    } else if (s.op === "advance") {
      advance(now + s.by);
    } else if (wheel.nextDeadline() !== NEVER) {
      advance(Math.max(now, wheel.nextDeadline()));
    }
    const next = wheel.nextDeadline();
    if (model.timers.size === 0) expect(next).toBe(NEVER);
    else if (exact) expect(next).toBeLessThanOrEqual(model.earliest());
    else expect(next).toBeLessThan(model.earliest() + tick);
    // One assertion for all slots: thousands of them would take most of the run.
    const wrong = [...model.timers].filter(([slot, timer]) => wheel.deadlineOf(slot) !== timer.deadline);
    expect(wrong).toEqual([]);
  }
  // Following nextDeadline alone, everything fires, in bounded steps.
  for (let i = 0; model.timers.size > 0; i++) {
    expect(i).toBeLessThan(5000);
    advance(Math.max(now, wheel.nextDeadline()));
  }
  expect(wheel.nextDeadline()).toBe(NEVER);
}

describe("timer wheel against a list", () => {
  test("exact: every timer fires at its deadline, by deadline and then by order of setting", () => {
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 150 }), (origin, steps) => run(true, origin, steps)),
      { numRuns: 600 },
    );
  });

  test("exact, with nearly all timers in the heap at once", () => {
    const near = fc.oneof(
      { weight: 8, arbitrary: fc.record({ op: fc.constant("set" as const), slot, delay: fc.nat(300) }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant("cancel" as const), slot }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("advance" as const), by: fc.nat(40) }) },
    );
    fc.assert(
      fc.property(fc.array(near, { minLength: 50, maxLength: 200 }), (steps) =>
        run(true, 0, steps, 1_000_000),
      ),
      { numRuns: 150 },
    );
  });

  test("rounding: never early, timers below 10 ms exact, others at most a tick late", () => {
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 150 }), (origin, steps) => run(false, origin, steps)),
      { numRuns: 600 },
    );
  });

  test("fire may set and cancel any slot: what it touched does not fire in the same call", () => {
    const action = fc.record({ target: slot, delay: fc.option(fc.integer({ min: -100, max: 30_000 })) });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 50_000 }), { minLength: SLOTS, maxLength: SLOTS }),
        fc.array(action, { minLength: SLOTS, maxLength: SLOTS }),
        (deadlines, actions) => {
          const wheel = new TimerWheel(TICK, 0, { exact: true });
          const model = new Naive();
          for (const [slot, deadline] of deadlines.entries()) {
            wheel.set(slot, deadline);
            model.set(slot, deadline, 0);
          }
          const expected = model.due(30_000);
          const touched = new Set<number>();
          const seen: number[] = [];
          wheel.expire(30_000, (slot) => {
            seen.push(slot);
            expect(touched.has(slot)).toBe(false);
            model.timers.delete(slot);
            const { target, delay } = actions[slot]!;
            touched.add(target);
            if (delay === null) {
              wheel.cancel(target);
              model.timers.delete(target);
            } else {
              const deadline = 30_000 + delay;
              wheel.set(target, deadline);
              model.timers.delete(target);
              model.set(target, deadline, 30_000);
            }
          });
          const survivors = expected.filter((slot) => !touched.has(slot));
          expect(seen.filter((slot) => !touched.has(slot))).toEqual(survivors);
          expect(new Set(seen).size).toBe(seen.length);
          for (let slot = 0; slot < SLOTS; slot++) {
            expect(wheel.deadlineOf(slot)).toBe(model.timers.get(slot)?.deadline ?? NEVER);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
