/**
 * `bench parse`: nanoseconds and bytes allocated a segment, ours against npm `ip-packet` (which decodes the IP
 * header alone) and against plain parsers, by packet length, options, and whether the checksum is vouched for.
 * Each pass parses one receive batch: up to 32 packets in a slab, as they lie after `readBatch`.
 */
import { fileURLToPath } from "node:url";
import { getHeapStatistics } from "node:v8";
import ip from "ip-packet";
import { finish, pseudoHeader, sum, sumContinue } from "../src/base/checksum.ts";
import { RX_BATCH } from "../src/base/packet-batch.ts";
import { seq } from "../src/base/seq.ts";
import { OK } from "../src/wire/drop.ts";
import { emitIpv4, parseIpv4 } from "../src/wire/ipv4.ts";
import { ACK, Segment, SYN } from "../src/wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../src/wire/tcp-emit.ts";
import { writeSack, writeSynOptions, writeTimestamps } from "../src/wire/tcp-options.ts";
import { parseTcp } from "../src/wire/tcp-parse.ts";
import { bufferReads, byteLoads, emptyParsed, type Memory, viewReads } from "./parse-rivals.ts";
import { type Measurement, median, PRIMARY, type Row, rowsOf } from "./row.ts";

const LENGTHS = [40, 64, 576, 1500, 65535] as const;
const OPTIONS = { none: 0, ts: 12, "ts-sack3": 40, syn: 20 } as const;
const SLAB = 1 << 20;
const HEADERS = 40;
/** virtio-net's header, which keeps packets 4-aligned in the slab. */
const HEADROOM = 12;
const SRC = 0x0a4d0001;
const DST = 0x0a4d0002;
const RUNS = 3;
/** Duration of a run. */
const RUN_NS = 4e6;
/** Most segments whose allocation is weighed: what they allocate stays well below V8's young generation. */
const WEIGHED_SEGMENTS = 4096;

type OptionsName = keyof typeof OPTIONS;

/** A batch of equal packets. */
interface Batch extends Memory {
  readonly offsets: Int32Array;
  readonly length: number;
}

/** Parses the whole batch `passes` times; what it returns is used, so that nothing is optimized away. */
type Loop = (batch: Batch, passes: number, verify: boolean) => number;

const VERSIONS = { usertcp: "0.1.0", "ip-packet": "2", node: process.version };

/** Runs the suite. */
export function benchParse(): Row[] {
  const measurements: Measurement[] = [];
  // Vouched first: the common case, before the verifying path has been compiled in.
  for (const verify of [false, true]) {
    for (const length of LENGTHS) {
      for (const [options, optionsLength] of Object.entries(OPTIONS) as [OptionsName, number][]) {
        if (HEADERS + optionsLength <= length) measurements.push(...benchBatch(length, options, verify));
      }
    }
  }
  measurements.push(...benchSum());
  return rowsOf(measurements);
}

/** Every target over one batch. */
function benchBatch(length: number, options: OptionsName, verify: boolean): Measurement[] {
  const batch = batchOf(length, options);
  const workload = `${length}-${options}-${verify ? "verified" : "vouched"}`;
  const measurements: Measurement[] = [];
  for (const [target, loop] of Object.entries(LOOPS)) {
    // ip-packet verifies nothing when it decodes.
    if (verify && target === "ip-packet") continue;
    const run = (passes: number): number => loop(batch, passes, verify);
    measurements.push(...measure(workload, target, batch.offsets.length, run));
  }
  return measurements;
}

/** The checksum alone, over one full segment's text. */
function benchSum(): Measurement[] {
  const { bytes, view } = batchOf(1500, "none");
  const measurements: Measurement[] = [];
  for (const [target, run] of Object.entries({
    usertcp: (passes: number): number => {
      let total = 0;
      for (let i = 0; i < passes; i++) total += sum(bytes, view, HEADROOM + HEADERS, 1460, i & 0xff);
      return total;
    },
    "usertcp-pieces": (passes: number): number => {
      let total = 0;
      for (let i = 0; i < passes; i++) total += sumContinue(i & 0xff, bytes, HEADROOM + HEADERS, 1460, false);
      return total;
    },
    "byte-loads": (passes: number): number => {
      let total = 0;
      for (let i = 0; i < passes; i++) total += naiveSum(bytes, HEADROOM + HEADERS, 1460, i & 0xff);
      return total;
    },
  })) {
    measurements.push(...measure("sum-1460", target, 1, run));
  }
  return measurements;
}

