import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeNeeding, requireTool, requireTun } from "../requirements.ts";
import { type Ended, type Installed, installProgram, Running } from "./cli-process.ts";

const TIMEOUT = 60_000;
const NOBODY = 65_534;
const PROOFS = "proof echo ok\nproof http ok\n";

let program: Installed;
let runtime: string;
let started: Running[];

beforeAll(async () => {
  program = await installProgram();
}, TIMEOUT);
afterAll(() => program.remove());

beforeEach(() => {
  runtime = mkdtempSync(join(tmpdir(), "usertcp-run-"));
  // For whichever user the test becomes.
  chmodSync(runtime, 0o1777);
  started = [];
});
afterEach(async () => {
  for (const running of started) await running.end("SIGKILL");
  rmSync(runtime, { recursive: true, force: true });
});

function start(
  args: string[],
  options: { uid?: number; through?: string[]; env?: NodeJS.ProcessEnv } = {},
): Running {
  const [command, ...rest] = [...(options.through ?? []), process.execPath, program.main, ...args];
  const env = { ...process.env, XDG_RUNTIME_DIR: runtime, TMPDIR: runtime, SHELL: "/bin/sh", ...options.env };
  const running = new Running(command!, rest, {
    env,
    ...(options.uid === undefined ? {} : { uid: options.uid }),
  });
  started.push(running);
  return running;
}

function usertcp(args: string[], options?: Parameters<typeof start>[1]): Promise<Ended> {
  const running = start(args, options);
  running.child.stdin.end();
  return running.ended;
}

/** Control sockets and helper folders that are left. */
function leftovers(): string[] {
  return readdirSync(runtime, { recursive: true }).filter((name) => String(name) !== "usertcp") as string[];
}

describeNeeding([requireTun(), requireTool("curl"), requireTool("nsenter")], "usertcp lab on TUN", () => {
  it(
    "runs a command inside and gives its exit code and output back, and nothing else",
    async () => {
      const script =
        "curl -s -o /dev/null -w '%{http_code}\\n' http://10.77.0.2/; usertcp ss -tln | wc -l; ip -o link | wc -l; exit 7";
      expect(await usertcp(["lab", "--", "sh", "-c", script])).toEqual({
        code: 7,
        signal: null,
        stdout: "200\n9\n2\n",
        stderr: "",
      });
      expect(leftovers()).toEqual([]);
      expect(await usertcp(["lab", "no-such-program"])).toMatchObject({
        code: 127,
        stderr: expect.stringMatching(/ENOENT/),
      });
    },
    TIMEOUT,
  );

  it(
    "takes serve's options, and keeps the command's own options apart",
    async () => {
      const ended = await usertcp([
        "lab",
        "--echo",
        "0",
        "--http",
        "8080",
        "--",
        "curl",
        "-sI",
        "http://10.77.0.2:8080/",
      ]);
      expect(ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n/) });
    },
    TIMEOUT,
  );

  it(
    "without a command proves itself, then a ready line; --enter joins it; SIGTERM ends it with 0",
    async () => {
      const lab = start(["lab"]);
      const ready = await lab.ready();
      expect(ready).toMatchObject({ device: "tun", stack: "10.77.0.2", services: { echo: 7, http: 80 } });
      expect(lab.stdout).toBe(`${PROOFS}ready ${JSON.stringify(ready)}\n`);
      expect(lab.stderr).toMatch(
        /10\.77\.0\.2 7[\s\S]*hello[\s\S]*GET http:\/\/10\.77\.0\.2\/[\s\S]*HTTP\/1\.1 200 OK/,
      );
      const inside = await usertcp([
        "lab",
        "--enter",
        "--",
        "sh",
        "-c",
        "curl -sI http://10.77.0.2/ | head -1; usertcp ss -tln | wc -l; exit 5",
      ]);
      expect(inside).toMatchObject({ code: 5, stdout: "HTTP/1.1 200 OK\r\n9\n", stderr: "" });
      // The host's own namespace knows nothing of it.
      expect(await usertcp(["ss"])).toMatchObject({ code: 1 });
      expect(await lab.end("SIGTERM")).toMatchObject({ code: 0, signal: null });
      expect(leftovers()).toEqual([]);
      expect(await usertcp(["lab", "--enter", "--", "true"])).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^usertcp: no lab runs/),
      });
    },
    TIMEOUT,
  );

  it(
    "proves the echo by a kernel socket where telnet is not installed",
    async () => {
      const hide = 't=$(command -v telnet) && mount --bind /dev/null "$(readlink -f "$t")"; exec "$0" "$@"';
      const lab = start(["lab"], { through: ["unshare", "-m", "sh", "-c", hide] });
      await lab.ready();
      expect(lab.stdout).toMatch(/^proof echo ok$/m);
      expect(lab.stderr).toContain("$ connect 10.77.0.2 7");
    },
    TIMEOUT,
  );

  it(
    "ends when the process that was started is killed",
    async () => {
      const lab = start(["lab"]);
      const { pid } = await lab.ready();
      expect(pid).not.toBe(lab.child.pid);
      await lab.end("SIGKILL");
      await expect.poll(() => isAlive(Number(pid)), { timeout: 10_000 }).toBe(false);
      expect(leftovers()).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    "exits 1 without a ready line when a proof failed",
    async () => {
      writeFileSync(join(runtime, "telnet"), "#!/bin/sh\necho no answer\n", { mode: 0o755 });
      const lab = await usertcp(["lab"], { env: { PATH: `${runtime}:${process.env["PATH"]}` } });
      expect(lab).toMatchObject({ code: 1, stdout: "proof echo failed\nproof http ok\n" });
      rmSync(join(runtime, "telnet"));
      expect(leftovers()).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    "on a terminal proves itself, then gives a shell beside the stack",
    async () => {
      const env = { ...process.env, XDG_RUNTIME_DIR: runtime, TMPDIR: runtime, SHELL: "/bin/sh" };
      const terminal = new Running(
        "script",
        ["-qec", `${process.execPath} ${program.main} lab`, "/dev/null"],
        { env },
      );
      started.push(terminal);
      await terminal.until(/usertcp lab: a shell beside the stack/);
      terminal.child.stdin.write(
        "curl -s http://10.77.0.2/ | grep -c usertcp; usertcp ss -tln | grep -c LISTEN; exit\n",
      );
      expect((await terminal.ended).code).toBe(0);
      expect(terminal.stdout).toMatch(/^proof echo ok\r$/m);
      expect(terminal.stdout).toMatch(/^proof http ok\r$/m);
      expect(terminal.stdout).toMatch(/2\r\n8\r\n/);
      expect(leftovers()).toEqual([]);
    },
    TIMEOUT,
  );

  it(
    "needs no root where user namespaces and /dev/net/tun allow it",
    async () => {
      // A device node of its own in a mount namespace of its own: the machine's stays as it is.
      const device = join(runtime, "tun");
      const setup = `mknod -m 666 ${device} c 10 200 && mount --bind ${device} /dev/net/tun && exec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups "$0" "$@"`;
      const through = ["unshare", "-m", "sh", "-c", setup];
      const ended = await usertcp(
        ["lab", "--", "sh", "-c", "curl -sI http://10.77.0.2/ | head -1; cat /proc/self/uid_map"],
        { through },
      );
      expect(ended).toMatchObject({
        code: 0,
        stderr: "",
        stdout: expect.stringMatching(/^HTTP\/1\.1 200 OK\r\n +0 +65534 +1\n$/),
      });
      rmSync(device);
    },
    TIMEOUT,
  );
});

