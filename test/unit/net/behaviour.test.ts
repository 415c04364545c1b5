/** Each scene of behaviour.ts over the kernel's loopback and over usertcp/loopback: the same log. */
import diagnostics from "node:diagnostics_channel";
import { once } from "node:events";
import nodeNet, { type AddressInfo } from "node:net";
import { PerformanceObserver } from "node:perf_hooks";
import { describe, expect, it } from "vitest";
import { loopbackNet } from "../../../src/net/loopback.ts";
import { type AnyNet, SCENES } from "./behaviour.ts";

const ours: AnyNet = loopbackNet;

interface Entry {
  name: string;
  entryType: string;
  detail: object;
}

describe("usertcp/loopback does what node:net does", () => {
  it.each(Object.entries(SCENES))("%s", async (_name, play) => {
    expect(await play(ours)).toEqual(await play(nodeNet));
  });

  it("everything that node:net exports is there, and of its kind", () => {
    const kinds = (net: object) =>
      Object.fromEntries(Object.entries(net).map(([name, value]) => [name, typeof value]));
    expect(kinds(ours)).toEqual(kinds(nodeNet));
    for (const name of ["Socket", "Server"] as const) {
      const names = (of: object) => Object.getOwnPropertyNames(of).filter((one) => !one.startsWith("_"));
      for (const one of names(nodeNet[name].prototype)) expect(one in ours[name].prototype, one).toBe(true);
    }
  });

  it("diagnostics_channel and perf_hooks hear of it as of Node's", async () => {
    const told = async (net: AnyNet): Promise<unknown[]> => {
      const log: unknown[] = [];
      const channels = ["net.client.socket", "net.server.socket"];
      const hear = (message: unknown, name: string | symbol) =>
        log.push([name, message instanceof Object && "socket" in message]);
      for (const name of channels) diagnostics.subscribe(name, hear);
      const observer = new PerformanceObserver((list) => {
        for (const { name, entryType, detail } of list.getEntries() as unknown as Entry[]) {
          log.push([name, entryType, Object.keys(detail).sort()]);
        }
      });
      observer.observe({ entryTypes: ["net"] });
      const server = net.createServer((socket) => socket.end());
      await Promise.all([once(server, "listening"), server.listen(0, "127.0.0.1")]);
      const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
      await once(socket.resume(), "close");
      await new Promise((resolve) => setTimeout(resolve, 20));
      observer.disconnect();
      for (const name of channels) diagnostics.unsubscribe(name, hear);
      server.close();
      // Which side hears first is the event loop's.
      return log.map((line) => JSON.stringify(line)).sort();
    };
    expect(await told(ours)).toEqual(await told(nodeNet));
  });
});
