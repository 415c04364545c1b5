/**
 * What few connections ever need beyond its default: settings that differ from the configuration's, and what trouble leaves
 * behind. All connections share one `RareState` until they change something of theirs (`npm run bench -- scale`). Nothing that
 * a segment of an undisturbed connection changes belongs here. It decides nothing.
 */
import { type Seq, seq } from "../base/seq.ts";
import { type Micros, NEVER } from "../base/time.ts";
import type { TcpConfig } from "./config.ts";
import type { FastOpen } from "./fast-open.ts";
import type { MtuSearch } from "./mtu-search.ts";

/** The time of what never happened. */
export const LONG_AGO: Micros = -1e15;

/** The variables. */
export class RareState {
  /** Of several connections: it is copied before it is changed. */
  isShared = false;
  /** Our SYN has no options at all (TCP_NOOPT). */
  noOptions = false;
  /** The urgent byte stays in the stream (SO_OOBINLINE). */
  oobInline = true;
  /** The application has set `sendLimit`; it does not grow. */
  isSendLimitFixed = false;
  /** HyStart++ in the first slow start. */
  hystart: boolean;
  /** Bytes whose ACK carried ECE. */
  deliveredCe = 0;
  /** Retransmissions of the SYN (TCP_SYNCNT). */
  synRetries: number;
  /** Where the peer's FIN lies, while `finAhead`. */
  finSeq: Seq = seq(0);
  /** cwnd and ssthresh before the last reduction, for undo. */
  priorCwnd = 0;
  priorSsthresh = 0;
  /** Bytes ever taken for lost, those that were not included (C.lost). */
  lost = 0;
  /** Most segments by which the path was seen to reorder; DupThresh until then (RFC 8985 6.2; Linux: tcpi_reordering). */
  reordering = 3;
  /** SO_MAX_PACING_RATE: bytes a second that pacing never exceeds; 0: no limit. */
  maxPacingRate: number;
  /** When the next text may leave by `pacingRate` (pacing.ts). */
  departAt: Micros = -0.5;
  /** Path MTU discovery by probing (mtu-probe.ts), while it goes on. */
  mtuSearch: MtuSearch | null = null;
  /** Path MTU discovery (path-mtu.ts): a smaller MTU claimed by ICMP, not believed yet, and the segment it quotes. */
  mtuClaim = 0;
  mtuClaimSeq: Seq = seq(0);
  /** Keepalive (RFC 9293 3.8.4). */
  keepAliveIdle: Micros;
  keepAliveInterval: Micros;
  keepAliveCount: number;
  /** How long the handshake of an active open may take; 0: as long as SYNs are retransmitted. */
  keepInit: Micros;
  /** TCP_MAXSEG: our limit for segments either way; 0: the configuration's, or the path's. */
  maxSegment = 0;
  /** SO_LINGER in microseconds; -1: off. */
  linger = -1;
  /** A network error that did not end the connection (RFC 5461); reported if a timeout does. */
  softError = 0;
  /** Retransmission timeouts; runs of them; microseconds in the runs that ended, and when the present one began, or LONG_AGO. */
  timeouts = 0;
  timeoutRuns = 0;
  timeoutTime: Micros = -0.5;
  timeoutSince: Micros = LONG_AGO;
  bytesRetransmitted = 0;
  /** Counters of tcp_info, in bytes and segments. */
  retransmits = 0;
  dsackDups = 0;
  outOfOrder = 0;
  /** `send` says full from so many bytes on that have not been sent once (TCP_NOTSENT_LOWAT). */
  notSentLowat: number;
  /** When a challenge was last answered. */
  lastChallenge: Micros = LONG_AGO;
  /** Answers to unacceptable segments since the last acceptable ACK. */
  answers = 0;
  keepProbes = 0;
  /** FIN-WAIT-2 without an owner, linger. */
  lingerAt: Micros = NEVER;
  /** Pacing lets more text go. */
  paceAt: Micros = NEVER;
  /** DSACK to report once (RFC 2883), when `dsackEnd` differs from `dsackStart`. */
  dsackStart: Seq = seq(0);
  dsackEnd: Seq = seq(0);
  /** Window probes in a row (RFC 9293 3.8.6.1), and doublings of the timeout (RFC 6298 5.5). */
  probes = 0;
  backoff = 0;
  /** Set while, and after, text rode on a SYN (RFC 7413). */
  fastOpen: FastOpen | null = null;

  constructor(config: Configured) {
    this.hystart = config.hystart;
    this.synRetries = config.synRetries;
    this.maxPacingRate = config.maxPacingRate;
    this.keepAliveIdle = config.keepAliveIdle;
    this.keepAliveInterval = config.keepAliveInterval;
    this.keepAliveCount = config.keepAliveCount;
    this.keepInit = config.keepInit;
    this.notSentLowat = config.notSentLowat;
  }
}

/** Those that the configuration says. */
type Configured = Pick<
  TcpConfig,
  | "hystart"
  | "synRetries"
  | "maxPacingRate"
  | "keepAliveIdle"
  | "keepAliveInterval"
  | "keepAliveCount"
  | "keepInit"
  | "notSentLowat"
>;

/** By name each: a loop over names took 3 % of a short connection (`npm run bench -- kernel`, crr). */
function isAlike(a: Configured, b: Configured): boolean {
  return (
    a.hystart === b.hystart &&
    a.synRetries === b.synRetries &&
    a.maxPacingRate === b.maxPacingRate &&
    a.keepAliveIdle === b.keepAliveIdle &&
    a.keepAliveInterval === b.keepAliveInterval &&
    a.keepAliveCount === b.keepAliveCount &&
    a.keepInit === b.keepInit &&
    a.notSentLowat === b.notSentLowat
  );
}

const shared: WeakMap<TcpConfig, RareState> = new WeakMap();

/** The one that all connections of `config` begin with; another one after the configuration changed. */
export function sharedBy(config: TcpConfig): RareState {
  const known = shared.get(config);
  if (known !== undefined && isAlike(known, config)) return known;
  const fresh = new RareState(config);
  fresh.isShared = true;
  shared.set(config, fresh);
  return fresh;
}
