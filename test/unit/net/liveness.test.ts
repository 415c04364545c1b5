import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createPipe } from "../../../src/device/pipe.ts";
import { createStack, type RunningStack } from "../../../src/driver/create-stack.ts";
import { createNet, type Net } from "../../../src/net/net.ts";

/** Timers that keep this process alive. */
function holders(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe("what keeps the process alive", () => {
  let stack: RunningStack;
  let net: Net;
  beforeEach(() => {
    stack = createStack({ device: createPipe()[0], addresses: ["10.77.0.2/24"] });
    stack.unref();
    net = createNet(stack);
  });
  afterEach(() => stack.close());

  it("a server that listens, until it is closed", async () => {
    const before = holders();
    const server = net.createServer();
    await once(server.listen(80), "listening");
    expect(holders()).toBe(before + 1);
    server.close();
    expect(holders()).toBe(before);
  });

  it("no server of a stack that was closed", async () => {
    const before = holders();
    const server = net.createServer();
    await once(server.listen(80), "listening");
    await stack.close();
    expect(holders()).toBe(before);
    expect(server.listening).toBe(true);
    server.close();
    await once(server, "close");
  });
});
