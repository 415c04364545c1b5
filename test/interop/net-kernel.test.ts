import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { compileScenarios, type Scenarios } from "./device-netns.ts";

describeNeeding([requireTun(), requireTool("curl")], "the net API with the kernel as peer", () => {
  let scenarios: Scenarios;
  beforeAll(async () => {
    scenarios = await compileScenarios("net-scenarios");
  });
  afterAll(() => scenarios?.remove());
  vi.setConfig({ testTimeout: 60_000 });

  it("node:http on our sockets serves curl: keep-alive, and a body of a megabyte", async () => {
    expect(await scenarios.run("curl")).toEqual({
      twice: "GET /one\nGET /two\n",
      accepted: 2,
      arrived: true,
    });
  });

  it("carries five megabytes to the kernel's echo and back after a half-close, with offload and without", async () => {
    const whole = { echoed: true, waited: true, read: 5_000_000, written: 5_000_000 };
    expect(await scenarios.run("client")).toEqual([whole, whole]);
  });

  it("ends are told as Node tells them, on either side", async () => {
    expect(await scenarios.run("ends")).toEqual([
      "Error: connect ECONNREFUSED 10.77.0.1:1",
      "Error: read ECONNRESET",
      "Error: read ECONNRESET",
      "Error: connect ECONNREFUSED 10.77.0.2:9",
    ]);
  });
});
