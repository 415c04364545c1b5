/** Rows of a stack for the formatters' tests: an ordinary one, and what a test wants different. */
import type { SocketRow, StackSnapshot, TcpInfo } from "../../../src/stack/inspect.ts";

export function tcpInfo(different: Partial<TcpInfo> = {}): TcpInfo {
  return {
    ...{ state: "ESTABLISHED", ca_state: 0, retransmits: 0, probes: 0, backoff: 0 },
    ...{ options: 7, ecn_seen: false, syn_data: false, delivery_rate_app_limited: false, fackets: 0 },
    ...{ last_ack_sent: 0, pacing_rate: 0, max_pacing_rate: 0, delivery_rate: 0, busy_time: 0 },
    ...{ rwnd_limited: 0, sndbuf_limited: 0, delivered_ce: 0, rehash: 0 },
    ...{ total_rto: 0, total_rto_recoveries: 0, total_rto_time: 0 },
    ...{ timestamps: true, sack: true, ecn: false, wscale_ok: true, snd_wscale: 7, rcv_wscale: 10 },
    ...{ rto: 204_000, ato: 40_000, snd_mss: 1448, rcv_mss: 536, advmss: 1448, pmtu: 1500 },
    ...{ unacked: 0, sacked: 0, lost: 0, retrans: 0, total_retrans: 0 },
    ...{ last_data_sent: 224, last_data_recv: 225, last_ack_recv: 226 },
    ...{ rtt: 26, rttvar: 13, min_rtt: 10, rcv_rtt: 0, snd_ssthresh: 0x7fffffff, snd_cwnd: 10 },
    ...{ rcv_space: 14_480, rcv_ssthresh: 64_088, snd_wnd: 65_536, rcv_wnd: 65_536 },
    ...{ bytes_acked: 3001, bytes_sent: 3000, bytes_retrans: 0, bytes_received: 0 },
    ...{ segs_out: 3, segs_in: 2, data_segs_out: 1, data_segs_in: 0, notsent_bytes: 0, delivered: 2 },
    ...{ reordering: 3, reord_seen: 0, dsack_dups: 0, rcv_ooopack: 0, congestion: "cubic" },
    ...different,
  };
}

export function socketRow(different: Partial<SocketRow> = {}): SocketRow {
  return {
    ...{
      id: 1,
      family: 4,
      state: "ESTABLISHED",
      recvQ: 0,
      sendQ: 0,
      timer: null,
      info: null,
      listener: null,
    },
    ...{ localAddress: "10.77.0.2", localPort: 80, remoteAddress: "10.77.0.1", remotePort: 42926 },
    ...different,
  };
}

export function listenerRow(different: Partial<SocketRow> = {}): SocketRow {
  const listener = {
    ...{ synQueue: 1, synQueueMax: 1024, acceptQueue: 0, backlog: 511, accepted: 3, acceptOverflows: 0 },
    ...{ synDrops: 0, cookiesSent: 0, cookiesRecv: 0, cookiesFailed: 0 },
  };
  const peer = { remoteAddress: "*", remotePort: 0 };
  return socketRow({ state: "LISTEN", localPort: 7, sendQ: 511, ...peer, listener, ...different });
}

export function snapshotOf(sockets: SocketRow[], different: Partial<StackSnapshot> = {}): StackSnapshot {
  const interfaces = [{ name: "utcp0", mtu: 1500, addresses: ["10.77.0.2/24"] }];
  return { now: 0, interfaces, sockets, counters: {}, drops: {}, ...different };
}
