/** `usertcp serve --queues N` with the kernel's TCP as client: nothing lost, no connection told apart from one queue's. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { type Ended, type Installed, installProgram, Namespace, type Running } from "./cli-process.ts";

const TOOLS = ["nsenter", "ping", "curl"].map(requireTool);
const CLIENT = join(import.meta.dirname, "queues-client.mjs");
const PRELOAD = join(import.meta.dirname, "queues-preload.mjs");
const TIMEOUT = 90_000;

describeNeeding([requireTun(), ...TOOLS], "usertcp serve --queues", () => {
  let program: Installed;
  let runtime: string;
  let namespace: Namespace;
  let started: Running[];

  beforeAll(async () => {
    program = await installProgram();
  }, TIMEOUT);
  afterAll(() => program.remove());

  beforeEach(async () => {
    runtime = mkdtempSync(join(tmpdir(), "usertcp-queues-"));
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

  const serve = (...args: string[]): Running => {
    const running = namespace.start(process.execPath, [program.main, "serve", "--tun", "ut0", ...args]);
    started.push(running);
    return running;
  };
  const usertcp = (args: string[], input = ""): Promise<Ended> =>
    namespace.run(process.execPath, [program.main, ...args], input);
  const client = async (scenario: string, options: object): Promise<Record<string, unknown>> => {
    const ended = await namespace.run(process.execPath, [CLIENT, scenario, JSON.stringify(options)]);
    if (ended.code !== 0) throw new Error(`${scenario}: ${ended.stderr}`);
    return JSON.parse(ended.stdout) as Record<string, unknown>;
  };
  const counters = async (): Promise<Record<string, number>> => {
    const { stdout } = await usertcp(["netstat", "-s", "--json"]);
    const { counters, drops } = JSON.parse(stdout) as Record<string, Record<string, number>>;
    return { ...counters, ...drops };
  };
  const to = (port: number, host = "10.77.0.2") => ({ host, port });

  it.each([
    [2, "bpf"],
    [4, "bpf"],
    [2, "kernel"],
    [4, "kernel"],
  ])(
    "%d queues, steering by %s: 200 connections talk, fall silent until the kernel has forgotten them, and talk on",
    async (queues, steering) => {
      const ready = await serve("--queues", String(queues), "--steering", steering).ready();
      expect(ready).toMatchObject({ queues, steering });
      const talking = client("talk", { ...to(7), connections: 200, rounds: 20, silenceMs: 4_500 });
      await vi.waitFor(
        async () => {
          const { stdout } = await usertcp(["ss", "-tn", "--json"]);
          expect(JSON.parse(stdout)).toHaveLength(200);
          expect(new Set((JSON.parse(stdout) as { id: number }[]).map(({ id }) => id % queues)).size).toBe(
            queues,
          );
        },
        { timeout: 20_000, interval: 200 },
      );
      expect(await talking).toEqual({ right: 2 * 200 * 20 });
      expect(await client("talk", { ...to(7, "fd77::2"), connections: 20, rounds: 5, silenceMs: 0 })).toEqual(
        {
          right: 2 * 20 * 5,
        },
      );
      const counted = await counters();
      expect(counted).toMatchObject({ PassiveOpens: 220, OutRsts: 0, TakenOver: counted["HandedOver"] });
      expect(counted["shard-ring-full"]).toBeUndefined();
      if (steering === "bpf") expect(counted["HandedOver"]).toBe(0);
      else expect(counted["HandedOver"]).toBeGreaterThan(100);
    },
    TIMEOUT,
  );

  it.each(["bpf", "kernel"])(
    "4 queues, steering by %s: thousands of short connections and megabytes both ways, nothing lost",
    async (steering) => {
      await serve("--queues", "4", "--steering", steering).ready();
      expect(await client("visit", { ...to(7), count: 3_000, parallel: 32 })).toEqual({
        right: 3_000,
        errors: {},
      });
      expect(await client("bulk", { ...to(7), connections: 6, size: 8 << 20 })).toEqual({ right: 6 });
      const bytes = ["-s", "-o", "/dev/null", "-w", "%{size_download}", "http://10.77.0.2/bytes/5000000"];
      expect((await namespace.run("curl", bytes)).stdout).toBe("5000000");
      const counted = await counters();
      expect(counted).toMatchObject({ PassiveOpens: 3_007, EstabResets: 0, AttemptFails: 0 });
      // The kernel sends a handshake's ACK while it still takes our SYN-ACK, before it knows the flow's queue: on a busy machine
      // that ACK may come over when the connection is long closed, and is answered as any late duplicate.
      if (steering === "bpf") expect(counted["OutRsts"]).toBe(0);
    },
    TIMEOUT,
  );

  it(
    "is one stack to ss, ping, http and nc, and leaves nothing behind on SIGTERM",
    async () => {
      const running = serve("--queues", "3", "--pcap", join(runtime, "all.pcapng"));
      await running.ready();
      const listening = (await usertcp(["ss", "-tln4"])).stdout;
      expect(listening.match(/LISTEN/g)).toHaveLength(4);
      for (const address of ["10.77.0.2", "fd77::2"]) {
        const pings = await namespace.run("ping", ["-c", "3", "-i", "0.2", "-s", "5000", "-W", "2", address]);
        expect(pings.stdout).toMatch(/ 3 received/);
      }
      const snapshot = await namespace.run("curl", ["-s", "http://10.77.0.2/snapshot"]);
      expect(JSON.parse(snapshot.stdout)).toMatchObject({ counters: { PassiveOpens: 1 } });
      const peer = namespace.start(process.execPath, ["-e", PEER]);
      started.push(peer);
      await peer.until(/^listening$/m);
      // More than one round of the shards: each takes a port that makes the connection its own.
      for (let i = 0; i < 7; i++) {
        const sent = "x".repeat(300_000);
        expect((await usertcp(["nc", "10.77.0.1", "5555"], sent)).stdout).toBe(`hello\n${sent.length}\n`);
      }
      const refused = await usertcp(["nc", "10.77.0.1", "5556"]);
      expect(refused).toMatchObject({ code: 1, stderr: "usertcp: connect ECONNREFUSED 10.77.0.1:5556\n" });
      expect((await usertcp(["ss", "-s"])).stdout).toMatch(/^TCP: /m);
      expect(await running.end("SIGTERM")).toMatchObject({ code: 0, stderr: "" });
      expect(readdirSync(join(runtime, "usertcp"))).toEqual([]);
      expect((await namespace.run("ip", ["link", "show", "ut0"])).code).toBe(1);
      expect(existsSync(join(runtime, "all.pcapng"))).toBe(true);
    },
    TIMEOUT,
  );

  it(
    "a shard that dies ends the whole with an error and exit code 1; so does a device that goes away",
    async () => {
      const file = join(runtime, "die");
      const env = { ...process.env, NODE_OPTIONS: `--import ${PRELOAD}`, USERTCP_TEST_DIE: file };
      const running = namespace.start(
        process.execPath,
        [program.main, "serve", "--tun", "ut0", "--queues", "3"],
        {
          env,
        },
      );
      started.push(running);
      await running.ready();
      writeFileSync(file, "");
      expect(await running.ended).toMatchObject({
        code: 1,
        stderr: "usertcp: ut0: shard 1 died: told to die\n",
      });
      expect(readdirSync(join(runtime, "usertcp"))).toEqual([]);
      expect((await namespace.run("ip", ["link", "show", "ut0"])).code).toBe(1);

      const next = serve("--queues", "2");
      await next.ready();
      await namespace.run("ip", ["link", "del", "ut0"]);
      const { code, stderr } = await next.ended;
      expect(code).toBe(1);
      expect(stderr).toMatch(/^usertcp: ut0: the device is gone: EBADFD[^\n]*\n$/);
    },
    TIMEOUT,
  );

  it(
    "says what is wrong in one line: an address taken, too many queues, a command that has no use for them",
    async () => {
      await serve("--queues", "2").ready();
      const again = await usertcp(["serve", "--tun", "ut0", "--queues", "2", "--stack6", "none"]);
      expect(again).toMatchObject({ code: 1, stderr: expect.stringMatching(/^usertcp: [^\n]*ut0[^\n]*\n$/) });
      const many = await usertcp(["serve", "--queues", "65"]);
      expect(many).toMatchObject({
        code: 2,
        stderr: "usertcp: --queues takes a whole number from 1 to 64, not '65'\n",
      });
      expect(await usertcp(["nc", "10.77.0.1", "1", "--queues", "2"])).toMatchObject({ code: 2 });
    },
    TIMEOUT,
  );
});

const PEER = `
require("net").createServer({ allowHalfOpen: true }, (socket) => {
  let length = 0;
  socket.write("hello\\n");
  socket.on("data", (chunk) => { length += chunk.length; });
  socket.on("end", () => socket.end(length + "\\n"));
}).listen(5555, "10.77.0.1", () => console.log("listening"));`;
