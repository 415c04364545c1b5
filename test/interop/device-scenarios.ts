/**
 * What the TUN tests do inside a network namespace of their own: one function a scenario, whose result is
 * printed as JSON for the test to judge. Runs as a process of its own (device-netns.ts).
 */
import { execFile, execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import type { ReceiveBatch } from "../../src/base/packet-batch.ts";
import { loadAddon, type TunHandle } from "../../src/device/addon.ts";
import { openTun, type TunDevice, type TunOptions } from "../../src/device/tun.ts";
import { batchOf, type Incoming, packetsOf } from "../unit/device/batch.ts";

const run = promisify(execFile);
const HOST = "10.77.0.1";
const STACK = "10.77.0.2";

interface Answering {
  device: TunDevice;
  packets: Incoming[];
  ended: Promise<unknown>;
}

/** A device whose stack side answers pings, and keeps a copy of all else. */
function answering(options: TunOptions = {}, onBatch?: (batch: ReceiveBatch) => void): Answering {
  const device = openTun({ addresses: [`${HOST}/24`], ...options });
  const packets: Incoming[] = [];
  const ended = new Promise((resolve) => {
    device.start({
      onPackets(batch) {
        onBatch?.(batch);
        for (const packet of packetsOf(batch)) {
          if (isPing(packet.bytes)) device.send(batchOf({ head: echoReply(packet.bytes) }));
          else if (packet.bytes[0]! >> 4 === 4) packets.push(packet);
        }
      },
      onClose: (error) => resolve(describeError(error)),
    });
  });
  return { device, packets, ended };
}

function isPing(packet: Uint8Array): boolean {
  return packet[0] === 0x45 && packet[9] === 1 && packet[20] === 8;
}

function echoReply(request: Uint8Array): Uint8Array {
  const reply = Uint8Array.from(request);
  reply.set(request.subarray(12, 16), 16);
  reply.set(request.subarray(16, 20), 12);
  reply[20] = 0;
  // The type was 8 and is 0: the one's complement sum grows by 0x0800 (RFC 1624).
  const view = new DataView(reply.buffer);
  const sum = view.getUint16(22) + 0x0800;
  view.setUint16(22, (sum & 0xffff) + (sum >>> 16));
  return reply;
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, errno, syscall, path } = error as NodeJS.ErrnoException;
  return { name: error.name, code, errno, syscall, path, message: error.message };
}

function caught(call: () => unknown): unknown {
  try {
    call();
    return null;
  } catch (error) {
    return describeError(error);
  }
}

async function ping(...options: string[]): Promise<boolean> {
  return run("ping", ["-c", "1", "-W", "2", ...options, STACK]).then(
    () => true,
    () => false,
  );
}

function link(name: string): unknown {
  return JSON.parse(execFileSync("ip", ["-j", "addr", "show", "dev", name], { encoding: "utf8" }))[0];
}

/** An IPv4 TCP header of 20 bytes from 10.77.0.2:9 to 10.77.0.1:9, with the sum of the pseudo-header only. */
function tcpHead(payload: number): Uint8Array {
  const head = new Uint8Array(40);
  const view = new DataView(head.buffer);
  head.set([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 77, 0, 2, 10, 77, 0, 1]);
  view.setUint16(2, 40 + payload);
  view.setUint16(10, fold(sumOf(head.subarray(0, 20))) ^ 0xffff);
  head.set([0, 9, 0, 9, 0, 0, 0x10, 0, 0, 0, 0, 0, 0x50, 0x08, 0xff, 0xff], 20);
  view.setUint16(36, fold(sumOf(head.subarray(12, 20)) + 6 + 20 + payload));
  return head;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum += i % 2 === 0 ? bytes[i]! << 8 : bytes[i]!;
  return sum;
}

function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

async function eventually<T>(probe: () => T | undefined): Promise<T | undefined> {
  for (let i = 0; i < 200; i++) {
    const found = probe();
    if (found !== undefined) return found;
    await delay(10);
  }
  return undefined;
}

/** The interfaces of this namespace; /sys still shows those of the one it was mounted in. */
function interfaces(): string[] {
  return [...readFileSync("/proc/net/dev", "utf8").matchAll(/^ *([^ :|]+):/gm)].map((match) => match[1]!);
}

const openDescriptors = () => readdirSync("/proc/self/fd").length;

