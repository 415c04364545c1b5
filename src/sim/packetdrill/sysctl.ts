/**
 * sysctl variables of Linux and FreeBSD as settings of the stack. A variable that sets nothing the stack has is accepted if
 * no script can tell, and is unknown otherwise.
 */
import { MS, SECOND } from "../../base/time.ts";
import type { TcpConfig } from "../../tcp/config.ts";
import { isCongestionName } from "../../tcp/congestion/congestion.ts";
import { FAST_OPEN_CLIENT, FAST_OPEN_SERVER, FAST_OPEN_SERVER_BARE } from "../../tcp/fast-open-config.ts";

/** Sets the variable. False: nobody knows it. */
export function setSysctl(config: TcpConfig, name: string, value: string): boolean {
  const rule = LINUX[name] ?? FREEBSD[name];
  if (rule !== undefined) {
    rule(config, value);
    return true;
  }
  const only = ONLY[name];
  if (only !== undefined) return first(value) === only;
  return NO_EFFECT.has(name) || name.startsWith("net.core.") || name.startsWith("net.ipv4.route.");
}

type Rule = (config: TcpConfig, value: string) => void;

/** Numbers of a value: `4096 540000 15728640`, `0x403`, `$((256*1024))`. */
function numbers(value: string): number[] {
  const plain = value.replace(/\$\(\(([^)]*(?:\([^)]*\)[^)]*)*)\)\)/g, (_, product: string) => {
    const factors = product.replace(/[()\s]/g, "").split("*");
    return String(factors.reduce((all, factor) => all * Number(factor), 1));
  });
  return plain
    .trim()
    .split(/[\s,]+/)
    .map(Number);
}

const first = (value: string): number => numbers(value)[0] ?? 0;

/** A rule that sets one number, in units of `unit`. */
const number =
  (key: NumberKey, unit = 1): Rule =>
  (config, value) => {
    config[key] = first(value) * unit;
  };

const flag =
  (key: FlagKey): Rule =>
  (config, value) => {
    config[key] = first(value) !== 0;
  };

function fastOpenBit(bit: number): Rule {
  return (config, value) => {
    config.fastOpen = first(value) !== 0 ? config.fastOpen | bit : config.fastOpen & ~bit;
  };
}

type KeysOf<T> = {
  [K in keyof TcpConfig]: TcpConfig[K] extends T ? (T extends TcpConfig[K] ? K : never) : never;
}[keyof TcpConfig];
type NumberKey = KeysOf<number>;
type FlagKey = KeysOf<boolean>;

/** net.ipv4.tcp_* of Documentation/networking/ip-sysctl.rst. */
const LINUX: Readonly<Record<string, Rule>> = {
  "net.ipv4.tcp_rmem": (config, value) => {
    const [, initial = 131_072, most = 6_291_456] = numbers(value);
    // Half of the buffer's memory is window (tcp_win_from_space).
    config.receiveBuffer = initial >> 1;
    config.receiveBufferMax = most;
  },
  "net.ipv4.tcp_wmem": (config, value) => {
    const [, initial = 16_384, most = 4_194_304] = numbers(value);
    config.sendBuffer = initial;
    config.sendBufferMax = most;
  },
  "net.ipv4.tcp_mtu_probing": (config, value) => {
    config.mtuProbing = (["off", "blackhole", "always"] as const)[first(value)] ?? "always";
  },
  "net.ipv4.tcp_timestamps": flag("timestamps"),
  "net.ipv4.tcp_sack": flag("sack"),
  "net.ipv4.tcp_dsack": flag("dsack"),
  "net.ipv4.tcp_slow_start_after_idle": flag("slowStartAfterIdle"),
  "net.ipv4.tcp_frto": flag("frto"),
  // 3 and 4: tail loss probes; below, the early retransmit of RFC 5827, which is gone.
  "net.ipv4.tcp_early_retrans": (config, value) => {
    config.tlp = first(value) >= 3;
  },
  // Bit 0 is RACK; the others vary it.
  "net.ipv4.tcp_recovery": (config, value) => {
    config.rack = (first(value) & 1) !== 0;
  },
  "net.ipv4.tcp_window_scaling": flag("windowScale"),
  "net.ipv4.tcp_syn_retries": number("synRetries"),
  "net.ipv4.tcp_synack_retries": number("synAckRetries"),
  "net.ipv4.tcp_retries1": number("r1"),
  "net.ipv4.tcp_retries2": number("r2"),
  "net.ipv4.tcp_orphan_retries": number("orphanRetries"),
  "net.ipv4.tcp_fin_timeout": number("finWait2", SECOND),
  "net.ipv4.tcp_keepalive_time": number("keepAliveIdle", SECOND),
  "net.ipv4.tcp_keepalive_intvl": number("keepAliveInterval", SECOND),
  "net.ipv4.tcp_keepalive_probes": number("keepAliveCount"),
  "net.ipv4.tcp_max_syn_backlog": number("synQueue"),
  "net.ipv4.tcp_abort_on_overflow": flag("abortOnOverflow"),
  "net.ipv4.tcp_max_tw_buckets": number("timeWaitMax"),
  "net.ipv4.tcp_max_orphans": number("orphansMax"),
  "net.ipv4.tcp_invalid_ratelimit": number("challengeInterval", MS),
  "net.ipv4.tcp_challenge_ack_limit": number("challengeAcks"),
  "net.ipv4.tcp_rto_min_us": number("rtoMin"),
  "net.ipv4.tcp_rto_max_ms": number("rtoMax", MS),
  "net.ipv4.tcp_rfc1337": (config, value) => {
    config.timeWaitReset = first(value) !== 0 ? "ignore" : "accept";
  },
  "net.ipv4.tcp_syncookies": (config, value) => {
    config.synCookies = (["never", "overflow", "always"] as const)[first(value)] ?? "overflow";
  },
  "net.ipv4.tcp_fastopen": number("fastOpen"),
  "net.ipv4.tcp_fastopen_key": (config, value) => {
    config.fastOpenKey = value.trim();
  },
  "net.ipv4.tcp_fastopen_blackhole_timeout_sec": number("fastOpenBlackhole", SECOND),
  "net.ipv4.tcp_notsent_lowat": (config, value) => {
    config.notSentLowat = Math.min(first(value) || 0x7fffffff, 0x7fffffff);
  },
  "net.ipv4.ip_default_ttl": number("ttl"),
  "net.ipv4.tcp_ecn_fallback": (config, value) => {
    config.ecnFallback = first(value) !== 0 ? 0 : Number.MAX_SAFE_INTEGER;
  },
  "net.ipv4.tcp_min_tso_segs": number("superLeast"),
  "net.ipv4.tcp_ecn": (config, value) => setEcn(config, value),
  "net.ipv4.tcp_congestion_control": (config, value) => setCongestion(config, value),
};

