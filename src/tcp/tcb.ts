/**
 * The transmission control block: every variable of one connection (RFC 9293 3.3.1), under the RFC's names.
 * One monomorphic class, every field set once in the constructor; what only busy connections need (buffers,
 * rings) is made on first use, so that an idle connection stays small. The TCB decides nothing.
 */
import { assert } from "../base/assert.ts";
import { type Seq, seq } from "../base/seq.ts";
import { type Micros, NEVER } from "../base/time.ts";
import { Assembler } from "./buffer/assembler.ts";
import { COPY_BELOW, ReceiveBuffer } from "./buffer/receive-buffer.ts";
import { SendBuffer } from "./buffer/send-buffer.ts";
import { SentRing } from "./buffer/sent-ring.ts";
import type { Chrono } from "./chrono.ts";
import { defaultMss, type TcpConfig } from "./config.ts";
import type { CongestionControl } from "./congestion/congestion.ts";
import type { Path } from "./context.ts";
import type { DeliveryRate } from "./delivery-rate.ts";
import type { FastOpen } from "./fast-open.ts";
import type { MinRtt } from "./min-rtt.ts";
import type { MtuSearch } from "./mtu-search.ts";
import { RecoveryState } from "./recovery/recovery-state.ts";
import { ReceiveSequence, SendSequence } from "./sequence-variables.ts";
import { CLOSED, isLegal, STATE_NAMES, type State } from "./state.ts";
import type { UrgentMark } from "./urgent.ts";

/** States of recovery, numbered as tcp_info's ca_state. */
export const CA_OPEN = 0;
export const CA_DISORDER = 1;
/** cwnd comes down because of ECN or a repaired tail (RFC 3168, RFC 8985 7.4.2), nothing is lost. */
export const CA_CWR = 2;
export const CA_RECOVERY = 3;
export const CA_LOSS = 4;

/** Events noted for the application, a bit each; dispatched in this order. */
export const EVENT_CONNECT = 1;
export const EVENT_DATA = 2;
export const EVENT_END = 4;
export const EVENT_DRAIN = 8;
export const EVENT_FINISH = 16;
export const EVENT_TROUBLE = 32;
export const EVENT_CLOSE = 64;
/** Told before EVENT_DATA. */
export const EVENT_URGENT = 128;

/** ACK owed to the peer. */
export const ACK_NONE = 0;
export const ACK_DELAYED = 1;
export const ACK_NOW = 2;

/** What the retransmission timer runs for (Linux: icsk_pending): RTO, a tail loss probe, RACK's late segments. */
export const FOR_RETRANSMISSION = 0;
export const FOR_PROBE = 1;
export const FOR_REORDERING = 2;

/** The time of what never happened. */
export const LONG_AGO: Micros = -1e15;

/** One connection. */
export class Tcb {
  /** Slot in the flow table; -1 once it left it. */
  slot = -1;
  state: State = CLOSED;
  readonly family: number;
  readonly local: number;
  readonly remote: number;
  readonly localPort: number;
  readonly remotePort: number;
  /** The path it sends over; replaced when the path's MTU turns out smaller. */
  path: Path;
  /** The connection object of the application. */
  owner: unknown = null;

  readonly snd: SendSequence = new SendSequence();
  readonly rcv: ReceiveSequence = new ReceiveSequence();

  // What was agreed with the SYNs.
  timestamps: boolean;
  sackPermitted: boolean;
  windowScale: boolean;
  /** Our SYN has no options at all (TCP_NOOPT). */
  noOptions = false;
  /** ECN (RFC 3168): our SYN asked for it; agreed; CE is being echoed; CWR is to be said; a codepoint was seen. */
  ecnAsked = false;
  ecn = false;
  ecnEcho = false;
  cwrQueued = false;
  ecnSeen = false;
  /** Bytes whose ACK carried ECE. */
  deliveredCe = 0;
  /** This end opened actively. */
  active = false;
  /** Our SYN is acknowledged: SND.UNA is no longer ISS (which a comparison could not tell after 2^31 bytes). */
  synAcked = false;

