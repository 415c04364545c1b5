/**
 * What can be set in TCP, its default, and where the default comes from. One object a stack; a connection
 * copies the few that it may change. Times are microseconds, sizes bytes, unless the name says otherwise.
 */
import { type Micros, MS, SECOND } from "../base/time.ts";
import type { CongestionName } from "./congestion/congestion.ts";
import { DEFAULT_FAST_OPEN, type FastOpenConfig } from "./fast-open-config.ts";
import { DEFAULT_PROTOCOL, type ProtocolConfig } from "./protocol-config.ts";

/** Every setting. `Partial<TcpConfig>` is what callers give. */
export interface TcpConfig extends ProtocolConfig, FastOpenConfig {
  /** Maximum segment lifetime; TIME-WAIT lasts twice this. RFC 9293 3.4.2 says 2 minutes; 30 s as in Linux and BSD. */
  msl: Micros;
  /** Retransmission timeout before a round trip was measured (RFC 6298 2.1). */
  rtoInitial: Micros;
  /** RFC 6298 2.4 says 1 s SHOULD; 200 ms as in Linux (TCP_RTO_MIN), with timestamps and delayed ACKs of 40 ms. */
  rtoMin: Micros;
  /** RFC 6298 2.5: at least 60 s. Linux: 120 s (TCP_RTO_MAX). */
  rtoMax: Micros;
  /** R1 (RFC 9293 3.8.3 MUST-20): after so many retransmissions of one segment the route is suspect. Linux: tcp_retries1. */
  r1: number;
  /** R2 (MUST-20, at least 100 s SHLD-10): after so many the connection is given up. Linux: tcp_retries2 = 15. */
  r2: number;
  /** Retransmissions of an active SYN; 7 make 247 s (RFC 9293 3.8.3 MUST-23: 3 minutes at least; Linux: tcp_syn_retries = 6, 127 s). */
  synRetries: number;
  /** Retransmissions of a SYN-ACK. Linux: tcp_synack_retries = 5. */
  synAckRetries: number;
  /** Retransmissions once nobody holds the connection any more. Linux: tcp_orphan_retries, 8 by default. */
  orphanRetries: number;
  /** Delayed ACK (RFC 9293 3.8.6.3: below 0.5 s MUST-40). Linux: TCP_DELACK_MIN. */
  delayedAck: Micros;
  /** ACKs at the start of a connection that are not delayed, so that the peer's slow start is not. Linux: TCP_MAX_QUICKACKS = 16. */
  quickAcks: number;
  /** FIN-WAIT-2 without an owner (RFC 9293 has no limit). Linux: tcp_fin_timeout. */
  finWait2: Micros;
  /** Keepalive (RFC 9293 3.8.4; off by default, MUST-25; idle at least 2 hours, MUST-28), interval and count as in Linux. */
  keepAliveIdle: Micros;
  keepAliveInterval: Micros;
  keepAliveCount: number;
  /** RFC 5482; 0: R2 decides. */
  userTimeout: Micros;
  /** First window size in segments (RFC 6928: 10). */
  initialWindow: number;
  /** The receive buffer at first and at most; it grows by what the application consumes a round trip. */
  receiveBuffer: number;
  receiveBufferMax: number;
  /** `send` says "full" above this; grows with the congestion window up to the maximum (`sendsCopies`: or less). */
  sendBuffer: number;
  sendBufferMax: number;
  /** `send` says "full" as well while so many bytes wait to be sent the first time. Linux: tcp_notsent_lowat. */
  notSentLowat: number;
  /** Offer of window scale, timestamps (RFC 7323) and SACK (RFC 2018). */
  windowScale: boolean;
  timestamps: boolean;
  sack: boolean;
  /** Loss detection by time (RFC 8985; Linux: tcp_recovery), tail loss probes (RFC 8985 7; tcp_early_retrans), F-RTO (RFC 5682; tcp_frto). */
  rack: boolean;
  tlp: boolean;
  frto: boolean;
  /** Diffserv octet of what is sent, its two ECN bits 0 (RFC 9293 3.9.2 MUST-48), and time to live (MUST-49; RFC 1700). */
  dscp: number;
  ttl: number;
  /** A keepalive carries one octet of rubbish, for peers that answer nothing less (RFC 9293 3.8.4 MAY-6). */
  keepAliveOctet: boolean;
  /** Nagle off for new connections. */
  noDelay: boolean;
  /** MSS offered; 0: from the interface's MTU. */
  mss: number;
  /**
   * Path MTU discovery by probing (RFC 4821). "blackhole", the default: once full segments time out R1 times, from 1,024 bytes
   * up; "always": from the start; "off": ICMP alone. Linux: net.ipv4.tcp_mtu_probing 1, 2, 0.
   */
  mtuProbing: "off" | "blackhole" | "always";
  /** Half-open connections a listener may hold; 0: as many as its backlog, at least 128. Linux: tcp_max_syn_backlog. */
  synQueue: number;
  /** RFC 4987 cookies: "overflow" when the SYN queue is full (Linux tcp_syncookies = 1), or never, or always. */
  synCookies: "overflow" | "never" | "always";
  /** RST instead of a silent drop when the accept queue is full. Linux: tcp_abort_on_overflow. */
  abortOnOverflow: boolean;
  /** Records in TIME-WAIT at most; above it connections go straight to CLOSED, counted. Linux: tcp_max_tw_buckets. */
  timeWaitMax: number;
  /** Connections that nobody holds any more and that still have something to send; above it they are reset. Linux: tcp_max_orphans. */
  orphansMax: number;
  /** Connections, half-open and TIME-WAIT together. */
  flowsMax: number;
  /** RFC 9293 3.4.3 quiet time after a start: no SYN is sent for so long. 0: off, as everywhere (ISNs by RFC 6528 make it moot). */
  quietTime: Micros;
  /**
   * Challenge ACKs a second for the whole stack, randomized by half; 0, the default: limited by connection alone, since a limit
   * that all share tells who was answered (CVE-2016-5696; Linux since 6.0). And the least distance on one connection (Linux:
   * tcp_invalid_ratelimit).
   */
  challengeAcks: number;
  challengeInterval: Micros;
  /** RSTs for segments without a connection, a second, for each of 16 shares of the addresses they go to. FreeBSD: net.inet.icmp.icmplim = 200; 1,000 here. */
  resets: number;
  /** Pacing for those congestion controls that do without (Linux does so under the fq queue discipline). BBR always paces. */
  pacing: boolean;
  /** Bytes a second that a new connection never sends faster than, as SO_MAX_PACING_RATE; 0: no limit. */
  maxPacingRate: number;
  /** Congestion control of new connections. */
  congestion: CongestionName;
  /** ECN (RFC 3168): agreed to when asked ("passive"), asked for as well ("on"), or "off". Linux: tcp_ecn = 2, 1, 0. */
  ecn: "off" | "passive" | "on";
  /** SYNs sent again that still ask for ECN (RFC 3168 6.1.1.1). FreeBSD: net.inet.tcp.ecn.maxretries = 1; Linux: 0. */
  ecnFallback: number;
  /** HyStart++ (RFC 9406) in the first slow start of CUBIC and NewReno. */
  hystart: boolean;
  /** cwnd shrinks while the application does not use it (RFC 5681 4.1, RFC 2861). Linux: tcp_slow_start_after_idle. */
  slowStartAfterIdle: boolean;
}

