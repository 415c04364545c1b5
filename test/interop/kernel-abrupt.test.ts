/** Many connections at once, and every abrupt end: kernel clients that die, a device that goes, a server that is told to stop. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, ended, Peer, type Programs, STACK, told } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "ss", "curl"].map(requireTool);

describeNeeding([requireTun(), ...TOOLS], "abrupt ends, with the kernel as peer", () => {
  let programs: Programs;
  let peer: Peer;

  beforeAll(async () => {
    programs = await buildPrograms();
  });
  afterAll(() => programs.remove());
  afterEach(() => peer.remove());

  describe.each([
    ["raw API, offload", ["--api", "raw"]],
    ["net API, no offload", ["--api", "net", "--no-offload"]],
  ])("%s", (_, args) => {
    it("1,000 connections at once are echoed and shown by ss; closed, they leave nothing but the clients' TIME-WAIT", async () => {
      peer = await Peer.start(programs, args);
      const clients = peer.startClient("many", { port: 7, count: 1_000 });
      await clients.until(/^open$/m);
      const { stdout } = await peer.usertcp(["ss", "-Htn", "state", "established"]);
      expect(stdout.trimEnd().split("\n")).toHaveLength(1_000);
      clients.child.stdin.end();
      expect(await told(clients)).toEqual({ echoed: 1_000 });
      // The client closed first: its side has TIME-WAIT, ours nothing (RFC 9293 3.6).
      expect(await peer.socketsBecome((rows) => rows.length === 0)).toEqual([]);
      const waiting = await peer.sh("ss -Htan state time-wait | wc -l");
      expect(Number(waiting)).toBe(1_000);
    });

    it("clients that are killed in the middle, reset, or close with unread data leave no connection behind", async () => {
      peer = await Peer.start(programs, args);
      const killed = peer.startClient("load", { port: 7 });
      await killed.until(/^up$/m);
      await killed.end("SIGKILL");
      await peer.client("leave", { port: 7, how: "reset" });
      await peer.client("leave", { port: 7, how: "unread" });
      await peer.client("leave", { port: 19, how: "unread" });
      expect(await peer.socketsBecome((rows) => rows.length === 0)).toEqual([]);
      const { counters } = await peer.statistics();
      expect(counters["InRsts"]).toBeGreaterThanOrEqual(4);
      expect(await peer.client("echo", { port: 7, bytes: 100_000 })).toMatchObject({ count: 100_000 });
    });

    it.each(["SIGTERM", "SIGINT"] as const)(
      "%s under load: exit code 0 within 2 s, device and socket gone, peers told by RST",
      async (signal) => {
        peer = await Peer.start(programs, args);
        const { echo, busy, idle, curl } = await startLoad();
        const asked = performance.now();
        const end = await peer.serve.end(signal);
        expect(performance.now() - asked).toBeLessThan(2_000);
        expect(end).toMatchObject({ code: 0, signal: null, stderr: "" });
        expect(await peer.leftovers()).toEqual([]);
        expect(await told(echo)).toEqual({ how: "ECONNRESET" });
        expect(await told(busy)).toMatchObject({ how: "ECONNRESET" });
        expect(await told(idle)).toMatchObject({ how: "ECONNRESET" });
        expect((await ended(curl, "curl")).stderr).toContain("reset by peer");
      },
    );

    it("the device is deleted under load: one line says so, exit code 1, the socket gone", async () => {
      peer = await Peer.start(programs, args);
      await startLoad();
      await peer.sh("ip link del ut0");
      const end = await ended(peer.serve, "serve", 3_000);
      expect(end.code).toBe(1);
      expect(end.stderr).toMatch(/^usertcp: ut0: the device is gone.*\n$/);
      expect(await peer.leftovers()).toEqual([]);
    });
  });

  it("usertcp nc is killed with data unread: the kernel's listener is told by RST (RFC 2525 2.17)", async () => {
    peer = await Peer.start(programs);
    const listener = peer.startClient("pour", { host: "10.77.0.1", port: 9_003 });
    await listener.until(/^up$/m);
    const nc = peer.startUsertcp(["nc", "10.77.0.1", "9003"]);
    // Nobody reads what nc prints: stop its pipe from being drained.
    nc.child.stdout.pause();
    await listener.until(/^full$/m);
    await nc.end("SIGKILL");
    expect(await told(listener)).toEqual({ how: "ECONNRESET" });
    expect(await peer.socketsBecome((rows) => rows.length === 0)).toEqual([]);
  });

  it("a port on which nobody listens refuses at once", async () => {
    peer = await Peer.start(programs);
    const { code, ms } = await peer.client("connect", { port: 81 });
    expect(code).toBe("ECONNREFUSED");
    expect(ms).toBeLessThan(500);
  });

  const startLoad = async () => {
    const echo = peer.startClient("load", { port: 7 });
    const busy = peer.startClient("hold", { port: 7, everyMs: 5 });
    const idle = peer.startClient("hold", { port: 7, everyMs: 1_000 });
    const curl = peer.start("curl", [
      "-sS",
      "-o",
      "/dev/null",
      "-w",
      "",
      `http://${STACK}/bytes/99000000000`,
    ]);
    await Promise.all([echo, busy, idle].map((client) => client.until(/^up$/m)));
    return { echo, busy, idle, curl };
  };
});
