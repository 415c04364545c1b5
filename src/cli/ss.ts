/** `usertcp ss`: the sockets of a running stack, with ss(8)'s flags, filters and columns. */
import { Command } from "commander";
import type { StackSnapshot } from "../stack/inspect.ts";
import { ask, chooseSocket } from "./control-client.ts";
import type { VersionResult } from "./control-protocol.ts";
import { portNames } from "./services-file.ts";
import { parseFilter, passes } from "./ss-filter.ts";
import { formatSs, formatSummary } from "./ss-format.ts";

interface SsOptions {
  all?: boolean;
  listening?: boolean;
  numeric?: boolean;
  options?: boolean;
  info?: boolean;
  extended?: boolean;
  memory?: boolean;
  processes?: boolean;
  summary?: boolean;
  oneline?: boolean;
  header?: boolean;
  ipv4?: boolean;
  ipv6?: boolean;
  json?: boolean;
  tun?: string;
  control?: string;
}

const EXAMPLES = `
Examples:
  usertcp ss -tanoi
  usertcp ss -tan state established
  usertcp ss -tan 'dport = :80'
  usertcp ss -s`;

/** `usertcp ss` */
export function ssCommand(): Command {
  return new Command("ss")
    .description("sockets of a running stack, as ss(8) prints them")
    .argument("[filter...]", "state NAME, exclude NAME, sport/dport/src/dst conditions, joined by 'and'")
    .option("-t, --tcp", "TCP sockets: there are no others here")
    .option("-a, --all", "listening ones and those in TIME-WAIT and SYN-RECV, too")
    .option("-l, --listening", "listening ones alone")
    .option("-n, --numeric", "ports as numbers")
    .option("-o, --options", "timers")
    .option("-i, --info", "what TCP knows of each: windows, round-trip time, counters")
    .option("-e, --extended", "the socket's number and which ways are open")
    .option("-m, --memory", "bytes that are held")
    .option("-p, --processes", "the process")
    .option("-s, --summary", "counts alone")
    .option("-O, --oneline", "one line a socket")
    .option("-H, --no-header", "no header line")
    .option("-4, --ipv4", "IPv4 alone")
    .option("-6, --ipv6", "IPv6 alone")
    .option("--json", "rows as a JSON array; with -s the counts as an object")
    .option("--tun <name>", "the stack on this device")
    .option("--control <path>", "the stack behind this control socket")
    .addHelpText("after", EXAMPLES)
    .action(showSockets);
}

async function showSockets(words: string[], options: SsOptions): Promise<void> {
  const filter = parseFilter(words, { all: options.all === true, listening: options.listening === true });
  const path = await chooseSocket(options);
  const info = options.info === true || options.memory === true || options.json === true;
  const snapshot = await ask<StackSnapshot>(path, "snapshot", { info });
  if (options.summary === true) {
    process.stdout.write(
      options.json === true ? `${JSON.stringify(countsOf(snapshot))}\n` : formatSummary(snapshot),
    );
    return;
  }
  const families = [options.ipv4 === true && 4, options.ipv6 === true && 6].filter(
    (family) => family !== false,
  );
  const rows = snapshot.sockets
    .filter((row) => passes(filter, row) && (families.length === 0 || families.includes(row.family)))
    // The kernel walks its listeners first.
    .sort((a, b) => Number(b.state === "LISTEN") - Number(a.state === "LISTEN"));
  if (options.json === true) {
    process.stdout.write(`${JSON.stringify(rows)}\n`);
    return;
  }
  const text = formatSs(rows, {
    header: options.header !== false,
    // As ss: one state asked for, no column for it.
    state: filter.states.size > 1,
    timers: options.options === true,
    extended: options.extended === true,
    memory: options.memory === true,
    info: options.info === true,
    oneline: options.oneline === true,
    names: options.numeric === true ? null : portNames(),
    process: options.processes === true ? await processText(path) : null,
  });
  process.stdout.write(text);
}

async function processText(path: string): Promise<string> {
  const { pid } = await ask<VersionResult>(path, "version");
  return `users:(("usertcp",pid=${pid}))`;
}

function countsOf(snapshot: StackSnapshot): {
  total: number;
  states: Record<string, number>;
  drops: Record<string, number>;
} {
  const states: Record<string, number> = {};
  for (const { state } of snapshot.sockets) states[state] = (states[state] ?? 0) + 1;
  return { total: snapshot.sockets.length, states, drops: snapshot.drops };
}
