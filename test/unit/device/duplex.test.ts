import { once } from "node:events";
import { Duplex, type DuplexOptions } from "node:stream";
import { describe, expect, it } from "vitest";
import type { DeviceReceiver } from "../../../src/device/device.ts";
import { duplexDevice } from "../../../src/device/duplex.ts";
import { batchOf, packetsOf } from "./batch.ts";

/** Of the shape of tuntap2's `Tun`: a Duplex of packets with a name and an MTU. */
class StandInTun extends Duplex {
  readonly name = "tun7";
  readonly mtu = 1400;
  readonly written: Buffer[] = [];
  /** Completes the writes under way; unset, they complete at once. */
  held: (() => void)[] | undefined;

  constructor(options: DuplexOptions = {}) {
    super({ ...options });
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.written.push(chunk);
    if (this.held === undefined) done();
    else this.held.push(done);
  }
}

function sink(): DeviceReceiver & { packets: number[][]; closes: (Error | null)[] } {
  const packets: number[][] = [];
  const closes: (Error | null)[] = [];
  return {
    packets,
    closes,
    onPackets: (batch) => packets.push(...packetsOf(batch).map((p) => [...p.bytes])),
    onClose: (error) => closes.push(error),
  };
}

const bytes = (...values: number[]) => Uint8Array.from(values);
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("duplex device", () => {
  it("takes name and MTU from the stream, or from the options", () => {
    expect(duplexDevice(new StandInTun())).toMatchObject({ name: "tun7", mtu: 1400, offload: false });
    expect(duplexDevice(new StandInTun(), { name: "x", mtu: 900 })).toMatchObject({ name: "x", mtu: 900 });
    expect(duplexDevice(new Duplex())).toMatchObject({ name: "duplex", mtu: 1500 });
  });

  it.each([
    ["bytes", {}],
    ["objects", { objectMode: true }],
  ])("delivers one packet a chunk, also those pushed before start (a stream of %s)", async (_, options) => {
    const tun = new StandInTun(options);
    const device = duplexDevice(tun);
    tun.push(bytes(1, 2));
    tun.push(bytes(3));
    const to = sink();
    device.start(to);
    await turn();
    tun.push(bytes(4, 5, 6));
    await turn();
    expect(to.packets).toEqual([[1, 2], [3], [4, 5, 6]]);
    expect(device.counters.readPackets).toBe(3);
  });

  it("counts chunks that are no packets, and delivers none of them", async () => {
    const tun = new StandInTun({ objectMode: true });
    const device = duplexDevice(tun);
    const to = sink();
    device.start(to);
    tun.push("text");
    tun.push(bytes());
    tun.push({});
    tun.push(bytes(1));
    await turn();
    expect(to.packets).toEqual([[1]]);
    expect(device.counters.readInvalid).toBe(3);
  });

  it("writes head and pieces as one chunk, which stays as it was when the batch is reused", () => {
    const tun = new StandInTun();
    tun.held = [];
    const device = duplexDevice(tun);
    const batch = batchOf({ head: bytes(1), pieces: [bytes(2, 3)] }, { head: bytes(4) });
    expect(device.send(batch)).toBe(2);
    batch.bytes.fill(0);
    for (const done of tun.held) done();
    expect(tun.written.map((b) => [...b])).toEqual([[1, 2, 3], [4]]);
  });

  it("drops and counts while the stream asks to wait, and sends again after drain", async () => {
    const tun = new StandInTun({ objectMode: true, writableHighWaterMark: 1 });
    tun.held = [];
    const device = duplexDevice(tun);
    expect(device.send(batchOf({ head: bytes(1) }, { head: bytes(2) }, { head: bytes(3) }))).toBe(1);
    expect(device.send(batchOf({ head: bytes(4) }))).toBe(0);
    expect(device.counters).toMatchObject({ writePackets: 1, writeDropped: 3 });
    const drained = once(tun, "drain");
    tun.held.shift()!();
    await drained;
    expect(device.send(batchOf({ head: bytes(5) }))).toBe(1);
    expect(tun.written.map((b) => b[0])).toEqual([1, 5]);
  });

  it("close destroys the stream and tells once, with no error", async () => {
    const tun = new StandInTun();
    const device = duplexDevice(tun);
    const to = sink();
    device.start(to);
    await Promise.all([device.close(), device.close()]);
    expect(tun.destroyed).toBe(true);
    expect(to.closes).toEqual([null]);
    expect(device.send(batchOf({ head: bytes(1) }))).toBe(0);
  });

  it.each<[string, (tun: StandInTun) => unknown, string]>([
    ["fails", (tun) => tun.destroy(Object.assign(new Error("gone"), { code: "EBADFD" })), "EBADFD"],
    ["ends", (tun) => tun.push(null), "ERR_STREAM_PREMATURE_CLOSE"],
    ["is destroyed", (tun) => tun.destroy(), "ERR_STREAM_PREMATURE_CLOSE"],
  ])("tells its receiver why, once, when the stream %s", async (_, finish, code) => {
    const tun = new StandInTun();
    const device = duplexDevice(tun);
    const to = sink();
    device.start(to);
    finish(tun);
    await turn();
    await turn();
    await device.close();
    expect(to.closes).toEqual([expect.objectContaining({ code })]);
  });

  it("refuses what is no Duplex, and an MTU that cannot be", () => {
    expect(() => duplexDevice({} as Duplex)).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" }),
    );
    expect(() => duplexDevice(new Duplex(), { mtu: 20 })).toThrow(
      expect.objectContaining({ code: "ERR_OUT_OF_RANGE" }),
    );
  });
});