  /** The urgent mark, once there was one; whether the urgent byte stays in the stream (SO_OOBINLINE). */
  urgent: UrgentMark | null = null;
  oobInline = true;
  /** Set while, and after, text rode on a SYN (RFC 7413). */
  fastOpen: FastOpen | null = null;

  // Timestamps (RFC 7323): offset of our clock, TS.Recent and when it was set, ours last echoed.
  tsOffset = 0;
  tsRecent = 0;
  tsRecentAt: Micros = -0.5;
  lastAckSent: Seq = seq(0);

  // Buffers, made on first use.
  #send: SendBuffer | null = null;
  #receive: ReceiveBuffer | null = null;
  #assembler: Assembler | null = null;
  #sent: SentRing | null = null;
  #recovery: RecoveryState | null = null;
  sendLimit: number;
  /** The application has set it; it does not grow. */
  isSendLimitFixed = false;
  /** `send` says full from so many bytes on that have not been sent once (TCP_NOTSENT_LOWAT). */
  notSentLowat: number;

  /** Diffserv code point where it stands in the IP header's octet, and the time to live (RFC 9293 3.9.2 MUST-48, 49). */
  dscp: number;
  ttl: number;

  // Flags of sending.
  noDelay: boolean;
  /** TCP_CORK: only full segments leave. */
  cork = false;
  /** Retransmissions of the SYN (TCP_SYNCNT). */
  synRetries: number;
  /** CLOSE was called: FIN follows what is queued. */
  finQueued = false;
  finSent = false;
  /** The next ACK answers a challenge, and does not carry our FIN again (`ProtocolConfig.repeatFin`). */
  isChallenged = false;
  /** The peer's FIN was taken in order; or it lies ahead at `finSeq`. */
  finReceived = false;
  finAhead = false;
  finSeq: Seq = seq(0);
  /** Nobody reads any more: data that arrives is answered by RST. */
  readClosed = false;
  paused = false;
  /** Closed by its owner and still in the table: counted in `orphans`. */
  isOrphan = false;
  /** Text shorter than so many bytes is copied, not referred to; all of it where it will wait (paused, not accepted, no taker). */
  copyBelow: number = COPY_BELOW;
  /** `send` returned false; onDrain is owed. */
  wantsDrain = false;
  /** An RST is to be sent, with SND.NXT as its sequence number, and then nothing. */
  resetQueued = false;
  /** SYN (and SYN-ACK of a simultaneous open) to be sent now. */
  synQueued = false;
  /** A zero-window or keepalive probe to be sent now. */
  probeQueued = false;
  dirty = false;
  events = 0;
  /** Whether dispatch has it in its list. */
  noted = false;

  // Acknowledgments owed.
  ack: number = ACK_NONE;
  /** Bytes received since the last ACK was sent. */
  unackedText = 0;
  /** DSACK to report once (RFC 2883), when `dsackEnd` differs from `dsackStart`. */
  dsackStart: Seq = seq(0);
  dsackEnd: Seq = seq(0);
  /** Text segments that will be acknowledged at once: the peer waits for it, or it opens its window (text.ts). */
  quickAcks: number;
  /** Segments yet to come whose ACKs leave at once, not one for a whole batch: the path loses or reorders (text.ts). */
  promptAcks = 0;
  lastChallenge: Micros = LONG_AGO;
  /** Answers to unacceptable segments since the last acceptable ACK. */
  answers = 0;

  // Round-trip time (RFC 6298), microseconds; -1: none yet.
  srttUs = -1;
  rttvarUs = 0;
  minRttUs = -1;
  minRtt: MinRtt | null = null;
  rtoUs: number;
  backoff = 0;

