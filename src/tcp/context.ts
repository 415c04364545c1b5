/**
 * What TCP asks of the stack that carries it. The stack is the one implementation; the seam keeps `tcp/` free of
 * tables, devices and addresses' meaning.
 */

import type { ErrorCode } from "../base/errors.ts";
import type { Seq } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";
import type { Drop } from "../wire/drop.ts";
import type { Segment } from "../wire/segment.ts";
import type { Arena } from "./buffer/arena.ts";
import type { TcpConfig } from "./config.ts";
import type { TcpCounters } from "./counters.ts";
import type { FastOpenCache } from "./fast-open-cache.ts";
import type { SegmentOut } from "./segment-out.ts";
import type { Tcb } from "./tcb.ts";

/** What TCP needs to know of the way to the peer. */
export interface Path {
  /** Largest packet the path takes, in bytes: the interface's MTU or less (PMTU). */
  mtu: number;
  /** Limit for segments either way, whatever the MTU allows (MSS clamping); 0: none. */
  readonly mssClamp: number;
  /** Super-segments may be handed down. */
  readonly offload: boolean;
  /** Over IPv4 they may be larger than a packet can say (BIG TCP). */
  readonly bigTcp: boolean;
}

/** The stack as TCP sees it. */
export interface TcpContext {
  /** The time of this batch or call. */
  readonly now: Micros;
  readonly config: TcpConfig;
  readonly counters: TcpCounters;
  readonly arena: Arena;
  /** What is known of destinations for Fast Open. */
  readonly fastOpen: FastOpenCache;
  /** Something may be ready to send: `output` is asked at the next flush. */
  markDirty(tcb: Tcb): void;
  /** Something happened that the application is told at the next dispatch. */
  note(tcb: Tcb, events: number): void;
  /** A deadline moved to an earlier time than the wheel may know. */
  rearm(tcb: Tcb): void;
  /** Connections that nobody holds any more (`tcb.isOrphan`). */
  orphans: number;
  /** Counts a dropped segment. */
  drop(reason: Drop): void;
  /** A segment that belongs to no TCB: RST, SYN-ACK of the SYN queue, ACK of TIME-WAIT. Sent with the flush. */
  sendBare(seg: Segment, out: SegmentOut): void;
  /** The scratch segment for `sendBare`. */
  readonly bare: SegmentOut;
  /** What stands for an address for ever: an IPv4 key itself, of an IPv6 one a digest. */
  identity(family: number, key: number): number;
  /** Whether the stack may send one more challenge ACK now, or one more RST to `remote` (RFC 5961 7). */
  allowChallenge(): boolean;
  allowReset(family: number, remote: number): boolean;
  /** Initial sequence number and timestamp offset for a 4-tuple (RFC 6528, RFC 7323 5.4). */
  isn(family: number, local: number, remote: number, localPort: number, remotePort: number): Seq;
  timestampOffset(family: number, local: number, remote: number): number;
  /** No SYN is sent before this (RFC 9293 3.4.3). */
  readonly quietUntil: Micros;
  /**
   * What is known of the path to the peer may be wrong: R1 retransmissions of one segment (RFC 9293 3.8.3 MUST-20 a), or, with
   * `mtu`, it takes no larger packets than that; `tcb.path` then says so.
   */
  suspectPath(tcb: Tcb, mtu?: number): void;
  /** The TCB enters TIME-WAIT: a compact record takes its place in the table. */
  toTimeWait(tcb: Tcb): void;
  /** The TCB is CLOSED: it leaves the table. `error` is null after an orderly close. */
  release(tcb: Tcb, error: ErrorCode | null): void;
}

/** Milliseconds of the timestamp clock (RFC 7323 4.1: 1 ms to 1 s a tick), as int32. */
export function timestampClock(now: Micros, offset: number): number {
  return (Math.floor(now / 1_000) + offset) | 0;
}

/** An echo of more milliseconds ago is not ours: RTO never lets a segment live so long. */
export const MAX_ECHO_MS = 600_000;
