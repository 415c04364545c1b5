/**
 * A program: what the suite `gate` counts in the stack alone (`crowd.ts`), bytes allocated and bytes held, as JSON on its standard
 * output. What V8 has compiled by when changes what escapes to the heap: under --predictable it is the same in each run.
 */
import { getHeapStatistics } from "node:v8";
import type { Connection } from "../src/stack/connection.ts";
import type { Counts } from "./counts.ts";
import { Crowd } from "./crowd.ts";
import { median } from "./row.ts";
import { coreFigures } from "./scale-core.ts";

const CLIENTS = 32;
/** Of `down`: each has hundreds of segments in flight. */
const SENDERS = 2;
const MESSAGE = 64;
const CHUNK = 1 << 20;
/** Passes before anything is counted: by then V8 has optimized what it will. */
const WARM_UP = 300;
const PASSES = 40;
const ATTEMPTS = 9;
/** Connections whose memory is counted. */
const HELD = 10_000;

function coreCounts(): Counts {
  // In TIME-WAIT a slot weighs what a half-open one does; what the connection before it left to collect varies too much.
  const held = coreFigures(HELD).filter(
    ({ unit, workload }) => unit === "bytes each" && !workload.startsWith("time-wait"),
  );
  return {
    "echo: bytes allocated a transaction": echoAllocates(),
    "down: bytes allocated a segment": downAllocates(),
    "open and close: bytes allocated a connection": openingAllocates(),
    ...Object.fromEntries(
      held.map(({ workload, metric, samples }) => [
        `${workload}: bytes${metric === "primary" ? "" : ` of ${metric}`}`,
        samples[0]!,
      ]),
    ),
  };
}

/** Of a transaction: text in, the application told of it, the answer out, its ACK in. */
function echoAllocates(): number {
  const crowd = new Crowd(CLIENTS, { onConnection: echo });
  crowd.open(0, CLIENTS);
  return allocated(() => crowd.ask(0, CLIENTS, MESSAGE), CLIENTS);
}

const ECHO = { onData: (one: Connection, bytes: Uint8Array): void => void one.send(bytes) };

function echo(one: Connection): void {
  one.handler = ECHO;
}

/** Of an ACK in and the segments out that it lets go, from one chunk of the application's. */
function downAllocates(): number {
  const chunk = new Uint8Array(CHUNK);
  const fill = (one: Connection): void => {
    while (one.send(chunk));
  };
  const onConnection = (one: Connection): void => {
    one.handler = { onDrain: fill };
    fill(one);
  };
  const crowd = new Crowd(SENDERS, { onConnection }, {}, false);
  crowd.open(0, SENDERS);
  const segments = (): number => crowd.received + crowd.sent;
  const pass = (): void => crowd.acknowledge(0, SENDERS);
  for (let i = 0; i < WARM_UP / 4; i++) pass();
  const before = segments();
  pass();
  return allocated(pass, segments() - before, 0, PASSES / 4);
}

function openingAllocates(): number {
  const crowd = new Crowd(CLIENTS, { onConnection: echo });
  const pass = (): void => {
    crowd.open(0, CLIENTS);
    crowd.ask(0, CLIENTS, MESSAGE);
    for (let i = 0; i < CLIENTS; i++) crowd.connectionOf(i).end();
    crowd.settle();
    crowd.finish(0, CLIENTS);
    crowd.wait(120_000_000);
  };
  return allocated(pass, CLIENTS, 60, 4);
}

/** Bytes of heap that a unit of `pass`, which does `units`, leaves behind until the next collection. */
function allocated(
  pass: () => void,
  units: number,
  warmUp: number = WARM_UP,
  passes: number = PASSES,
): number {
  for (let i = 0; i < warmUp; i++) pass();
  const grown: number[] = [];
  for (let attempt = 0; attempt < ATTEMPTS * 4 && grown.length < ATTEMPTS; attempt++) {
    const before = getHeapStatistics().used_heap_size;
    const idle = getHeapStatistics().used_heap_size;
    for (let i = 0; i < passes; i++) pass();
    const change = getHeapStatistics().used_heap_size - idle;
    // Less than nothing: a collection came between.
    if (change >= 0) grown.push(Math.max(0, change - (idle - before)));
  }
  if (grown.length === 0) throw new Error("gate: the collector never rests");
  return median(grown) / (passes * units);
}

process.stdout.write(`${JSON.stringify(coreCounts())}\n`);
