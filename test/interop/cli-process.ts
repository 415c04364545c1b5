/** The command line as its users meet it: an installed program, run as processes in a network namespace of the test's own. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "rolldown";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** How a process ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A program installed in a folder that every user may read. */
export interface Installed {
  main: string;
  folder: string;
  remove(): void;
}

/** Bundles the program of this checkout, and lays it out as the package does. */
export async function installProgram(): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), "usertcp-installed-"));
  chmodSync(folder, 0o755);
  const main = join(folder, "dist", "cli", "main.js");
  for (const entry of ["main", "serve-worker"]) {
    await build({
      input: join(ROOT, `src/cli/${entry}.ts`),
      platform: "node",
      logLevel: "warn",
      output: { file: join(folder, "dist", "cli", `${entry}.js`), format: "esm", codeSplitting: false },
    });
  }
  cpSync(join(ROOT, "package.json"), join(folder, "package.json"));
  const addon = join(ROOT, "native/build/usertcp.node");
  mkdirSync(join(folder, "native/build"), { recursive: true });
  if (existsSync(addon)) cpSync(addon, join(folder, "native/build/usertcp.node"));
  return { main, folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A process under test: its output so far, and its end. */
export class Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";

  constructor(
    command: string,
    args: readonly string[],
    options: { env?: NodeJS.ProcessEnv; uid?: number; cwd?: string } = {},
  ) {
    const { uid } = options;
    const ids = uid === undefined ? {} : { uid, gid: uid };
    this.child = spawn(command, args, { cwd: options.cwd ?? "/", env: options.env ?? process.env, ...ids });
    this.child.stdout.on("data", (chunk) => {
      this.stdout += String(chunk);
    });
    this.child.stderr.on("data", (chunk) => {
      this.stderr += String(chunk);
    });
    this.child.stdin.on("error", () => {});
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (code, signal) =>
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
  }

  /** Resolves when standard output (or error) matches; rejects when the process ends or time is up before. */
  async until(
    pattern: RegExp,
    stream: "stdout" | "stderr" = "stdout",
    ms = 15_000,
  ): Promise<RegExpExecArray> {
    let over = false;
    void this.ended.finally(() => {
      over = true;
    });
    const deadline = Date.now() + ms;
    for (;;) {
      const found = pattern.exec(this[stream]);
      if (found !== null) return found;
      if (over || Date.now() > deadline) {
        throw new Error(`${pattern} did not come: out '${this.stdout}', err '${this.stderr}'`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** The object of the ready line. */
  async ready(): Promise<Record<string, unknown>> {
    return JSON.parse((await this.until(/^ready (\{.*\})$/m))[1]!);
  }

  end(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** A network namespace with loopback up, kept by a process of its own until `remove`. */
export class Namespace {
  private readonly holder: Running;

  private constructor(holder: Running) {
    this.holder = holder;
  }

  static async create(): Promise<Namespace> {
    const holder = new Running("unshare", ["-n", "sh", "-c", "ip link set lo up && echo up && exec cat"]);
    await holder.until(/^up$/m);
    return new Namespace(holder);
  }

  start(command: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}): Running {
    const enter = ["-t", String(this.holder.child.pid), "-n", "--", command, ...args];
    return new Running("nsenter", enter, options);
  }

  /** Runs to the end, with `input` on standard input. */
  run(command: string, args: readonly string[], input = ""): Promise<Ended> {
    const running = this.start(command, args);
    running.child.stdin.end(input);
    return running.ended;
  }

  async remove(): Promise<void> {
    await this.holder.end("SIGKILL");
  }
}
