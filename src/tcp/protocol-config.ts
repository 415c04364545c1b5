/**
 * Settings on which systems differ, and where an RFC leaves room or is older than its critics: what a reset, a SYN or
 * an ICMP error may do, what a closed port answers, how long a handshake may take. The defaults are the RFCs' advice,
 * or Linux's where they give none; FreeBSD's names are given where it has the same switch.
 */
import type { Micros } from "../base/time.ts";

/** Part of `TcpConfig`. */
export interface ProtocolConfig {
  /**
   * RFC 793's rule: any RST in the window ends the connection. Default false: RFC 5961 3.2, only the one at RCV.NXT.
   * FreeBSD: net.inet.tcp.insecure_rst.
   */
  insecureRst: boolean;
  /**
   * RFC 793's rule: a SYN in the window is answered by an RST, and the connection is reset. Default false: RFC 5961 4.2, a
   * challenge ACK. FreeBSD: net.inet.tcp.insecure_syn.
   */
  insecureSyn: boolean;
  /**
   * SYN and FIN in one segment. "listen", the default: a listener drops it (Linux); "always": nobody answers it (FreeBSD
   * drop_synfin = 1); "never": a listener and TIME-WAIT take it for a SYN, whose FIN will come again; SYN-SENT takes the FIN
   * too (FreeBSD drop_synfin = 0).
   */
  dropSynFin: "never" | "listen" | "always";
  /** Closed ports: 0 answer by RST (RFC 9293 3.10.7.1); 1 ignore SYNs; 2 ignore everything. FreeBSD: net.inet.tcp.blackhole. */
  blackhole: 0 | 1 | 2;
  /**
   * ICMP errors that end a connection in SYN-SENT. "any", the default: every unreachable (Linux, RFC 5461); "hard": protocol
   * and port unreachable, administratively prohibited, as ECONNREFUSED (RFC 1122 4.2.3.9; FreeBSD icmp_may_rst = 1);
   * "never": none, they only explain a timeout (FreeBSD icmp_may_rst = 0).
   */
  icmpMayReset: "any" | "hard" | "never";
  /** A reset in TIME-WAIT: "ignore", the default (RFC 1337 3 (F1)), or "accept" (RFC 9293 3.10.7.4; Linux without tcp_rfc1337). */
  timeWaitReset: "ignore" | "accept";
  /**
   * In TIME-WAIT, what has no ACK and opens no connection is dropped silently (BSD). Default false: answered by an ACK, as RFC 9293
   * 3.10.7.4 and RFC 5961 4 have it.
   */
  timeWaitNeedsAck: boolean;
  /**
   * What a reset says to the application. "linux", the default: EPIPE in CLOSE-WAIT, nothing in CLOSING and LAST-ACK
   * (RFC 9293 3.10.7.4), ECONNRESET elsewhere; "bsd": ECONNRESET in all of them.
   */
  resetErrors: "linux" | "bsd";
  /**
   * The ACK of a segment below the window counts, and the segment is answered (BSD). Default false: it is only answered, as RFC
   * 9293 3.10.7.4 and Linux have it.
   */
  takesOldAcks: boolean;
  /**
   * A connection whose retransmissions or window probes nobody answered ends with an RST, should the peer still be there. Default
   * true (BSD; RFC 9293 3.8.3 says nothing of it); false: silently (Linux: tcp_write_err). An unanswered keepalive always resets.
   */
  timeoutResets: boolean;
  /**
   * CLOSE with text that nobody read: "reset", the default (RFC 9293 3.6.1, RFC 2525 2.17; Linux), or "fin", which throws the text
   * away (BSD).
   */
  closeUnread: "reset" | "fin";
  /**
   * Which segments are in the window. "advertised", the default: up to the right edge last promised; "buffer": up to what the
   * receive buffer could hold, where the 16 bits of the header could not say it (FreeBSD's rcv_wnd), and each header offers
   * all that the buffer has room for. Text beyond the edge is cut off all the same.
   */
  receiveWindow: "advertised" | "buffer";
  /** The receive buffer is rounded up to a whole number of segments (4.4BSD's tcp_mss). Default false. */
  receiveBufferRounded: boolean;
  /**
   * With timestamps agreed on, a segment without them is dropped (RFC 7323 3.2, SHOULD; the default); false takes it as it is
   * (Linux; FreeBSD tolerate_missing_ts = 1).
   */
  timestampsRequired: boolean;
  /**
   * From the SYN's n-th retransmission on it carries no window scale, timestamps and SACK-permitted, for middleboxes that drop
   * them. 0, the default: never. FreeBSD rexmit_drop_options: 3.
   */
  rexmitDropOptions: number;
  /**
   * How long an active open may take. 0, the default: `synRetries` decides (Linux). FreeBSD: net.inet.tcp.keepinit, 75 s.
   * `ConnectionSettings.keepInitMs` sets it for one connection (TCP_KEEPINIT).
   */
  keepInit: Micros;
  /** Keepalive on for every connection. Default false (RFC 9293 3.8.4 MUST-25). FreeBSD: net.inet.tcp.always_keepalive = 1. */
  keepAlive: boolean;
  /** What is added to every retransmission timeout but the SYN's first. 0, the default. FreeBSD: net.inet.tcp.rexmit_slop, 200 ms. */
  rtoSlop: Micros;
  /** Which segments count for "an ACK for at least every second" one (RFC 9293 3.8.6.3): "full", the default, full-sized ones, "any" all (BSD). */
  ackEvery: "full" | "any";
  /**
   * An ACK sent in FIN-WAIT-1, CLOSING and LAST-ACK, a challenge ACK apart, carries the FIN again while that is unacknowledged.
   * Default false; BSD: true.
   */
  repeatFin: boolean;
  /** A super-segment takes at most half of cwnd, so that two are under way (Linux: tcp_cwnd_test). Default false. */
  halfWindowSuper: boolean;
  /**
   * A super-segment takes what twice cwnd a round trip carries in a millisecond, and at least so many segments; more where the
   * round trip is short (Linux: tcp_tso_autosize, tcp_min_tso_segs = 2). 0, the default: as much as the packet holds.
   */
  superLeast: number;
  /** Duplicates are reported by SACK (RFC 2883). Linux: tcp_dsack. */
  dsack: boolean;
  /**
   * What probes a zero window. "octet", the default: a byte of text (RFC 9293 3.8.6.1); "bare": an empty segment one number back,
   * and the oldest segment whole where one is outstanding (Linux: tcp_xmit_probe_skb, tcp_retransmit_timer).
   */
  windowProbe: "octet" | "bare";
  /**
   * A FIN in ESTABLISHED is acknowledged "now", the default (BSD), or, where text came before it, "delayed" like that, to ride on
   * an answer or on our FIN (Linux: tcp_fin). RFC 9293 3.8.6.3 has room for both.
   */
  finAck: "now" | "delayed";
  /**
   * In SYN-SENT an unacceptable ACK tells of an old connection at the peer, which our RST ends: the SYN, sent once so far, leaves
   * again some milliseconds later. Default false: after RTO (RFC 9293 3.10.7.3); Linux since 5.7: true.
   */
  synAfterReset: boolean;
  /** A FIN ahead of a gap is reported by SACK as a byte of text is. Default true, as Linux; BSD reports text alone. */
  sackFin: boolean;
  /** PSH on every super-segment of new text, which a receiver that merges then passes on at once. Default false; Linux: true since 5.4. */
  pushSuper: boolean;
  /** Order and padding of a SYN's options, by which systems are told apart: "linux", the default, or "bsd" (FreeBSD's tcp_addoptions). */
  synOptions: "linux" | "bsd";
  /**
   * The window scale offered where the application has set the receive buffer: "maximum", the default, what `receiveBufferMax`
   * needs (FreeBSD), so that it may set a larger one later; "buffer", what that one needs (Linux).
   */
  fixedBufferScale: "maximum" | "buffer";
}

/** The defaults. */
export const DEFAULT_PROTOCOL: ProtocolConfig = {
  insecureRst: false,
  insecureSyn: false,
  dropSynFin: "listen",
  blackhole: 0,
  icmpMayReset: "any",
  timeWaitReset: "ignore",
  timeWaitNeedsAck: false,
  resetErrors: "linux",
  takesOldAcks: false,
  timeoutResets: true,
  closeUnread: "reset",
  receiveWindow: "advertised",
  receiveBufferRounded: false,
  timestampsRequired: true,
  rexmitDropOptions: 0,
  keepInit: 0,
  keepAlive: false,
  rtoSlop: 0,
  ackEvery: "full",
  repeatFin: false,
  halfWindowSuper: false,
  superLeast: 0,
  dsack: true,
  windowProbe: "octet",
  finAck: "now",
  synAfterReset: false,
  sackFin: true,
  pushSuper: false,
  synOptions: "linux",
  fixedBufferScale: "maximum",
};
