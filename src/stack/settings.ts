/**
 * The settings of one connection: given to `Stack.connect`, to a listener for the connections it will accept, or to a
 * connection that exists. What they mean is `tcp/`'s business; the names of their socket options stand beside them.
 */
import { ArgumentError } from "../base/errors.ts";
import { MS } from "../base/time.ts";
import { setKeepAlive, setKeepInit, setMaxSegment } from "../tcp/calls.ts";
import { setPacingRate } from "../tcp/pacing.ts";
import { WINDOW_MAX } from "../tcp/sequence-variables.ts";
import { CLOSED } from "../tcp/state.ts";
import type { Tcb } from "../tcp/tcb.ts";
import type { Stack } from "./stack.ts";

/** Times in milliseconds, sizes in bytes. What is left out stays as the stack's configuration has it. */
export interface ConnectionSettings {
  /** TCP_NODELAY: Nagle off. */
  readonly noDelay?: boolean;
  /** SO_KEEPALIVE (RFC 9293 3.8.4). */
  readonly keepAlive?: boolean;
  /** TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT. */
  readonly keepIdleMs?: number;
  readonly keepIntervalMs?: number;
  readonly keepCount?: number;
  /** TCP_KEEPINIT: how long the handshake of an active open may take; 0: as long as SYNs are retransmitted. */
  readonly keepInitMs?: number;
  /** TCP_USER_TIMEOUT (RFC 5482); 0: off. */
  readonly userTimeoutMs?: number;
  /** SO_LINGER; -1: off. */
  readonly lingerMs?: number;
  /** SO_OOBINLINE: the urgent byte stays in the stream (RFC 6093 4), the default; false: `Connection.receiveUrgent` has it. */
  readonly oobInline?: boolean;
  /** TCP_MAXSEG: the largest segment to send and to offer in the SYN, 64 to 65,495; 0: what the path takes. */
  readonly maxSegment?: number;
  /** SO_RCVBUF: bytes that may wait to be read, the window with them; it then no longer grows by itself. */
  readonly receiveBuffer?: number;
  /** SO_SNDBUF: `send` says full above this; it then no longer grows by itself. */
  readonly sendBuffer?: number;
  /** TCP_NOTSENT_LOWAT: `send` says full while so many bytes wait to be sent the first time; 0: the stack's default. */
  readonly notSentLowat?: number;
  /** TCP_CORK: a segment that is not full waits until uncorked, or for the persist timer. */
  readonly cork?: boolean;
  /** TCP_QUICKACK: the next ACKs are not delayed (true), or may be (false). */
  readonly quickAck?: boolean;
  /** TCP_SYNCNT: retransmissions of the SYN. */
  readonly synRetries?: number;
  /** TCP_WINDOW_CLAMP: the window to offer at most; 0: what the buffer allows. */
  readonly windowClamp?: number;
  /** SO_MAX_PACING_RATE: bytes a second that text never exceeds; 0: no limit. */
  readonly maxPacingRate?: number;
  /** IP_TOS, IPV6_TCLASS: the Diffserv octet (RFC 2474), 0 to 255; its two ECN bits are TCP's own (RFC 3168). */
  readonly typeOfService?: number;
  /** IP_TTL, IPV6_UNICAST_HOPS, 1 to 255. */
  readonly hopLimit?: number;
  /** TCP_NOOPT (BSD), before an active open: the SYN carries no options, not even MSS. */
  readonly noOptions?: boolean;
}

