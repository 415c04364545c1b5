import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { type Ended, type Installed, installProgram, Namespace, type Running } from "./cli-process.ts";

const TOOLS = ["nsenter", "ss", "netstat", "curl", "telnet", "nc", "tshark"].map(requireTool);
const TIMEOUT = 60_000;

describeNeeding([requireTun(), ...TOOLS], "usertcp serve, with the kernel as peer", () => {
  let program: Installed;
  let runtime: string;
  let namespace: Namespace;
  let started: Running[];

  beforeAll(async () => {
    program = await installProgram();
  }, TIMEOUT);
  afterAll(() => program.remove());

  beforeEach(async () => {
    runtime = mkdtempSync(join(tmpdir(), "usertcp-run-"));
    vi.stubEnv("XDG_RUNTIME_DIR", runtime);
    namespace = await Namespace.create();
    started = [];
  });
  afterEach(async () => {
    for (const running of started) await running.end("SIGKILL");
    await namespace.remove();
    vi.unstubAllEnvs();
    rmSync(runtime, { recursive: true, force: true });
  });

  const start = (...args: string[]): Running => {
    const running = namespace.start(process.execPath, [program.main, ...args]);
    started.push(running);
    return running;
  };
  /** A kernel listener that greets, prints what comes, and answers end-of-file with a word of its own. */
  const kernelPeer = async (host: string, port: number, greeting: string): Promise<Running> => {
    const peer = namespace.start(process.execPath, ["-e", KERNEL_PEER, host, String(port), greeting]);
    started.push(peer);
    await peer.until(/^listening$/m);
    return peer;
  };
  const usertcp = (args: string[], input = ""): Promise<Ended> =>
    namespace.run(process.execPath, [program.main, ...args], input);

  it(
    "answers telnet, curl and nc, prints one ready line, and leaves nothing behind on SIGTERM",
    async () => {
      const serve = start("serve", "--tun", "ut0", "--keep", "4242");
      const ready = await serve.ready();
      expect(ready).toMatchObject({
        ...{
          tun: "ut0",
          stack: "10.77.0.2",
          services: { echo: 7, discard: 9, chargen: 19, http: 80, keep: 4242 },
        },
        control: join(runtime, "usertcp", readdirSync(join(runtime, "usertcp"))[0]!),
      });
      const telnet = namespace.start("telnet", ["10.77.0.2", "7"]);
      started.push(telnet);
      await telnet.until(/Escape character/);
      telnet.child.stdin.write("hello, stack\n");
      await telnet.until(/^hello, stack/m);
      telnet.child.stdin.end();
      expect((await namespace.run("curl", ["-s", "http://10.77.0.2/"])).stdout).toMatch(/usertcp \d/);
      const bytes = await namespace.run("curl", [
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{size_download}",
        "http://10.77.0.2/bytes/3000000",
      ]);
      expect(bytes.stdout).toBe("3000000");
      // -N: FIN after standard input; the echo must still come back (half-close).
      expect((await namespace.run("nc", ["-N", "10.77.0.2", "7"], "half\nclose\n")).stdout).toBe(
        "half\nclose\n",
      );
      expect((await namespace.run("sh", ["-c", "nc -d 10.77.0.2 19 | head -c 74"])).stdout).toMatch(
        /^ !"#.{68}\r\n$/s,
      );

      const ended = await serve.end("SIGTERM");
      expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" });
      expect(ended.stdout.split("\n")).toHaveLength(2);
      expect((await namespace.run("ip", ["-o", "link"])).stdout).not.toContain("ut0");
      expect(readdirSync(join(runtime, "usertcp"))).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    "ss and netstat print the lines that the kernel's print of the other side",
    async () => {
      const serve = start("serve", "--keep", "4242", "--chargen", "0", "--http", "0");
      const { pid } = await serve.ready();
      const open = namespace.start("nc", ["10.77.0.2", "9"]);
      // Its end-of-file goes out as FIN, which `keep` reads and does not answer.
      const waiting = namespace.start("nc", ["-N", "10.77.0.2", "4242"]);
      waiting.child.stdin.end();
      started.push(open, waiting);
      open.child.stdin.write("x".repeat(5000));
      await vi.waitFor(async () => {
        expect((await usertcp(["ss", "-tan"])).stdout).toMatch(/CLOSE-WAIT.*:4242/);
        expect((await usertcp(["ss", "-tani"])).stdout).toContain("bytes_received:5000");
      }, 10_000);

      const kernel = lines((await namespace.run("ss", ["-tanoi"])).stdout);
      const ours = lines((await usertcp(["ss", "-tanoi"])).stdout);
      expect(columns(ours[0]!)).toEqual(columns(kernel[0]!));
      const theirs = kernel.find((line) => /^ESTAB .*10\.77\.0\.2:9\b/.test(line))!;
      const mine = ours.find((line) => /^ESTAB .*10\.77\.0\.2:9\b/.test(line))!;
      const [state, , , local, peer] = columns(theirs);
      expect(columns(mine).slice(0, 5)).toEqual([state, "0", "0", peer, local]);
      const info = ours[ours.indexOf(mine) + 1]!;
      expect(info).toMatch(
        /^\t ts sack \w+ wscale:\d+,\d+ rto:[\d.]+ rtt:[\d.]+\/[\d.]+ .*mss:1448 pmtu:1500 rcvmss:\d+ advmss:1448 cwnd:10 /,
      );
      const keys = (line: string): string[] => [...line.matchAll(/([a-z_]+):/g)].map((match) => match[1]!);
      const order = keys(kernel[kernel.indexOf(theirs) + 1]!);
      const shared = keys(info).filter((key) => order.includes(key));
      expect(shared).toEqual(order.filter((key) => shared.includes(key)));
      expect(shared.length).toBeGreaterThan(8);

      const table = lines((await usertcp(["netstat", "-nat"])).stdout);
      const real = lines((await namespace.run("netstat", ["-nat"])).stdout);
      expect(table.slice(0, 2)).toEqual(real.slice(0, 2));
      expect(table.find((line) => line.includes("10.77.0.2:9 ") && line.endsWith("ESTABLISHED"))).toBe(
        `tcp        0      0 ${peer!.padEnd(23)} ${local!.padEnd(23)} ESTABLISHED`,
      );
      expect(
        table.some((line) => /^tcp +0 +0 10\.77\.0\.2:4242 +10\.77\.0\.1:\d+ +CLOSE_WAIT$/.test(line)),
      ).toBe(true);
      expect(lines((await usertcp(["ss", "-tn", "state", "close-wait"])).stdout)).toHaveLength(2);
      expect((await usertcp(["ss", "-tlnp"])).stdout).toContain(`users:(("usertcp",pid=${pid}))`);
      const rows = JSON.parse((await usertcp(["ss", "-tn", "--json", "state", "established"])).stdout);
      expect(rows).toMatchObject([{ state: "ESTABLISHED", localPort: 9, info: { bytes_received: 5000 } }]);
      expect((await usertcp(["ss", "-s"])).stdout).toMatch(
        /^TCP: {3}\d+ \(estab 1, closed 0, orphaned 0, timewait 0\)$/m,
      );
      expect((await usertcp(["netstat", "-s"])).stdout).toMatch(/^ {4}2 passive connection openings$/m);
    },
    TIMEOUT,
  );

  it(
    "nc opens to a kernel listener through the running stack, half-close honoured both ways",
    async () => {
      await start("echo").ready();
      const listener = await kernelPeer("10.77.0.1", 9000, "");
      const nc = start("nc", "10.77.0.1", "9000");
      nc.child.stdin.end("from the stack\n");
      await listener.until(/^from the stack$/m);
      expect(await nc.ended).toMatchObject({
        code: 0,
        stdout: "from the kernel, after 15 bytes\n",
        stderr: "",
      });
      expect((await listener.ended).code).toBe(0);
    },
    TIMEOUT,
  );

  it(
    "nc carries a megabyte unharmed, and says why it can't connect",
    async () => {
      await start("serve").ready();
      const sink = namespace.start("sh", ["-c", "nc -l -N 10.77.0.1 9001 </dev/null | sha256sum"]);
      started.push(sink);
      await vi.waitFor(
        async () => expect((await namespace.run("ss", ["-tln"])).stdout).toContain(":9001"),
        10_000,
      );
      const load = `head -c 1000000 /dev/zero | tr '\\0' 'u'`;
      const expected = (await namespace.run("sh", ["-c", `${load} | sha256sum`])).stdout;
      const sent = await namespace.run("sh", [
        "-c",
        `${load} | ${process.execPath} ${program.main} nc 10.77.0.1 9001`,
      ]);
      expect(sent).toMatchObject({ code: 0, stderr: "" });
      expect((await sink.ended).stdout).toBe(expected);
      expect(await usertcp(["nc", "10.77.0.1", "81"])).toMatchObject({
        ...{ code: 1, stdout: "", stderr: "usertcp: connect ECONNREFUSED 10.77.0.1:81\n" },
      });
    },
    TIMEOUT,
  );

  it(
    "nc --tun brings up a stack of its own, and takes it down",
    async () => {
      await kernelPeer("0.0.0.0", 9002, "welcome\n");
      expect(await usertcp(["nc", "--tun", "ut9", "10.77.0.1", "9002"], "hello\n")).toMatchObject({
        code: 0,
        stdout: "welcome\nfrom the kernel, after 6 bytes\n",
      });
      expect((await namespace.run("ip", ["-o", "link"])).stdout).not.toContain("ut9");
    },
    TIMEOUT,
  );

  it(
    "serves the same over the net API, and without offload writes a capture that tshark reads clean",
    async () => {
      const file = join(runtime, "trace.pcapng");
      const serve = start("serve", "--api", "net", "--no-offload", "--mtu", "1400", "--pcap", file);
      expect(await serve.ready()).toMatchObject({ mtu: 1400, offload: false, api: "net" });
      expect((await namespace.run("nc", ["-N", "10.77.0.2", "7"], "echo by streams\n")).stdout).toBe(
        "echo by streams\n",
      );
      expect(
        (await namespace.run("sh", ["-c", "nc -d 10.77.0.2 19 | head -c 100000 | wc -c"])).stdout.trim(),
      ).toBe("100000");
      expect(
        (await namespace.run("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "http://10.77.0.2/"]))
          .stdout,
      ).toBe("200");
      expect(await serve.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" });
      const count = async (filter: string): Promise<number> => {
        const args = [
          "-r",
          file,
          "-o",
          "tcp.check_checksum:TRUE",
          "-Y",
          filter,
          "-T",
          "fields",
          "-e",
          "frame.number",
        ];
        return lines((await namespace.run("tshark", args)).stdout).filter((line) => /^\d+$/.test(line))
          .length;
      };
      expect(await count("tcp.port == 7 && tcp.len > 0")).toBe(2);
      expect(await count("_ws.malformed || tcp.checksum.status == 0 || ip.len > 1400")).toBe(0);
    },
    TIMEOUT,
  );

  it(
    "says in one line why a device can't be had, and leaves no trace",
    async () => {
      await start("serve", "--tun", "ut0").ready();
      const busy = await usertcp(["echo", "--tun", "ut0", "--host", "10.78.0.1/24", "--stack", "10.78.0.2"]);
      expect(busy).toMatchObject({
        code: 1,
        stdout: "",
        stderr: expect.stringMatching(/^usertcp: --tun ut0: another process has this device[^\n]*\n$/),
      });
      const taken = await usertcp(["echo", "--tun", "ut1"]);
      expect(taken).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^usertcp: --host 10\.77\.0\.1\/24: ut0 has this address[^\n]*\n$/),
      });
      expect((await namespace.run("ip", ["-o", "link"])).stdout).not.toContain("ut1");
    },
    TIMEOUT,
  );

  it(
    "with two stacks in a namespace, clients ask which: exit code 2",
    async () => {
      await start("serve", "--tun", "ut0").ready();
      await start("echo", "--tun", "ut1", "--host", "10.78.0.1/24", "--stack", "10.78.0.2").ready();
      const which = await usertcp(["ss", "-tan"]);
      expect(which).toMatchObject({
        code: 2,
        stderr: "usertcp: 2 stacks run here (ut0, ut1): choose one with --tun NAME or --control PATH\n",
      });
      expect(lines((await usertcp(["ss", "-tan", "--tun", "ut1"])).stdout)).toHaveLength(2);
    },
    TIMEOUT,
  );

  it(
    "removes the sockets of stacks that were killed",
    async () => {
      const killed = start("serve", "--tun", "ut0");
      const { control } = await killed.ready();
      // nsenter(1) is the process here: the stack is what it became.
      await killed.end("SIGKILL");
      expect(existsSync(String(control))).toBe(true);
      expect(await usertcp(["ss"])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^usertcp: no stack runs in this/),
      });
      expect(existsSync(String(control))).toBe(false);
    },
    TIMEOUT,
  );

  it(
    "ends on SIGINT under load, and with exit code 1 when the link is deleted under it",
    async () => {
      const loaded = start("serve", "--tun", "ut0");
      await loaded.ready();
      const pull = namespace.start("sh", ["-c", "nc -d 10.77.0.2 19 >/dev/null"]);
      const push = namespace.start("sh", ["-c", "nc 10.77.0.2 9 </dev/zero"]);
      started.push(pull, push);
      await vi.waitFor(
        async () => expect(lines((await usertcp(["ss", "-tn"])).stdout)).toHaveLength(3),
        10_000,
      );
      expect(await loaded.end("SIGINT")).toMatchObject({ code: 0, stderr: "" });
      await pull.ended;

      const orphan = start("serve", "--tun", "ut0");
      const { control } = await orphan.ready();
      await namespace.run("ip", ["link", "del", "ut0"]);
      const ended = await orphan.ended;
      expect(ended).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^usertcp: ut0: the device is gone: [^\n]+\n$/),
      });
      expect(existsSync(String(control))).toBe(false);
    },
    TIMEOUT,
  );
});

const KERNEL_PEER = `
  const [, host, port, greeting] = process.argv;
  const server = require("net").createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.write(greeting);
    socket.on("data", (chunk) => { bytes += chunk.length; process.stdout.write(chunk); });
    socket.on("end", () => socket.end("from the kernel, after " + bytes + " bytes\\n"));
    socket.on("close", () => server.close());
  });
  server.listen(Number(port), host, () => process.stdout.write("listening\\n"));
`;

function lines(text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

function columns(line: string): string[] {
  return line
    .replace("PortProcess", "Port Process")
    .split(/\s+/)
    .filter((cell) => cell !== "");
}
