/**
 * The defaults of the systems that the public suites were written for, where RFCs leave room. A script's sysctls change
 * them (sysctl.ts). Each value says where it is from.
 */
import { MS, SECOND } from "../../base/time.ts";
import type { TcpConfig } from "../../tcp/config.ts";
import type { Profile } from "./verdict.ts";

/** Settings of the stack under `profile`. */
export function profileConfig(profile: Profile): Partial<TcpConfig> {
  return profile === "linux" ? LINUX : FREEBSD;
}

/** Whether the interface takes super-segments: Linux always forms them (GSO); FreeBSD's scripts list segments. */
export function hasOffload(profile: Profile): boolean {
  return profile === "linux";
}

const LINUX: Partial<TcpConfig> = {
  // tcp_rmem, tcp_wmem of packetdrill's defaults.sh: 540,000 of which half is window, 15 MiB at most; 256 KiB, 4 MiB.
  receiveBuffer: 270_000,
  receiveBufferMax: 15 * 1024 * 1024,
  sendBuffer: 256 * 1024,
  sendBufferMax: 4 * 1024 * 1024,
  // defaults.sh: tcp_syn_retries, tcp_synack_retries.
  synRetries: 5,
  synAckRetries: 5,
  // Linux takes a segment that lacks the timestamps agreed on, and a reset in TIME-WAIT unless tcp_rfc1337.
  timestampsRequired: false,
  timeWaitReset: "accept",
  timeoutResets: false,
  // tcp_mtu_probing = 0.
  mtuProbing: "off",
  // defaults.sh: tcp_ecn = 0.
  ecn: "off",
  windowProbe: "bare",
  pushSuper: true,
  finAck: "delayed",
  synAfterReset: true,
  halfWindowSuper: true,
  // tcp_select_initial_window with SOCK_RCVBUF_LOCK.
  fixedBufferScale: "buffer",
  // tcp_min_tso_segs.
  superLeast: 2,
  // defaults.sh: tcp_fastopen = 0x70403, and its key. Linux asks for a cookie each time.
  fastOpen: 0x70403,
  fastOpenKey: "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4",
  fastOpenNegative: 0,
};

const FREEBSD: Partial<TcpConfig> = {
  // net.inet.tcp.recvspace, sendspace, kern.ipc.maxsockbuf.
  receiveBuffer: 65_536,
  receiveBufferMax: 2_097_152,
  sendBuffer: 32_768,
  sendBufferMax: 2_097_152,
  // TCPTV_RTOBASE, TCPTV_MIN, TCPTV_CPU_VAR (rexmit_slop), TCPTV_REXMTMAX. Scripts that need 1 s set rexmit_initial.
  rtoInitial: 3 * SECOND,
  rtoMin: 30 * MS,
  rtoMax: 64 * SECOND,
  // TCP_MAXRXTSHIFT; the handshake is limited by keepinit.
  r2: 12,
  synRetries: 12,
  synAckRetries: 3,
  keepInit: 75 * SECOND,
  keepAliveCount: 8,
  // TCPTV_DELACK of 100 ms; scripts that need 40 ms set delacktime. No quick ACKs.
  delayedAck: 100 * MS,
  quickAcks: 0,
  // FreeBSD before 13 reported no duplicates, and the scripts expect none.
  dsack: false,
  sackFin: false,
  // icmp_may_rst = 1 and only for hard errors.
  icmpMayReset: "hard",
  // pmtud_blackhole_detection = 0.
  mtuProbing: "off",
  resetErrors: "bsd",
  // tcp_disconnect: sbflush, then FIN.
  closeUnread: "fin",
  takesOldAcks: true,
  timeWaitReset: "ignore",
  timeWaitNeedsAck: true,
  receiveWindow: "buffer",
  receiveBufferRounded: true,
  timestampsRequired: false,
  dropSynFin: "never",
  challengeInterval: 0,
  keepAlive: true,
  ecnFallback: 1,
  rtoSlop: 200 * MS,
  ackEvery: "any",
  repeatFin: true,
  synOptions: "bsd",
};
