/** A device that throws, for bytes that an application took away: what it was given does not come back with the next packets. */
import { afterEach, expect, test } from "vitest";
import { type ReceiveBatch, RX, type TransmitBatch } from "../../../src/base/packet-batch.ts";
import type { Device, DeviceReceiver } from "../../../src/device/device.ts";
import { createStack } from "../../../src/driver/create-stack.ts";
import { Peer } from "../tcp/peer.ts";
import { Rig } from "../tcp/rig.ts";

class ThrowingDevice implements Device {
  readonly name = "throws0";
  readonly mtu = 1_500;
  readonly offload = false;
  isBroken = false;
  receiver: DeviceReceiver | null = null;
  readonly sent: Uint8Array[] = [];

  start(receiver: DeviceReceiver): void {
    this.receiver = receiver;
  }

  send(batch: TransmitBatch): number {
    if (this.isBroken) throw new RangeError("of the device");
    for (let i = 0; i < batch.count; i++) this.sent.push(batch.packetAt(i));
    return batch.count;
  }

  ref(): void {}
  unref(): void {}
  async close(): Promise<void> {}
}

let stack: { close(): Promise<void> } | null = null;
afterEach(() => stack?.close());

test("a batch that the device throws at is dropped and counted, and the next one leaves alone", () => {
  const device = new ThrowingDevice();
  const made = createStack({ device, addresses: ["10.77.0.2/24"] });
  stack = made;
  const syn = (port: number): ReceiveBatch => {
    const bytes = new Peer(new Rig(), { port }).segment("S", 0);
    const table = new Int32Array(RX.COLUMNS + 1);
    table[RX.LENGTH] = bytes.length;
    return { bytes, view: new DataView(bytes.buffer), count: 1, table, retained: false };
  };
  device.isBroken = true;
  expect(() => device.receiver!.onPackets(syn(9_001))).toThrow("of the device");
  expect(made.stack.drops.toObject()).toMatchObject({ "device-refused": 1 });
  device.isBroken = false;
  device.receiver!.onPackets(syn(9_002));
  const ports = device.sent.map((packet) => new DataView(packet.buffer).getUint16(22));
  expect(ports).toEqual([9_002]);
});
