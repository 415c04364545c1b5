/**
 * What `usertcp lab` does once the walls stand: bring the stack up, prove it, then run a command, give a shell, or stay up
 * with a ready line. Knows nothing of how the namespace came to be.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { failure, oneLine } from "./cli-error.ts";
import { type LabNetwork, memoryNetwork, tunNetwork } from "./lab-network.ts";
import { proofsOf, type Show } from "./lab-proof.ts";
import { waitFor } from "./processes.ts";
import { readyLine } from "./serve.ts";
import { stderrLog } from "./serve-log.ts";
import type { ServeOptions } from "./serve-options.ts";
import { type RunningQueues, serveQueues, whyGone } from "./serve-queues.ts";
import type { Served } from "./serve-stack.ts";
import { type EndingSignal, untilSignal } from "./signals.ts";

/** What to do in the lab. */
export interface LabTask {
  options: ServeOptions;
  /** Empty: prove, then a shell or the ready line. */
  command: readonly string[];
  /** Null, or why TUN can't be had: then in memory. */
  noTun: string | null;
  json: boolean;
}

/** Runs the lab to its end; returns the exit code. */
export async function runLab(task: LabTask): Promise<number> {
  const ended = untilEnd();
  const network = await openNetwork(task);
  const context = {
    log: stderrLog(task.json),
    lab: true,
    ...(network.client === null ? {} : { dialer: network.client }),
  };
  const served = await serveQueues(network.running, task.options, context);
  try {
    if (task.command.length > 0) return await runCommand(task.command, ended);
    if (!(await prove(task, network, served))) return 1;
    if (process.stdin.isTTY && process.stdout.isTTY) return await giveShell(task.options, network, ended);
    process.stdout.write(labReadyLine(task, network, served));
    await Promise.race([ended, deviceGone(network.running)]);
    return 0;
  } finally {
    await served.close();
    await network.client?.close();
  }
}

/** The environment with `usertcp` on PATH, and how to take that away again. */
export function withUsertcpOnPath(): { env: NodeJS.ProcessEnv; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "usertcp-bin-"));
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const script = join(folder, "usertcp");
  const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  writeFileSync(script, `#!/bin/sh\nexec ${quote(process.execPath)} ${quote(main)} "$@"\n`);
  chmodSync(script, 0o755);
  // Sbin too: a user's PATH may lack it, and ip and tcpdump live there.
  const path = [folder, process.env["PATH"] ?? "", "/usr/sbin", "/sbin"].join(delimiter);
  return {
    env: { ...process.env, PATH: path },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The shell to give somebody. */
export function shellPath(): string {
  const shell = process.env["SHELL"];
  return shell?.startsWith("/") && !/(nologin|false)$/.test(shell) ? shell : "/bin/sh";
}

/** Passes ending signals on to a child; what a terminal sends, it sends to the child as well. */
export function passSignals(child: ChildProcess, ended: Promise<EndingSignal>): void {
  const pass = (signal: NodeJS.Signals): void => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  };
  void ended.then(() => pass("SIGTERM"));
  for (const signal of ["SIGINT", "SIGQUIT"] as const) process.on(signal, () => pass(signal));
}

async function openNetwork(task: LabTask): Promise<LabNetwork> {
  let why = task.noTun;
  if (why === null) {
    try {
      return await tunNetwork(task.options);
    } catch (error) {
      why = oneLine(error);
    }
  }
  if (task.command.length > 0)
    throw failure(
      `a command in the lab needs a TUN device: ${why}: run as root, or let this user open /dev/net/tun`,
    );
  process.stderr.write(`usertcp: no TUN device here (${why}): two stacks in memory instead, back to back\n`);
  return memoryNetwork(task.options);
}

// Also when the process outside is gone: nobody would end this one.
function untilEnd(): Promise<EndingSignal> {
  const orphaned = new Promise<EndingSignal>((resolve) =>
    process.once("disconnect", () => resolve("SIGHUP")),
  );
  return Promise.race([untilSignal(), orphaned]);
}

async function prove(task: LabTask, network: LabNetwork, served: Served): Promise<boolean> {
  const show: Show = (line) => process.stderr.write(`  ${line}\n`);
  const services = served.ready.services;
  const proofs = proofsOf(services, task.options.stack, network.open, show, network.device === "tun");
  let held = true;
  for (const proof of proofs) {
    const ok = await proof.run();
    held &&= ok;
    process.stdout.write(
      task.json
        ? `${JSON.stringify({ proof: proof.name, ok })}\n`
        : `proof ${proof.name} ${ok ? "ok" : "failed"}\n`,
    );
  }
  return held;
}

function labReadyLine(task: LabTask, network: LabNetwork, served: Served): string {
  const facts = { ...served.ready, device: network.device };
  return task.json ? `${JSON.stringify({ ready: facts })}\n` : readyLine(facts);
}

async function runCommand(command: readonly string[], ended: Promise<EndingSignal>): Promise<number> {
  const { env, remove } = withUsertcpOnPath();
  try {
    const child = spawn(command[0]!, command.slice(1), { stdio: "inherit", env });
    passSignals(child, ended);
    return await waitFor(child);
  } finally {
    remove();
  }
}

async function giveShell(
  options: ServeOptions,
  network: LabNetwork,
  ended: Promise<EndingSignal>,
): Promise<number> {
  const { stack, services } = options;
  const lines = ["", "usertcp lab: a shell beside the stack. Try:"];
  if (network.device === "tun") {
    if (services.echo > 0) lines.push(`  telnet ${stack} ${services.echo}`);
    if (services.echo > 0 && options.v6 !== null) lines.push(`  telnet ${options.v6.stack} ${services.echo}`);
    if (services.http > 0)
      lines.push(`  curl http://${stack}${services.http === 80 ? "" : `:${services.http}`}/`);
  } else {
    lines.push("  (in memory: the kernel's telnet and curl can't reach it, usertcp's own commands can)");
    if (services.echo > 0) lines.push(`  usertcp nc ${stack} ${services.echo}`);
  }
  lines.push("  usertcp ss -tanoi", "'exit' ends the lab.", "");
  process.stderr.write(`${lines.join("\n")}\n`);
  await runCommand([shellPath()], ended);
  return 0;
}

async function deviceGone(running: RunningQueues): Promise<never> {
  throw failure(whyGone(running, await running.closed));
}
