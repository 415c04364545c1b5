/**
 * Socket options by name: what a socket remembers before it connects or listens, what its connections inherit, and what
 * `getsockopt` says. Units and limits are those of the system that the profile names.
 */
import type { ConnectionSettings } from "../../stack/settings.ts";
import type { ErrnoName, PosixSocket } from "./posix-socket.ts";
import type { Profile } from "./verdict.ts";

/** Options that were set, by name, in the option's own unit. */
export type SocketSettings = Map<string, number>;

/** What an option needs to know of its system. */
export interface OptionContext {
  readonly profile: Profile;
  /** Of the stack's configuration, in the option's units. */
  readonly defaults: Readonly<Record<string, number>>;
  readonly receiveBufferMax: number;
}

interface OptionRule {
  /** Into a connection's settings; left out: remembered, and without effect. */
  readonly apply?: (value: number, context: OptionContext) => ConnectionSettings;
  /** What of a live connection answers; left out: what was set, or the default. */
  readonly read?: (socket: PosixSocket, context: OptionContext) => number | null;
  /** The value as remembered, or the errno that refuses it. */
  readonly check?: (value: number, context: OptionContext, socket: PosixSocket) => number | ErrnoName;
  readonly otherwise?: number;
  /** What FreeBSD's getsockopt says of a switch that is on: its bit in so_options or t_flags. */
  readonly bsdBit?: number;
}

function flag(value: number): number {
  return value === 0 ? 0 : 1;
}

/** Linux: 1 to 32,767 s (MAX_TCP_KEEPIDLE); FreeBSD: what its ticks of 1 ms can count in 32 bits, 0 for the default. */
function keepTime(value: number, { profile }: OptionContext): number | ErrnoName {
  const least = profile === "linux" ? 1 : 0;
  const most = profile === "linux" ? 32_767 : 4_294_967;
  return value >= least && value <= most ? value : "EINVAL";
}

/** FreeBSD takes any number of probes, 0 for the default. */
function keepCount(value: number, { profile }: OptionContext): number | ErrnoName {
  if (profile === "linux") return value >= 1 && value <= 127 ? value : "EINVAL";
  return value >>> 0;
}

function within(least: number, most: number): (value: number) => number | ErrnoName {
  return (value) => (value >= least && value <= most ? value : "EINVAL");
}

const LINGER_OFF = -1;

/** The octet's ECN bits are TCP's (RFC 3168; Linux: ip_sock_set_tos). */
const TRAFFIC_CLASS: OptionRule = {
  check: within(0, 255),
  apply: (value) => ({ typeOfService: value }),
};

const HOP_LIMIT: OptionRule = {
  otherwise: 64,
  check: within(1, 255),
  apply: (value) => ({ hopLimit: value }),
};

const RULES: Readonly<Record<string, OptionRule>> = {
  SO_REUSEADDR: { check: flag, bsdBit: 4 },
  SO_REUSEPORT: { check: flag, bsdBit: 0x200 },
  SO_KEEPALIVE: { check: flag, bsdBit: 8, apply: (value) => ({ keepAlive: value !== 0 }) },
  SO_LINGER: {
    otherwise: LINGER_OFF,
    apply: (value) => ({ lingerMs: value < 0 ? -1 : value * 1000 }),
  },
  SO_RCVBUF: {
    check: (value, { profile, receiveBufferMax }) =>
      profile === "linux"
        ? Math.max(2 * Math.min(value, LINUX_RMEM_MAX), 2304)
        : value > receiveBufferMax
          ? "ENOBUFS"
          : value,
    apply: (value, { profile }) => ({ receiveBuffer: profile === "linux" ? value >> 1 : value }),
    read: (socket, { profile }) =>
      profile === "freebsd" && socket.tcb !== null ? socket.tcb.rcv.buffer : null,
  },
  SO_SNDBUF: {
    check: (value, { profile, receiveBufferMax }) =>
      profile === "linux" ? Math.max(2 * value, 4608) : value > receiveBufferMax ? "ENOBUFS" : value,
    apply: (value) => ({ sendBuffer: value }),
    read: (socket, { profile }) =>
      profile === "freebsd" && socket.tcb !== null ? socket.tcb.sendLimit : null,
  },
  SO_RCVLOWAT: { otherwise: 1 },
  SO_SNDLOWAT: {},
  SO_OOBINLINE: { check: flag, bsdBit: 0x100, apply: (value) => ({ oobInline: value !== 0 }) },
  SO_PRIORITY: {},
  SO_MARK: {},
  SO_TIMESTAMPING: {},
  SO_ZEROCOPY: {},
  SO_MAX_PACING_RATE: {},
  SO_BUSY_POLL: {},
  SO_NOSIGPIPE: {},
  IP_TOS: TRAFFIC_CLASS,
  IP_TTL: HOP_LIMIT,
  IP_RECVERR: {},
  IPV6_RECVERR: {},
  IPV6_TCLASS: TRAFFIC_CLASS,
  IPV6_UNICAST_HOPS: HOP_LIMIT,
  IPV6_V6ONLY: { check: flag },
  IP_MTU_DISCOVER: { otherwise: 1 },
  IPV6_MTU_DISCOVER: { otherwise: 1 },
  IP_FREEBIND: {},
  IP_TRANSPARENT: {},
  IP_BIND_ADDRESS_NO_PORT: {},
  TCP_NODELAY: { check: flag, bsdBit: 4, apply: (value) => ({ noDelay: value !== 0 }) },
  TCP_CORK: { check: flag, apply: (value) => ({ cork: value !== 0 }) },
  TCP_NOPUSH: { check: flag, bsdBit: 0x1000, apply: (value) => ({ cork: value !== 0 }) },
  TCP_NOOPT: { check: flag, bsdBit: 8, apply: (value) => ({ noOptions: value !== 0 }) },
  TCP_MAXSEG: {
    check: checkMaxSegment,
    // FreeBSD's t_maxseg is set anew when the connection is opened, and the SYN's MSS is not of it.
    apply: (value, { profile }) => (profile === "freebsd" ? {} : { maxSegment: value }),
    read: (socket) => (socket.tcb !== null && !socket.isConnecting ? socket.tcb.snd.mss : null),
  },
  TCP_KEEPIDLE: { check: keepTime, apply: (value) => (value > 0 ? { keepIdleMs: value * 1000 } : {}) },
  TCP_KEEPALIVE: { check: keepTime, apply: (value) => (value > 0 ? { keepIdleMs: value * 1000 } : {}) },
  TCP_KEEPINTVL: { check: keepTime, apply: (value) => (value > 0 ? { keepIntervalMs: value * 1000 } : {}) },
  TCP_KEEPCNT: { check: keepCount, apply: (value) => (value > 0 ? { keepCount: value } : {}) },
  TCP_KEEPINIT: { check: keepTime, apply: (value) => (value > 0 ? { keepInitMs: value * 1000 } : {}) },
  TCP_USER_TIMEOUT: { check: within(0, 2 ** 31 - 1), apply: (value) => ({ userTimeoutMs: value }) },
  TCP_QUICKACK: { otherwise: 1, check: flag, apply: (value) => ({ quickAck: value !== 0 }) },
  TCP_DEFER_ACCEPT: {},
  TCP_SYNCNT: { check: within(1, 127), apply: (value) => ({ synRetries: value }) },
  TCP_LINGER2: { otherwise: 60 },
  TCP_WINDOW_CLAMP: { apply: (value) => (value > 0 ? { windowClamp: value } : {}) },
  TCP_NOTSENT_LOWAT: { apply: (value) => ({ notSentLowat: value }) },
  TCP_THIN_LINEAR_TIMEOUTS: { check: flag },
  TCP_THIN_DUPACK: { check: flag },
  TCP_SAVE_SYN: { check: flag },
  TCP_INQ: { check: flag },
  TCP_TX_DELAY: {},
  TCP_FASTOPEN: {},
  TCP_FASTOPEN_CONNECT: { check: flag },
  TCP_FASTOPEN_NO_COOKIE: { check: flag },
  TCP_DELACK: { check: flag },
};

