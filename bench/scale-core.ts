/**
 * The part of the suite `scale` that needs no device: what idle, half-open and TIME-WAIT connections weigh in the stack alone,
 * how SYNs get in while it holds as many, and its timers. By `crowd.ts`, so every run gives the same bytes.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { MS, NEVER, SECOND } from "../src/base/time.ts";
import type { Connection } from "../src/stack/connection.ts";
import { KIND_SYN_RECEIVED, KIND_TIME_WAIT } from "../src/stack/flow-table.ts";
import { TimerWheel } from "../src/stack/timer-wheel.ts";
import { Crowd } from "./crowd.ts";
import { PRIMARY } from "./row.ts";

/** A figure of one workload. */
export interface Figure {
  readonly workload: string;
  readonly metric: string;
  readonly samples: readonly number[];
  readonly unit: string;
  readonly better: "higher" | "lower";
}

/** Clients that come and go first: what is made once, code included, is no connection's. */
const WARM = 512;
const MESSAGE = 64;
const RUNS = 3;

/** Everything, for so many connections. */
export function coreFigures(count: number): Figure[] {
  return [...weighEstablished(count), weighHalfOpen(count), ...weighTimeWait(count), ...timerFigures(count)];
}

/** Bytes of memory that the program holds, after a collection: V8's heap and what lies outside of it. */
export function heldBytes(): { heap: number; buffers: number } {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heap: heapUsed, buffers: arrayBuffers };
}

/** Idle since the handshake; and idle since a message there and back, a minute ago. */
function weighEstablished(count: number): Figure[] {
  const crowd = warmCrowd(count);
  const before = heldBytes();
  crowd.open(0, count);
  const opened = heldBytes();
  expectAll(crowd.stack.counters.PassiveOpens, count + WARM);
  crowd.ask(0, count, MESSAGE);
  for (let i = 0; i < 60; i++) crowd.wait(SECOND);
  const used = heldBytes();
  expectAll(crowd.receivedBy(0) + crowd.receivedBy(count - 1), 2 * MESSAGE);
  return [
    bytes(`core-idle-${count}`, PRIMARY, opened.heap - before.heap, count),
    bytes(`core-idle-${count}`, "buffers", opened.buffers - before.buffers, count),
    bytes(`core-idle-used-${count}`, PRIMARY, used.heap - before.heap, count),
    bytes(`core-idle-used-${count}`, "buffers", used.buffers - before.buffers, count),
  ];
}

function weighHalfOpen(count: number): Figure {
  const crowd = warmCrowd(count);
  const before = heldBytes();
  for (let i = 0; i < count; i += 32) crowd.syn(i, Math.min(count, i + 32));
  const after = heldBytes();
  expectAll(crowd.stack.flows.countOfKind(KIND_SYN_RECEIVED), count);
  return bytes(
    `half-open-${count}`,
    PRIMARY,
    after.heap + after.buffers - before.heap - before.buffers,
    count,
  );
}

/** TIME-WAIT, and the time of an opening among so many: from new ports, and from the same ones (RFC 6191). */
function weighTimeWait(count: number): Figure[] {
  const crowd = warmCrowd(2 * count);
  // What closing compiles is no connection's either.
  const other = warmCrowd(0);
  finishFirst(other, 0, WARM);
  const before = heldBytes();
  crowd.open(0, count);
  finishFirst(crowd, 0, count);
  const after = heldBytes();
  expectAll(crowd.stack.flows.countOfKind(KIND_TIME_WAIT), count);
  const fresh: number[] = [];
  const reused: number[] = [];
  const step = Math.floor(count / RUNS);
  for (let i = 0; i < RUNS; i++) {
    fresh.push(timed(() => crowd.open(count + i * step, count + (i + 1) * step)) / step);
    crowd.wait(2 * SECOND);
    reused.push(timed(() => crowd.open(i * step, (i + 1) * step)) / step);
  }
  expectAll(crowd.stack.counters.TWRecycled, RUNS * step);
  const workload = `time-wait-${count}`;
  const opening = { workload, unit: "us/connection", better: "lower" } as const;
  return [
    bytes(workload, PRIMARY, after.heap + after.buffers - before.heap - before.buffers, count),
    { ...opening, metric: "open-new-port", samples: fresh },
    { ...opening, metric: "open-same-port", samples: reused },
  ];
}

/** The stack closes first those clients' connections, by the thousand: a list that was long once stays so. */
function finishFirst(crowd: Crowd, from: number, to: number): void {
  for (let i = from; i < to; i += 1_000) {
    const end = Math.min(to, i + 1_000);
    for (let client = i; client < end; client++) crowd.connectionOf(client).end();
    crowd.settle();
    crowd.finish(i, end);
  }
}

/** A timer for each of `count` slots: set, put off, fired. */
function timerFigures(count: number): Figure[] {
  const samples: { arm: number[]; later: number[]; fire: number[] } = { arm: [], later: [], fire: [] };
  for (let run = 0; run < RUNS; run++) {
    const wheel = new TimerWheel(1024, 0);
    for (let slot = 0; slot < count; slot++) wheel.set(slot, SECOND);
    for (let slot = 0; slot < count; slot++) wheel.cancel(slot);
    // As connections have them: between 0.2 and 60 s from now.
    const at = (slot: number): number => SECOND / 5 + ((slot * 7919) % count) * ((60 * SECOND) / count);
    samples.arm.push(
      timed(() => {
        for (let slot = 0; slot < count; slot++) wheel.set(slot, at(slot));
      }),
    );
    samples.later.push(
      timed(() => {
        for (let slot = 0; slot < count; slot++) wheel.set(slot, at(slot) + SECOND);
      }),
    );
    let fired = 0;
    const fire = (): void => void fired++;
    samples.fire.push(
      timed(() => {
        // A driver's timers come by whole milliseconds.
        for (let t = 0; t < NEVER; t = Math.ceil(wheel.nextDeadline() / MS) * MS) wheel.expire(t, fire);
      }),
    );
    expectAll(fired, count);
  }
  return Object.entries(samples).map(([metric, us]) => ({
    workload: `timers-${count}`,
    metric: metric === "arm" ? PRIMARY : metric,
    samples: us.map((one) => (1e3 * one) / count),
    unit: "ns/timer",
    better: "lower",
  }));
}

/** A crowd whose code and tables have been in use, with room for the rest. */
function warmCrowd(count: number): Crowd {
  const tcp = { synQueue: 2 * count + WARM, flowsMax: 1 << 22, timeWaitMax: 1 << 22 };
  const crowd = new Crowd(count + WARM, { onConnection: answer }, tcp);
  crowd.open(count, count + WARM);
  crowd.ask(count, count + WARM, MESSAGE);
  return crowd;
}

function answer(connection: Connection): void {
  connection.handler = ECHO;
}

const ECHO = {
  onData(connection: Connection, data: Uint8Array): void {
    connection.send(data);
  },
};

function bytes(workload: string, metric: string, total: number, count: number): Figure {
  return { workload, metric, samples: [total / count], unit: "bytes each", better: "lower" };
}

/** Microseconds. */
function timed(work: () => void): number {
  const began = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - began) / 1e3;
}

function expectAll(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`scale: ${got} where ${wanted} were to be`);
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
