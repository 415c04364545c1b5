/**
 * `ss`'s output: columns, the -o, -e, -m and -i extras and the -s summary, as iproute2's misc/ss.c lays them out when
 * it writes to a pipe (columns as wide as their widest cell). Pure: rows in, text out.
 */
import type { SocketRow, StackSnapshot, TcpInfo } from "../stack/inspect.ts";
import { general, portText, SS_STATE, timerText } from "./socket-words.ts";

/** Which of `ss`'s extras are asked for. */
export interface SsView {
  header: boolean;
  state: boolean;
  timers: boolean;
  extended: boolean;
  memory: boolean;
  info: boolean;
  oneline: boolean;
  /** Names of ports, null for -n. */
  names: ReadonlyMap<number, string> | null;
  /** With -p: the process that all sockets of a stack belong to. */
  process: string | null;
}

interface Line {
  cells: string[];
  /** After the columns, on the same line. */
  extra: string;
  /** On a line of its own. */
  below: string | null;
}

const HEADERS = ["State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port"] as const;
/** Addresses are right-aligned, so that their ports line up. */
const RIGHT: ReadonlySet<number> = new Set([3, 5]);
const GAP = [" ", " ", " ", "", " ", "", ""] as const;

/** The table, without trailing blanks. */
export function formatSs(rows: readonly SocketRow[], view: SsView): string {
  const lines = rows.map((row) => lineOf(row, view));
  const from = view.state ? 0 : 1;
  const widths = HEADERS.map((header, i) => {
    const least = view.header ? header.length : 0;
    return lines.reduce((width, { cells }) => Math.max(width, cells[i]!.length), least);
  });
  const join = (cells: readonly string[]): string =>
    cells
      .map((cell, i) =>
        i < from ? "" : (RIGHT.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)) + GAP[i],
      )
      .join("");
  const text = lines.map(({ cells, extra, below }) => {
    const first = `${join(cells)}${extra}`.trimEnd();
    return below === null ? first : `${first}\n${below}`;
  });
  if (view.header) text.unshift(`${join(HEADERS)}Process`);
  return text.map((line) => `${line}\n`).join("");
}

/** `ss -s`. */
export function formatSummary(snapshot: StackSnapshot): string {
  const of = (...states: SocketRow["state"][]): number =>
    snapshot.sockets.filter((row) => states.includes(row.state)).length;
  const total = snapshot.sockets.length;
  const timewait = of("TIME-WAIT");
  const closed = of("CLOSED") + timewait;
  // A stack's connections outlive no process: what Linux calls an orphan has no row of its own here.
  const orphaned = snapshot.counters["Orphans"] ?? 0;
  const v6 = snapshot.sockets.filter((row) => row.family === 6).length;
  const live = total - closed;
  const row = (name: string, all: number, six: number): string =>
    `${name}\t  ${String(all).padEnd(9)} ${String(all - six).padEnd(9)} ${String(six).padEnd(9)}`.trimEnd();
  const lines = [
    `Total: ${live}`,
    `TCP:   ${total} (estab ${of("ESTABLISHED")}, closed ${closed}, orphaned ${orphaned}, timewait ${timewait})`,
    "",
    "Transport Total     IP        IPv6",
    row("TCP", live, v6),
    row("INET", live, v6),
    ...dropLines(snapshot.drops),
  ];
  return `${lines.join("\n")}\n`;
}

function dropLines(drops: Readonly<Record<string, number>>): string[] {
  const entries = Object.entries(drops).filter(([, count]) => count > 0);
  if (entries.length === 0) return [];
  const sum = entries.reduce((total, [, count]) => total + count, 0);
  return ["", `Drops: ${sum} (${entries.map(([name, count]) => `${name} ${count}`).join(", ")})`];
}

