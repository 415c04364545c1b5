/** IPv6 between the kernel and the stack over TUN: the field's tools, bulk by SHA-256, checksums, and the kernel as server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, ended, Peer, type Programs } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "telnet", "nc", "curl", "ping", "tshark", "sha256sum"].map(requireTool);
const STACK6 = "fd77::2";
const KERNEL6 = "fd77::1";
const BYTES = 20_000_000;
const CHECKED = ["-o", "tcp.check_checksum:TRUE"];
// Where the sum is 0 the kernel writes 0xffff, also for TCP (skb_checksum_help).
const BAD = `(tcp.checksum.status == 0 && !(ipv6.src == ${KERNEL6} && tcp.checksum == 0xffff)) || icmpv6.checksum.status == 0`;

describeNeeding([requireTun(), ...TOOLS], "IPv6, kernel to stack and stack to kernel", () => {
  let programs: Programs;
  let peer: Peer;
  let folder: string;

  beforeAll(async () => {
    programs = await buildPrograms();
  });
  afterAll(() => programs.remove());

  describe.each([
    ["raw API, offload, MTU 1500", []],
    ["net API, no offload, MTU 1500", ["--api", "net", "--no-offload"]],
    ["raw API, no offload, MTU 1280", ["--mtu", "1280", "--no-offload"]],
    ["net API, offload, MTU 1280", ["--api", "net", "--mtu", "1280"]],
  ])("%s", (_, args) => {
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "usertcp-ipv6-"));
      peer = await Peer.start(programs, [...args, "--pcap", join(folder, "own.pcapng")]);
    });
    afterEach(async () => {
      await peer.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    it("telnet -6, curl -6, nc -6 and ping -6 are answered; ss and netstat show it; no checksum is wrong", async () => {
      const telnet = peer.start("telnet", ["-6", STACK6, "7"]);
      await telnet.until(/Escape character/);
      telnet.child.stdin.write("hello, stack\n");
      await telnet.until(/^hello, stack/m);
      const netstat = (await peer.usertcp(["netstat", "-nat"])).stdout;
      expect(netstat).toMatch(/^tcp6 +0 +0 fd77::2:7 +:::\* +LISTEN$/m);
      expect(netstat).toMatch(/^tcp6 +0 +0 fd77::2:7 +fd77::1:\d+ +ESTABLISHED$/m);
      expect((await peer.usertcp(["ss", "-tan6"])).stdout).toMatch(/ \[fd77::2\]:7 +\[fd77::1\]:\d+$/m);
      telnet.child.stdin.end();
      await ended(telnet, "telnet");
      const code = await peer.sh(`curl -6 -s -o /dev/null -w '%{http_code}' 'http://[${STACK6}]/'`);
      expect(code).toBe("200");
      expect(await peer.sh(`printf 'half\\nclose\\n' | nc -6 -N ${STACK6} 7`)).toBe("half\nclose\n");
      expect((await peer.run("nc", ["-6", "-N", STACK6, "81"])).code).toBe(1);
      for (const size of [0, 56, 1_400, 4_000]) {
        const ping = await peer.sh(`ping -6 -c 1 -W 2 -s ${size} ${STACK6}`);
        expect(ping).toContain("1 received");
      }
      await peer.serve.end("SIGTERM");
      if (!args.includes("--no-offload")) return;
      const own = ["-r", join(folder, "own.pcapng"), ...CHECKED, "-Y", BAD];
      const bad = await peer.run("tshark", own, "", 30_000);
      expect(bad).toMatchObject({ code: 0, stdout: "" });
    }, 60_000);

    it("20 MB go there and back intact, and nothing is retransmitted but the probes of a busy machine (RFC 8985 7)", async () => {
      const load = `head -c ${BYTES} /dev/urandom > ${folder}/load`;
      const there = `sha256sum < ${folder}/load; nc -6 -N ${STACK6} 7 < ${folder}/load | sha256sum`;
      const [sent, echoed] = (await peer.sh(`${load}; ${there}`, 60_000)).trim().split("\n");
      expect(echoed).toBe(sent);
      const { counters } = await peer.statistics();
      expect(counters["RetransSegs"]).toBeLessThanOrEqual(counters["TCPLossProbes"]!);
      expect(counters["TCPTimeouts"]).toBe(0);
    }, 90_000);

    it("usertcp nc opens to the kernel over IPv6", async () => {
      const listener = peer.start("nc", ["-6", "-l", "-N", KERNEL6, "9000"]);
      await peer.sh("until ss -ltn6 | grep -q ':9000 '; do sleep 0.05; done");
      expect((await peer.usertcp(["nc", KERNEL6, "9000"], "hello over IPv6\n")).code).toBe(0);
      expect((await ended(listener, "nc")).stdout).toBe("hello over IPv6\n");
    }, 20_000);
  });

  it("--stack6 none: the stack has IPv4 alone", async () => {
    folder = mkdtempSync(join(tmpdir(), "usertcp-ipv6-"));
    peer = await Peer.start(programs, ["--stack6", "none"]);
    try {
      expect((await peer.usertcp(["ss", "-tanl"])).stdout).not.toContain("[");
    } finally {
      await peer.remove();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
