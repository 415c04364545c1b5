/**
 * ICMP errors about our own segments: to which connection they belong, whether their sender has seen its segments
 * (RFC 5927 4), and what they do to it (RFC 1122 4.2.3.9, RFC 5461). They end a connection that is being opened, and only
 * explain the timeout of one that works; half-open ones are forgotten, TIME-WAIT does not care.
 */
import type { ErrorCode } from "../base/errors.ts";
import { geq, lt, toInt } from "../base/seq.ts";
import { initialSequence } from "../tcp/half-open.ts";
import { packetTooBig } from "../tcp/path-mtu.ts";
import { HOST_UNREACHABLE, NET_UNREACHABLE } from "../tcp/soft-errors.ts";
import { SYN_SENT } from "../tcp/state.ts";
import { EVENT_TROUBLE, type Tcb } from "../tcp/tcb.ts";
import * as drop from "../wire/drop.ts";
import {
  ADMIN_PROHIBITED,
  FRAGMENTATION_NEEDED,
  type IcmpMessage,
  PARAMETER_PROBLEM,
  PROTOCOL_UNREACHABLE,
  TIME_EXCEEDED,
  UNREACHABLE,
} from "../wire/icmp.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import { KIND_SYN_RECEIVED, RECORD } from "./flow-table.ts";
import type { Stack } from "./stack.ts";

/** What a message means, whichever family it is of. */
export interface IcmpError {
  /** What an open that it ends fails with (Linux: icmp_err_convert, icmpv6_err_convert). */
  readonly code: ErrorCode;
  /** RFC 1122 4.2.3.9: the code where only hard errors end an open (FreeBSD: icmp_errmap); null: it is a soft one. */
  readonly hard: ErrorCode | null;
}

const soft = (code: ErrorCode): IcmpError => ({ code, hard: null });
const hard = (code: ErrorCode): IcmpError => ({ code, hard: "ECONNREFUSED" });

const NET: IcmpError = soft("ENETUNREACH");
const HOST: IcmpError = soft("EHOSTUNREACH");
const PARAMETER: IcmpError = soft("EPROTO");
/** RFC 1122 4.2.3.9 has it soft. FreeBSD lets the time to live exceeded in transit end an open as hard errors do. */
const TIME_TO_LIVE: IcmpError = { code: "EHOSTUNREACH", hard: "EHOSTUNREACH" };
/** A header that the peer does not know (ICMPv6 parameter problem, code 1), and any policy's refusal. */
const V6_PROTOCOL: IcmpError = hard("EPROTO");
const V6_PROHIBITED: IcmpError = hard("EACCES");

/** Destination unreachable by code (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
const UNREACHABLE_CODES: readonly IcmpError[] = [
  NET, // 0 net
  HOST, // 1 host
  hard("ENOPROTOOPT"), // 2 protocol
  hard("ECONNREFUSED"), // 3 port
  HOST, // 4 fragmentation needed, which goes another way
  soft("EOPNOTSUPP"), // 5 source route failed
  NET, // 6 net unknown
  soft("EHOSTDOWN"), // 7 host unknown
  soft("ENONET"), // 8 source host isolated
  hard("ENETUNREACH"), // 9 net prohibited
  hard("EHOSTUNREACH"), // 10 host prohibited
  NET, // 11 net unreachable for this type of service
  HOST, // 12 host unreachable for this type of service
  hard("EHOSTUNREACH"), // 13 communication administratively prohibited
  HOST, // 14 host precedence violation
  HOST, // 15 precedence cutoff
];

/** Handles the error in `message`, which quotes a segment. */
export function errorArrives(stack: Stack, message: IcmpMessage): void {
  const { flows } = stack;
  const slot =
    message.protocol === PROTOCOL_TCP
      ? flows.find(message.family, message.src, message.dst, message.srcPort, message.dstPort)
      : -1;
  const tcb = slot < 0 ? null : (stack.tcbs[slot] ?? null);
  if (tcb === null) {
    if (slot < 0 || !forgetsHalfOpen(stack, slot, message)) stack.drop(drop.ICMP_UNMATCHED);
    return;
  }
  if (!geq(message.seq, tcb.snd.una) || !lt(message.seq, tcb.snd.nxt)) {
    stack.counters.OutOfWindowIcmps++;
    stack.drop(drop.ICMP_UNMATCHED);
  } else if (message.type === UNREACHABLE && message.code === FRAGMENTATION_NEEDED) {
    if (!packetTooBig(tcb, message.seq, message.mtu, message.quotedLength, stack))
      stack.drop(drop.ICMP_UNMATCHED);
  } else {
    unreachable(stack, tcb, meaningOf(message));
  }
}

/** Errors that are none: a code that no RFC knows is as good as host unreachable. */
function meaningOf(message: IcmpMessage): IcmpError {
  const { type, code } = message;
  if (type === PARAMETER_PROBLEM) return PARAMETER;
  if (type === TIME_EXCEEDED) return code === 0 ? TIME_TO_LIVE : HOST;
  if (message.family === 6 && code === PROTOCOL_UNREACHABLE) return V6_PROTOCOL;
  if (message.family === 6 && code === ADMIN_PROHIBITED) return V6_PROHIBITED;
  return UNREACHABLE_CODES[code] ?? HOST;
}

/**
 * RFC 5461 4.1: an error ends a connection that is being opened, so that the next address is tried soon. RFC 9293 3.9.2.2
 * (MUST-56, SHLD-26) and RFC 5927 5.2: of one that is synchronized it is only remembered.
 */
function unreachable(stack: Stack, tcb: Tcb, error: IcmpError): void {
  tcb.softError = error.code === "ENETUNREACH" ? NET_UNREACHABLE : HOST_UNREACHABLE;
  const { icmpMayReset } = stack.config;
  if (
    tcb.state !== SYN_SENT ||
    icmpMayReset === "never" ||
    (icmpMayReset === "hard" && error.hard === null)
  ) {
    stack.note(tcb, EVENT_TROUBLE);
    return;
  }
  stack.counters.AttemptFails++;
  stack.release(tcb, icmpMayReset === "hard" ? (error.hard ?? error.code) : error.code);
}

/** A SYN-ACK that did not arrive: the half-open connection goes, silently, if the message knows its sequence number (Linux: tcp_req_err). */
function forgetsHalfOpen(stack: Stack, slot: number, message: IcmpMessage): boolean {
  const { flows, listeners } = stack;
  if (flows.kind(slot) !== KIND_SYN_RECEIVED || listeners.isHeld(slot)) return false;
  if (toInt(initialSequence(flows.record, slot * RECORD)) !== toInt(message.seq)) {
    stack.counters.OutOfWindowIcmps++;
    return false;
  }
  const { type, code } = message;
  const isFinal = type === UNREACHABLE ? code !== FRAGMENTATION_NEEDED : type === TIME_EXCEEDED;
  if (!isFinal && type !== PARAMETER_PROBLEM) return false;
  stack.counters.AttemptFails++;
  listeners.forgetHalfOpen(slot);
  return true;
}