function lineOf(row: SocketRow, view: SsView): Line {
  const [local, remote] = addressesOf(row);
  const cells = [
    SS_STATE[row.state],
    String(row.recvQ),
    String(row.sendQ),
    `${local}:`,
    portText(row.localPort, view.names),
    `${remote}:`,
    portText(row.remotePort, view.names),
  ];
  const extras: string[] = [];
  if (view.process !== null && row.state !== "TIME-WAIT") extras.push(view.process);
  if (view.timers && row.timer !== null) {
    extras.push(`timer:(${row.timer.name},${timerText(row.timer.expiresMs)},${row.timer.retransmits})`);
  }
  if (view.extended) extras.push(extendedText(row));
  const details: string[] = [];
  if (view.memory && row.state !== "TIME-WAIT") details.push(memoryText(row));
  if (view.info) details.push(infoText(row));
  const below = details.filter((text) => text !== "").join(" ");
  const detailed = view.memory || view.info;
  if (view.oneline && below !== "") extras.push(below);
  return {
    cells,
    extra: extras.map((text) => ` ${text}`).join(""),
    below: detailed && !view.oneline ? `\t${below === "" ? "" : ` ${below}`}` : null,
  };
}

/** Both ends. Linux shows a listener's peer as the wildcard of its family, and one on both families as "*" twice. */
function addressesOf(row: SocketRow): [local: string, remote: string] {
  if (row.state === "LISTEN" && row.localAddress === "::" && row.v6Only !== true) return ["*", "*"];
  const any = row.family === 4 ? "0.0.0.0" : "::";
  const remote = row.remoteAddress === "*" ? any : row.remoteAddress;
  return [addressText(row.family, row.localAddress), addressText(row.family, remote)];
}

function addressText(family: number, address: string): string {
  return family === 6 && address.includes(":") ? `[${address}]` : address;
}

