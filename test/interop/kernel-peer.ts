/**
 * The kernel's TCP on one end of a TUN device and `usertcp serve` on the other, in a network namespace of the test's own:
 * brought up and taken down together, every command bounded in time.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";
import type { SocketRow } from "../../src/stack/inspect.ts";
import { type Ended, type Installed, installProgram, Namespace, type Running } from "./cli-process.ts";

/** The stack's address, and the kernel's. */
export const STACK = "10.77.0.2";
export const KERNEL = "10.77.0.1";

/** How long a command may take unless told otherwise. */
const LIMIT_MS = 20_000;

/** What tests start: the program, and the kernel's client. */
export interface Programs {
  readonly installed: Installed;
  readonly client: string;
  /** Compiles a file of C beside this one; returns the program. */
  compile(source: string): string;
  remove(): void;
}

/** Builds them into a folder of their own. */
export async function buildPrograms(): Promise<Programs> {
  const installed = await installProgram();
  const client = join(installed.folder, "kernel-client.mjs");
  await build({
    input: fileURLToPath(new URL("./kernel-client.ts", import.meta.url)),
    platform: "node",
    logLevel: "warn",
    output: { file: client, format: "esm" },
  });
  return {
    installed,
    client,
    compile(source) {
      const program = join(installed.folder, source.replace(/\.c$/, ""));
      execFileSync("cc", ["-O2", "-o", program, fileURLToPath(new URL(`./${source}`, import.meta.url))]);
      return program;
    },
    remove: () => installed.remove(),
  };
}

/** The counters of `usertcp netstat -s --json`. */
export interface Statistics {
  counters: Record<string, number>;
  drops: Record<string, number>;
}

/** A client's end, as it printed it. */
export type Told = Record<string, string | number>;

/** A running stack and the kernel beside it. */
export class Peer {
  readonly serve: Running;
  readonly pid: number;
  readonly control: string;
  readonly #programs: Programs;
  readonly #namespace: Namespace;
  readonly #runtime: string;
  readonly #started: Running[];

  private constructor(
    programs: Programs,
    namespace: Namespace,
    runtime: string,
    serve: Running,
    ready: Told,
  ) {
    this.#programs = programs;
    this.#namespace = namespace;
    this.#runtime = runtime;
    this.#started = [serve];
    this.serve = serve;
    this.pid = Number(ready["pid"]);
    this.control = String(ready["control"]);
  }

  /** Brings `usertcp serve --tun ut0 ARGS` up. */
  static async start(programs: Programs, args: readonly string[] = []): Promise<Peer> {
    const runtime = mkdtempSync(join(tmpdir(), "usertcp-run-"));
    const namespace = await Namespace.create();
    const command = [programs.installed.main, "serve", "--tun", "ut0", ...args];
    const env = { ...process.env, XDG_RUNTIME_DIR: runtime };
    const serve = namespace.start(process.execPath, command, { env });
    try {
      return new Peer(programs, namespace, runtime, serve, (await serve.ready()) as Told);
    } catch (error) {
      await serve.end("SIGKILL");
      await namespace.remove();
      rmSync(runtime, { recursive: true, force: true });
      throw error;
    }
  }