const scenarios: Record<string, () => Promise<unknown>> = {
  async pings() {
    const results: unknown[] = [];
    for (const offload of [true, false]) {
      const { device, ended } = answering({
        name: "ours0",
        mtu: 65_535,
        offload,
        addresses: [`${HOST}/24`, "fd77::1/64"],
      });
      const pinged = [await ping(), await ping("-s", "65000", "-M", "do")];
      const at = link(device.name);
      const { counters } = device;
      await device.close();
      results.push({ name: device.name, mtu: device.mtu, offload, pinged, at, counters, ended: await ended });
    }
    return results;
  },

  async connects() {
    const flags: unknown[] = [];
    for (const offload of [true, false]) {
      const { device, packets } = answering({ offload });
      const socket = connect(80, STACK).on("error", () => {});
      flags.push((await eventually(() => packets.find((p) => p.bytes[9] === 6)))?.flags);
      socket.destroy();
      await device.close();
    }
    return flags;
  },

  /** A closed port answers with RST and the acknowledgement of all that came (RFC 9293 3.10.7.1). */
  async sends() {
    const payload = new Uint8Array(3001).fill(0xa5);
    const acknowledged: unknown[] = [];
    for (const offload of [true, false]) {
      const { device, packets } = answering({ offload });
      const head = tcpHead(payload.length);
      const pieces = [
        payload.subarray(0, 7),
        payload.subarray(7, 2000),
        Uint8Array.from(payload.subarray(2000)),
      ];
      if (!offload) {
        const view = new DataView(head.buffer);
        const whole = new Uint8Array(20 + payload.length);
        whole.set(head.subarray(20));
        whole.set(payload, 20);
        view.setUint16(36, fold(sumOf(whole)) ^ 0xffff);
      }
      const taken = device.send(
        batchOf({ head, pieces, ...(offload ? { gsoSize: 1000, csumStart: 20 } : {}) }),
      );
      const reset = await eventually(() => packets.find((p) => p.bytes[9] === 6));
      const view = new DataView(reset?.bytes.buffer ?? new ArrayBuffer(64));
      acknowledged.push({ taken, flags: view.getUint8(33), ack: view.getUint32(28) - 0x1000 });
      await device.close();
    }
    return acknowledged;
  },

  /** A total length of 0 stands for more than 65,535 (Linux: IPv4 BIG TCP). */
  async sendsBig() {
    const { device, packets } = answering();
    const head = tcpHead(0);
    const view = new DataView(head.buffer);
    view.setUint16(2, 0);
    view.setUint16(10, 0);
    view.setUint16(10, fold(sumOf(head.subarray(0, 20))) ^ 0xffff);
    const pieces = [new Uint8Array(60_000), new Uint8Array(60_000)];
    const taken = device.send(batchOf({ head, pieces, gsoSize: 1460, csumStart: 20 }));
    const reset = await eventually(() => packets.find((p) => p.bytes[9] === 6));
    await device.close();
    const answer = new DataView(reset?.bytes.buffer ?? new ArrayBuffer(64));
    return { taken, ack: answer.getUint32(28) - 0x1000 };
  },

  async refuses() {
    const { device } = answering();
    const junk = { head: new Uint8Array(40).fill(0x15) };
    const taken = device.send(batchOf(junk, { head: tcpHead(0), csumStart: 20 }, junk));
    const { writePackets, writeErrors } = device.counters;
    const pinged = await ping();
    await device.close();
    return { taken, writePackets, writeErrors, pinged, afterClose: device.send(batchOf(junk)) };
  },

  async retains() {
    const kept: Uint8Array[] = [];
    const slabs = new Set<ArrayBufferLike>();
    const { device } = answering({ mtu: 65_535 }, (batch) => {
      for (let i = 0; i < batch.count; i++) {
        const offset = batch.table[4 * i]!;
        const packet = batch.bytes.subarray(offset, offset + batch.table[4 * i + 1]!);
        slabs.add(batch.bytes.buffer);
        if (!isPing(packet)) continue;
        batch.retained = true;
        kept.push(packet);
      }
    });
    for (let i = 0; i < 100; i++) await run("ping", ["-c", "1", "-s", "30000", "-p", hex(i), STACK]);
    await device.close();
    const intact = kept.filter((packet, i) => packet.subarray(100).every((byte) => byte === i)).length;
    return { kept: kept.length, intact, slabs: slabs.size };
  },

  async rewinds() {
    const offsets = new Set<number>();
    const { device } = answering({ mtu: 65_535 }, (batch) => offsets.add(batch.table[0]!));
    for (let i = 0; i < 50; i++) await ping("-s", "60000");
    await device.close();
    return [...offsets];
  },

  async deleted() {
    const results: unknown[] = [];
    for (const spinUs of [0, 50]) {
      const { device, ended } = answering({ spinUs });
      await ping();
      execFileSync("ip", ["link", "del", device.name]);
      const error = await ended;
      await device.close();
      results.push({ error, sent: device.send(batchOf({ head: tcpHead(0) })) });
    }
    return results;
  },

  /** No turn of the loop between the deletion and the write: the write itself meets it. */
  async deletedUnderWrite() {
    const { device, ended } = answering();
    execFileSync("ip", ["link", "del", device.name]);
    const sent = device.send(batchOf({ head: tcpHead(0), csumStart: 20 }));
    return { sent, error: await ended };
  },

  async downAndUp() {
    const { device } = answering();
    const before = await ping();
    execFileSync("ip", ["link", "set", device.name, "down"]);
    const whileDown = device.send(batchOf({ head: tcpHead(0), csumStart: 20 }));
    execFileSync("ip", ["link", "set", device.name, "up"]);
    const after = await ping();
    await device.close();
    return { before, whileDown, after };
  },

  async leaks() {
    await openTun().close();
    const before = openDescriptors();
    for (let i = 0; i < 200; i++) {
      const { device } = answering();
      await device.close();
    }
    return {
      before,
      after: openDescriptors(),
      links: interfaces().filter((n) => n.startsWith("utcp")),
    };
  },

  /** A worker killed while packets flow, once idle and once in the middle of a callback; then one that just exits. */
  async terminates() {
    const results: unknown[] = [];
    for (const mode of ["idle", "busy", "exit"]) {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: mode });
      const exited = new Promise((resolve) => worker.once("exit", resolve));
      const name = await new Promise<string>((resolve) => worker.once("message", resolve));
      const flood = run("ping", ["-q", "-i", "0.002", "-w", "1", STACK]).catch(() => {});
      await delay(100);
      if (mode !== "exit") await worker.terminate();
      await exited;
      results.push({ mode, left: interfaces().includes(name) });
      await flood;
    }
    return results;
  },

  async exits() {
    answering();
    process.nextTick(() => process.exit(0));
    return "open at exit";
  },

  async unrefs() {
    const { device } = answering();
    device.unref();
    return "the process ends by itself";
  },

  async throws() {
    const seen: unknown[] = [];
    process.on("uncaughtException", (error) => seen.push(error.message));
    let first = true;
    const { device } = answering({}, () => {
      if (!first) return;
      first = false;
      throw new Error("from onPackets");
    });
    await eventually(() => (seen.length > 0 ? true : undefined));
    const pinged = await ping();
    await device.close();
    return { seen, pinged };
  },

  async spins() {
    const { device } = answering({ spinUs: 100 });
    for (let i = 0; i < 5; i++) await ping();
    const { spins } = device.counters;
    const other = answering({ name: "quiet", addresses: [] }).device;
    const quiet = other.counters.spins;
    await device.close();
    await other.close();
    return { spins: spins > 0, quiet };
  },

  async yields() {
    const { device } = answering();
    const before = device.counters.yields;
    for (let i = 0; i < 8; i++) await ping();
    const { yields, spins } = device.counters;
    await device.close();
    return { before, yields: yields > 0, spins };
  },

  async startsTwice() {
    const { device } = answering();
    const again = () => device.start({ onPackets() {}, onClose() {} });
    const second = caught(again) as { code: string };
    const pinged = await ping();
    await device.close();
    const closed = openTun();
    await closed.close();
    const afterClose = caught(() => closed.start({ onPackets() {}, onClose() {} })) as { code: string };
    return { second: second.code, pinged, afterClose: afterClose.code };
  },

  async shares() {
    const one = openTun({ name: "ours1", multiQueue: true });
    const two = openTun({ name: "ours1", multiQueue: true });
    const busy = openTun({ name: "ours2" });
    const errors = [caught(() => openTun({ name: "ours2" })), caught(() => openTun({ name: "lo" }))];
    await Promise.all([one.close(), two.close(), busy.close()]);
    return { names: [one.name, two.name], errors };
  },

  async forbids() {
    process.setgid!(65_534);
    process.setuid!(65_534);
    return caught(() => openTun());
  },

  async badOptions() {
    const options = [
      { name: "a-name-of-16-byte" },
      { name: "" + "a/b" },
      { mtu: 20 },
      { mtu: 65_536 },
      { mtu: 1500.5 },
      { spinUs: -1 },
      { txQueueLength: 0 },
      { addresses: ["10.77.0.1"] },
      { addresses: ["10.77.0.300/24"] },
      { addresses: ["10.77.0.1/33"] },
      { name: 7 },
      { offload: 1 },
    ] as unknown as TunOptions[];
    const errors = options.map((o) => (caught(() => openTun(o)) as { code?: string } | null)?.code);
    await delay(10);
    return { errors, links: interfaces().filter((name) => name !== "lo") };
  },

  /** The addon itself, called with what it does not take: each call must throw, none may crash. */
  async badCalls() {
    const addon = loadAddon();
    const handle = addon.open("utcp%d", true, false, () => {});
    const plain = addon.open("utcp%d", false, false, () => {});
    const calls = addon as unknown as Record<string, (...args: unknown[]) => unknown>;
    const junk = [
      undefined,
      null,
      1,
      -1,
      1e10,
      NaN,
      "x",
      {},
      [],
      new Uint8Array(8),
      new Int32Array(8),
      () => {},
      new Date(),
    ];
    let threw = 0;
    let tried = 0;
    for (const name of [
      "open",
      "start",
      "setSlab",
      "useBatch",
      "close",
      "ref",
      "unref",
      "linkSet",
      "linkAddAddress",
    ]) {
      for (const a of junk) {
        for (const b of junk) {
          tried++;
          if (caught(() => calls[name]!(a, b, a, b, a, b)) !== null) threw++;
        }
      }
    }
    const slab = new Uint8Array(1 << 20);
    const good: Record<"open" | "start" | "setSlab" | "useBatch" | "linkSet" | "linkAddAddress", unknown[]> =
      {
        open: ["utcp%d", true, false, () => {}],
        start: [handle, slab, new Int32Array(130), () => {}, 0],
        setSlab: [handle, slab],
        useBatch: [handle, new Int32Array(8), slab, new Int32Array(2)],
        linkSet: ["lo", 0, 0, false],
        linkAddAddress: ["lo", "10.1.1.1", 24],
      };
    for (const [name, args] of Object.entries(good)) {
      for (const i of args.keys()) {
        for (const bad of [
          undefined,
          null,
          1.5,
          -2,
          1e10,
          NaN,
          "a/string that is too long",
          {},
          Symbol("x"),
          7n,
        ]) {
          tried++;
          if (caught(() => calls[name]!(...args.with(i, bad))) !== null) threw++;
        }
      }
    }
    for (const name of ["start", "setSlab"] as const) {
      tried++;
      if (caught(() => calls[name]!(...good[name].with(1, new Uint8Array(65_546)))) !== null) threw++;
    }
    const row = (...cells: number[]) =>
      Int32Array.from([12, 40, 0, 0, 40, 0, -1, 4].map((cell, i) => cells[i] ?? cell));
    const table = (column: number, value: number) => {
      const cells = row();
      cells[column] = value;
      return cells;
    };
    const detached = new Uint8Array(100);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const write = (
      h: TunHandle,
      t: Int32Array,
      count = 1,
      bytes = new Uint8Array(100),
      chunks: unknown[] = [],
      pieces = new Int32Array(3),
    ) => {
      addon.useBatch(h, t, bytes, pieces);
      return caught(() => h.write(count, chunks as Uint8Array[])) !== null;
    };
    const piece = table(3, 1);
    const unused = addon.open("utcp%d", true, false, () => {});
    const writes = [
      caught(() => unused.write(1, [])) !== null,
      ...junk.map((count) => count === 1 || caught(() => handle.write(count as number, [])) !== null),
      write(handle, row(), 2),
      write(handle, row(), 1, detached),
      write(handle, table(0, 11)),
      write(handle, table(0, 2 ** 31 - 1)),
      write(handle, table(1, 0)),
      write(handle, table(1, 89)),
      write(handle, table(1, 2 ** 31 - 1)),
      write(handle, table(2, -1)),
      write(handle, table(3, -1)),
      write(handle, table(3, 2)),
      write(handle, table(5, -1)),
      write(handle, table(5, 65_536)),
      write(handle, table(5, 1000)),
      write(handle, table(6, -2)),
      write(handle, table(6, 41)),
      write(plain, table(6, 20)),
      write(handle, piece, 1, undefined, []),
      write(handle, piece, 1, undefined, ["x"]),
      write(handle, piece, 1, undefined, [new Uint8Array(8)], Int32Array.of(0, 1, 8)),
      write(handle, piece, 1, undefined, [new Uint8Array(8)], Int32Array.of(0, -1, 1)),
      write(handle, piece, 1, undefined, [new Uint8Array(8)], Int32Array.of(-1, 0, 1)),
      write(handle, piece, 1, undefined, [new Uint8Array(8)], Int32Array.of(1, 0, 1)),
      write(handle, piece, 1, undefined, [detached], Int32Array.of(0, 0, 1)),
      write(
        handle,
        table(3, 1100),
        1,
        undefined,
        Array.from({ length: 1100 }, () => new Uint8Array(65)),
        Int32Array.from({ length: 3300 }, (_, i) => (i % 3 === 0 ? i / 3 : 1)),
      ),
    ];
    addon.close(handle);
    addon.close(handle);
    addon.close(plain);
    addon.close(unused);
    return { tried, threw, writes };
  },
};

function work(mode: string): void {
  const { device } = answering({}, () => {
    if (mode !== "busy") return;
    for (;;) Math.random();
  });
  parentPort!.postMessage(device.name);
  if (mode === "exit") setTimeout(() => process.exit(0), 50);
}

function hex(n: number): string {
  return n.toString(16).padStart(2, "0");
}

if (isMainThread) {
  const result = await scenarios[process.argv[2]!]!();
  process.stdout.write(`${JSON.stringify(result)}\n`);
} else {
  work(workerData as string);
}
