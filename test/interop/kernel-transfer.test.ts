/** Bulk both ways between the kernel's TCP and ours, compared by SHA-256: clean, lossy, slow, and without options. */
import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PATTERN } from "../../src/cli/pattern.ts";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, KERNEL, Peer, type Programs, STACK } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "curl", "nft", "sha256sum"].map(requireTool);
const HUNDRED_MB = 100_000_000;

describeNeeding([requireTun(), ...TOOLS], "bulk between the kernel and the stack", () => {
  let programs: Programs;
  let peer: Peer;

  beforeAll(async () => {
    programs = await buildPrograms();
  });
  afterAll(() => programs.remove());
  afterEach(() => peer.remove());

  /** `bytes` to the echo service and back, all intact. */
  const echo = async (bytes: number, options: Record<string, unknown> = {}): Promise<void> => {
    const { count, sent, received } = await peer.client("echo", { port: 7, bytes, ...options }, 60_000);
    expect(count).toBe(bytes);
    expect(received).toBe(sent);
  };
  const download = async (bytes: number): Promise<void> => {
    const hash = await peer.sh(`curl -sS http://${STACK}/bytes/${bytes} | sha256sum`, 60_000);
    expect(hash.slice(0, 64)).toBe(patternHash(bytes));
  };

  it.each([
    ["MTU 1500, offload", []],
    ["MTU 1500, no offload", ["--no-offload"]],
    ["MTU 65520, offload", ["--mtu", "65520"]],
    ["MTU 65520, no offload", ["--mtu", "65520", "--no-offload"]],
    ["MTU 576, no offload, net API", ["--mtu", "576", "--no-offload", "--api", "net"]],
    ["MTU 1500, offload, net API", ["--api", "net"]],
  ])("%s: 100 MB each way arrive intact, and nothing is retransmitted but by probes", async (_, args) => {
    peer = await Peer.start(programs, args);
    await echo(HUNDRED_MB);
    await download(HUNDRED_MB);
    // A kernel that does not get to run for milliseconds is probed (RFC 8985 7); nothing is ever taken for lost.
    const { counters } = await peer.statistics();
    expect(counters["RetransSegs"]).toBeLessThanOrEqual(counters["TCPLossProbes"]!);
    expect(counters["TCPTimeouts"]! + counters["TCPFastRetrans"]!).toBe(0);
  });

  it.each([
    ["MTU 1500, offload", [], HUNDRED_MB],
    ["MTU 1500, no offload", ["--no-offload"], 25_000_000],
    ["MTU 65520, offload, net API", ["--mtu", "65520", "--api", "net"], HUNDRED_MB],
  ])(
    "%s: bulk each way arrives intact while one packet in a hundred is lost, and is retransmitted",
    async (_, args, bytes) => {
      peer = await Peer.start(programs, args);
      await peer.dropOnePercent();
      await echo(bytes);
      await download(bytes);
      expect(await peer.droppedPackets()).toBeGreaterThan(5);
      const { counters } = await peer.statistics();
      expect(counters["RetransSegs"]).toBeGreaterThan(0);
      expect(counters["TCPFastRetrans"]).toBeGreaterThan(0);
      const statistics = (await peer.usertcp(["netstat", "-s"])).stdout;
      expect(statistics).toMatch(/^ {4}[1-9]\d* segments retransmitted$/m);
    },
    90_000,
  );

  describe.each([
    ["offload", []],
    ["no offload", ["--no-offload"]],
  ])("%s", (_, args) => {
    beforeEach(async () => {
      peer = await Peer.start(programs, args);
    });

    it("a client that does not read for 3 s closes both windows; probes keep them alive (RFC 9293 3.8.6.1)", async () => {
      await echo(20_000_000, { readAfterMs: 3_000 });
      const { counters } = await peer.statistics();
      expect(counters["TCPToZeroWindowAdv"]).toBeGreaterThan(0);
      expect(counters["TCPFromZeroWindowAdv"]).toBeGreaterThan(0);
      expect(counters["TCPWinProbe"]).toBeGreaterThan(0);
    });

    it("a client that writes and never reads is acknowledged while its own window is closed", async () => {
      expect(Number((await peer.client("deaf", { port: 19, bytes: 20_000_000 }))["ms"])).toBeLessThan(3_000);
    });

    it("an MSS of 88 is kept to (RFC 9293 3.7.1 MUST-15): 76 bytes of text beside timestamps", async () => {
      await peer.sh(`ip route change 10.77.0.0/24 dev ut0 src ${KERNEL} advmss 88`);
      const rule = "iifname ut0 ip length > 128 counter";
      await peer.sh(
        `nft 'add table ip lengths; add chain ip lengths arriving { type filter hook input priority 0; }; add rule ip lengths arriving ${rule}'`,
      );
      const client = peer.startClient("hold", { port: 7, everyMs: 50 });
      await client.until(/^up$/m);
      expect((await peer.sockets())[0]!.info!.snd_mss).toBe(76);
      await echo(1_000_000);
      await download(1_000_000);
      // A super-segment is longer: what it is cut into, the kernel takes from its gso_size.
      const longer = /counter packets (\d+)/.exec(await peer.sh("nft list table ip lengths"))![1];
      if (args.length > 0) expect(longer).toBe("0");
    });

    it.each(["timestamps", "sack", "window_scaling"])("a kernel without %s", async (option) => {
      await peer.sh(`echo 0 > /proc/sys/net/ipv4/tcp_${option}`);
      await echo(20_000_000);
      await download(20_000_000);
      await peer.dropOnePercent();
      await echo(3_000_000);
      await download(3_000_000);
    });
  });
});

/** SHA-256 of the first `bytes` of what /bytes/N repeats. */
function patternHash(bytes: number): string {
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= PATTERN.length)
    hash.update(PATTERN.subarray(0, Math.min(left, PATTERN.length)));
  return hash.digest("hex");
}
