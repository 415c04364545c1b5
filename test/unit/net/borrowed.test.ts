/** What a net.Socket does with bytes that the stack only lends it: what a program holds stays as it was. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import net from "../../../src/loopback.ts";

const open: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of open.splice(0)) server.close();
});

/** Both ends of a connection on the loopback stack. */
async function pair(): Promise<{ here: Socket; there: Socket }> {
  const server = net.createServer();
  open.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const here = net.connect((server.address() as { port: number }).port, "127.0.0.1");
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
