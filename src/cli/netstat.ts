/** `usertcp netstat`: the sockets and counters of a running stack, with netstat(8)'s flags and columns. */
import { Command } from "commander";
import type { SocketRow, StackSnapshot } from "../stack/inspect.ts";
import { ask, chooseSocket } from "./control-client.ts";
import type { VersionResult } from "./control-protocol.ts";
import { formatNetstat, type NetstatView } from "./netstat-format.ts";
import { formatStatistics } from "./netstat-statistics.ts";
import { portNames } from "./services-file.ts";

interface NetstatOptions {
  all?: boolean;
  listening?: boolean;
  numeric?: boolean;
  timers?: boolean;
  programs?: boolean;
  statistics?: boolean;
  wide?: boolean;
  json?: boolean;
  tun?: string;
  control?: string;
}

/** `usertcp netstat` */
export function netstatCommand(): Command {
  return new Command("netstat")
    .description("sockets and counters of a running stack, as netstat(8) prints them")
    .option("-t, --tcp", "TCP sockets: there are no others here")
    .option("-a, --all", "listening ones, too")
    .option("-l, --listening", "listening ones alone")
    .option("-n, --numeric", "ports as numbers (addresses always are)")
    .option("-o, --timers", "timers")
    .option("-p, --programs", "the process")
    .option("-s, --statistics", "counters and drops")
    .option("-W, --wide", "addresses in full")
    .option("--json", "rows as a JSON array; with -s the counters as an object")
    .option("--tun <name>", "the stack on this device")
    .option("--control <path>", "the stack behind this control socket")
    .addHelpText("after", "\nExamples:\n  usertcp netstat -nat\n  usertcp netstat -s")
    .action(showNetstat);
}

async function showNetstat(options: NetstatOptions): Promise<void> {
  const path = await chooseSocket(options);
  const snapshot = await ask<StackSnapshot>(path, "snapshot", { info: options.json === true });
  if (options.statistics === true) {
    const { counters, drops } = snapshot;
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ counters, drops })}\n` : formatStatistics(snapshot),
    );
    return;
  }
  const which: NetstatView["which"] =
    options.all === true ? "all" : options.listening === true ? "listening" : "connected";
  const rows = snapshot.sockets.filter((row) => isShown(row, which)).sort(listenersFirst);
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const text = formatNetstat(rows, {
    which,
    timers: options.timers === true,
    process: options.programs === true ? `${(await ask<VersionResult>(path, "version")).pid}/usertcp` : null,
    names: options.numeric === true ? null : portNames(),
    wide: options.wide === true,
  });
  process.stdout.write(text);
}

function isShown(row: SocketRow, which: NetstatView["which"]): boolean {
  if (which === "all") return true;
  return (row.state === "LISTEN") === (which === "listening");
}

function listenersFirst(a: SocketRow, b: SocketRow): number {
  return Number(b.state === "LISTEN") - Number(a.state === "LISTEN");
}
