/**
 * What the stack says of itself, as plain data: the rows behind `ss`, `netstat`, `lsof` and `sar`, and the
 * payload of the control socket. Names are those of Linux (struct tcp_info, inet_diag, netstat -s).
 */
import type { StateName } from "../tcp/state.ts";

/**
 * Linux's `struct tcp_info` with its names (include/uapi/linux/tcp.h), and the congestion control beside it; times in
 * microseconds, sizes in bytes unless said. What only AccECN counts is left out.
 */
export interface TcpInfo {
  state: StateName;
  /** 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss */
  ca_state: number;
  retransmits: number;
  probes: number;
  backoff: number;
  /** TCPI_OPT_*: 1 timestamps, 2 SACK, 4 window scale, 8 ECN, 16 ECN seen, 32 data on the SYN taken, 128 accepted by Fast Open. */
  options: number;
  /** The same, one by one. */
  timestamps: boolean;
  sack: boolean;
  ecn: boolean;
  /** A codepoint was seen on text received (TCPI_OPT_ECN_SEEN). */
  ecn_seen: boolean;
  syn_data: boolean;
  wscale_ok: boolean;
  snd_wscale: number;
  rcv_wscale: number;
  /** The application, not the network, held `delivery_rate` down. */
  delivery_rate_app_limited: boolean;
  rto: number;
  ato: number;
  snd_mss: number;
  rcv_mss: number;
  advmss: number;
  pmtu: number;
  /** In segments, as Linux counts. */
  unacked: number;
  sacked: number;
  lost: number;
  retrans: number;
  /** 0, as in Linux since 4.20. */
  fackets: number;
  total_retrans: number;
  /** Milliseconds since. */
  last_data_sent: number;
  last_ack_sent: number;
  last_data_recv: number;
  last_ack_recv: number;
  rtt: number;
  rttvar: number;
  min_rtt: number;
  /** As the receiver sees it. */
  rcv_rtt: number;
  /** In segments. */
  snd_ssthresh: number;
  snd_cwnd: number;
  rcv_space: number;
  rcv_ssthresh: number;
  snd_wnd: number;
  rcv_wnd: number;
  bytes_acked: number;
  bytes_sent: number;
  bytes_retrans: number;
  bytes_received: number;
  segs_out: number;
  segs_in: number;
  data_segs_out: number;
  data_segs_in: number;
  notsent_bytes: number;
  /** Bytes a second; 0 where nothing is paced, limited or measured. */
  pacing_rate: number;
  max_pacing_rate: number;
  delivery_rate: number;
  /** Time with something to send; that of it spent waiting for the peer's window, and for room in the send buffer. */
  busy_time: number;
  rwnd_limited: number;
  sndbuf_limited: number;
  /** In segments, those that were SACKed included. */
  delivered: number;
  delivered_ce: number;
  reordering: number;
  reord_seen: number;
  dsack_dups: number;
  rcv_ooopack: number;
  /** 0: there is no path hashing here. */
  rehash: number;
  /** Retransmission timeouts; runs of them; milliseconds without an answer in those runs. */
  total_rto: number;
  total_rto_recoveries: number;
  total_rto_time: number;
  congestion: string;
}

/** Which timer a socket waits for next, as `ss -o` prints it. */
export interface TimerRow {
  /** `ss -o`: "on" retransmission, "keepalive", "timewait", "persist", "unknown"; null: none. */
  name: "on" | "keepalive" | "timewait" | "persist" | "unknown";
  /** Milliseconds until it fires. */
  expiresMs: number;
  retransmits: number;
}

/** One line of `ss`. */
export interface SocketRow {
  /** Number of the flow in its stack, stable while it lives. */
  id: number;
  family: 4 | 6;
  state: StateName;
  localAddress: string;
  localPort: number;
  /** "*" and 0 for a listener. */
  remoteAddress: string;
  remotePort: number;
  /** Bytes the application has not read; for a listener, connections in the accept queue. */
  recvQ: number;
  /** Bytes not acknowledged by the peer; for a listener, the backlog. */
  sendQ: number;
  timer: TimerRow | null;
  info: TcpInfo | null;
  /** Of listeners only. */
  listener: ListenerStats | null;
  /** Of a listener on "::" that takes no IPv4. */
  v6Only?: boolean;
}

/** Queues and drops of one listener. */
export interface ListenerStats {
  synQueue: number;
  synQueueMax: number;
  acceptQueue: number;
  backlog: number;
  accepted: number;
  /** Third ACKs (or connections) dropped because the accept queue was full. */
  acceptOverflows: number;
  /** SYNs dropped because the SYN queue was full. */
  synDrops: number;
  cookiesSent: number;
  cookiesRecv: number;
  cookiesFailed: number;
}

/** Everything at one moment. */
export interface StackSnapshot {
  /** Microseconds on the stack's clock. */
  now: number;
  interfaces: { name: string; mtu: number; addresses: string[] }[];
  sockets: SocketRow[];
  counters: Record<string, number>;
  /** Packets dropped, by `DropReason`; reasons that never happened are left out. */
  drops: Record<string, number>;
}