describe("usertcp lab without TUN", () => {
  const uid = process.getuid?.() === 0 ? { uid: NOBODY } : {};

  it.runIf(process.platform === "linux" && !tunIsOpenToAll())(
    "proves two stacks in memory, saying so and why",
    async () => {
      const lab = start(["lab"], uid);
      const ready = await lab.ready();
      expect(ready).toMatchObject({ device: "memory", stack: "10.77.0.2" });
      expect(lab.stdout).toBe(`${PROOFS}ready ${JSON.stringify(ready)}\n`);
      expect(lab.stderr).toMatch(
        /^usertcp: no TUN device here \(\/dev\/net\/tun: [^)]+\): two stacks in memory instead/,
      );
      const listed = await usertcp(["ss", "-tln"], uid);
      expect(listed.stdout.trim().split("\n")).toHaveLength(9);
      const nc = start(["nc", "10.77.0.2", "7"], uid);
      nc.child.stdin.end("through memory\n");
      expect(await nc.ended).toMatchObject({ code: 0, stdout: "through memory\n" });
      expect(await lab.end("SIGTERM")).toMatchObject({ code: 0 });
      expect(leftovers()).toEqual([]);
    },
    TIMEOUT,
  );

  it.runIf(process.platform === "linux" && !tunIsOpenToAll())(
    "can run no command, and says what is missing",
    async () => {
      expect(await usertcp(["lab", "--", "true"], uid)).toMatchObject({
        ...{
          code: 1,
          stdout: "",
          stderr: expect.stringMatching(
            /^usertcp: a command in the lab needs a TUN device: \/dev\/net\/tun: [^\n]+\n$/,
          ),
        },
      });
    },
    TIMEOUT,
  );

  it.runIf(process.platform === "linux" && !tunIsOpenToAll())(
    "serve says that it takes root, or the lab",
    async () => {
      expect(await usertcp(["serve"], uid)).toMatchObject({
        ...{
          code: 1,
          stdout: "",
          stderr: expect.stringMatching(
            /^usertcp: \/dev\/net\/tun: (permission denied: run as root, or 'usertcp lab'|not there)[^\n]*\n$/,
          ),
        },
      });
    },
    TIMEOUT,
  );
});

/** Without root none of these tests could take the device away from themselves. */
function tunIsOpenToAll(): boolean {
  try {
    return (statSync("/dev/net/tun").mode & 0o002) !== 0;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
