/**
 * `usertcp lab`: builds the walls. A private network namespace by unshare(1), with a user namespace where not root, and
 * this program again inside it (lab-inside.ts). `--enter` joins one that runs, by nsenter(1). Nothing of the host's network
 * is touched.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, Option } from "commander";
import { explainTun } from "./bring-up.ts";
import { failure, misuse } from "./cli-error.ts";
import { ask, liveSockets } from "./control-client.ts";
import { netnsInode } from "./control-path.ts";
import type { VersionResult } from "./control-protocol.ts";
import { passSignals, runLab, shellPath, withUsertcpOnPath } from "./lab-inside.ts";
import { findTool, missingTool, requireTool, waitFor } from "./processes.ts";
import { addLinkOptions, addServiceOptions, type RawOptions, readServeOptions } from "./serve-options.ts";
import { untilSignal } from "./signals.ts";

const EXAMPLES = `
Examples:
  usertcp lab                                  prove it, then a shell beside the stack
  usertcp lab -- curl -s http://10.77.0.2/     one command, its exit code back
  usertcp lab --enter -- usertcp ss -tanoi     from another terminal`;

/** `usertcp lab` */
export function labCommand(): Command {
  const command = new Command("lab")
    .description("a private network namespace with the stack in it, and a command or a shell beside it")
    .argument("[command...]", "runs inside; without one the lab proves itself, then gives a shell");
  addServiceOptions(addLinkOptions(command))
    .option("--enter", "join a running lab instead")
    .option("--json", "proofs, the ready line and logs as JSON objects")
    .addOption(new Option("--inside <netns>").hideHelp())
    .addHelpText("after", EXAMPLES)
    .passThroughOptions();
  return command.action(async (words: string[], raw: RawOptions, self: Command) => {
    process.exitCode = raw["enter"] === true ? await enter(words, raw, self) : await build(words, raw);
  });
}

async function build(command: string[], raw: RawOptions): Promise<number> {
  const options = readServeOptions(raw);
  const task = { options, command, noTun: null, json: raw["json"] === true };
  if (typeof raw["inside"] === "string") {
    if (Number(raw["inside"]) === netnsInode())
      throw misuse("--inside is for 'usertcp lab' itself: leave it out");
    return runLab(task);
  }
  const noTun = tunTrouble();
  const walls = noTun === null ? findWalls() : { trouble: noTun };
  if ("trouble" in walls) return runLab({ ...task, noTun: walls.trouble });
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const again = process.argv.slice(process.argv.indexOf("lab") + 1);
  const args = [
    ...walls.args,
    "--",
    process.execPath,
    main,
    "lab",
    "--inside",
    String(netnsInode()),
    ...again,
  ];
  // The channel tells the inside when this process dies.
  const child = spawn(walls.unshare, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  passSignals(child, untilSignal());
  return waitFor(child);
}

/** Null, or why this user can't open TUN devices, wherever. */
function tunTrouble(): string | null {
  try {
    closeSync(openSync("/dev/net/tun", "r+"));
    return null;
  } catch (error) {
    return explainTun(error, "").message.split(": run as", 1)[0]!;
  }
}

/** How unshare(1) makes a network namespace for this user, or why it does not. */
function findWalls(): { unshare: string; args: string[] } | { trouble: string } {
  const unshare = findTool("unshare");
  if (unshare === null) return { trouble: missingTool("unshare") };
  const plain = ["--net"];
  const mapped = ["--user", "--map-root-user", "--net"];
  let trouble = "";
  for (const args of process.getuid?.() === 0 ? [plain, mapped] : [mapped]) {
    const { status, stderr } = spawnSync(unshare, [...args, "--", process.execPath, "--version"], {
      encoding: "utf8",
    });
    if (status === 0) return { unshare, args };
    trouble ||= `network namespaces: ${stderr.trim().split("\n")[0]}`;
  }
  return { trouble };
}

async function enter(words: readonly string[], raw: RawOptions, self: Command): Promise<number> {
  const lab = await findLab(raw, self);
  if (lab.netns === netnsInode()) {
    throw failure(
      "the lab that runs has no namespace of its own to enter: it runs in memory, or this is inside of it",
    );
  }
  const nsenter = requireTool("nsenter");
  const args = ["--target", String(lab.pid), "--net"];
  if (userNamespace("self") !== userNamespace(String(lab.pid))) args.push("--user", "--preserve-credentials");
  const command = words.length > 0 ? words : [shellPath()];
  const { env, remove } = withUsertcpOnPath();
  try {
    const child = spawn(nsenter, [...args, "--", ...command], { stdio: "inherit", env });
    passSignals(child, untilSignal());
    return await waitFor(child);
  } finally {
    remove();
  }
}

async function findLab(raw: RawOptions, self: Command): Promise<VersionResult> {
  if (typeof raw["control"] === "string") return ask<VersionResult>(raw["control"], "version");
  const tun = self.getOptionValueSource("tun") === "cli" ? raw["tun"] : null;
  const labs: { path: string; version: VersionResult }[] = [];
  for (const { path } of await liveSockets(null)) {
    const version = await ask<VersionResult>(path, "version").catch(() => null);
    if (version?.lab === true && (tun === null || version.tun === tun)) labs.push({ path, version });
  }
  const [only, another] = labs;
  if (only === undefined) throw failure("no lab runs: start one with 'usertcp lab'");
  if (another !== undefined) {
    const paths = labs.map(({ path }) => path).join(" ");
    throw misuse(`${labs.length} labs run: choose one with --control PATH: ${paths}`);
  }
  return only.version;
}

function userNamespace(process: string): number | null {
  try {
    return statSync(`/proc/${process}/ns/user`).ino;
  } catch {
    return null;
  }
}
