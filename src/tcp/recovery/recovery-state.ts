/**
 * What loss recovery remembers of one connection beside the scoreboard. Made when first something is sent, so that a
 * connection that only listens stays small. The names are those of the RFC that each mechanism's file reads beside.
 */
import type { Seq } from "../../base/seq.ts";
import { type Micros, NEVER } from "../../base/time.ts";

/** `tlpOut`: no tail loss probe outstanding, one of new text, one that was sent before. */
export const TLP_NONE = 0;
export const TLP_NEW = 1;
export const TLP_RESENT = 2;

/** The variables of recovery. */
export class RecoveryState {
  // RACK (RFC 8985 5.2): of the most recently sent segment that was delivered; times in whole microseconds.
  xmitAt: Micros = Number.NEGATIVE_INFINITY;
  endSeq: Seq;
  rttUs = 0;
  /** A delivery was noted since losses were last looked for. */
  advanced = false;
  /** End of the highest segment delivered. */
  fack: Seq;
  /** How often reordering was seen. */
  reorderings = 0;
  reoWndMult = 1;
  reoWndPersist = 0;
  /** SND.NXT when a DSACK last widened the reordering window; once a round trip. Over as soon as that is acknowledged: 2^31 bytes on it would compare as ahead. */
  dsackRound: Seq;
  inDsackRound = false;
  /** No retransmission in flight is older, nor lies above: bounds the search for lost ones. */
  oldestResend: Micros = NEVER;
  resendTop: Seq;
  /** What SACK blocks last covered, four pairs of edges: SACKED throughout, so that it is walked once. */
  runs: Int32Array | null = null;

  // Tail loss probe (RFC 8985 7).
  tlpOut: number = TLP_NONE;
  tlpEnd: Seq;
  tlpDue = false;

  // Undo (RFC 3522, RFC 4015, RFC 3708).
  canUndo = false;
  undoMarker: Seq;
  /** Retransmitted segments since of which no DSACK told; -1: none was sent. */
  undoRetrans = -1;
  /** The timestamp of the first retransmission, if there was one. */
  hasResent = false;
  resentStamp = 0;

  // F-RTO (RFC 5682).
  frto = false;
  /** New text goes before retransmissions until the next ACK. */
  newFirst = false;

  // Proportional rate reduction (RFC 9937 6): bytes.
  prrDelivered = 0;
  prrOut = 0;
  recoverFs = 0;

  // What the ACK in hand told; `forgetAck` clears it.
  /** Lowest segment, sent once, that was delivered below one delivered before: `reorderedAt` is valid with `sawReordering`. */
  sawReordering = false;
  reorderedAt: Seq;
  /** Something sent before the timeout and never again was delivered; something sent again was acknowledged. */
  sawOriginal = false;
  sawResent = false;
  sawDsack = false;
  dsackOfProbe = false;
  /** A retransmission was found lost. */
  lostResend = false;
  /** The timer of retransmission was set by what the ACK told. */
  timerSet = false;
  /** End of the highest segment newly SACKED. */
  sackTop: Seq;
  /** Round trip of the oldest segment newly SACKED that was sent once, -1: none. */
  sackRttUs = -1;

  constructor(una: Seq) {
    this.endSeq = this.fack = this.dsackRound = this.resendTop = una;
    this.tlpEnd = this.undoMarker = this.reorderedAt = this.sackTop = una;
  }

  /** Whether it tells nothing that a new one would not: no reordering, nothing that might be undone, no probe unanswered. */
  get isPlain(): boolean {
    const isLearned = this.reorderings > 0 || this.reoWndMult !== 1 || this.inDsackRound;
    return !isLearned && !this.canUndo && !this.frto && this.tlpOut === TLP_NONE && this.undoRetrans < 0;
  }

  /** Before an ACK. */
  forgetAck(): void {
    this.sawReordering = false;
    this.sawOriginal = false;
    this.sawResent = false;
    this.sawDsack = false;
    this.dsackOfProbe = false;
    this.lostResend = false;
    this.timerSet = false;
    this.sackRttUs = -1;
  }
}
