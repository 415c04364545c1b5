/** STATUS of a connection (RFC 9293 3.10.6) as Linux's tcp_info and as a row of `ss`. */

import { formatAddress } from "../base/address.ts";
import { diff } from "../base/seq.ts";
import { MS, NEVER } from "../base/time.ts";
import { LOST, RETRANSMITTED, SACKED, type SentRing } from "../tcp/buffer/sent-ring.ts";
import { BUSY, RWND_LIMITED, SNDBUF_LIMITED } from "../tcp/chrono.ts";
import { mssToOffer } from "../tcp/output.ts";
import { unsent } from "../tcp/send-policy.ts";
import { STATE_NAMES } from "../tcp/state.ts";
import { LONG_AGO, type Tcb } from "../tcp/tcb.ts";
import type { SocketRow, TcpInfo, TimerRow } from "./inspect.ts";
import type { Stack } from "./stack.ts";

/** All that the stack knows of `tcb`. */
export function tcpInfo(tcb: Tcb, stack: Stack): TcpInfo {
  const { snd, rcv } = tcb;
  const segments = (bytes: number): number => Math.ceil(bytes / snd.mss);
  const since = (time: number): number => (time <= LONG_AGO ? 0 : Math.round((stack.now - time) / MS));
  const sinceMs = (ms: number): number => (ms < 0 ? 0 : Math.round(stack.now / MS) - ms);
  const busy = snd.nxt !== snd.una;
  const ring = busy && tcb.slot >= 0 ? tcb.sentRing : null;
  const { rate } = tcb;
  return {
    state: STATE_NAMES[tcb.state]!,
    ca_state: tcb.caState,
    retransmits: tcb.retries,
    // Window probes that nobody answered yet; answered ones keep the back-off (Linux: icsk_probes_out, icsk_backoff).
    probes: tcb.persistAt === NEVER ? tcb.keepProbes : tcb.retries,
    backoff: tcb.persistAt === NEVER ? tcb.backoff : tcb.probes,
    options: optionBits(tcb),
    timestamps: tcb.timestamps,
    sack: tcb.sackPermitted,
    ecn: tcb.ecn,
    ecn_seen: tcb.ecnSeen,
    wscale_ok: tcb.windowScale,
    syn_data: tcb.fastOpen?.isAccepted === true,
    snd_wscale: snd.scale,
    rcv_wscale: rcv.scale,
    delivery_rate_app_limited: rate?.latestIsLimited ?? false,
    rto: tcb.rtoUs,
    ato: stack.config.delayedAck,
    snd_mss: snd.mss,
    rcv_mss: rcv.mss,
    advmss: mssToOffer(tcb, stack) - (tcb.timestamps ? 12 : 0),
    pmtu: tcb.path.mtu,
    unacked: busy ? segments(diff(snd.nxt, snd.una)) : 0,
    sacked: tcb.sackPermitted ? segmentsWith(ring, SACKED, snd.mss) : tcb.dupAcks,
    lost: segmentsWith(ring, LOST, snd.mss),
    retrans: segmentsWith(ring, RETRANSMITTED, snd.mss),
    fackets: 0,
    total_retrans: tcb.retransmits,
    last_data_sent: sinceMs(tcb.lastDataSentMs),
    last_ack_sent: sinceMs(tcb.lastAckSentMs),
    last_data_recv: since(tcb.lastDataReceived),
    last_ack_recv: since(tcb.lastAckReceived),
    rtt: Math.max(0, tcb.srttUs),
    rttvar: tcb.rttvarUs,
    min_rtt: Math.max(0, tcb.minRttUs),
    rcv_rtt: Math.max(0, tcb.rcvRttUs),
    snd_ssthresh: tcb.ssthresh === 0x7fffffff ? 0x7fffffff : segments(tcb.ssthresh),
    snd_cwnd: Math.floor(tcb.cwnd / snd.mss),
    rcv_space: rcv.buffer,
    rcv_ssthresh: rcv.buffer,
    snd_wnd: snd.wnd,
    rcv_wnd: rcv.wnd,
    bytes_acked: tcb.bytesAcked,
    bytes_sent: tcb.bytesSent,
    bytes_retrans: tcb.bytesRetransmitted,
    bytes_received: tcb.bytesReceived,
    segs_out: tcb.segsOut,
    segs_in: tcb.segsIn,
    data_segs_out: tcb.dataSegsOut,
    data_segs_in: tcb.dataSegsIn,
    notsent_bytes: Math.max(0, unsent(tcb)),
    pacing_rate: Math.round(tcb.pacingRate),
    max_pacing_rate: Math.round(tcb.maxPacingRate),
    delivery_rate: Math.round(rate?.latest ?? 0),
    // As Linux, the SYN counts.
    delivered: segments(tcb.delivered) + (tcb.synAcked ? 1 : 0),
    delivered_ce: segments(tcb.deliveredCe),
    reordering: tcb.reordering,
    reord_seen: tcb.recoveryIfAny?.reorderings ?? 0,
    dsack_dups: tcb.dsackDups,
    rcv_ooopack: tcb.outOfOrder,
    rehash: 0,
    ...timesOf(tcb, stack.now),
    congestion: tcb.congestion.name,
  };
}

