/**
 * ICMP messages received: echo requests are answered, errors about our segments reach their connections, if they
 * prove to know them (RFC 5927 4: the quoted sequence number must be in flight).
 */
import { geq, lt } from "../base/seq.ts";
import { SACKED } from "../tcp/buffer/sent-ring.ts";
import { updateMss } from "../tcp/calls.ts";
import { markLost } from "../tcp/recovery/scoreboard.ts";
import { HOST_UNREACHABLE, NET_UNREACHABLE } from "../tcp/soft-errors.ts";
import { SYN_SENT } from "../tcp/state.ts";
import { EVENT_TROUBLE, type Tcb } from "../tcp/tcb.ts";
import * as drop from "../wire/drop.ts";
import {
  ADMIN_PROHIBITED,
  ECHO_REPLY,
  ECHO_REQUEST,
  FRAGMENTATION_NEEDED,
  IcmpMessage,
  isIcmpError,
  PORT_UNREACHABLE,
  PROTOCOL_UNREACHABLE,
  parseIcmp,
  UNREACHABLE,
} from "../wire/icmp.ts";
import type { Segment } from "../wire/segment.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import { sendEchoReply } from "./icmp-output.ts";
import type { StackPath } from "./path-cache.ts";
import type { Stack } from "./stack.ts";

const message = new IcmpMessage();

/** RFC 6633: never heeded; RFC 1122 3.2.2.2 leaves redirects to routing, which is not here. */
const SOURCE_QUENCH = 4;
const REDIRECT = 5;

/** Smallest path MTU that is believed: RFC 791's 576 would be right, Linux's 552 (net.ipv4.route.min_pmtu) is kinder. */
const PMTU_MIN = 552;

/** Takes the message in `seg`. */
export function icmpInput(stack: Stack, seg: Segment): void {
  stack.ip.IcmpInMsgs++;
  const reason = parseIcmp(seg.view, seg, message);
  if (reason !== drop.OK) {
    stack.ip.IcmpInErrors++;
    stack.drop(reason);
    return;
  }
  if (message.type === ECHO_REQUEST) {
    stack.ip.IcmpInEchos++;
    sendEchoReply(stack, seg, message);
  } else if (isIcmpError(message.type)) {
    if (message.type === UNREACHABLE) stack.ip.IcmpInDestUnreachs++;
    errorArrives(stack);
  } else if (message.type !== ECHO_REPLY) {
    stack.drop(drop.ICMP_UNMATCHED);
  }
}

function errorArrives(stack: Stack): void {
  const slot =
    message.protocol === PROTOCOL_TCP
      ? stack.flows.find(message.family, message.src, message.dst, message.srcPort, message.dstPort)
      : -1;
  const tcb = slot < 0 ? null : (stack.tcbs[slot] ?? null);
  if (tcb === null || !geq(message.seq, tcb.snd.una) || !lt(message.seq, tcb.snd.nxt)) {
    stack.drop(drop.ICMP_UNMATCHED);
    return;
  }
  if (message.type === UNREACHABLE && message.code === FRAGMENTATION_NEEDED) tooBig(stack, tcb);
  else if (message.type === SOURCE_QUENCH || message.type === REDIRECT) stack.drop(drop.ICMP_UNMATCHED);
  else unreachable(stack, tcb);
}

/**
 * RFC 5461: errors end a connection that is being opened, and only explain the timeout of one that works (RFC 9293 3.9.2.2
 * SHLD-26: a soft error must not abort; RFC 5927 5.2: hard errors are treated as soft once synchronized).
 */
function unreachable(stack: Stack, tcb: Tcb): void {
  const { type, code } = message;
  const hard =
    type === UNREACHABLE && (code === PORT_UNREACHABLE || code === PROTOCOL_UNREACHABLE || code >= 9);
  const noNet = type === UNREACHABLE && (code === 0 || code === 6 || code === 11);
  tcb.softError = noNet ? NET_UNREACHABLE : HOST_UNREACHABLE;
  const { icmpMayReset } = stack.config;
  if (tcb.state !== SYN_SENT || icmpMayReset === "never" || (icmpMayReset === "hard" && !hard)) {
    stack.note(tcb, EVENT_TROUBLE);
    return;
  }
  stack.counters.AttemptFails++;
  const refused = icmpMayReset === "hard" || (hard && code !== ADMIN_PROHIBITED && code !== 9 && code !== 10);
  stack.release(tcb, refused ? "ECONNREFUSED" : noNet ? "ENETUNREACH" : "EHOSTUNREACH");
}

/** RFC 1191 6.3: the path takes less than we sent. Segments shrink, and what was too big goes again at once. */
function tooBig(stack: Stack, tcb: Tcb): void {
  const path = tcb.path as StackPath;
  const mtu = Math.max(PMTU_MIN, message.mtu === 0 ? plateauBelow(path.mtu) : message.mtu);
  if (mtu >= path.mtu) return;
  tcb.path = stack.interfaces.paths.learn(tcb.family, tcb.remote, path.link, mtu);
  updateMss(tcb, stack);
  const ring = tcb.sentRing;
  for (let i = 0; i < ring.count; i++) {
    if ((ring.flagsAt(i) & SACKED) === 0) markLost(tcb, i);
  }
  stack.markDirty(tcb);
}

/** RFC 1191 7.1: a router that does not say how much less; the next plateau. */
function plateauBelow(mtu: number): number {
  for (const plateau of [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 576]) {
    if (plateau < mtu) return plateau;
  }
  return PMTU_MIN;
}
