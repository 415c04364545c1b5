/** What tcpdump and tshark see on the device while the kernel's tools talk to the stack, and what `--pcap` wrote of the same. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, ended, KERNEL, Peer, type Programs, STACK } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "tcpdump", "tshark", "telnet", "curl", "nc"].map(requireTool);
const MEGABYTES = 10_000_000;

/** What must not be in a capture of a clean link. */
const WRONG = [
  "_ws.malformed",
  "tcp.analysis.retransmission",
  "tcp.analysis.fast_retransmission",
  "tcp.analysis.spurious_retransmission",
  "tcp.analysis.out_of_order",
  "tcp.analysis.lost_segment",
  "tcp.analysis.ack_lost_segment",
  "tcp.analysis.duplicate_ack",
  "tcp.analysis.zero_window",
  "icmp.checksum.status == 0",
].join(" || ");

// Where the sum is 0 the kernel writes 0xffff, also for TCP (skb_checksum_help): the same number in ones' complement.
const MANGLED_0 = `(ip.src == ${KERNEL} && tcp.checksum == 0xffff)`;
const BAD_CHECKSUM = `(tcp.checksum.status == 0 && !${MANGLED_0}) || ip.checksum.status == 0`;
const CHECKED = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];

describeNeeding([requireTun(), ...TOOLS], "captures of a clean link", () => {
  let programs: Programs;
  let peer: Peer;
  let folder: string;

  beforeAll(async () => {
    programs = await buildPrograms();
  });
  afterAll(() => programs.remove());

  describe.each([
    ["raw API, offload", []],
    ["raw API, no offload", ["--no-offload"]],
    ["net API, MTU 65520, no offload", ["--api", "net", "--mtu", "65520", "--no-offload"]],
  ])("%s", (_, args) => {
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), "usertcp-capture-"));
      peer = await Peer.start(programs, [...args, "--pcap", join(folder, "own.pcapng")]);
      // A busy machine lets the kernel's tail loss probes (RFC 8985) fire although nothing was lost.
      await peer.sh("echo 0 > /proc/sys/net/ipv4/tcp_early_retrans");
    });
    afterEach(async () => {
      await peer.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    it("telnet, ping, curl, 10 MB each way: nothing malformed, repeated or lost, and --pcap tells the same story", async () => {
      const theirs = join(folder, "tcpdump.pcap");
      const capture = await startCapture(theirs);
      await converse();
      await holdsMarker(theirs);
      await capture.end("SIGINT");
      expect(capture.stderr).toContain("0 packets dropped by kernel");
      await peer.serve.end("SIGTERM");

      expect(await shark(theirs, ["-Y", WRONG])).toBe("");
      const own = join(folder, "own.pcapng");
      expect(await shark(own, ["-Y", WRONG])).toBe("");
      if (args.includes("--no-offload")) {
        expect(await shark(theirs, [...CHECKED, "-Y", BAD_CHECKSUM])).toBe("");
        expect(await shark(own, [...CHECKED, "-Y", BAD_CHECKSUM])).toBe("");
      }
      const conversations = await bytesByConversation(theirs);
      expect(Object.keys(conversations)).toHaveLength(4);
      expect(await bytesByConversation(own)).toEqual(conversations);
    }, 60_000);
  });

  const startCapture = async (file: string) => {
    const capture = peer.start("tcpdump", [
      "-q",
      "-U",
      "-B",
      "65536",
      "-Z",
      "root",
      "-i",
      "ut0",
      "-w",
      file,
      "ip",
    ]);
    await capture.until(/listening on/, "stderr");
    return capture;
  };

  const converse = async (): Promise<void> => {
    const telnet = peer.start("telnet", [STACK, "7"]);
    await telnet.until(/Escape character/);
    telnet.child.stdin.write("hello, stack\n");
    await telnet.until(/^hello, stack/m);
    telnet.child.stdin.end();
    await ended(telnet, "telnet");
    await peer.sh(`ping -c1 ${STACK} && curl -sSo /dev/null http://${STACK}/`);
    await peer.sh(`curl -sSo /dev/null http://${STACK}/bytes/${MEGABYTES}`);
    await peer.sh(`head -c ${MEGABYTES} /dev/zero | nc -N ${STACK} 9`);
    expect(await peer.socketsBecome((rows) => rows.length === 0)).toEqual([]);
  };

  /** tcpdump gives up what it has not written yet: the last packets are marked, and waited for. */
  const holdsMarker = async (file: string): Promise<void> => {
    const marker = Buffer.from("usertcp!".repeat(4));
    await peer.sh(`ping -c1 -s 48 -p ${marker.toString("hex").slice(0, 16)} ${STACK}`);
    const deadline = Date.now() + 5_000;
    for (;;) {
      const bytes = readFileSync(file);
      const first = bytes.indexOf(marker);
      if (first >= 0 && bytes.indexOf(marker, first + 60) >= 0) return;
      if (Date.now() > deadline) throw new Error("tcpdump did not write the last packets");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  const shark = async (file: string, args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await peer.run("tshark", ["-r", file, ...args], "", 30_000);
    expect(code, stderr).toBe(0);
    return stdout;
  };

  /** Bytes of text each way, by stream, however they were cut into packets. */
  const bytesByConversation = async (file: string): Promise<Record<string, number>> => {
    const fields = ["ip.src", "tcp.srcport", "ip.dst", "tcp.dstport", "tcp.len"].flatMap((name) => [
      "-e",
      name,
    ]);
    const lines = (await shark(file, ["-Y", "tcp", "-T", "fields", ...fields])).trimEnd().split("\n");
    const sums: Record<string, number> = {};
    for (const line of lines) {
      const [src, srcPort, dst, dstPort, length] = line.split("\t");
      // The clients' ports differ from run to run, not between captures of one.
      const client = src === STACK ? `${dst}:${dstPort}` : `${src}:${srcPort}`;
      sums[client] = (sums[client] ?? 0) + Number(length);
    }
    return sums;
  };
});