  /** Kills what is left, and removes everything. */
  async remove(): Promise<void> {
    await Promise.all(this.#started.map((running) => running.end("SIGKILL")));
    await this.#namespace.remove();
    rmSync(this.#runtime, { recursive: true, force: true });
  }

  /** Starts a command in the namespace. */
  start(command: string, args: readonly string[]): Running {
    const env = { ...process.env, XDG_RUNTIME_DIR: this.#runtime };
    const running = this.#namespace.start(command, args, { env });
    this.#started.push(running);
    return running;
  }

  /** Runs a command to its end; one that is not over after `ms` is killed, and that is an error. */
  run(command: string, args: readonly string[], input = "", ms = LIMIT_MS): Promise<Ended> {
    const running = this.start(command, args);
    running.child.stdin.end(input);
    return ended(running, `${command} ${args.join(" ")}`, ms);
  }

  /** Runs a line of shell, and expects it to succeed; returns its standard output. */
  async sh(line: string, ms = LIMIT_MS): Promise<string> {
    const { code, stdout, stderr } = await this.run("sh", ["-c", line], "", ms);
    if (code !== 0) throw new Error(`${line}: exit code ${code}: ${stderr}`);
    return stdout;
  }

  /** Starts `usertcp ARGS`. */
  startUsertcp(args: readonly string[]): Running {
    return this.start(process.execPath, [this.#programs.installed.main, ...args]);
  }

  /** Runs `usertcp ARGS`. */
  usertcp(args: readonly string[], input = ""): Promise<Ended> {
    return this.run(process.execPath, [this.#programs.installed.main, ...args], input);
  }

  /** `node MAIN`, as another program would start `usertcp`. */
  get usertcpCommand(): string[] {
    return [process.execPath, this.#programs.installed.main];
  }

  /** Starts a scenario of kernel-client.ts against the stack. */
  startClient(scenario: string, options: Record<string, unknown>): Running {
    const json = JSON.stringify({ host: STACK, ...options });
    return this.start(process.execPath, [this.#programs.client, scenario, json]);
  }

  /** Runs a scenario of kernel-client.ts to its end. */
  async client(scenario: string, options: Record<string, unknown>, ms = LIMIT_MS): Promise<Told> {
    const running = this.startClient(scenario, options);
    running.child.stdin.end();
    return told(running, ms);
  }

  async statistics(): Promise<Statistics> {
    return JSON.parse((await this.usertcp(["netstat", "-s", "--json"])).stdout) as Statistics;
  }

  /** The stack's sockets, listeners left out. */
  async sockets(): Promise<SocketRow[]> {
    const { stdout } = await this.usertcp(["netstat", "-a", "--json"]);
    return (JSON.parse(stdout) as SocketRow[]).filter(({ state }) => state !== "LISTEN");
  }

  /** Waits until the stack's sockets satisfy `accepts`, at most `ms`. */
  async socketsBecome(accepts: (rows: SocketRow[]) => boolean, ms = 5_000): Promise<SocketRow[]> {
    const deadline = Date.now() + ms;
    for (;;) {
      const rows = await this.sockets();
      if (accepts(rows) || Date.now() > deadline) return rows;
    }
  }

  /** Resident memory of the stack's process, in bytes. */
  residentBytes(): number {
    const status = readFileSync(`/proc/${this.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1_024;
  }

  /** What is left of the stack on the machine: its device and its socket. */
  async leftovers(): Promise<string[]> {
    const { stdout } = await this.run("ip", ["-o", "link", "show", "type", "tun"]);
    const devices = stdout.split("\n").filter((line) => line.includes("ut0"));
    return existsSync(this.control) ? [...devices, this.control] : devices;
  }

  /** Drops one packet in a hundred, each way, before the kernel's TCP sees it and after it sent it. */
  async dropOnePercent(): Promise<void> {
    const rules = ["input iifname", "output oifname"].map((where) => {
      const [hook, name] = where.split(" ");
      return `add chain inet loss ${hook} { type filter hook ${hook} priority 0; };
        add rule inet loss ${hook} ${name} ut0 numgen random mod 100 == 0 counter drop;`;
    });
    const { code, stderr } = await this.run("nft", [`add table inet loss; ${rules.join("\n")}`]);
    if (code !== 0) throw new Error(stderr);
  }

  /** How many packets were dropped. */
  async droppedPackets(): Promise<number> {
    const rules = await this.sh("nft list table inet loss");
    return [...rules.matchAll(/counter packets (\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  }
}

/** The end of `running`, bounded. */
export async function ended(running: Running, what: string, ms = LIMIT_MS): Promise<Ended> {
  let over = false;
  const timer = setTimeout(() => {
    over = true;
    running.child.kill("SIGKILL");
  }, ms);
  const end = await running.ended;
  clearTimeout(timer);
  if (over) throw new Error(`${what}: not over after ${ms} ms: '${end.stdout.slice(-500)}' '${end.stderr}'`);
  return end;
}

/** What a client of kernel-client.ts tells at its end. */
export async function told(running: Running, ms = LIMIT_MS): Promise<Told> {
  const { stdout, stderr } = await ended(running, "kernel client", ms);
  const line = stdout.trimEnd().split("\n").at(-1)!;
  if (!line.startsWith("{")) throw new Error(`kernel client: '${stdout}' '${stderr}'`);
  return JSON.parse(line) as Told;
}