/** net.core.rmem_max. */
const LINUX_RMEM_MAX = 212_992;

/** Linux: 88 to 32,767, 0 for none; FreeBSD: what is now in use at most, and net.inet.tcp.minmss less headers at least. */
function checkMaxSegment(value: number, context: OptionContext, socket: PosixSocket): number | ErrnoName {
  if (context.profile === "linux") return value === 0 || (value >= 88 && value <= 32_767) ? value : "EINVAL";
  const now = socket.tcb?.snd.mss ?? socket.settings.get("TCP_MAXSEG") ?? context.defaults.TCP_MAXSEG ?? 536;
  return value > 0 && value <= now && value + 40 >= 216 ? value : "EINVAL";
}

/** Whether the option is one we know. */
export function isOption(name: string): boolean {
  return name in RULES;
}

/** `setsockopt`: remembers, and changes the connection that there is. Returns an errno's name, or null. */
export function setOption(
  socket: PosixSocket,
  name: string,
  value: number,
  context: OptionContext,
): ErrnoName | null {
  const rule = RULES[name]!;
  const checked = rule.check?.(value, context, socket) ?? value;
  if (typeof checked === "string") return checked;
  socket.settings.set(name, checked);
  if (name === "TCP_MAXSEG" && context.profile === "freebsd" && socket.tcb !== null && !socket.isConnecting) {
    socket.connection?.set({ maxSegment: checked });
  }
  if (socket.connection !== null && rule.apply !== undefined)
    socket.connection.set(rule.apply(checked, context));
  if (socket.listener !== null) adjustListener(socket, context);
  return null;
}

/** What a listener's options mean for it and its connections. */
export function adjustListener({ listener, settings }: PosixSocket, context: OptionContext): void {
  if (listener === null) return;
  listener.settings = settingsOf(settings, context);
  listener.deferAccept = settings.get("TCP_DEFER_ACCEPT") ?? 0;
}

/** `getsockopt`. */
export function getOption(socket: PosixSocket, name: string, context: OptionContext): number {
  const rule = RULES[name]!;
  const live = rule.read?.(socket, context) ?? null;
  const set = socket.settings.get(name);
  if (context.profile === "freebsd" && rule.bsdBit !== undefined) return set ? rule.bsdBit : 0;
  // FreeBSD's keepalive times and count: 0 stands for the default.
  const isDefault = set === undefined || (set === 0 && (rule.check === keepTime || rule.check === keepCount));
  return live ?? (isDefault ? (context.defaults[name] ?? rule.otherwise ?? 0) : set);
}

/** What a connection is opened with, or a listener gives to its own. */
export function settingsOf(settings: SocketSettings, context: OptionContext): ConnectionSettings {
  // POSIX: urgent data is out of band unless SO_OOBINLINE says otherwise.
  let all: ConnectionSettings = { oobInline: false };
  for (const [name, value] of settings) all = { ...all, ...RULES[name]?.apply?.(value, context) };
  return all;
}
