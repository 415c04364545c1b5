/** The tools of the field against a running `usertcp serve`: telnet, nc, curl, wrk, iperf3, ping. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { buildPrograms, ended, KERNEL, Peer, type Programs, STACK, told } from "./kernel-peer.ts";

const TOOLS = ["nsenter", "telnet", "nc", "curl", "wrk", "iperf3", "ping"].map(requireTool);
const HTTP = `http://${STACK}`;

describeNeeding([requireTun(), ...TOOLS], "the field's tools, kernel to stack and stack to kernel", () => {
  let programs: Programs;
  let peer: Peer;

  beforeAll(async () => {
    programs = await buildPrograms();
  });
  afterAll(() => programs.remove());

  describe.each([
    ["raw API, offload", ["--api", "raw"]],
    ["net API, no offload", ["--api", "net", "--no-offload"]],
  ])("%s", (_, args) => {
    beforeEach(async () => {
      peer = await Peer.start(programs, args);
    });
    afterEach(() => peer.remove());

    it("telnet gets its lines back, and is refused at once where nobody listens", async () => {
      const telnet = peer.start("telnet", [STACK, "7"]);
      await telnet.until(/Escape character/);
      for (const line of ["hello, stack", "second line"]) {
        telnet.child.stdin.write(`${line}\n`);
        await telnet.until(new RegExp(`^${line}`, "m"));
      }
      telnet.child.stdin.end();
      await ended(telnet, "telnet");
      const refused = await peer.run("telnet", [STACK, "81"], "", 5_000);
      expect(refused.stderr).toContain("Connection refused");
    });

    it("nc -N: the echo comes back after the kernel's FIN (RFC 9293 3.6: half-close)", async () => {
      const text = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`).join("");
      const { code, stdout } = await peer.run("nc", ["-N", STACK, "7"], text);
      expect(code).toBe(0);
      expect(stdout === text).toBe(true);
    });

    it("curl keeps one connection over several requests: GET, HEAD, 404, 405", async () => {
      const status = "%{http_code} %{size_download} %{num_connects}\n";
      const out = ["-s", "-o", "/dev/null", "-w", status];
      const urls = ["/bytes/0", "/bytes/1", "/bytes/1460", "/bytes/3000000", "/missing"].map(
        (path) => HTTP + path,
      );
      const many = await peer.run(
        "curl",
        urls.flatMap((url, i) => [...(i > 0 ? ["--next"] : []), ...out, url]),
      );
      expect(many.stdout).toBe("200 0 1\n200 1 0\n200 1460 0\n200 3000000 0\n404 41 0\n");
      const head = await peer.run("curl", ["-sI", `${HTTP}/bytes/12345`]);
      expect(head.stdout).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(head.stdout).toMatch(/^content-length: 12345\r$/im);
      expect((await peer.run("curl", ["-s", `${HTTP}/`])).stdout).toContain("<h1>usertcp");
      const posted = await peer.run("curl", [...out, "--data-binary", "x".repeat(100_000), `${HTTP}/`]);
      expect(posted.stdout).toMatch(/^405 /);
    });

    it("wrk with 64 connections has no socket error", async () => {
      const { stdout } = await peer.run("wrk", ["-t1", "-c64", "-d1s", `${HTTP}/bytes/100`]);
      expect(stdout).toMatch(/ requests in /);
      expect(stdout).not.toMatch(/Socket errors|Non-2xx/);
    });
  });

  describe("as client, and below TCP", () => {
    beforeAll(async () => {
      peer = await Peer.start(programs);
    });
    afterAll(() => peer.remove());

    it("usertcp nc opens to a kernel listener and ends first; the answer comes after its FIN", async () => {
      const listener = peer.startClient("answerLate", { host: KERNEL, port: 9001, answer: "answer\n" });
      await listener.until(/^up$/m);
      const client = peer.startUsertcp(["nc", KERNEL, "9001"]);
      client.child.stdin.end("request\n");
      const rows = await peer.socketsBecome((all) => all.some(({ state }) => state === "FIN-WAIT-2"));
      expect(rows.map(({ state }) => state)).toContain("FIN-WAIT-2");
      listener.child.stdin.end();
      expect(await told(listener)).toEqual({ heard: "request\n" });
      expect(await ended(client, "usertcp nc")).toMatchObject({ code: 0, stdout: "answer\n" });
    });

    it("usertcp nc still sends after the kernel listener's FIN", async () => {
      const listener = peer.start("nc", ["-N", "-l", KERNEL, "9002"]);
      await listening(9002);
      const client = peer.startUsertcp(["nc", KERNEL, "9002"]);
      listener.child.stdin.end("greeting\n");
      await client.until(/^greeting$/m);
      const rows = await peer.socketsBecome((all) => all.some(({ state }) => state === "CLOSE-WAIT"));
      expect(rows.map(({ state }) => state)).toContain("CLOSE-WAIT");
      client.child.stdin.end("late\n");
      expect(await ended(client, "usertcp nc")).toMatchObject({ code: 0, stdout: "greeting\n" });
      expect((await ended(listener, "nc -l")).stdout).toBe("late\n");
    });

    it("usertcp nc to a closed port and to where no route leads ends at once with the reason", async () => {
      const refused = await peer.usertcp(["nc", KERNEL, "81"]);
      expect(refused).toMatchObject({ code: 1, stderr: `usertcp: connect ECONNREFUSED ${KERNEL}:81\n` });
      await peer.sh("echo 1 > /proc/sys/net/ipv4/ip_forward && ip route add unreachable 10.88.0.0/24");
      const unreachable = await peer.usertcp(["nc", "10.88.0.1", "80"]);
      expect(unreachable).toMatchObject({ code: 1, stderr: "usertcp: connect EHOSTUNREACH 10.88.0.1:80\n" });
    });

    it("iperf3 runs through usertcp nc, both directions", async () => {
      const server = peer.start("iperf3", ["-s", "-B", KERNEL, "--forceflush"]);
      await server.until(/Server listening/);
      const forward = peer.startClient("forward", {
        port: 5301,
        command: [...peer.usertcpCommand, "nc", KERNEL, "5201"],
      });
      await forward.until(/^up$/m);
      for (const direction of [[], ["-R"]]) {
        const { stdout } = await peer.run("iperf3", [
          "-c",
          "127.0.0.1",
          "-p",
          "5301",
          "-t1",
          "-J",
          ...direction,
        ]);
        const report = JSON.parse(stdout) as { error?: string; end: { sum_received?: { bytes: number } } };
        expect(report.error).toBeUndefined();
        expect(report.end.sum_received!.bytes).toBeGreaterThan(1_000_000);
      }
    });

    it("ping is answered, also 1,400 bytes; 4,000 to 30,000 in fragments both ways (RFC 791 3.2)", async () => {
      const small = await peer.run("ping", ["-c3", "-i0.1", STACK]);
      expect(small.stdout).toContain("3 packets transmitted, 3 received");
      // RFC 1700: time to live 64.
      expect(small.stdout).toContain("ttl=64");
      expect((await peer.run("ping", ["-c1", "-s1400", STACK])).stdout).toContain("1 received");
      for (const size of ["4000", "6000", "30000"]) {
        const large = await peer.run("ping", ["-c1", "-W2", "-M", "dont", "-s", size, STACK]);
        expect(large.stdout).toContain("1 received");
      }
      const { counters } = await peer.statistics();
      expect(counters).toMatchObject({ ReasmReqds: 3 + 5 + 21, ReasmOKs: 3, ReasmFails: 0, FragOKs: 3 });
    });

    it("UDP is answered by port unreachable: ECONNREFUSED on a connected socket (RFC 1122 4.1.3.1)", async () => {
      expect(await peer.client("datagram", { port: 7 })).toEqual({ answer: "ECONNREFUSED" });
    });
  });

  const listening = async (port: number): Promise<void> => {
    while (!(await peer.sh("ss -Htln")).includes(`:${port} `))
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
});
