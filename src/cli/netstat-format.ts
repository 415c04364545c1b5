/**
 * `netstat`'s output: the connection table as net-tools lays it out, and -s, the counters of a stack under the
 * sentences of net-tools' statistics.c. Pure: rows in, text out.
 */
import type { SocketRow, StackSnapshot, TimerRow } from "../stack/inspect.ts";
import { NETSTAT_STATE, portText } from "./socket-words.ts";

/** Which of `netstat`'s extras are asked for. */
export interface NetstatView {
  /** In the first line: which sockets the table holds. */
  which: "all" | "connected" | "listening";
  timers: boolean;
  /** With -p: `123/usertcp`. */
  process: string | null;
  names: ReadonlyMap<number, string> | null;
  wide: boolean;
}

const WHICH = {
  all: "(servers and established)",
  connected: "(w/o servers)",
  listening: "(only servers)",
} as const;
const ADDRESS_WIDTH = 23;
const STATE_WIDTH = 11;
const PROCESS_WIDTH = 19;

/** The table, without trailing blanks. */
export function formatNetstat(rows: readonly SocketRow[], view: NetstatView): string {
  const columns = [
    "Proto Recv-Q Send-Q",
    "Local Address".padEnd(ADDRESS_WIDTH),
    "Foreign Address".padEnd(ADDRESS_WIDTH),
  ];
  columns.push("State".padEnd(STATE_WIDTH));
  if (view.process !== null) columns.push("PID/Program name".padEnd(PROCESS_WIDTH));
  if (view.timers) columns.push("Timer");
  const lines = [`Active Internet connections ${WHICH[view.which]}`, columns.join(" ").trimEnd()];
  for (const row of rows) lines.push(lineOf(row, view));
  return lines.map((line) => `${line}\n`).join("");
}

function lineOf(row: SocketRow, view: NetstatView): string {
  const listener = row.state === "LISTEN";
  const columns = [
    (row.family === 6 ? "tcp6" : "tcp").padEnd(5),
    // net-tools reads /proc/net/tcp, where a listener's queues are its accept queue and 0.
    String(row.recvQ).padStart(6),
    String(listener ? 0 : row.sendQ).padStart(6),
    addressText(row.localAddress, portText(row.localPort, view.names), view.wide).padEnd(ADDRESS_WIDTH),
    addressText(remoteOf(row), portText(row.remotePort, view.names), view.wide).padEnd(ADDRESS_WIDTH),
    NETSTAT_STATE[row.state].padEnd(STATE_WIDTH),
  ];
  if (view.process !== null)
    columns.push((row.state === "TIME-WAIT" ? "-" : view.process).padEnd(PROCESS_WIDTH));
  if (view.timers) columns.push(timerText(row.timer));
  return columns.join(" ").trimEnd();
}

function remoteOf(row: SocketRow): string {
  if (row.remoteAddress !== "*") return row.remoteAddress;
  return row.family === 6 ? "::" : "0.0.0.0";
}

// A long address loses its tail, not its port, unless -W.
function addressText(address: string, port: string, wide: boolean): string {
  const room = ADDRESS_WIDTH - 1 - port.length;
  return `${wide ? address : address.slice(0, room)}:${port}`;
}

/** net-tools: name, seconds left, retransmissions, probes. */
function timerText(timer: TimerRow | null): string {
  if (timer === null) return "off (0.00/0/0)";
  const name = timer.name === "persist" ? "probe" : timer.name === "unknown" ? "unkn-4" : timer.name;
  const probes = timer.name === "persist" || timer.name === "keepalive" ? timer.retransmits : 0;
  const retransmits = timer.name === "on" ? timer.retransmits : 0;
  return `${name} (${(timer.expiresMs / 1000).toFixed(2)}/${retransmits}/${probes})`;
}

