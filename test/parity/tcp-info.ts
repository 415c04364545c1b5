/** struct tcp_info of Linux (include/uapi/linux/tcp.h), by name. */

/** Fields by offset; what the kernel's structure is too short for is left out. */
const U8 = ["state", "ca_state", "retransmits", "probes", "backoff", "options"] as const;

const U32: Readonly<Record<string, number>> = {
  rto: 8,
  ato: 12,
  snd_mss: 16,
  rcv_mss: 20,
  unacked: 24,
  sacked: 28,
  lost: 32,
  retrans: 36,
  fackets: 40,
  last_data_sent: 44,
  last_ack_sent: 48,
  last_data_recv: 52,
  last_ack_recv: 56,
  pmtu: 60,
  rcv_ssthresh: 64,
  rtt: 68,
  rttvar: 72,
  snd_ssthresh: 76,
  snd_cwnd: 80,
  advmss: 84,
  reordering: 88,
  rcv_rtt: 92,
  rcv_space: 96,
  total_retrans: 100,
  segs_out: 136,
  segs_in: 140,
  notsent_bytes: 144,
  min_rtt: 148,
  data_segs_in: 152,
  data_segs_out: 156,
  delivered: 192,
  delivered_ce: 196,
  dsack_dups: 216,
  reord_seen: 220,
  rcv_ooopack: 224,
  snd_wnd: 228,
  rcv_wnd: 232,
  rehash: 236,
  total_rto_time: 244,
};

const U64: Readonly<Record<string, number>> = {
  pacing_rate: 104,
  max_pacing_rate: 112,
  bytes_acked: 120,
  bytes_received: 128,
  delivery_rate: 160,
  busy_time: 168,
  rwnd_limited: 176,
  sndbuf_limited: 184,
  bytes_sent: 200,
  bytes_retrans: 208,
};

/** Larger than the structure is today. */
export const TCP_INFO_ROOM = 512;

/** The field `name`, with or without `tcpi_`; undefined: there is none. */
export function tcpInfoField(info: Uint8Array, name: string): number | undefined {
  const bare = name.replace(/^tcpi_/, "");
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const at8 = (U8 as readonly string[]).indexOf(bare);
  if (at8 >= 0) return view.getUint8(at8);
  switch (bare) {
    case "snd_wscale":
      return view.getUint8(6) & 15;
    case "rcv_wscale":
      return view.getUint8(6) >> 4;
    case "delivery_rate_app_limited":
      return view.getUint8(7) & 1;
    case "fastopen_client_fail":
      return (view.getUint8(7) >> 1) & 3;
    case "total_rto":
      return view.getUint16(240, true);
    case "total_rto_recoveries":
      return view.getUint16(242, true);
  }
  const at32 = U32[bare];
  if (at32 !== undefined) return view.getUint32(at32, true);
  const at64 = U64[bare];
  return at64 === undefined ? undefined : Number(view.getBigUint64(at64, true));
}
