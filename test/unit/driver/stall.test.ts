/** A process that stalls finds timers due and packets waiting at once. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import type { ReceiveBatch, TransmitBatch } from "../../../src/base/packet-batch.ts";
import { RX } from "../../../src/base/packet-batch.ts";
import type { Device, DeviceReceiver } from "../../../src/device/device.ts";
import { createStack } from "../../../src/driver/create-stack.ts";

/** Packets as datagrams on the loopback: they wait in a descriptor, as those of a TUN device do. */
class DatagramDevice implements Device {
  readonly name = "udp0";
  readonly mtu = 1_500;
  readonly offload = false;
  isClosed = false;
  afterSend: () => void = () => {};
  readonly socket: Socket = createSocket("udp4");
  start(receiver: DeviceReceiver): void {
    this.socket.on("message", (bytes) => {
      const table = new Int32Array(RX.COLUMNS + 1);
      table[RX.LENGTH] = bytes.length;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      const batch: ReceiveBatch = { bytes, view, count: 1, table, retained: false };
      receiver.onPackets(batch);
    });
  }

  send(batch: TransmitBatch): number {
    for (let i = 0; i < batch.count; i++) {
      if (!this.isClosed) this.socket.send(batch.packetAt(i));
    }
    this.afterSend();
    return batch.count;
  }

  ref(): void {}
  unref(): void {}

  async close(): Promise<void> {
    this.isClosed = true;
    this.socket.close();
  }
}

const stacks: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(stacks.splice(0).map((stack) => stack.close()));
});

test("packets that waited through a stall are taken before timers: an ACK among them is in time", async () => {
  const devices = [new DatagramDevice(), new DatagramDevice()];
  for (const { socket } of devices) {
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
  }
  const ports = devices.map(({ socket }) => socket.address().port).reverse();
  for (const [i, { socket }] of devices.entries()) {
    // Connected, so that a datagram leaves within `send`, not in a later tick.
    socket.connect(ports[i]!, "127.0.0.1");
    await once(socket, "connect");
    socket.on("error", () => {});
  }
  const a = createStack({ device: devices[0]!, addresses: ["10.0.0.1/24"] });
  const b = createStack({ device: devices[1]!, addresses: ["10.0.0.2/24"] });
  stacks.push(a, b);
  b.listen(
    { port: 80 },
    {
      onConnection(connection) {
        connection.handler = {};
      },
    },
  );
  const client = await new Promise<ReturnType<typeof a.connect>>((resolve) => {
    a.connect({ host: "10.0.0.2", port: 80 }, { onConnect: resolve });
  });
  // The ACK lies in a's descriptor while nobody looks.
  devices[1]!.afterSend = () => {
    const until = performance.now() + 30;
    while (performance.now() < until);
  };
  for (let i = 0; i < 5; i++) {
    client.send(new Uint8Array(2_500));
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  expect(client.info().unacked).toBe(0);
  expect(client.info().total_retrans).toBe(0);
  expect(a.stack.counters.TCPLossProbes).toBe(0);
});
