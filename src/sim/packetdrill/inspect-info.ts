/** struct tcp_info as assertions and getsockopt(TCP_INFO) see it, with the numbers of the profile's system. */
import { tcpInfo } from "../../stack/inspect-tcb.ts";
import type { Tcb } from "../../tcp/tcb.ts";
import type { CallContext } from "./calls.ts";
import type { Profile } from "./verdict.ts";

/** States of Linux (include/net/tcp_states.h) and FreeBSD (netinet/tcp_fsm.h), by RFC 9293's names. */
const STATES: Readonly<Record<Profile, Readonly<Record<string, number>>>> = {
  linux: {
    ESTABLISHED: 1,
    "SYN-SENT": 2,
    "SYN-RECEIVED": 3,
    "FIN-WAIT-1": 4,
    "FIN-WAIT-2": 5,
    "TIME-WAIT": 6,
    CLOSED: 7,
    "CLOSE-WAIT": 8,
    "LAST-ACK": 9,
    LISTEN: 10,
    CLOSING: 11,
  },
  freebsd: {
    CLOSED: 0,
    LISTEN: 1,
    "SYN-SENT": 2,
    "SYN-RECEIVED": 3,
    ESTABLISHED: 4,
    "CLOSE-WAIT": 5,
    "FIN-WAIT-1": 6,
    CLOSING: 7,
    "LAST-ACK": 8,
    "FIN-WAIT-2": 9,
    "TIME-WAIT": 10,
  },
};

/** Constants that FreeBSD's packetdrill gives assertions. */
export const FREEBSD_CONSTANTS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(STATES.freebsd).map(([name, number]) => [`TCPI_${name.replaceAll("-", "_")}`, number]),
);

/** A field by name, `tcpi_rtt` or `rtt`; undefined: there is none. */
export type InfoLookup = (name: string) => number | undefined;

/** The fields for `tcb`; without one, those of a closed socket. */
export function infoOf(tcb: Tcb | null, context: CallContext): InfoLookup {
  const { stack } = context.machine;
  if (tcb === null)
    return (name) => (/^(tcpi_)?state$/.test(name) ? STATES[context.profile].CLOSED : undefined);
  const info = tcpInfo(tcb, stack) as unknown as Readonly<Record<string, unknown>>;
  return (name) => {
    const bare = name.startsWith("tcpi_") ? name.slice(5) : name;
    const field = ALIASES[bare] ?? bare;
    if (field === "state") return STATES[context.profile][String(info.state)];
    if (field === "options") return optionsOf(info);
    const value = info[field];
    return typeof value === "number" ? value : typeof value === "boolean" ? Number(value) : undefined;
  };
}

/** FreeBSD's names. */
const ALIASES: Readonly<Record<string, string>> = {
  __tcpi_unacked: "unacked",
  snd_rexmitpack: "total_retrans",
  rcv_ooopack: "rcv_ooopack",
};

/** Bits of tcpi_options: timestamps, SACK, window scale, ECN, ECN seen, data in the SYN. */
function optionsOf(info: Readonly<Record<string, unknown>>): number {
  if (typeof info.options === "number") return info.options;
  const bits = ["timestamps", "sack", "wscale_ok", "ecn", "ecn_seen", "syn_data"];
  return bits.reduce((all, name, i) => all | (info[name] === true ? 1 << i : 0), 0);
}