/** The sentences of `netstat -s` by counter, in its order; "%" stands for the number. */
const TCP_SENTENCES: readonly (readonly [string, string])[] = [
  ["ActiveOpens", "% active connection openings"],
  ["PassiveOpens", "% passive connection openings"],
  ["AttemptFails", "% failed connection attempts"],
  ["EstabResets", "% connection resets received"],
  ["CurrEstab", "% connections established"],
  ["InSegs", "% segments received"],
  ["OutSegs", "% segments sent out"],
  ["RetransSegs", "% segments retransmitted"],
  ["InErrs", "% bad segments received"],
  ["OutRsts", "% resets sent"],
];

const EXTENDED_SENTENCES: readonly (readonly [string, string])[] = [
  ["SyncookiesSent", "% SYN cookies sent"],
  ["SyncookiesRecv", "% SYN cookies received"],
  ["SyncookiesFailed", "% invalid SYN cookies received"],
  ["TW", "% TCP sockets finished time wait in fast timer"],
  ["TWRecycled", "% time wait sockets recycled by time stamp"],
  ["PAWSEstab", "% packets rejected in established connections because of timestamp"],
  ["DelayedACKs", "% delayed acks sent"],
  ["ListenOverflows", "% times the listen queue of a socket overflowed"],
  ["ListenDrops", "% SYNs to LISTEN sockets dropped"],
  ["TCPHPHits", "% packet headers predicted"],
  ["TCPPureAcks", "% acknowledgments not containing data payload received"],
  ["TCPSackRecovery", "% times recovered from packet loss by selective acknowledgements"],
  ["TCPRenoRecovery", "% times recovered from packet loss due to fast retransmit"],
  ["TCPFastRetrans", "% fast retransmits"],
  ["TCPSlowStartRetrans", "% retransmits in slow start"],
  ["TCPTimeouts", "% other TCP timeouts"],
  ["TCPDSACKOldSent", "% DSACKs sent for old packets"],
  ["TCPDSACKOfoSent", "% DSACKs sent for out of order packets"],
  ["TCPDSACKRecv", "% DSACKs received"],
  ["TCPAbortOnData", "% connections reset due to unexpected data"],
  ["TCPAbortOnClose", "% connections reset due to early user close"],
  ["TCPAbortOnTimeout", "% connections aborted due to timeout"],
];

const SHOWN_AT_ZERO: ReadonlySet<string> = new Set(TCP_SENTENCES.map(([name]) => name));

/** `netstat -s`: counters with a sentence get it, the others their name; then what was dropped and why. */
export function formatStatistics(snapshot: StackSnapshot): string {
  const established = snapshot.sockets.filter(
    ({ state }) => state === "ESTABLISHED" || state === "CLOSE-WAIT",
  ).length;
  const counters: Record<string, number> = { CurrEstab: established, ...snapshot.counters };
  const tcp = new Set(TCP_SENTENCES.map(([name]) => name));
  const sections: Record<string, string[]> = { Ip: [], Icmp: [], Tcp: [], TcpExt: [] };
  for (const [name, sentence] of TCP_SENTENCES) {
    sections["Tcp"]!.push(sentence.replace("%", String(counters[name] ?? 0)));
  }
  for (const [name, sentence] of EXTENDED_SENTENCES) {
    if ((counters[name] ?? 0) > 0) sections["TcpExt"]!.push(sentence.replace("%", String(counters[name])));
  }
  const told = new Set([...tcp, ...EXTENDED_SENTENCES.map(([name]) => name)]);
  for (const [name, value] of Object.entries(counters)) {
    if (told.has(name) || (value === 0 && !SHOWN_AT_ZERO.has(name))) continue;
    const section = /^Icmp/.test(name) ? "Icmp" : /^Ip/.test(name) ? "Ip" : "TcpExt";
    sections[section]!.push(`${name}: ${value}`);
  }
  const lines: string[] = [];
  for (const [name, content] of Object.entries(sections))
    lines.push(`${name}:`, ...content.map((line) => `    ${line}`));
  lines.push("Drops:");
  for (const [reason, count] of Object.entries(snapshot.drops)) lines.push(`    ${count} ${reason}`);
  return lines.map((line) => `${line}\n`).join("");
}
