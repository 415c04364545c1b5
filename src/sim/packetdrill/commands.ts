/**
 * Backquoted shell lines. Nothing is run: those that set or ask what the stack has are understood, those that prepare the
 * system around it are accepted and named, and all others are unsupported.
 */
import { SECOND } from "../../base/time.ts";
import { KIND_SYN_RECEIVED, KIND_TIME_WAIT } from "../../stack/flow-table.ts";
import { forgetFlow } from "../../stack/slots.ts";
import type { Stack } from "../../stack/stack.ts";
import { STATE_NAMES, type StateName } from "../../tcp/state.ts";
import { Unsupported } from "./expression.ts";
import { setSysctl } from "./sysctl.ts";

/** What a line does with its surroundings. */
export interface CommandHost {
  readonly stack: Stack;
  /** Back to the profile's defaults, as the suites' defaults.sh. */
  restoreDefaults(): void;
  /** What was learned of destinations is forgotten. */
  flushCaches(): void;
  /** Time goes by. */
  sleep(us: number): void;
}

/** Does what `text` says. Returns what failed, or null. Throws `Unsupported` for what we don't know. */
export function runCommand(text: string, host: CommandHost): string | null {
  const joined = text.replace(/\\\n/g, " ");
  for (const line of joined.split(/\n|;|&&/)) {
    const failure = runLine(line.trim(), host);
    if (failure !== null) return failure;
  }
  return null;
}

function runLine(line: string, host: CommandHost): string | null {
  if (line === "" || line.startsWith("#")) return null;
  const stages = line.split("|").map((stage) => stage.trim());
  const words = splitWords(stages[0]!);
  const command = (words[0] ?? "").replace(/^.*\//, "");
  switch (command) {
    case "sysctl":
      return sysctl(words.slice(1), line, host);
    case "set_sysctls.py":
      return setSysctls(words.slice(1), line, host);
    case "defaults.sh":
      host.restoreDefaults();
      host.flushCaches();
      return null;
    case "sockstat":
      return sockstat(stages.slice(1), line, host.stack);
    case "tcpdrop":
      return tcpdrop(words, line, host.stack);
    case "sleep":
    case "usleep":
      host.sleep(Number(words[1]) * (command === "sleep" ? SECOND : 1));
      return null;
    case "ip":
      if (line.includes("tcp_metrics")) host.flushCaches();
      return null;
  }
  if (NO_OPERATIONS.has(command) || /^sysctl_restore/.test(command)) return null;
  throw new Unsupported(`the command ${line}`);
}

/** They set up what does not exist here: interfaces, queues, counters to look at. */
const NO_OPERATIONS: ReadonlySet<string> = new Set([
  "ethtool",
  "tc",
  "nstat",
  "ifconfig",
  "route",
  "true",
  "sync",
  "iptables",
  "ip6tables",
  "modprobe",
  "dmesg",
  "echo",
  "rm",
]);

function splitWords(text: string): string[] {
  const words = text.match(/(?:[^\s"']+|"[^"]*"|'[^']*')+/g) ?? [];
  return words.filter((word) => !/^\d?>/.test(word) && word !== "/dev/null");
}

function sysctl(words: readonly string[], line: string, host: CommandHost): string | null {
  for (const word of words) {
    if (word.startsWith("-")) continue;
    const equals = word.indexOf("=");
    if (equals < 0) continue;
    assign(word.slice(0, equals), word.slice(equals + 1), line, host);
  }
  return null;
}

function setSysctls(words: readonly string[], line: string, host: CommandHost): string | null {
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals < 0) throw new Unsupported(`the command ${line}`);
    const name = word
      .slice(0, equals)
      .replace(/^\/proc\/sys\//, "")
      .replaceAll("/", ".");
    assign(name, word.slice(equals + 1), line, host);
  }
  return null;
}

function assign(name: string, value: string, line: string, host: CommandHost): void {
  const plain = value.replaceAll(/["']/g, "");
  if (name.includes("hostcache") || name.endsWith("fastopen.client_enable")) host.flushCaches();
  if (!setSysctl(host.stack.config, name, plain)) throw new Unsupported(`the command ${line}`);
}

/** `sockstat ... | grep -c STATE | grep N`: how many connections are in a state. */
function sockstat(stages: readonly string[], line: string, stack: Stack): string | null {
  let count: number | null = null;
  for (const stage of stages) {
    const words = splitWords(stage);
    if (words[0] !== "grep") throw new Unsupported(`the command ${line}`);
    if (words[1] === "-c") {
      count = countIn(stateOf(words[2] ?? "", line), stack);
    } else if (count !== null) {
      return String(count).includes(words[1] ?? "") ? null : `${line}: there are ${count}`;
    }
  }
  return count === null || count > 0 ? null : `${line}: there is none`;
}

/** FreeBSD's name of a state as RFC 9293's. */
function stateOf(name: string, line: string): StateName {
  const renamed = name === "SYN_RCVD" || name === "SYN_RECEIVED" ? "SYN-RECEIVED" : name.replaceAll("_", "-");
  const known = STATE_NAMES.find((state) => state === renamed);
  if (known === undefined) throw new Unsupported(`the command ${line}`);
  return known;
}

function countIn(state: StateName, stack: Stack): number {
  if (state === "LISTEN") return [...stack.listeners.all].length;
  let count = 0;
  for (const tcb of stack.tcbs) if (tcb && STATE_NAMES[tcb.state] === state) count++;
  if (state === "TIME-WAIT") count += stack.flows.countOfKind(KIND_TIME_WAIT);
  if (state === "SYN-RECEIVED") count += stack.flows.countOfKind(KIND_SYN_RECEIVED);
  return count;
}

/** `tcpdrop -s STATE`: ends connections. */
function tcpdrop(words: readonly string[], line: string, stack: Stack): string | null {
  const at = words.indexOf("-s");
  if (at < 0) throw new Unsupported(`the command ${line}`);
  const state = stateOf(words[at + 1] ?? "", line);
  if (state === "TIME-WAIT") {
    const slots: number[] = [];
    stack.flows.forEachSlot(KIND_TIME_WAIT, (slot) => slots.push(slot));
    for (const slot of slots) forgetFlow(stack, slot);
    return null;
  }
  for (const tcb of [...stack.tcbs]) {
    if (tcb && STATE_NAMES[tcb.state] === state) (tcb.owner as { abort(): void }).abort();
  }
  return null;
}
