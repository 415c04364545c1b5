/** The kernel in a network namespace of its own, behind syscalls.c: commands to it, and the packets that it sends. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Micros } from "../../src/base/time.ts";

/** An argument of a call: a number, bytes to and fro, room for an answer, or room that nobody reads. */
export type Argument = number | Uint8Array | { readonly room: number } | { readonly scratch: number };

export interface Reply {
  readonly began: Micros;
  readonly ended: Micros;
  readonly result: number;
  readonly errno: number;
  /** The buffers among the arguments as the call left them, scratch left out. */
  readonly buffers: readonly Uint8Array[];
}

export const DEVICE = "tun0";

export interface Program {
  readonly path: string;
  remove(): void;
}

/** Compiles syscalls.c. */
export function compileProgram(): Program {
  const folder = mkdtempSync(join(tmpdir(), "usertcp-parity-"));
  const path = join(folder, "syscalls");
  const source = fileURLToPath(new URL("../../test/parity/syscalls.c", import.meta.url));
  execFileSync("cc", ["-O2", "-pthread", "-o", path, source]);
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** One namespace; it ends with `stop`. Times are CLOCK_MONOTONIC in microseconds, as `monotonic` has it. */
export class KernelProcess {
  onPacket: (at: Micros, bytes: Uint8Array) => void = () => {};
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: Map<number, (reply: Reply) => void> = new Map();
  #last = 0;
  #text = "";
  #error = "";
  #isGone = false;

  constructor(program: string) {
    const child = spawn(program, [DEVICE], { stdio: "pipe" });
    this.#child = child;
    child.stdout.setEncoding("latin1");
    child.stdout.on("data", (text: string) => this.#read(text));
    child.stderr.on("data", (text: Buffer) => {
      this.#error += text.toString();
    });
    child.stdin.on("error", () => {});
    child.on("close", () => {
      this.#isGone = true;
      for (const settle of this.#waiting.values()) settle(GONE);
    });
  }

  /** What the program and the commands it ran had to say. */
  get complaints(): string {
    return this.#error.trim();
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Does it not before `at`. */
  call(name: string, given: readonly Argument[], at: Micros = 0): Promise<Reply> {
    if (this.#isGone) return Promise.resolve(GONE);
    const id = ++this.#last;
    const line = [id, Math.ceil(at), name, ...given.map(word)].join(" ");
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#child.stdin.write(`${line}\n`);
    });
  }

  /** Writes a file of the namespace (a sysctl); false: there is none, or not with this value. */
  async put(path: string, value: string): Promise<boolean> {
    return (await this.call("put", [cString(path), Buffer.from(value)])).result >= 0;
  }

  async get(path: string): Promise<string> {
    const { buffers } = await this.call("get", [cString(path)]);
    return Buffer.from(buffers[1] ?? []).toString("latin1");
  }

  /** Runs a shell command in the namespace; its exit code. */
  async run(command: string): Promise<number> {
    return (await this.call("run", [cString(`(${command}) >&2`)])).result >> 8;
  }

  stop(): Promise<void> {
    if (this.#isGone) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.on("close", () => resolve());
      this.#child.stdin.end();
    });
  }

  #read(text: string): void {
    const lines = (this.#text + text).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.#line(line.split(" "));
  }

  #line([kind, ...fields]: string[]): void {
    if (kind === "p") {
      this.onPacket(Number(fields[0]), bytesOf(fields[1]!));
      return;
    }
    const [id, began, ended, result, errno] = fields.map(Number) as [number, number, number, number, number];
    this.#waiting.get(id)?.({ began, ended, result, errno, buffers: fields.slice(5).map(bytesOf) });
    this.#waiting.delete(id);
  }
}

const GONE: Reply = { began: 0, ended: 0, result: -1, errno: -1, buffers: [] };

/** The clock of `KernelProcess`. */
export function monotonic(): Micros {
  return Number(process.hrtime.bigint() / 1000n);
}

function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`);
}

function word(given: Argument): string {
  if (typeof given === "number") return String(given);
  if (given instanceof Uint8Array) return `=${Buffer.from(given).toString("hex")}`;
  return "room" in given ? `+${given.room}` : `~${given.scratch}`;
}

function bytesOf(field: string): Uint8Array {
  return new Uint8Array(Buffer.from(field.slice(1), "hex"));
}