/** There are no inodes here: `sk` is the flow's number, and the arrow which ways are open, as shut down by this side. */
function extendedText(row: SocketRow): string {
  const text = `ino:0 sk:${row.id.toString(16)}`;
  if (row.state === "TIME-WAIT") return text;
  const sendClosed = ["FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "LAST-ACK"].includes(row.state);
  const receiveClosed = ["CLOSE-WAIT", "CLOSING", "LAST-ACK"].includes(row.state);
  return `${text} ${receiveClosed ? "-" : "<"}-${sendClosed ? "-" : ">"}`;
}

// What has no counterpart here (forward allocation, option memory, kernel backlog) is 0.
function memoryText(row: SocketRow): string {
  const listener = row.state === "LISTEN";
  const received = listener ? 0 : row.recvQ;
  const queued = listener ? 0 : row.sendQ;
  const room = row.info?.rcv_space ?? 0;
  return `skmem:(r${received},rb${room},t0,tb${queued},f0,w${queued},o0,bl0,d${row.listener?.acceptOverflows ?? 0})`;
}

function infoText(row: SocketRow): string {
  if (row.info !== null) return tcpInfoText(row.info);
  return row.listener === null ? "" : listenerText(row.listener);
}

/** Ours alone: Linux tells these in netstat -s only, summed over all listeners. */
function listenerText(stats: NonNullable<SocketRow["listener"]>): string {
  return joinPairs([
    `synq:${stats.synQueue}/${stats.synQueueMax}`,
    `acceptq:${stats.acceptQueue}/${stats.backlog}`,
    stats.accepted > 0 && `accepted:${stats.accepted}`,
    stats.acceptOverflows > 0 && `overflows:${stats.acceptOverflows}`,
    stats.synDrops > 0 && `syn_drops:${stats.synDrops}`,
    stats.cookiesSent > 0 && `cookies:${stats.cookiesSent}/${stats.cookiesRecv}/${stats.cookiesFailed}`,
  ]);
}

/** Order, units and what is left out when 0: as tcp_stats_print of iproute2's misc/ss.c. */
function tcpInfoText(i: TcpInfo): string {
  const some = (name: string, value: number): string | false => value > 0 && `${name}:${value}`;
  const ms = (name: string, us: number): string | false => us > 0 && `${name}:${general(us / 1000)}`;
  // TCP_INFINITE_SSTHRESH is not a threshold; Linux hides what does not fit 16 bits.
  const ssthresh = i.snd_ssthresh > 0 && i.snd_ssthresh < 0xffff;
  const bps = i.rtt > 0 ? (i.snd_cwnd * i.snd_mss * 8e6) / i.rtt : 0;
  const age = (name: string, value: number): string | false => value > 0 && `${name}:${Math.round(value)}`;
  const bits = (bytes: number): string => `${(bytes * 8).toFixed(0)}bps`;
  const share = (name: string, us: number): string | false =>
    us > 0 && `${name}:${Math.floor(us / 1000)}ms(${((us * 100) / i.busy_time).toFixed(1)}%)`;
  return joinPairs([
    i.timestamps && "ts",
    i.sack && "sack",
    i.ecn && "ecn",
    i.ecn_seen && "ecnseen",
    i.syn_data && "fastopen",
    i.congestion,
    i.wscale_ok && `wscale:${i.snd_wscale},${i.rcv_wscale}`,
    ms("rto", i.rto),
    some("backoff", i.backoff),
    i.rtt > 0 && `rtt:${general(i.rtt / 1000)}/${general(i.rttvar / 1000)}`,
    ms("ato", i.ato),
    some("mss", i.snd_mss),
    some("pmtu", i.pmtu),
    some("rcvmss", i.rcv_mss),
    some("advmss", i.advmss),
    some("cwnd", i.snd_cwnd),
    ssthresh && `ssthresh:${i.snd_ssthresh}`,
    some("bytes_sent", i.bytes_sent),
    some("bytes_retrans", i.bytes_retrans),
    some("bytes_acked", i.bytes_acked),
    some("bytes_received", i.bytes_received),
    some("segs_out", i.segs_out),
    some("segs_in", i.segs_in),
    some("data_segs_out", i.data_segs_out),
    some("data_segs_in", i.data_segs_in),
    bps > 0 && `send ${bps.toFixed(0)}bps`,
    age("lastsnd", i.last_data_sent),
    age("lastrcv", i.last_data_recv),
    age("lastack", i.last_ack_recv),
    i.pacing_rate > 0 &&
      `pacing_rate ${bits(i.pacing_rate)}${i.max_pacing_rate > 0 ? `/${bits(i.max_pacing_rate)}` : ""}`,
    i.delivery_rate > 0 && `delivery_rate ${bits(i.delivery_rate)}`,
    some("delivered", i.delivered),
    some("delivered_ce", i.delivered_ce),
    i.delivery_rate_app_limited && "app_limited",
    i.busy_time > 0 && `busy:${Math.floor(i.busy_time / 1000)}ms`,
    share("rwnd_limited", i.rwnd_limited),
    share("sndbuf_limited", i.sndbuf_limited),
    some("unacked", i.unacked),
    (i.retrans > 0 || i.total_retrans > 0) && `retrans:${i.retrans}/${i.total_retrans}`,
    some("lost", i.lost),
    some("sacked", i.sacked),
    some("dsack_dups", i.dsack_dups),
    i.reordering !== 3 && some("reordering", i.reordering),
    some("reord_seen", i.reord_seen),
    ms("rcv_rtt", i.rcv_rtt),
    some("rcv_space", i.rcv_space),
    some("rcv_ssthresh", i.rcv_ssthresh),
    some("notsent", i.notsent_bytes),
    ms("minrtt", i.min_rtt),
    some("rcv_ooopack", i.rcv_ooopack),
    some("snd_wnd", i.snd_wnd),
    some("rcv_wnd", i.rcv_wnd),
    some("total_rto", i.total_rto),
    some("total_rto_recoveries", i.total_rto_recoveries),
    i.total_rto_time > 0 && `total_rto_time:${i.total_rto_time}ms`,
  ]);
}

function joinPairs(pairs: readonly (string | false)[]): string {
  return pairs.filter((pair) => pair !== false && pair !== "").join(" ");
}
