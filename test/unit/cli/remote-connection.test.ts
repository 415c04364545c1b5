/** A connection of a shard's used from the main thread: both ends of the port here, a fake connection behind. */
import { once } from "node:events";
import { MessageChannel } from "node:worker_threads";
import { afterEach, describe, expect, it, vi } from "vitest";
import { NetworkError } from "../../../src/base/errors.ts";
import { dial } from "../../../src/cli/dial-shard.ts";
import { RemoteConnection } from "../../../src/cli/remote-connection.ts";
import type { ConnectionHandler } from "../../../src/stack/events.ts";
import { FakeConnection } from "./fake-running.ts";

/** Opens through the port; the fake connection is what the shard's stack gave. */
async function opened(): Promise<{ fake: FakeConnection; remote: RemoteConnection; log: string[] }> {
  const fake = new FakeConnection(80);
  const running = {
    connect: (_: object, handler: ConnectionHandler) => {
      fake.handler = handler;
      return fake.as;
    },
  };
  const { remote, connected } = open(running);
  fake.handler.onConnect?.(fake.as);
  await connected;
  const log: string[] = [];
  remote.handler = {
    onData: (_, bytes) => void log.push(`data ${bytes.length}`),
    onDrain: () => void log.push("drain"),
    onEnd: () => void log.push("end"),
    onClose: (_, error) => void log.push(`close ${error?.code ?? ""}`),
  };
  return { fake, remote, log };
}

let ports: MessageChannel | null = null;
afterEach(() => {
  ports?.port1.close();
  ports = null;
});

function open(running: Parameters<typeof dial>[0]) {
  const channel = new MessageChannel();
  ports = channel;
  let settle = (): void => {};
  const connected = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const failed: (Error | null)[] = [];
  const remote = new RemoteConnection(channel.port1, {
    onConnect: settle,
    onClose: (_, error) => void failed.push(error),
  });
  dial(running, "10.77.0.1", 80, channel.port2);
  return { remote, connected, failed };
}

describe("a connection opened through a shard", () => {
  it("has the shard's addresses, and passes bytes and both ends on", async () => {
    const { fake, remote, log } = await opened();
    expect(remote).toMatchObject({ localAddress: "10.77.0.2", localPort: 50_000, remotePort: 80 });
    expect(remote.send(Buffer.from("hello"))).toBe(true);
    remote.end();
    await vi.waitFor(() => expect(fake.calls).toEqual(["end"]));
    expect(fake.text).toBe("hello");
    fake.handler.onData?.(fake.as, Buffer.from("hi"));
    fake.handler.onEnd?.(fake.as);
    fake.handler.onClose?.(fake.as, null);
    await vi.waitFor(() => expect(log).toEqual(["data 2", "end", "close "]));
  });

  it("says full while 256 KiB wait for room in the shard's send buffer, and drains with it", async () => {
    const { fake, remote, log } = await opened();
    fake.room = false;
    const results = Array.from({ length: 5 }, () => remote.send(new Uint8Array(64 * 1024)));
    expect(results).toEqual([true, true, true, false, false]);
    await vi.waitFor(() => expect(fake.sent).toHaveLength(5));
    expect(log).toEqual([]);
    fake.handler.onDrain?.(fake.as);
    await vi.waitFor(() => expect(log).toEqual(["drain"]));
  });

  it("paused, lets a megabyte come over and no more; resumed, reads on", async () => {
    const { fake, remote, log } = await opened();
    remote.pause();
    for (let i = 0; i < 17; i++) fake.handler.onData?.(fake.as, new Uint8Array(64 * 1024));
    await vi.waitFor(() => expect(log).toHaveLength(17));
    expect(fake.calls).toEqual(["pause", "pause"]);
    remote.resume();
    await vi.waitFor(() => expect(fake.calls).toContain("resume"));
  });

  it("tells of a refusal with its code, thrown or told", async () => {
    const refusal = new NetworkError("ECONNREFUSED", "connect", "10.77.0.1", 80);
    const thrown = open({
      connect: () => {
        throw refusal;
      },
    });
    await vi.waitFor(() =>
      expect(thrown.failed).toEqual([expect.objectContaining({ code: "ECONNREFUSED" })]),
    );
    expect(thrown.failed[0]!.message).toBe(refusal.message);
  });

  it("is over with ENETDOWN when the shard is gone", async () => {
    const { log, remote } = await opened();
    const closed = once(ports!.port1, "close");
    ports!.port2.close();
    await closed;
    expect(log).toEqual(["close ENETDOWN"]);
    remote.abort();
  });
});