  // Recovery and congestion control.
  congestion: CongestionControl;
  /** What `congestion` remembers; of a class of its own each, null until it needs one. */
  ccState: object | null = null;
  cwnd = 0;
  ssthresh = 0x7fffffff;
  /** cwnd and ssthresh before the last reduction, for undo. */
  priorCwnd = 0;
  priorSsthresh = 0;
  /** Bytes the peer is known to have received (RFC 9937, draft-ietf-ccwg-bbr 4.1: C.delivered). */
  delivered = 0;
  /** Bytes ever taken for lost, those that were not included (C.lost). */
  lost = 0;
  /** Most segments by which the path was seen to reorder; DupThresh until then (RFC 8985 6.2; Linux: tcpi_reordering). */
  reordering = 3;
  /** Bytes a second at which text leaves; 0: as fast as the windows allow. */
  pacingRate = 0;
  /** SO_MAX_PACING_RATE: bytes a second that pacing never exceeds; 0: no limit. */
  maxPacingRate: number;
  /** When the next text may leave by `pacingRate`; and whether it waits, or waited just now, for that (pacing.ts). */
  departAt: Micros = -0.5;
  isPacing = false;
  /** Delivery-rate sampling, where congestion control asks for it. */
  rate: DeliveryRate | null = null;
  /** Bytes acknowledged in congestion avoidance since cwnd last grew (RFC 5681 3.1, RFC 3465). */
  cwndAcked = 0;
  caState: number = CA_OPEN;
  /** RecoveryPoint: SND.NXT when recovery began. */
  recover: Seq = seq(0);
  dupAcks = 0;
  /** Everything below it was looked at for loss; and nothing below it waits for retransmission (hints only). */
  lostMark: Seq = seq(0);
  resendHint: Seq = seq(0);
  /** HyStart++ in the first slow start. */
  readonly hystart: boolean;
  // Congestion window validation: whether cwnd held sending back in the current window of data, else the most that was
  // outstanding; SND.NXT when that was noted; the most since `cwndStamp`, when the window was last used up.
  cwndLimited = false;
  maxOut = 0;
  usageMark: Seq = seq(0);
  cwndUsed = 0;
  cwndStamp: Micros = -0.5;
  lastSent: Micros = LONG_AGO;
  /** When SND.UNA last moved or the first unacknowledged byte was sent: what the user timeout counts from. */
  progressAt: Micros = -0.5;

  // Deadlines; NEVER when idle. The wheel holds the earliest (timers.ts).
  retransmitAt: Micros = NEVER;
  retransmitFor: number = FOR_RETRANSMISSION;
  persistAt: Micros = NEVER;
  delayedAckAt: Micros = NEVER;
  keepAliveAt: Micros = NEVER;
  /** FIN-WAIT-2 without an owner, linger. */
  lingerAt: Micros = NEVER;
  /** Pacing lets more text go. */
  paceAt: Micros = NEVER;
  /** What the wheel holds; at most the earliest of the above. */
  wheelAt: Micros = NEVER;

  // Retries.
  retries = 0;
  /** Path MTU discovery (path-mtu.ts): largest packet acknowledged; a smaller MTU claimed by ICMP, not believed yet, and the segment it quotes. */
  mtuAcked = 0;
  /** Path MTU discovery by probing (mtu-probe.ts), while it goes on. */
  mtuSearch: MtuSearch | null = null;
  mtuClaim = 0;
  mtuClaimSeq: Seq = seq(0);
  probes = 0;
  keepProbes = 0;
  keepAliveIdle: Micros;
  keepAliveInterval: Micros;
  keepAliveCount: number;
  keepAlive = false;
  userTimeout: Micros;
  /** How long the handshake of an active open may take; 0: as long as SYNs are retransmitted. */
  keepInit: Micros;
  /** TCP_MAXSEG: our limit for segments either way; 0: the configuration's, or the path's. */
  maxSegment = 0;
  /** SO_LINGER in microseconds; -1: off. */
  linger = -1;
  /** A network error that did not end the connection (RFC 5461); reported if a timeout does. */
  softError = 0;

  // Receive-buffer growth: bytes taken by the application since, and the moment.
  takenBytes = 0;
  takenSince: Micros = -0.5;

