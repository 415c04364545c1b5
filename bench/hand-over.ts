/**
 * What handing a packet over between two shards costs: into the ring and out of it, both copies, in one thread (so without
 * the cache misses between cores), and a wake-up of a sleeping consumer.
 */
import { release } from "node:os";
import { RX, RX_BATCH } from "../src/base/packet-batch.ts";
import { createRingMemory, HandOverRing } from "../src/device/hand-over-ring.ts";
import { packageVersion } from "./paths.ts";
import { type Measurement, PRIMARY, type Row, rowsOf } from "./row.ts";

/** A pure ACK, a full segment, a super-segment. */
const SIZES = [64, 1_500, 65_535];
const RUNS = 5;
const BYTES_A_RUN = 256 * 1024 * 1024;
const PACKETS_MOST = 200_000;

/** One row a size, in nanoseconds a packet. */
export function benchHandOver(): Row[] {
  return rowsOf(SIZES.map(measure));
}

function measure(size: number): Measurement {
  const packets = Math.min(PACKETS_MOST, Math.ceil(BYTES_A_RUN / size));
  const samples = Array.from({ length: RUNS + 1 }, () => run(size, packets)).slice(1);
  return {
    ...{ suite: "queues", workload: `hand-over-${size}`, target: "usertcp", mtu: 0, family: 4, spinUs: 0 },
    ...{ metric: PRIMARY, unit: "ns/packet", better: "lower", cpuPerUnit: null, cpuUnit: null },
    ...{
      versions: { usertcp: packageVersion(), node: process.version, kernel: release() },
      notes: {},
      samples,
    },
  };
}

const ring = new HandOverRing(createRingMemory());
const slab = new Uint8Array(4 * 1024 * 1024);
const batch = {
  ...{ bytes: slab, view: new DataView(slab.buffer), count: 0, retained: false },
  table: new Int32Array(RX_BATCH * RX.COLUMNS),
};

function run(size: number, packets: number): number {
  const bytes = new Uint8Array(size).fill(7);
  const began = performance.now();
  for (let done = 0; done < packets; done += RX_BATCH) {
    for (let i = 0; i < RX_BATCH; i++) ring.put(bytes, 0, size, true, 0);
    ring.take(batch, 0);
  }
  return ((performance.now() - began) * 1e6) / (Math.ceil(packets / RX_BATCH) * RX_BATCH);
}
