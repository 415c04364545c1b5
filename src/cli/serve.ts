/**
 * `usertcp serve` and `usertcp echo`: a stack on a TUN device until a signal ends it. One `ready {...}` line on standard
 * output when packets flow, nothing after it; logs on standard error.
 */
import { Command } from "commander";
import { failure } from "./cli-error.ts";
import { stderrLog } from "./serve-log.ts";
import {
  addLinkOptions,
  addServiceOptions,
  type RawOptions,
  readServeOptions,
  type ServiceName,
} from "./serve-options.ts";
import { bringUpQueues, serveQueues, whyGone } from "./serve-queues.ts";
import type { ReadyFacts } from "./serve-stack.ts";
import { untilSignal } from "./signals.ts";

/** `usertcp serve` */
export function serveCommand(): Command {
  const command = new Command("serve").description("bring the stack up on a TUN device, and serve");
  return declare(command);
}

/** `usertcp echo` */
export function echoCommand(): Command {
  const command = new Command("echo").description("the same as serve, with the echo service alone");
  return declare(command, "echo");
}

/** The line that says that packets flow. */
export function readyLine(facts: ReadyFacts): string {
  return `ready ${JSON.stringify(facts)}\n`;
}

function declare(command: Command, only?: ServiceName): Command {
  addServiceOptions(addLinkOptions(command), only);
  command.option("--json", "log lines as JSON objects (the ready line always holds one)");
  return command.action((raw: RawOptions) => serveUntilSignal(raw));
}

async function serveUntilSignal(raw: RawOptions): Promise<void> {
  const options = readServeOptions(raw);
  const signal = untilSignal();
  const log = stderrLog(raw["json"] === true);
  const running = await bringUpQueues(options);
  const served = await serveQueues(running, options, { log, lab: false });
  process.stdout.write(readyLine(served.ready));
  const ended = await Promise.race([signal, running.closed.then((error) => ({ error }))]);
  await served.close();
  if (typeof ended === "object") {
    throw failure(`${served.ready.tun}: ${whyGone(running, ended.error)}`);
  }
}