  // Counters of tcp_info, in bytes and segments.
  /** Retransmission timeouts; runs of them; microseconds in the runs that ended, and when the present one began, or LONG_AGO. */
  timeouts = 0;
  timeoutRuns = 0;
  timeoutTime: Micros = -0.5;
  timeoutSince: Micros = LONG_AGO;
  /** What sending waited for; made when first something is sent. */
  chrono: Chrono | null = null;
  /** Round trip as the receiver sees it, microseconds by the peer's echoes; -1: none yet. And the echo last looked at. */
  rcvRttUs = -1;
  rcvRttEcho = 0;
  lastAckSentAt: Micros = LONG_AGO;
  bytesAcked = 0;
  bytesSent = 0;
  bytesRetransmitted = 0;
  bytesReceived = 0;
  segsOut = 0;
  segsIn = 0;
  dataSegsOut = 0;
  dataSegsIn = 0;
  retransmits = 0;
  dsackDups = 0;
  outOfOrder = 0;
  lastDataSent: Micros = LONG_AGO;
  lastDataReceived: Micros = LONG_AGO;
  lastAckReceived: Micros = LONG_AGO;

  /** The 4-tuple by address keys and ports; defaults come from `config`. */
  constructor(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    path: Path,
    config: TcpConfig,
    congestion: CongestionControl,
  ) {
    this.family = family;
    this.local = local;
    this.remote = remote;
    this.localPort = localPort;
    this.remotePort = remotePort;
    this.path = path;
    this.congestion = congestion;
    this.timestamps = config.timestamps;
    this.sackPermitted = config.sack;
    this.windowScale = config.windowScale;
    this.dscp = config.dscp;
    this.ttl = config.ttl;
    this.noDelay = config.noDelay;
    this.synRetries = config.synRetries;
    this.keepAlive = config.keepAlive;
    this.quickAcks = config.quickAcks;
    this.hystart = config.hystart;
    this.sendLimit = config.sendBuffer;
    this.notSentLowat = config.notSentLowat;
    this.rtoUs = config.rtoInitial;
    this.keepAliveIdle = config.keepAliveIdle;
    this.keepAliveInterval = config.keepAliveInterval;
    this.keepAliveCount = config.keepAliveCount;
    this.userTimeout = config.userTimeout;
    this.keepInit = config.keepInit;
    this.maxPacingRate = config.maxPacingRate;
    this.pacingRate = config.maxPacingRate;
    this.rcv.buffer = config.receiveBuffer;
    this.snd.peerMss = defaultMss(family);
  }

  /** Bytes from SEND, kept until acknowledged. */
  get sendBuffer(): SendBuffer {
    this.#send ??= new SendBuffer();
    return this.#send;
  }

  get receiveBuffer(): ReceiveBuffer {
    this.#receive ??= new ReceiveBuffer();
    return this.#receive;
  }

  get assembler(): Assembler {
    this.#assembler ??= new Assembler();
    return this.#assembler;
  }

  get sentRing(): SentRing {
    this.#sent ??= new SentRing();
    return this.#sent;
  }

  /** What loss recovery remembers. */
  get recovery(): RecoveryState {
    this.#recovery ??= new RecoveryState(this.snd.una);
    return this.#recovery;
  }

  /** The same, without making it. */
  get recoveryIfAny(): RecoveryState | null {
    return this.#recovery;
  }

  /** Bytes in the buffers, without making them. */
  get queuedToSend(): number {
    return this.#send === null ? 0 : this.#send.length;
  }

  get queuedToRead(): number {
    return this.#receive === null ? 0 : this.#receive.length;
  }

  get hasGaps(): boolean {
    return this.#assembler !== null && !this.#assembler.isEmpty;
  }

  /** Lets go of everything that holds memory; what the application has not read stays. */
  freeSending(): void {
    this.#send = null;
    this.#sent = null;
    this.#recovery = null;
    this.#assembler = null;
  }

  freeReceiving(): void {
    this.#receive = null;
  }
}

/** The only way to change a state; what the table of RFC 9293 does not know is a bug. */
export function enterState(tcb: Tcb, next: State): void {
  assert(isLegal(tcb.state, next), `${STATE_NAMES[tcb.state]} -> ${STATE_NAMES[next]} is not a transition`);
  tcb.state = next;
}