/** The defaults. */
export const DEFAULT_CONFIG: TcpConfig = {
  ...DEFAULT_PROTOCOL,
  ...DEFAULT_FAST_OPEN,
  msl: 30 * SECOND,
  rtoInitial: 1 * SECOND,
  rtoMin: 200 * MS,
  rtoMax: 120 * SECOND,
  r1: 3,
  r2: 15,
  synRetries: 7,
  synAckRetries: 5,
  orphanRetries: 8,
  delayedAck: 40 * MS,
  quickAcks: 16,
  finWait2: 60 * SECOND,
  keepAliveIdle: 7_200 * SECOND,
  keepAliveInterval: 75 * SECOND,
  keepAliveCount: 9,
  userTimeout: 0,
  initialWindow: 10,
  receiveBuffer: 256 * 1024,
  receiveBufferMax: 6 * 1024 * 1024,
  sendBuffer: 256 * 1024,
  sendBufferMax: 4 * 1024 * 1024,
  notSentLowat: 0x7fffffff,
  windowScale: true,
  timestamps: true,
  sack: true,
  rack: true,
  tlp: true,
  frto: true,
  dscp: 0,
  ttl: 64,
  keepAliveOctet: false,
  noDelay: false,
  mss: 0,
  mtuProbing: "blackhole",
  synQueue: 0,
  synCookies: "overflow",
  abortOnOverflow: false,
  timeWaitMax: 65_536,
  orphansMax: 65_536,
  flowsMax: 1_048_576,
  quietTime: 0,
  challengeAcks: 0,
  challengeInterval: 500 * MS,
  resets: 1_000,
  pacing: false,
  maxPacingRate: 0,
  congestion: "cubic",
  ecn: "passive",
  ecnFallback: 0,
  hystart: true,
  slowStartAfterIdle: true,
};

/** The MSS of a peer whose SYN names none (RFC 9293 3.7.1, MUST-15). */
export function defaultMss(family: number): number {
  return family === 4 ? 536 : 1_220;
}

/** The window scale to offer (RFC 7323 2.3): what the largest receive buffer needs. `fixed` is what the application set; 0: nothing. */
export function receiveScale(fixed: number, config: TcpConfig): number {
  if (fixed > 0 && config.fixedBufferScale === "buffer") return scaleFor(fixed);
  return scaleFor(Math.max(config.receiveBufferMax, config.receiveBuffer, fixed));
}

/** The shift that lets 16 bits describe `max` bytes (RFC 7323 2.3: at most 14). */
export function scaleFor(max: number): number {
  let scale = 0;
  while (scale < 14 && 65_535 << scale < max) scale++;
  return scale;
}
