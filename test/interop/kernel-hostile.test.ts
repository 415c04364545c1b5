/** Bad input over the device: random and mutated packets, and a SYN flood, beside clients that must not notice. */
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, KERNEL, Peer, type Programs, STACK, told } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "ss", "cc"].map(requireTool);
const MEGABYTE = 1_048_576;
const SEED = 20_261_122;
const STACK6 = "fd77::2";
const KERNEL6 = "fd77::1";

describeNeeding([requireTun(), ...TOOLS], "bad input over the device", () => {
  let programs: Programs;
  let injector: string;
  let peer: Peer;

  beforeAll(async () => {
    programs = await buildPrograms();
    injector = programs.compile("kernel-injector.c");
  });
  afterAll(() => programs.remove());
  afterEach(() => peer.remove());

  it.each([
    ["raw API, offload", ["--api", "raw"]],
    ["net API, no offload", ["--api", "net", "--no-offload"]],
  ])(
    "%s: 100,000 random and mutated packets are counted by reason, memory is flat, connections live on",
    async (_, args) => {
      peer = await Peer.start(programs, ["--host", "10.77.0.1/16", "--keep", "4242", ...args]);
      const live = peer.startClient("hold", { port: 7, everyMs: 20 });
      await live.until(/^up$/m);
      const port = (await peer.sockets())[0]!.remotePort;
      const inject = (count: number, seed: number) =>
        peer.run(injector, ["fuzz", "ut0", String(count), String(seed), KERNEL, STACK, String(port)]);

      // What V8 and the tables take once is no leak.
      await inject(20_000, SEED + 1);
      const before = peer.residentBytes();
      expect((await inject(100_000, SEED)).stdout).toBe("100000\n");
      const { counters, drops } = await peer.statistics();
      expect(peer.residentBytes() - before).toBeLessThan(40 * MEGABYTE);

      // The device took every packet, and the stack saw each.
      expect(counters["InReceives"]).toBeGreaterThan(120_000);
      for (const reason of EXPECTED) expect(drops, `seed ${SEED}`).toHaveProperty(reason);
      const dropped = Object.values(drops).reduce((sum, n) => sum + n, 0);
      expect(dropped).toBeGreaterThan(50_000);
      const statistics = (await peer.usertcp(["netstat", "-s"])).stdout;
      expect(statistics).toMatch(/^Drops:\n( {4}\d+ [a-z0-9-]+\n){10,}/m);

      expect(await peer.client("echo", { port: 7, bytes: 1_000_000 })).toMatchObject({ count: 1_000_000 });
      live.child.stdin.end();
      const { how, sent, echoed } = await told(live);
      expect(how).toBe("asked");
      expect(echoed).toBe(sent);
      expect(peer.serve.stderr).toBe("");
    },
    60_000,
  );

  it("100,000 random and mutated IPv6 packets, headers in chains, ICMPv6, fragments: counted, memory is flat, connections live on", async () => {
    peer = await Peer.start(programs, ["--keep", "4242"]);
    const live = peer.startClient("hold", { port: 7, host: STACK6, everyMs: 20 });
    await live.until(/^up$/m);
    const port = (await peer.sockets())[0]!.remotePort;
    const inject = (count: number, seed: number) =>
      peer.run(injector, ["fuzz6", "ut0", String(count), String(seed), KERNEL6, STACK6, String(port)]);
    await inject(20_000, SEED + 1);
    const before = peer.residentBytes();
    expect((await inject(100_000, SEED)).stdout).toBe("100000\n");
    const { counters, drops } = await peer.statistics();
    expect(peer.residentBytes() - before).toBeLessThan(40 * MEGABYTE);
    expect(counters["Ip6InReceives"]).toBeGreaterThan(120_000);
    for (const name of ["Ip6ReasmReqds", "Ip6ReasmFails", "Icmp6InPktTooBigs", "Icmp6OutParmProblems"])
      expect(counters[name], name).toBeGreaterThan(0);
    for (const reason of EXPECTED6) expect(drops, `seed ${SEED}`).toHaveProperty(reason);
    const statistics = (await peer.usertcp(["netstat", "-s"])).stdout;
    expect(statistics).toMatch(/^Ip6:\n {4}\d{6} total packets received$/m);
    expect(await peer.client("echo", { port: 7, host: STACK6, bytes: 1_000_000 })).toMatchObject({
      count: 1_000_000,
    });
    live.child.stdin.end();
    const { how, sent, echoed } = await told(live);
    expect(how).toBe("asked");
    expect(echoed).toBe(sent);
    expect(peer.serve.stderr).toBe("");
  }, 60_000);

  it("a flood of 200,000 SYNs from 65,000 addresses: a real client still connects, by a cookie (RFC 4987)", async () => {
    peer = await Peer.start(programs, ["--host", "10.77.0.1/16"]);
    const before = peer.residentBytes();
    const flood = peer.run(injector, ["flood", "ut0", "200000", String(SEED), STACK, "7"]);
    await peer.socketsBecome((rows) => rows.length >= 511);
    const { count } = await peer.client("echo", { port: 7, bytes: 100_000 }, 10_000);
    expect(count).toBe(100_000);
    expect((await flood).stdout).toBe("200000\n");
    const rows = await peer.sockets();
    expect(rows.length).toBeLessThan(1_000);
    const { counters } = await peer.statistics();
    expect(counters["SyncookiesSent"]).toBeGreaterThan(50_000);
    expect(counters["SyncookiesRecv"]).toBeGreaterThanOrEqual(1);
    expect(peer.residentBytes() - before).toBeLessThan(40 * MEGABYTE);
  }, 40_000);
});

/** Each way to be wrong that the injector's packets have. */
const EXPECTED = [
  ...["ip-truncated", "ip-version", "ip-header-length", "ip-total-length", "ip-checksum"],
  ...["ip-source-invalid", "ip-not-ours", "protocol-unknown"],
  ...["icmp-malformed", "icmp-checksum", "icmp-unmatched"],
  ...["tcp-truncated", "tcp-data-offset", "tcp-checksum", "tcp-no-connection", "tcp-syn-fin", "tcp-sequence"],
];

const EXPECTED6 = [
  ...["ip-truncated", "ip-total-length", "ip-source-invalid", "ip-not-ours", "protocol-unknown"],
  ...["ip-fragment-invalid", "ip-fragment-overlap", "ip6-no-next-header", "ip6-next-header", "ip6-option"],
  ...["ip6-routing", "icmp-malformed", "icmp-checksum", "icmp-unmatched"],
  ...["tcp-checksum", "tcp-no-connection", "tcp-syn-fin", "tcp-sequence"],
];
