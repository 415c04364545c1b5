/** What a net.Socket does with bytes that the stack only lends it: what a program holds stays as it was. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { Device } from "../../../src/device/device.ts";
import { createPipe } from "../../../src/device/pipe.ts";
import { createStack, type RunningStack } from "../../../src/driver/create-stack.ts";
import { connectionOf, createNet } from "../../../src/net.ts";

const stacks: RunningStack[] = [];
afterEach(async () => {
  for (const stack of stacks.splice(0)) await stack.close();
});

/** The device as one that reads the next batch to the same memory wherever it may: what was not retained is gone. */
function reusing(device: Device): Device {
  return new Proxy(device, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name !== "start") return typeof value === "function" ? value.bind(target) : value;
      return (receiver: Parameters<Device["start"]>[0]) =>
        target.start({
          onClose: (error) => receiver.onClose(error),
          onPackets(batch) {
            receiver.onPackets(batch);
            if (!batch.retained) batch.bytes.fill(0xee);
          },
        });
    },
  });
}

/** Both ends of a connection: `there` is on a device that reuses its memory. */
async function pair(): Promise<{ here: Socket; there: Socket }> {
  const [near, far] = createPipe({ mtu: 1_500, offload: true });
  const client = createStack({ device: near, addresses: ["10.0.0.1/24"] });
  const stack = createStack({ device: reusing(far), addresses: ["10.0.0.2/24"] });
  stacks.push(client, stack);
  const server = createNet(stack).createServer();
  server.listen(80, "10.0.0.2");
  await once(server, "listening");
  const here = createNet(client).connect(80, "10.0.0.2");
  const [there] = (await once(server, "connection")) as [Socket];
  return { here, there };
}

test("Buffers of any size that a program keeps are not overwritten by what comes later", async () => {
  const { here, there } = await pair();
  const kept: Buffer[] = [];
  there.on("data", (chunk: Buffer) => kept.push(chunk));
  const sent: Buffer[] = [];
  for (const [i, size] of [1, 100, 2_047, 2_048, 10_000, 100_000, 7].entries()) {
    const bytes = Buffer.alloc(size, i + 1);
    sent.push(bytes);
    here.write(bytes);
    // A batch of its own for each, so that the device could use its memory again.
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  here.end();
  await once(there, "end");
  expect(Buffer.concat(kept).equals(Buffer.concat(sent))).toBe(true);
  there.end();
});

test("a socket that flows with nobody listening counts its bytes and ends; who listens later hears what comes later", async () => {
  const { here, there } = await pair();
  there.resume();
  here.write(Buffer.alloc(300_000));
  await expect.poll(() => there.bytesRead).toBe(300_000);
  expect(there.readableLength).toBe(0);
  let later = "";
  there.setEncoding("latin1").on("data", (text: string) => {
    later += text;
  });
  here.end("later");
  await once(there, "end");
  expect(later).toBe("later");
  there.end();
});

test("what the raw connection below sends beside a socket's writes leaves their copies alone", async () => {
  const { here, there } = await pair();
  const got: Buffer[] = [];
  there.on("data", (chunk: Buffer) => got.push(chunk));
  const raw = connectionOf(here as never)!;
  raw.send(Buffer.alloc(100_000, "U"));
  await expect.poll(() => raw.bytesAcked).toBe(100_000);
  here.write(Buffer.alloc(65_536, "A"));
  here.write(Buffer.alloc(65_536, "B"));
  here.end();
  await once(there, "end");
  const all = Buffer.concat(got);
  expect(all.subarray(100_000, 165_536).every((byte) => byte === 65)).toBe(true);
  there.end();
});