/** Sets what `settings` name. Throws `ArgumentError` for a value out of its range. */
export function applySettings(tcb: Tcb, settings: ConnectionSettings, stack: Stack): void {
  checkSettings(settings);
  const { noDelay, keepIdleMs, keepIntervalMs, keepCount, userTimeoutMs, lingerMs } = settings;
  if (noDelay !== undefined) tcb.noDelay = noDelay;
  if (keepIdleMs !== undefined) tcb.keepAliveIdle = keepIdleMs * MS;
  if (keepIntervalMs !== undefined) tcb.keepAliveInterval = keepIntervalMs * MS;
  if (keepCount !== undefined) tcb.keepAliveCount = keepCount;
  if (userTimeoutMs !== undefined) tcb.userTimeout = userTimeoutMs * MS;
  if (lingerMs !== undefined) tcb.linger = lingerMs < 0 ? -1 : lingerMs * MS;
  if (settings.oobInline !== undefined) tcb.oobInline = settings.oobInline;
  if (settings.keepInitMs !== undefined) setKeepInit(tcb, settings.keepInitMs * MS, stack);
  if (settings.maxSegment !== undefined) setMaxSegment(tcb, settings.maxSegment, stack);
  if (settings.keepAlive !== undefined) setKeepAlive(tcb, settings.keepAlive, stack);
  else if (tcb.keepAlive && keepIdleMs !== undefined) setKeepAlive(tcb, true, stack);
  applyBuffers(tcb, settings, stack);
  if (settings.maxPacingRate !== undefined) {
    const isPaced = tcb.congestion.ownsWindow || stack.config.pacing;
    tcb.maxPacingRate = settings.maxPacingRate;
    setPacingRate(tcb, isPaced ? tcb.pacingRate : 0);
  }
  if (settings.typeOfService !== undefined) tcb.dscp = settings.typeOfService & ~3;
  if (settings.hopLimit !== undefined) tcb.ttl = settings.hopLimit;
  if (settings.cork !== undefined) tcb.cork = settings.cork;
  if (settings.quickAck !== undefined) tcb.quickAcks = settings.quickAck ? QUICK_ACKS : 0;
  if (settings.synRetries !== undefined) tcb.synRetries = settings.synRetries;
  if (settings.noOptions === true && tcb.state === CLOSED) {
    tcb.noOptions = true;
    tcb.timestamps = tcb.sackPermitted = tcb.windowScale = false;
  }
  if ((noDelay === true || settings.cork === false) && tcb.queuedToSend > 0) stack.markDirty(tcb);
}

function applyBuffers(tcb: Tcb, settings: ConnectionSettings, stack: Stack): void {
  const { receiveBuffer, sendBuffer, windowClamp, notSentLowat } = settings;
  if (receiveBuffer !== undefined) {
    tcb.rcv.buffer = receiveBuffer;
    tcb.rcv.isFixed = true;
  }
  if (sendBuffer !== undefined) {
    tcb.sendLimit = sendBuffer;
    tcb.isSendLimitFixed = true;
  }
  if (notSentLowat !== undefined) tcb.notSentLowat = notSentLowat || stack.config.notSentLowat;
  if (windowClamp !== undefined) tcb.rcv.clamp = windowClamp > 0 ? windowClamp : WINDOW_MAX;
}

/** Throws `ArgumentError` for a value out of its range. */
export function checkSettings(settings: ConnectionSettings): void {
  check("keepIdleMs", settings.keepIdleMs, 1, TIME_MAX);
  check("keepIntervalMs", settings.keepIntervalMs, 1, TIME_MAX);
  check("keepCount", settings.keepCount, 1, 127);
  check("keepInitMs", settings.keepInitMs, 0, TIME_MAX);
  check("userTimeoutMs", settings.userTimeoutMs, 0, TIME_MAX);
  check("lingerMs", settings.lingerMs, -1, TIME_MAX);
  const { maxSegment } = settings;
  if (maxSegment !== 0) check("maxSegment", maxSegment, 64, 65_495);
  check("receiveBuffer", settings.receiveBuffer, 1, SIZE_MAX);
  check("sendBuffer", settings.sendBuffer, 1, SIZE_MAX);
  check("notSentLowat", settings.notSentLowat, 0, TIME_MAX);
  check("maxPacingRate", settings.maxPacingRate, 0, Number.MAX_SAFE_INTEGER);
  check("synRetries", settings.synRetries, 1, 127);
  check("typeOfService", settings.typeOfService, 0, 255);
  check("hopLimit", settings.hopLimit, 1, 255);
  check("windowClamp", settings.windowClamp, 0, SIZE_MAX);
}

function check(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined) return;
  if (!(value >= least && value <= most)) {
    throw new ArgumentError(name, `a number from ${least} to ${most}`, value, "ERR_OUT_OF_RANGE");
  }
}

/** 24 days: more than TCP has a use for. */
const TIME_MAX = 2 ** 31 - 1;
/** A window of RFC 7323, 2^30, is all that a buffer serves. */
const SIZE_MAX = 2 ** 30;
/** Linux: TCP_MAX_QUICKACKS. */
const QUICK_ACKS = 16;
