import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { RX_CHECKSUM_OK } from "../../src/base/packet-batch.ts";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { compileScenarios, type Scenarios } from "./device-netns.ts";

const GONE = { code: "EBADFD", errno: -77 };

describeNeeding([requireTun(), requireTool("ping")], "TUN device", () => {
  let scenarios: Scenarios;
  beforeAll(async () => {
    scenarios = await compileScenarios("device-scenarios");
  });
  afterAll(() => scenarios?.remove());
  vi.setConfig({ testTimeout: 60_000 });
  const scenario = (name: string) => scenarios.run(name);

  it("has the name, MTU, addresses, queue and state asked for, and carries pings up to 64 KiB, offload or not", async () => {
    for (const result of (await scenario("pings")) as object[]) {
      expect(result).toMatchObject({
        name: "ours0",
        mtu: 65_535,
        pinged: [true, true],
        at: {
          ifname: "ours0",
          mtu: 65_535,
          txqlen: 10_000,
          flags: expect.arrayContaining(["UP", "LOWER_UP"]),
          addr_info: expect.arrayContaining([
            expect.objectContaining({ family: "inet", local: "10.77.0.1", prefixlen: 24 }),
            expect.objectContaining({ family: "inet6", local: "fd77::1", prefixlen: 64 }),
          ]),
        },
        counters: { writePackets: 2, writeErrors: 0, writeBytes: 84 + 65_028, spins: 0 },
        ended: null,
      });
    }
  });

  it("vouches for the kernel's TCP checksums with offload, and not without", async () => {
    expect(await scenario("connects")).toEqual([RX_CHECKSUM_OK, 0]);
  });

  it("sends a head and pieces as one packet, as a super-segment where there is offload", async () => {
    const whole = { taken: 1, flags: 0x14, ack: 3001 };
    expect(await scenario("sends")).toEqual([whole, whole]);
  });

  it("sends more than 64 KiB in one packet (IPv4 BIG TCP)", async () => {
    expect(await scenario("sendsBig")).toEqual({ taken: 1, ack: 120_000 });
  });

  it("counts a packet that the kernel refuses, and goes on with the next; takes none once closed", async () => {
    expect(await scenario("refuses")).toEqual({
      taken: 1,
      writePackets: 1,
      writeErrors: 2,
      pinged: true,
      afterClose: 0,
    });
  });

  it("never touches a retained packet again, and goes on in a fresh slab when one is full", async () => {
    const { kept, intact, slabs } = (await scenario("retains")) as Record<string, number>;
    expect({ kept, intact }).toEqual({ kept: 100, intact: 100 });
    expect(slabs).toBe(4);
  });

  it("reads to the same place again when nothing was retained", async () => {
    expect(await scenario("rewinds")).toEqual([12]);
  });

  it("tells its receiver when the link is deleted under a live poll, spinning or not", async () => {
    expect(await scenario("deleted")).toMatchObject([
      { error: GONE, sent: 0 },
      { error: GONE, sent: 0 },
    ]);
  });

  it("tells its receiver when a write finds the link deleted", async () => {
    expect(await scenario("deletedUnderWrite")).toMatchObject({
      sent: 0,
      error: { ...GONE, syscall: "write" },
    });
  });

  it("loses packets while the link is down, and carries them again when it is up", async () => {
    expect(await scenario("downAndUp")).toEqual({ before: true, whileDown: 0, after: true });
  });

  it("leaks no descriptor and leaves no link in 200 openings", async () => {
    const { before, after, links } = (await scenario("leaks")) as Record<string, unknown>;
    expect(after).toBe(before);
    expect(links).toEqual([]);
  });

  it("survives worker.terminate() with an open poll, idle or inside a callback, and a worker's exit", async () => {
    expect(await scenario("terminates")).toMatchObject([
      { mode: "idle", left: false },
      { mode: "busy", left: false },
      { mode: "exit", left: false },
    ]);
  });

  it("does not hinder process.exit(), nor, unreferenced, the natural end", async () => {
    expect(await scenario("exits")).toBe("open at exit");
    expect(await scenario("unrefs")).toBe("the process ends by itself");
  });

  it("turns an exception of its receiver into 'uncaughtException', and goes on", async () => {
    expect(await scenario("throws")).toEqual({ seen: ["from onPackets"], pinged: true });
  });

  it("gives the CPU away where packets come one by one, and does not spin unasked", async () => {
    expect(await scenario("yields")).toEqual({ before: 0, yields: true, spins: 0 });
  });

  it("spins after a batch, and only then", async () => {
    expect(await scenario("spins")).toEqual({ spins: true, quiet: 0 });
  });

  it("starts once, and not after close", async () => {
    const code = "ERR_INVALID_STATE";
    expect(await scenario("startsTwice")).toEqual({ second: code, pinged: true, afterClose: code });
  });

  it("opens several queues of one interface; a name in use, or no TUN at all, is an error that says so", async () => {
    expect(await scenario("shares")).toMatchObject({
      names: ["ours1", "ours1"],
      errors: [
        { code: "EBUSY", syscall: "TUNSETIFF", path: "ours2" },
        { code: "EINVAL", syscall: "TUNSETIFF", path: "lo" },
      ],
    });
  });

  it("says EPERM or EACCES, and of what, where it is not permitted", async () => {
    const error = (await scenario("forbids")) as NodeJS.ErrnoException;
    expect([
      ["EPERM", "TUNSETIFF", "utcp%d"],
      ["EACCES", "open", "/dev/net/tun"],
    ]).toContainEqual([error.code, error.syscall, error.path]);
  });

  it("refuses bad options, and leaves no link behind", async () => {
    const range = "ERR_OUT_OF_RANGE";
    const value = "ERR_INVALID_ARG_VALUE";
    const type = "ERR_INVALID_ARG_TYPE";
    expect(await scenario("badOptions")).toEqual({
      errors: [range, "EINVAL", range, range, range, range, range, value, value, value, type, type],
      links: [],
    });
  });

  it("throws, and does not crash, on whatever the addon is called with", async () => {
    const { tried, threw, writes } = (await scenario("badCalls")) as {
      tried: number;
      threw: number;
      writes: boolean[];
    };
    expect(threw).toBe(tried);
    expect(writes).not.toContain(false);
  });
});
