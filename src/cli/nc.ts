/**
 * `usertcp nc HOST PORT`: an active opener. Standard input to the connection and back, each end-of-file on its own;
 * through the running stack, or with --tun on a stack of its own.
 */
import { lookup } from "node:dns/promises";
import type { Readable, Writable } from "node:stream";
import { Command } from "commander";
import { parseIpv4Address, parseIpv6Address } from "../base/address.ts";
import type { RunningStack } from "../driver/create-stack.ts";
import type { Connection } from "../stack/connection.ts";
import { parsePort } from "./argument.ts";
import { bringUp } from "./bring-up.ts";
import { CliError, codeOf, failure, misuse, oneLine } from "./cli-error.ts";
import { pump } from "./connection-pump.ts";
import { chooseSocket, openStream, streamOutcome } from "./control-client.ts";
import { addLinkOptions, type RawOptions, readLinkOptions } from "./serve-options.ts";
import { untilSignal } from "./signals.ts";

/** `usertcp nc` */
export function ncCommand(): Command {
  const command = new Command("nc")
    .description("open a connection: standard input to it and back, half-close honoured")
    .argument("<host>", "address or name")
    .argument("<port>", "1 to 65535");
  addLinkOptions(command).option("--json", "on failure, an object on standard error");
  command.addHelpText("after", "\nThrough the running stack; with --tun NAME it brings up its own.");
  return command.action(async (hostText: string, portText: string, raw: RawOptions, self: Command) => {
    const port = parsePort("PORT", portText, 1);
    const own = self.getOptionValueSource("tun") === "cli";
    const link = readLinkOptions(raw);
    if (link.queues > 1) throw misuse("--queues: one connection has no use for more than one queue");
    const host = await resolveHost(hostText);
    if (own) await throughOwnStack(bringUp(link), host, port);
    else await throughRunningStack(await chooseSocket({ control: link.control ?? undefined }), host, port);
  });
}

/** Copies standard input to a stream of the stack at `control`, and back. */
async function throughRunningStack(control: string, host: string, port: number): Promise<void> {
  const { socket, result } = await openStream(control, host, port);
  const { stdin, stdout } = process;
  const broken = new Promise<Error>((resolve) => socket.once("error", resolve));
  const ended = new Promise<void>((resolve) => socket.once("end", resolve));
  const gone = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.pipe(stdout, { end: false });
  stdin.pipe(socket);
  // The reader of our output went away: so do we, as nc does on SIGPIPE.
  const unread = new Promise<void>((resolve) => stdout.once("error", () => resolve()));
  await Promise.race([ended, broken, gone, unread]);
  const outcome = await streamOutcome(control, result.stream);
  if (outcome?.error) throw failure(outcome.error.message);
  // The peer sent FIN and still listens: go on until our own end-of-file is sent, too.
  if (outcome?.open === true) await Promise.race([gone, unread]);
  const last = outcome?.open === true ? await streamOutcome(control, result.stream) : outcome;
  stdin.destroy();
  socket.destroy();
  if (last === null) throw failure(`${control}: the stack went away`);
  if (last.error) throw failure(last.error.message);
}

async function throughOwnStack(running: RunningStack, host: string, port: number): Promise<void> {
  try {
    const lost = running.closed.then((error) => {
      throw failure(
        `${running.device.name}: the device is gone${error === null ? "" : `: ${oneLine(error)}`}`,
      );
    });
    const over = exchange(running, host, port, process.stdin, process.stdout);
    await Promise.race([over, lost, untilSignal()]);
  } finally {
    process.stdin.destroy();
    await running.close();
  }
}

/** Opens a connection and pumps it until it is over. */
function exchange(
  running: Pick<RunningStack, "connect">,
  host: string,
  port: number,
  input: Readable,
  output: Writable,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const finish = (error: Error | null): void =>
      error === null ? resolve() : reject(failure(error.message));
    const join = (connection: Connection): void => pump(connection, input, output, finish);
    try {
      running.connect({ host, port }, { onConnect: join, onClose: (_, error) => finish(error) });
    } catch (error) {
      reject(codeOf(error)?.startsWith("ERR_") === true ? misuse(oneLine(error)) : failure(oneLine(error)));
    }
  });
}

// Names are the kernel's resolver's business: the stack speaks addresses.
async function resolveHost(text: string): Promise<string> {
  if (parseIpv4Address(text) !== null || parseIpv6Address(text) !== null) return text;
  if (/^[0-9./]+$|:/.test(text)) throw misuse(`HOST takes an IP address or a name, not '${text}'`);
  try {
    const found = await lookup(text, { all: true });
    return (found.find(({ family }) => family === 4) ?? found[0]!).address;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw failure(`HOST ${text}: no such name (${codeOf(error) ?? oneLine(error)})`);
  }
}