/** How long the connection was busy, held up, and without an answer. */
function timesOf(
  tcb: Tcb,
  now: number,
): Pick<
  TcpInfo,
  "busy_time" | "rwnd_limited" | "sndbuf_limited" | "total_rto" | "total_rto_recoveries" | "total_rto_time"
> {
  const { chrono } = tcb;
  const spent = (condition: number): number =>
    chrono === null ? 0 : Math.round(chrono.total(condition, now));
  const rwnd = spent(RWND_LIMITED);
  const sndbuf = spent(SNDBUF_LIMITED);
  const unanswered = tcb.timeoutSince === LONG_AGO ? 0 : now - tcb.timeoutSince;
  return {
    busy_time: spent(BUSY) + rwnd + sndbuf,
    rwnd_limited: rwnd,
    sndbuf_limited: sndbuf,
    total_rto: tcb.timeouts,
    total_rto_recoveries: tcb.timeoutRuns,
    total_rto_time: Math.round((Math.max(0, tcb.timeoutTime) + unanswered) / MS),
  };
}

/** TCPI_OPT_* (include/uapi/linux/tcp.h). */
function optionBits(tcb: Tcb): number {
  const { fastOpen } = tcb;
  const ecn = (tcb.ecn ? 8 : 0) | (tcb.ecnSeen ? 16 : 0);
  const synData = fastOpen?.isAccepted === true ? 32 : 0;
  const child = fastOpen !== null && !tcb.active ? 128 : 0;
  const agreed = (tcb.timestamps ? 1 : 0) | (tcb.sackPermitted ? 2 : 0) | (tcb.windowScale ? 4 : 0);
  return agreed | ecn | synData | child;
}

/** Segments of the records that bear `flag`. */
function segmentsWith(ring: SentRing | null, flag: number, mss: number): number {
  let segments = 0;
  for (let i = 0; ring !== null && i < ring.count; i++) {
    if ((ring.flagsAt(i) & flag) !== 0) segments += Math.ceil(ring.lengthAt(i) / mss);
  }
  return segments;
}

/** The timer that `ss -o` shows: the one that matters for the connection's life, not the delayed ACK. */
function timerOf(tcb: Tcb, stack: Stack): TimerRow | null {
  const row = (name: TimerRow["name"], at: number, retransmits: number): TimerRow => ({
    name,
    expiresMs: Math.max(0, Math.ceil((at - stack.now) / MS)),
    retransmits,
  });
  if (tcb.retransmitAt !== NEVER) return row("on", tcb.retransmitAt, tcb.retries);
  if (tcb.persistAt !== NEVER) return row("persist", tcb.persistAt, tcb.probes);
  if (tcb.lingerAt !== NEVER) return row("timewait", tcb.lingerAt, 0);
  if (tcb.keepAliveAt !== NEVER) return row("keepalive", tcb.keepAliveAt, tcb.keepProbes);
  return null;
}

/** The row of `ss` for a connection. */
export function tcbRow(tcb: Tcb, stack: Stack, info: boolean): SocketRow {
  return {
    id: tcb.slot,
    family: tcb.family === 6 ? 6 : 4,
    state: STATE_NAMES[tcb.state]!,
    localAddress: formatAddress(tcb.family, tcb.local, stack.addresses),
    localPort: tcb.localPort,
    remoteAddress: formatAddress(tcb.family, tcb.remote, stack.addresses),
    remotePort: tcb.remotePort,
    recvQ: tcb.queuedToRead,
    // As `ss`: what is not acknowledged, the SYN or FIN included.
    sendQ: Math.max(tcb.queuedToSend, diff(tcb.snd.nxt, tcb.snd.una)),
    timer: timerOf(tcb, stack),
    info: info ? tcpInfo(tcb, stack) : null,
    listener: null,
  };
}
