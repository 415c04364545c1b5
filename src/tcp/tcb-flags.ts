/**
 * The yes-or-no variables of a connection, a bit each of one int: as fields of their own they would take 8 bytes each (`npm
 * run bench -- scale`). Accessors, which V8 inlines whatever its budget (they are smaller than max_inlined_bytecode_size_small).
 * They decide nothing.
 */

const TIMESTAMPS = 0x1;
const SACK_PERMITTED = 0x2;
const WINDOW_SCALE = 0x4;
const ECN_ASKED = 0x8;
const ECN = 0x10;
const ECN_ECHO = 0x20;
const CWR_QUEUED = 0x40;
const ECN_SEEN = 0x80;
const ACTIVE = 0x100;
const SYN_ACKED = 0x200;
const NO_DELAY = 0x400;
const CORK = 0x800;
const FIN_QUEUED = 0x1000;
const FIN_SENT = 0x2000;
const IS_CHALLENGED = 0x4000;
const FIN_RECEIVED = 0x8000;
const FIN_AHEAD = 0x10000;
const READ_CLOSED = 0x20000;
const PAUSED = 0x40000;
const IS_ORPHAN = 0x80000;
const SENDS_COPIES = 0x100000;
const WANTS_DRAIN = 0x200000;
const RESET_QUEUED = 0x400000;
const SYN_QUEUED = 0x800000;
const PROBE_QUEUED = 0x1000000;
const DIRTY = 0x2000000;
const NOTED = 0x4000000;
const IS_PACING = 0x8000000;
const CWND_LIMITED = 0x10000000;
const KEEP_ALIVE = 0x20000000;

/** The flags of a `Tcb`. At most 30: a Smi has 31 bits where pointers are compressed. */
export class TcbFlags {
  #bits = 0;

