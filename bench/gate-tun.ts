/**
 * What the suite `gate` counts over a real TUN device: packets and system calls, by the addon's counters. Only what a busy machine
 * hardly changes is here: transactions one after another, and the packets, not the batches, of many at once. A yield in vain
 * (`TunCounters.yields`) adds an empty read, one in 64 transactions where yields do not pay; how many pay is the scheduler's.
 */
import { join } from "node:path";
import type { TunCounters } from "../src/device/tun.ts";
import type { Counts } from "./counts.ts";
import { Dialogue } from "./dialogue.ts";
import { buildClient } from "./load.ts";
import {
  addSources,
  cleanUp,
  createNamespace,
  deviceTowards,
  removeNamespace,
  requireNamespaces,
  spawnIn,
  stop,
} from "./namespace.ts";
import { BUILD, COMPILED } from "./paths.ts";
import { prepareTargets } from "./target.ts";

const HOST = "10.77.0.2";
const CONNECTIONS = 64;
const SECONDS = 0.5;
/** The least of so many: what disturbs a run only adds. */
const RUNS = 3;

/** All of them. Needs root and a compiler. */
export async function tunCounts(): Promise<Counts> {
  requireNamespaces();
  prepareTargets(["usertcp"], 1500, () => {});
  buildClient();
  const namespace = createNamespace();
  const pipes = { stdio: "pipe" } as const;
  const command = [process.execPath, "--expose-gc", join(COMPILED, "scale-server.js"), "raw"];
  const child = spawnIn(namespace, command, pipes);
  const server = new Dialogue(child, "scale-server");
  try {
    await server.ready();
    const sources = addSources(namespace, deviceTowards(namespace, HOST), "10.77.0.1", 1);
    const holder = spawnIn(namespace, [join(BUILD, "hold"), HOST, sources.join(",")], pipes);
    const clients = new Dialogue(holder, "hold");
    await clients.ask(`open ${CONNECTIONS}`);
    // Quick ACKs are used up, and what V8 has to learn is learned.
    await clients.ask(`ping ${CONNECTIONS} ${SECONDS}`);
    const one = await echoed(server, clients, 1);
    const many = await echoed(server, clients, CONNECTIONS);
    await stop(holder);
    return {
      "rr1 over TUN: packets read a transaction": one.read,
      "rr1 over TUN: packets written a transaction": one.written,
      "rr1 over TUN: reads and writes, empty ones included, a transaction": one.calls,
      "rr64 over TUN: packets written a transaction": many.written,
    };
  } finally {
    await stop(child);
    removeNamespace(namespace);
    cleanUp();
  }
}

interface Echoed {
  readonly read: number;
  readonly written: number;
  readonly calls: number;
}

async function echoed(server: Dialogue, clients: Dialogue, connections: number): Promise<Echoed> {
  const all: Echoed[] = [];
  for (let i = 0; i < RUNS; i++) {
    const before = await server.ask<TunCounters>("count");
    const { total } = await clients.ask<{ total: number }>(`ping ${connections} ${SECONDS}`);
    const after = await server.ask<TunCounters>("count");
    // The last one of each connection is answered, and not in `total`.
    const each = (name: keyof TunCounters): number => (after[name] - before[name]) / (total + connections);
    const [read, written] = [each("readPackets"), each("writePackets")];
    all.push({ read, written, calls: read + written + each("readEmpty") });
  }
  const least = (of: keyof Echoed): number => Math.min(...all.map((one) => one[of]));
  return { read: least("read"), written: least("written"), calls: least("calls") };
}