function naiveSum(bytes: Uint8Array, offset: number, length: number, total: number): number {
  const end = offset + length;
  for (let at = offset; at + 1 < end; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

const seg = new Segment();
const reused = emptyParsed();

/** One loop a target, so that each call site sees one parser. */
const LOOPS: Readonly<Record<string, Loop>> = {
  usertcp: (batch, passes, verify) => {
    const { bytes, view, offsets, length } = batch;
    let taken = 0;
    for (let pass = 0; pass < passes; pass++) {
      // As the stack does: the slab once a batch, what the device says of a packet once a packet.
      seg.bytes = bytes;
      seg.view = view;
      for (let i = 0; i < offsets.length; i++) {
        seg.checksumOk = !verify;
        seg.gsoSize = 0;
        if (parseIpv4(view, offsets[i]!, length, seg) === OK && parseTcp(view, seg) === OK) taken++;
      }
    }
    return taken;
  },
  "ip-packet": (batch, passes) => {
    const { buffer, offsets, length } = batch;
    const state = { start: 0, end: 0, buffer };
    let taken = 0;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = 0; i < offsets.length; i++) {
        state.start = offsets[i]!;
        state.end = state.start + length;
        if (ip.decode(state).version === 4) taken++;
      }
    }
    return taken;
  },
  "byte-loads": (batch, passes, verify) => {
    let taken = 0;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = 0; i < batch.offsets.length; i++) {
        if (byteLoads(batch, batch.offsets[i]!, verify, reused) !== null) taken++;
      }
    }
    return taken;
  },
  "fresh-object": (batch, passes, verify) => {
    let taken = 0;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = 0; i < batch.offsets.length; i++) {
        if (viewReads(batch, batch.offsets[i]!, verify, emptyParsed()) !== null) taken++;
      }
    }
    return taken;
  },
  "buffer-reads": (batch, passes, verify) => {
    let taken = 0;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = 0; i < batch.offsets.length; i++) {
        if (bufferReads(batch, batch.offsets[i]!, verify, reused) !== null) taken++;
      }
    }
    return taken;
  },
};

/** Time and allocation of `run`, a segment: `perPass` segments a pass, all of which it must take. */
function measure(
  workload: string,
  target: string,
  perPass: number,
  run: (passes: number) => number,
): Measurement[] {
  const base = { suite: "parse", workload, target, mtu: 0, family: 4, spinUs: 0 } as const;
  const rest = { better: "lower", cpuPerUnit: null, cpuUnit: null, versions: VERSIONS, notes: {} } as const;
  let passes = 1;
  // Doubling up to the run's length warms the code up on the way.
  for (let took = 0; took < RUN_NS; ) {
    passes *= 2;
    took = timed(run, passes);
  }
  if (perPass > 1 && run(1) !== perPass) throw new Error(`${target} refuses the packets of ${workload}`);
  const weighed = Math.min(passes, Math.ceil(WEIGHED_SEGMENTS / perPass));
  const times: number[] = [];
  const bytes: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    times.push(timed(run, passes) / (passes * perPass));
    bytes.push(allocated(run, weighed) / (weighed * perPass));
  }
  return [
    { ...base, ...rest, metric: PRIMARY, samples: times, unit: "ns/segment" },
    { ...base, ...rest, metric: "allocated", samples: bytes, unit: "bytes/segment" },
  ];
}

function timed(run: (passes: number) => number, passes: number): number {
  const start = process.hrtime.bigint();
  run(passes);
  return Number(process.hrtime.bigint() - start);
}

/** Bytes of heap that `passes` passes leave behind, less what looking costs. */
function allocated(run: (passes: number) => number, passes: number): number {
  const grown: number[] = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    const before = getHeapStatistics().used_heap_size;
    const idle = getHeapStatistics().used_heap_size;
    run(passes);
    const change = getHeapStatistics().used_heap_size - idle;
    // Less than nothing: a collection came between.
    if (change >= 0) grown.push(Math.max(0, change - (idle - before)));
  }
  return grown.length === 0 ? 0 : median(grown);
}

/** A slab of packets with sound checksums, `length` bytes each, with these options. */
function batchOf(length: number, options: OptionsName): Batch {
  const bytes = new Uint8Array(SLAB);
  const view = new DataView(bytes.buffer);
  const stride = (HEADROOM + length + 3) & ~3;
  const count = Math.min(RX_BATCH, Math.floor(SLAB / stride));
  const offsets = Int32Array.from({ length: count }, (_, i) => i * stride + HEADROOM);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;
  for (const offset of offsets) writePacket(bytes, view, offset, length, options);
  return { bytes, view, buffer: Buffer.from(bytes.buffer), offsets, length };
}

function writePacket(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  options: OptionsName,
): void {
  const tcp = offset + 20;
  const tcpLength = length - 20;
  let end = tcp + 20;
  if (options === "syn") end = writeSynOptions(view, end, 1460, 7, true, true, offset, ~offset);
  else if (options !== "none") end = writeTimestamps(view, end, offset, ~offset);
  if (options === "ts-sack3") end = writeSack(view, end, Int32Array.of(-9, -6, -3, 3, 6, 9), 3);
  const flags = options === "syn" ? SYN : ACK;
  emitIpv4(view, offset, length, offset, true, 64, 6, SRC, DST, 0);
  emitTcp(view, tcp, 43210, 7, seq(0x7fffff00 + offset), seq(~offset), flags, 502, 0, end - tcp - 20);
  const pseudo = pseudoHeader(4, SRC, DST, 6, tcpLength);
  writeTcpChecksum(view, tcp, finish(sum(bytes, view, tcp, tcpLength, pseudo)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(JSON.stringify(benchParse(), null, 1));