/** net.inet.tcp.* of tcp(4). */
const FREEBSD: Readonly<Record<string, Rule>> = {
  "net.inet.tcp.rfc1323": (config, value) => {
    // 1: both; 2: window scale only; 3: timestamps only.
    const which = first(value);
    config.windowScale = which === 1 || which === 2;
    config.timestamps = which === 1 || which === 3;
  },
  "net.inet.tcp.sack.enable": flag("sack"),
  "net.inet.tcp.recvspace": number("receiveBuffer"),
  "net.inet.tcp.sendspace": number("sendBuffer"),
  "kern.ipc.maxsockbuf": (config, value) => {
    config.receiveBufferMax = first(value);
    config.sendBufferMax = first(value);
  },
  "net.inet.tcp.blackhole": (config, value) => {
    config.blackhole = Math.min(2, first(value)) as 0 | 1 | 2;
  },
  "net.inet.tcp.insecure_rst": flag("insecureRst"),
  "net.inet.tcp.insecure_syn": flag("insecureSyn"),
  "net.inet.tcp.insecure_ack": () => {},
  "net.inet.tcp.drop_synfin": (config, value) => {
    config.dropSynFin = first(value) !== 0 ? "always" : "never";
  },
  "net.inet.tcp.syncookies": (config, value) => {
    config.synCookies = first(value) !== 0 ? "overflow" : "never";
  },
  "net.inet.tcp.syncookies_only": (config, value) => {
    if (first(value) !== 0) config.synCookies = "always";
    else if (config.synCookies === "always") config.synCookies = "overflow";
  },
  "net.inet.tcp.rexmit_initial": number("rtoInitial", MS),
  "net.inet.tcp.rexmit_min": number("rtoMin", MS),
  "net.inet.tcp.rexmit_slop": number("rtoSlop", MS),
  "net.inet.tcp.rexmit_drop_options": (config, value) => {
    config.rexmitDropOptions = first(value) !== 0 ? 3 : 0;
  },
  "net.inet.tcp.pmtud_blackhole_detection": (config, value) => {
    config.mtuProbing = first(value) !== 0 ? "blackhole" : "off";
  },
  "net.inet.tcp.keepinit": number("keepInit", MS),
  "net.inet.tcp.keepidle": number("keepAliveIdle", MS),
  "net.inet.tcp.keepintvl": number("keepAliveInterval", MS),
  "net.inet.tcp.keepcnt": number("keepAliveCount"),
  "net.inet.tcp.always_keepalive": flag("keepAlive"),
  "net.inet.tcp.delacktime": number("delayedAck", MS),
  "net.inet.tcp.delayed_ack": (config, value) => {
    // Off: every segment is acknowledged at once.
    config.quickAcks = first(value) === 0 ? Number.MAX_SAFE_INTEGER : 0;
  },
  "net.inet.tcp.msl": number("msl", MS),
  "net.inet.tcp.finwait2_timeout": number("finWait2", MS),
  "net.inet.tcp.initcwnd_segments": number("initialWindow"),
  "net.inet.tcp.icmp_may_rst": (config, value) => {
    config.icmpMayReset = first(value) !== 0 ? "hard" : "never";
  },
  "net.inet.tcp.tolerate_missing_ts": (config, value) => {
    config.timestampsRequired = first(value) === 0;
  },
  "net.inet.tcp.fastopen.client_enable": fastOpenBit(FAST_OPEN_CLIENT),
  "net.inet.tcp.fastopen.server_enable": fastOpenBit(FAST_OPEN_SERVER),
  "net.inet.tcp.fastopen.acceptany": fastOpenBit(FAST_OPEN_SERVER_BARE),
  "net.inet.tcp.fastopen.path_disable_time": number("fastOpenNegative", SECOND),
  "net.inet.tcp.ecn.enable": (config, value) => setEcn(config, value),
  "net.inet.tcp.ecn.maxretries": number("ecnFallback"),
  "net.inet.tcp.cc.algorithm": (config, value) => setCongestion(config, value),
  "net.inet.ip.ttl": number("ttl"),
  "net.inet.icmp.icmplim": (config, value) => {
    config.resets = first(value) > 0 ? first(value) : Number.MAX_SAFE_INTEGER;
  },
  "net.inet.tcp.syncache.rexmtlimit": number("synAckRetries"),
};

