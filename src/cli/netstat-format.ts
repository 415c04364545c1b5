/**
 * `netstat`'s table of connections, as net-tools lays it out. Pure: rows in, text out.
 */
import type { SocketRow, TimerRow } from "../stack/inspect.ts";
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
