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
import type { MinRtt } from "./min-rtt.ts";
import { LONG_AGO } from "./rare-state.ts";
import { RecoveryState } from "./recovery/recovery-state.ts";
import { ReceiveSequence, SendSequence } from "./sequence-variables.ts";
import { CLOSED, isLegal, STATE_NAMES, type State } from "./state.ts";
import { TcbRare } from "./tcb-rare.ts";
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

export { LONG_AGO };

/** One connection. */
export class Tcb extends TcbRare {
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

  /** The urgent mark, once there was one; whether the urgent byte stays in the stream (SO_OOBINLINE). */
  urgent: UrgentMark | null = null;

  // Timestamps (RFC 7323): offset of our clock, TS.Recent and the second in which it was set, ours last echoed.
  tsOffset = 0;
  tsRecent = 0;
  tsRecentSecond = 0;
  lastAckSent: Seq = seq(0);

  // Buffers, made on first use.
  #send: SendBuffer | null = null;
  #receive: ReceiveBuffer | null = null;
  #assembler: Assembler | null = null;
  #sent: SentRing | null = null;
  #recovery: RecoveryState | null = null;
  sendLimit: number;

  /** Diffserv code point where it stands in the IP header's octet, and the time to live (RFC 9293 3.9.2 MUST-48, 49). */
  dscp: number;
  ttl: number;

  /** Text shorter than so many bytes is copied, not referred to; all of it where it will wait (paused, not accepted, no taker). */
  copyBelow: number = COPY_BELOW;
  events = 0;

  // Acknowledgments owed.
  ack: number = ACK_NONE;
  /** Bytes received since the last ACK was sent. */
  unackedText = 0;
  /** Text segments that will be acknowledged at once: the peer waits for it, or it opens its window (text.ts). */
  quickAcks: number;
  /** Segments yet to come whose ACKs leave at once, not one for a whole batch: the path loses or reorders (text.ts). */
  promptAcks = 0;

  // Round-trip time (RFC 6298), microseconds; -1: none yet.
  srttUs = -1;
  rttvarUs = 0;
  /** The least of them lately, and when it was (whole milliseconds) while there is no `minRtt`. */
  minRttUs = -1;
  minRttMs = 0;
  minRtt: MinRtt | null = null;
  rtoUs: number;

  // Recovery and congestion control.
  congestion: CongestionControl;
  /** What `congestion` remembers; of a class of its own each, null until it needs one. */
  ccState: object | null = null;
  cwnd = 0;
  ssthresh = 0x7fffffff;
  /** Bytes the peer is known to have received (RFC 9937, draft-ietf-ccwg-bbr 4.1: C.delivered). */
  delivered = 0;
  /** Bytes a second at which text leaves; 0: as fast as the windows allow. */
  pacingRate = 0;
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
  maxOut = 0;
  usageMark: Seq = seq(0);
  cwndUsed = 0;
  cwndStamp = 0;
  lastSent: Micros = LONG_AGO;
  /** When SND.UNA last moved or the first unacknowledged byte was sent: what the user timeout counts from. */
  progressAt: Micros = -0.5;

  // Deadlines; NEVER when idle. The wheel holds the earliest (timers.ts).
  retransmitAt: Micros = NEVER;
  retransmitFor: number = FOR_RETRANSMISSION;
  persistAt: Micros = NEVER;
  delayedAckAt: Micros = NEVER;
  keepAliveAt: Micros = NEVER;
  /** What the wheel holds; at most the earliest of the above. */
  wheelAt: Micros = NEVER;

  // Retries.
  retries = 0;
  /** Path MTU discovery (path-mtu.ts): largest packet acknowledged; a smaller MTU claimed by ICMP, not believed yet, and the segment it quotes. */
  mtuAcked = 0;
  userTimeout: Micros;

  // Receive-buffer growth: bytes taken by the application since, and the moment (the low 32 bits of the clock).
  takenBytes = 0;
  takenSince = 0;

  /** What sending waited for; made when first something is sent. */
  chrono: Chrono | null = null;
  /** Round trip as the receiver sees it, microseconds by the peer's echoes; -1: none yet. And the echo last looked at. */
  rcvRttUs = -1;
  rcvRttEcho = 0;
  /** Whole milliseconds; -1: never. */
  lastAckSentMs = -1;
  lastDataSentMs = -1;
  bytesAcked = 0;
  bytesSent = 0;
  bytesReceived = 0;
  segsOut = 0;
  segsIn = 0;
  dataSegsOut = 0;
  dataSegsIn = 0;
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
    super(config);
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
    this.keepAlive = config.keepAlive;
    this.quickAcks = config.quickAcks;
    this.sendLimit = config.sendBuffer;
    this.rtoUs = config.rtoInitial;
    this.userTimeout = config.userTimeout;
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

  /** Something that `freeEmpty` would let go of: what was sent has records, and they remain. */
  get holdsMemory(): boolean {
    return this.#sent !== null;
  }

  /** Lets go of buffers that are empty. */
  freeEmpty(): void {
    if (this.#send !== null && this.#send.length === 0) this.#send = null;
    if (this.#receive !== null && this.#receive.length === 0) this.#receive = null;
    if (this.#assembler?.isEmpty === true) this.#assembler = null;
    if (this.#sent !== null && this.#sent.count === 0 && this.rate === null) this.#sent = null;
  }

  freeRecovery(): void {
    this.#recovery = null;
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