/** Both systems: 0 off, 1 asked for, 2 agreed to when asked. */
function setEcn(config: TcpConfig, value: string): void {
  config.ecn = (["off", "on", "passive"] as const)[first(value)] ?? "passive";
}

function setCongestion(config: TcpConfig, value: string): void {
  const name = value.trim() === "reno" ? "newreno" : value.trim();
  if (isCongestionName(name)) config.congestion = name;
}

/** Variables that the stack has one value of: that is accepted, and no other. */
const ONLY: Readonly<Record<string, number>> = {
  "net.inet.tcp.path_mtu_discovery": 1,
  "net.inet.tcp.mssdflt": 536,
  "net.inet.tcp.v6mssdflt": 1220,
  "net.ipv4.ip_no_pmtu_disc": 0,
  "net.ipv4.tcp_base_mss": 1024,
};

/** Variables of things that we do not have, or do one way only, and that change nothing a script sees. */
const NO_EFFECT: ReadonlySet<string> = new Set([
  "net.ipv4.tcp_fack",
  "net.ipv4.tcp_reordering",
  "net.ipv4.tcp_max_reordering",
  "net.ipv4.tcp_tso_win_divisor",
  "net.ipv4.tcp_tso_rtt_log",
  "net.ipv4.tcp_pacing_ss_ratio",
  "net.ipv4.tcp_pacing_ca_ratio",
  "net.ipv4.tcp_low_latency",
  "net.ipv4.tcp_autocorking",
  "net.ipv4.tcp_no_metrics_save",
  "net.ipv4.tcp_no_ssthresh_metrics_save",
  "net.ipv4.tcp_moderate_rcvbuf",
  "net.ipv4.tcp_adv_win_scale",
  "net.ipv4.tcp_app_win",
  "net.ipv4.tcp_stdurg",
  "net.ipv4.tcp_tw_reuse",
  "net.ipv4.tcp_thin_linear_timeouts",
  "net.ipv4.tcp_workaround_signed_windows",
  "net.ipv4.tcp_shrink_window",
  "net.ipv4.tcp_limit_output_bytes",
  "net.ipv4.tcp_comp_sack_nr",
  "net.ipv4.tcp_comp_sack_delay_ns",
  "net.ipv4.tcp_comp_sack_slack_ns",
  "net.ipv4.tcp_mem",
  "net.ipv4.ip_local_port_range",
  "net.inet.tcp.hostcache.purgenow",
  "net.inet.tcp.hostcache.purge",
  "net.inet.tcp.hostcache.enable",
  "net.inet.tcp.fastopen.autokey",
  "net.inet.tcp.fastopen.ccache_bucket_limit",
  "net.inet.tcp.tso",
  "net.inet.tcp.recvbuf_auto",
  "net.inet.tcp.recvbuf_max",
  "net.inet.tcp.sendbuf_auto",
  "net.inet.tcp.sendbuf_max",
  "net.inet.tcp.sendbuf_inc",
  "net.inet.tcp.rfc3042",
  "net.inet.tcp.rfc3390",
  "net.inet.tcp.rfc6675_pipe",
  "net.inet.tcp.sack.maxholes",
  "net.inet.tcp.do_prr",
  "net.inet.tcp.do_lrd",
  "net.inet.tcp.ts_offset_per_conn",
  "net.inet.tcp.minmss",
  "net.inet.tcp.nolocaltimewait",
  "net.inet.tcp.fast_finwait2_recycle",
  "net.inet.tcp.log_in_vain",
  "net.inet.tcp.log_debug",
  "net.inet.tcp.functions_default",
  "net.inet.icmp.icmplim_output",
  "net.inet6.icmp6.errppslimit",
  "net.inet.ip.portrange.randomized",
  "kern.ipc.soacceptqueue",
  "kern.ipc.somaxconn",
]);
