/**
 * Which sockets `ss` shows: its flags -a and -l, `state NAME` and `exclude NAME`, and `sport`, `dport`, `src`, `dst`
 * conditions joined by "and". The words are those of ss(8). Pure.
 */
import { matchesPrefix, type Prefix, parsePrefix } from "../base/address.ts";
import type { SocketRow } from "../stack/inspect.ts";
import type { StateName } from "../tcp/state.ts";
import { misuse } from "./cli-error.ts";

/** A filter that was understood. */
export interface SocketFilter {
  states: ReadonlySet<StateName>;
  /** Every one must hold. */
  conditions: readonly ((row: SocketRow) => boolean)[];
}

const NAMED: Record<string, StateName> = {
  established: "ESTABLISHED",
  "syn-sent": "SYN-SENT",
  "syn-recv": "SYN-RECEIVED",
  "fin-wait-1": "FIN-WAIT-1",
  "fin-wait-2": "FIN-WAIT-2",
  "time-wait": "TIME-WAIT",
  closed: "CLOSED",
  close: "CLOSED",
  "close-wait": "CLOSE-WAIT",
  "last-ack": "LAST-ACK",
  listening: "LISTEN",
  listen: "LISTEN",
  closing: "CLOSING",
};

const ALL: readonly StateName[] = [...new Set(Object.values(NAMED))];
/** `-l` of ss(8), which takes unbound sockets along: two states, so the state has its column. */
const LISTENING: readonly StateName[] = ["LISTEN", "CLOSED"];
const without = (...left: StateName[]): StateName[] => ALL.filter((state) => !left.includes(state));

const GROUPS: Record<string, readonly StateName[]> = {
  all: ALL,
  connected: without("LISTEN", "CLOSED"),
  synchronized: without("LISTEN", "CLOSED", "SYN-SENT"),
  bucket: ["SYN-RECEIVED", "TIME-WAIT"],
  big: without("SYN-RECEIVED", "TIME-WAIT"),
};

/** What `ss` shows when nothing is said: connections, but not those without a full socket. */
const DEFAULT_STATES = without("LISTEN", "CLOSED", "SYN-RECEIVED", "TIME-WAIT");

/** The filter of the flags and of the words after them. */
export function parseFilter(
  words: readonly string[],
  flags: { all: boolean; listening: boolean },
): SocketFilter {
  let states = new Set<StateName>(flags.all ? ALL : flags.listening ? LISTENING : DEFAULT_STATES);
  let named: Set<StateName> | null = null;
  const conditions: ((row: SocketRow) => boolean)[] = [];
  const rest = words
    .flatMap((word) => word.split(/\s+/))
    .filter((word) => word !== "" && word !== "(" && word !== ")");
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "and" || word === "&&") continue;
    if (word === "state") {
      named ??= new Set();
      for (const state of statesOf(rest.shift())) named.add(state);
    } else if (word === "exclude") {
      named ??= new Set(ALL);
      for (const state of statesOf(rest.shift())) named.delete(state);
    } else {
      conditions.push(parseCondition(word, rest));
    }
  }
  if (named !== null) states = named;
  return { states, conditions };
}

/** Whether a row passes. */
export function passes(filter: SocketFilter, row: SocketRow): boolean {
  return filter.states.has(row.state) && filter.conditions.every((holds) => holds(row));
}

function statesOf(name: string | undefined): readonly StateName[] {
  const states = name === undefined ? undefined : (GROUPS[name] ?? (NAMED[name] && [NAMED[name]]));
  if (states === undefined) {
    throw misuse(
      `ss: no state '${name ?? ""}': there are ${[...Object.keys(GROUPS), ...Object.keys(NAMED)].join(", ")}`,
    );
  }
  return states;
}

function parseCondition(word: string, rest: string[]): (row: SocketRow) => boolean {
  if (!["sport", "dport", "src", "dst"].includes(word)) {
    throw misuse(
      `ss: can't read the filter at '${word}': it takes 'state NAME', 'exclude NAME', and conditions on sport, dport, src or dst joined by 'and'`,
    );
  }
  let operator = "=";
  if (rest[0] !== undefined && /^([=!<>]=?|eq|ne|neq|lt|gt|le|ge)$/.test(rest[0])) operator = rest.shift()!;
  const value = rest.shift() ?? "";
  if (word.endsWith("port")) return portCondition(word, operator, value);
  return addressCondition(word, operator, value);
}

function portCondition(word: string, operator: string, value: string): (row: SocketRow) => boolean {
  const digits = value.replace(/^:/, "");
  if (!/^\d{1,5}$/.test(digits)) throw misuse(`ss: ${word} takes a port such as :80, not '${value}'`);
  const port = Number(digits);
  const compare = comparison(operator);
  return (row) => compare((word === "sport" ? row.localPort : row.remotePort) - port);
}

function comparison(operator: string): (difference: number) => boolean {
  if (operator === "!=" || operator === "ne" || operator === "neq" || operator === "!") return (d) => d !== 0;
  if (operator === "<" || operator === "lt") return (d) => d < 0;
  if (operator === ">" || operator === "gt") return (d) => d > 0;
  if (operator === "<=" || operator === "le") return (d) => d <= 0;
  if (operator === ">=" || operator === "ge") return (d) => d >= 0;
  return (d) => d === 0;
}

function addressCondition(word: string, operator: string, value: string): (row: SocketRow) => boolean {
  const parts = /^(\[[^\]]*\]|[^:]*|.*::.*)?(?::(\d{1,5}|\*))?$/.exec(value);
  const address = (parts?.[1] ?? "").replace(/^\[|\]$/g, "");
  const port = parts?.[2] === undefined || parts[2] === "*" ? null : Number(parts[2]);
  const prefix = address === "" || address === "*" ? null : parsePrefix(address);
  if (parts === null || (prefix === null && address !== "" && address !== "*")) {
    throw misuse(
      `ss: ${word} takes an address or a prefix such as 10.77.0.0/24, with a port or not, not '${value}'`,
    );
  }
  const negated = operator.startsWith("!") || operator.startsWith("n");
  return (row) => {
    const [rowAddress, rowPort] =
      word === "src" ? [row.localAddress, row.localPort] : [row.remoteAddress, row.remotePort];
    const matches = (prefix === null || inPrefix(prefix, rowAddress)) && (port === null || port === rowPort);
    return matches !== negated;
  };
}

function inPrefix(prefix: Prefix, address: string): boolean {
  const own = parsePrefix(address);
  return own !== null && own.family === prefix.family && matchesPrefix(prefix, own.words);
}