  /** Agreed with the SYNs (RFC 7323). */
  get timestamps(): boolean {
    return (this.#bits & TIMESTAMPS) !== 0;
  }

  set timestamps(on: boolean) {
    this.#bits = on ? this.#bits | TIMESTAMPS : this.#bits & ~TIMESTAMPS;
  }

  /** `ConnectionHandler.sendsCopies`. */
  get sendsCopies(): boolean {
    return (this.#bits & SENDS_COPIES) !== 0;
  }

  set sendsCopies(on: boolean) {
    this.#bits = on ? this.#bits | SENDS_COPIES : this.#bits & ~SENDS_COPIES;
  }

  /** Agreed with the SYNs (RFC 2018). */
  get sackPermitted(): boolean {
    return (this.#bits & SACK_PERMITTED) !== 0;
  }

  set sackPermitted(on: boolean) {
    this.#bits = on ? this.#bits | SACK_PERMITTED : this.#bits & ~SACK_PERMITTED;
  }

  /** Agreed with the SYNs (RFC 7323). */
  get windowScale(): boolean {
    return (this.#bits & WINDOW_SCALE) !== 0;
  }

  set windowScale(on: boolean) {
    this.#bits = on ? this.#bits | WINDOW_SCALE : this.#bits & ~WINDOW_SCALE;
  }

  /** ECN (RFC 3168): our SYN asked for it. */
  get ecnAsked(): boolean {
    return (this.#bits & ECN_ASKED) !== 0;
  }

  set ecnAsked(on: boolean) {
    this.#bits = on ? this.#bits | ECN_ASKED : this.#bits & ~ECN_ASKED;
  }

  /** ECN is agreed. */
  get ecn(): boolean {
    return (this.#bits & ECN) !== 0;
  }

  set ecn(on: boolean) {
    this.#bits = on ? this.#bits | ECN : this.#bits & ~ECN;
  }

  /** CE is being echoed. */
  get ecnEcho(): boolean {
    return (this.#bits & ECN_ECHO) !== 0;
  }

  set ecnEcho(on: boolean) {
    this.#bits = on ? this.#bits | ECN_ECHO : this.#bits & ~ECN_ECHO;
  }

  /** CWR is to be said. */
  get cwrQueued(): boolean {
    return (this.#bits & CWR_QUEUED) !== 0;
  }

  set cwrQueued(on: boolean) {
    this.#bits = on ? this.#bits | CWR_QUEUED : this.#bits & ~CWR_QUEUED;
  }

  /** A codepoint was seen. */
  get ecnSeen(): boolean {
    return (this.#bits & ECN_SEEN) !== 0;
  }

  set ecnSeen(on: boolean) {
    this.#bits = on ? this.#bits | ECN_SEEN : this.#bits & ~ECN_SEEN;
  }

  /** This end opened actively. */
  get active(): boolean {
    return (this.#bits & ACTIVE) !== 0;
  }

  set active(on: boolean) {
    this.#bits = on ? this.#bits | ACTIVE : this.#bits & ~ACTIVE;
  }

  /** Our SYN is acknowledged: SND.UNA is no longer ISS (which a comparison could not tell after 2^31 bytes). */
  get synAcked(): boolean {
    return (this.#bits & SYN_ACKED) !== 0;
  }

  set synAcked(on: boolean) {
    this.#bits = on ? this.#bits | SYN_ACKED : this.#bits & ~SYN_ACKED;
  }

  /** Nagle is off. */
  get noDelay(): boolean {
    return (this.#bits & NO_DELAY) !== 0;
  }

  set noDelay(on: boolean) {
    this.#bits = on ? this.#bits | NO_DELAY : this.#bits & ~NO_DELAY;
  }

  /** TCP_CORK: only full segments leave. */
  get cork(): boolean {
    return (this.#bits & CORK) !== 0;
  }

  set cork(on: boolean) {
    this.#bits = on ? this.#bits | CORK : this.#bits & ~CORK;
  }

  /** CLOSE was called: FIN follows what is queued. */
  get finQueued(): boolean {
    return (this.#bits & FIN_QUEUED) !== 0;
  }

  set finQueued(on: boolean) {
    this.#bits = on ? this.#bits | FIN_QUEUED : this.#bits & ~FIN_QUEUED;
  }

  /** It was sent. */
  get finSent(): boolean {
    return (this.#bits & FIN_SENT) !== 0;
  }

  set finSent(on: boolean) {
    this.#bits = on ? this.#bits | FIN_SENT : this.#bits & ~FIN_SENT;
  }

  /** The next ACK answers a challenge, and does not carry our FIN again (`ProtocolConfig.repeatFin`). */
  get isChallenged(): boolean {
    return (this.#bits & IS_CHALLENGED) !== 0;
  }

  set isChallenged(on: boolean) {
    this.#bits = on ? this.#bits | IS_CHALLENGED : this.#bits & ~IS_CHALLENGED;
  }

  /** The peer's FIN was taken in order. */
  get finReceived(): boolean {
    return (this.#bits & FIN_RECEIVED) !== 0;
  }

  set finReceived(on: boolean) {
    this.#bits = on ? this.#bits | FIN_RECEIVED : this.#bits & ~FIN_RECEIVED;
  }

  /** The peer's FIN lies ahead, at `finSeq`. */
  get finAhead(): boolean {
    return (this.#bits & FIN_AHEAD) !== 0;
  }

  set finAhead(on: boolean) {
    this.#bits = on ? this.#bits | FIN_AHEAD : this.#bits & ~FIN_AHEAD;
  }

  /** Nobody reads any more: data that arrives is answered by RST. */
  get readClosed(): boolean {
    return (this.#bits & READ_CLOSED) !== 0;
  }

  set readClosed(on: boolean) {
    this.#bits = on ? this.#bits | READ_CLOSED : this.#bits & ~READ_CLOSED;
  }

  /** The application wants no text now. */
  get paused(): boolean {
    return (this.#bits & PAUSED) !== 0;
  }

  set paused(on: boolean) {
    this.#bits = on ? this.#bits | PAUSED : this.#bits & ~PAUSED;
  }

  /** Closed by its owner and still in the table: counted in `orphans`. */
  get isOrphan(): boolean {
    return (this.#bits & IS_ORPHAN) !== 0;
  }

  set isOrphan(on: boolean) {
    this.#bits = on ? this.#bits | IS_ORPHAN : this.#bits & ~IS_ORPHAN;
  }

  /** `send` returned false; onDrain is owed. */
  get wantsDrain(): boolean {
    return (this.#bits & WANTS_DRAIN) !== 0;
  }

  set wantsDrain(on: boolean) {
    this.#bits = on ? this.#bits | WANTS_DRAIN : this.#bits & ~WANTS_DRAIN;
  }

  /** An RST is to be sent, with SND.NXT as its sequence number, and then nothing. */
  get resetQueued(): boolean {
    return (this.#bits & RESET_QUEUED) !== 0;
  }

  set resetQueued(on: boolean) {
    this.#bits = on ? this.#bits | RESET_QUEUED : this.#bits & ~RESET_QUEUED;
  }

  /** SYN (and SYN-ACK of a simultaneous open) to be sent now. */
  get synQueued(): boolean {
    return (this.#bits & SYN_QUEUED) !== 0;
  }

  set synQueued(on: boolean) {
    this.#bits = on ? this.#bits | SYN_QUEUED : this.#bits & ~SYN_QUEUED;
  }

  /** A zero-window or keepalive probe to be sent now. */
  get probeQueued(): boolean {
    return (this.#bits & PROBE_QUEUED) !== 0;
  }

  set probeQueued(on: boolean) {
    this.#bits = on ? this.#bits | PROBE_QUEUED : this.#bits & ~PROBE_QUEUED;
  }

  /** The outbox has it in its list. */
  get dirty(): boolean {
    return (this.#bits & DIRTY) !== 0;
  }

  set dirty(on: boolean) {
    this.#bits = on ? this.#bits | DIRTY : this.#bits & ~DIRTY;
  }

  /** Whether dispatch has it in its list. */
  get noted(): boolean {
    return (this.#bits & NOTED) !== 0;
  }

  set noted(on: boolean) {
    this.#bits = on ? this.#bits | NOTED : this.#bits & ~NOTED;
  }

  /** Text waits, or waited just now, for `departAt` (pacing.ts). */
  get isPacing(): boolean {
    return (this.#bits & IS_PACING) !== 0;
  }

  set isPacing(on: boolean) {
    this.#bits = on ? this.#bits | IS_PACING : this.#bits & ~IS_PACING;
  }

  /** cwnd held sending back in the current window of data (congestion/validation.ts). */
  get cwndLimited(): boolean {
    return (this.#bits & CWND_LIMITED) !== 0;
  }

  set cwndLimited(on: boolean) {
    this.#bits = on ? this.#bits | CWND_LIMITED : this.#bits & ~CWND_LIMITED;
  }

  /** Keepalive is on (RFC 9293 3.8.4). */
  get keepAlive(): boolean {
    return (this.#bits & KEEP_ALIVE) !== 0;
  }

  set keepAlive(on: boolean) {
    this.#bits = on ? this.#bits | KEEP_ALIVE : this.#bits & ~KEEP_ALIVE;
  }
}
