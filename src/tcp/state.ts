/**
 * The eleven states of RFC 9293 3.3.2 and the transitions of its figure 5 and section 3.10, as data. The state
 * diagram in docs/ is drawn from this table; `enterState` (tcb.ts) admits nothing else.
 */

export const CLOSED = 0;
export const LISTEN = 1;
export const SYN_SENT = 2;
export const SYN_RECEIVED = 3;
export const ESTABLISHED = 4;
export const FIN_WAIT_1 = 5;
export const FIN_WAIT_2 = 6;
export const CLOSE_WAIT = 7;
export const CLOSING = 8;
export const LAST_ACK = 9;
export const TIME_WAIT = 10;

/** A state: CLOSED to TIME_WAIT. */
export type State = number;

/** The RFC's names, by state. */
export const STATE_NAMES = [
  "CLOSED",
  "LISTEN",
  "SYN-SENT",
  "SYN-RECEIVED",
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
  "TIME-WAIT",
] as const;

/** A state as the RFC spells it. */
export type StateName = (typeof STATE_NAMES)[number];

/** One legal transition and what causes it. */
export interface Transition {
  readonly from: State;
  readonly to: State;
  /** The event, in the words of RFC 9293's figure 5 or section 3.10. */
  readonly on: string;
}

/** Every legal transition. Deleting a TCB (to CLOSED) is legal from every state, by ABORT, RST or timeout. */
export const TRANSITIONS: readonly Transition[] = [
  { from: CLOSED, to: LISTEN, on: "passive OPEN" },
  { from: CLOSED, to: SYN_SENT, on: "active OPEN: send SYN" },
  { from: LISTEN, to: SYN_RECEIVED, on: "receive SYN: send SYN,ACK" },
  { from: LISTEN, to: SYN_SENT, on: "SEND: send SYN" },
  { from: LISTEN, to: CLOSED, on: "CLOSE" },
  { from: SYN_SENT, to: ESTABLISHED, on: "receive SYN,ACK: send ACK" },
  { from: SYN_SENT, to: SYN_RECEIVED, on: "receive SYN: send SYN,ACK" },
  { from: SYN_SENT, to: CLOSED, on: "CLOSE, RST or timeout" },
  { from: SYN_RECEIVED, to: ESTABLISHED, on: "receive ACK of SYN" },
  { from: SYN_RECEIVED, to: FIN_WAIT_1, on: "CLOSE: send FIN" },
  { from: SYN_RECEIVED, to: CLOSE_WAIT, on: "receive FIN with the ACK of SYN" },
  { from: SYN_RECEIVED, to: LISTEN, on: "receive RST, after a passive OPEN" },
  { from: SYN_RECEIVED, to: CLOSED, on: "RST after an active OPEN, or timeout" },
  { from: ESTABLISHED, to: FIN_WAIT_1, on: "CLOSE: send FIN" },
  { from: ESTABLISHED, to: CLOSE_WAIT, on: "receive FIN: send ACK" },
  { from: ESTABLISHED, to: CLOSED, on: "RST, ABORT or timeout" },
  { from: FIN_WAIT_1, to: FIN_WAIT_2, on: "receive ACK of FIN" },
  { from: FIN_WAIT_1, to: CLOSING, on: "receive FIN: send ACK" },
  { from: FIN_WAIT_1, to: TIME_WAIT, on: "receive FIN with the ACK of FIN: send ACK" },
  { from: FIN_WAIT_1, to: CLOSED, on: "RST, ABORT or timeout" },
  { from: FIN_WAIT_2, to: TIME_WAIT, on: "receive FIN: send ACK" },
  { from: FIN_WAIT_2, to: CLOSED, on: "RST, ABORT or timeout" },
  { from: CLOSE_WAIT, to: LAST_ACK, on: "CLOSE: send FIN" },
  { from: CLOSE_WAIT, to: CLOSED, on: "RST, ABORT or timeout" },
  { from: CLOSING, to: TIME_WAIT, on: "receive ACK of FIN" },
  { from: CLOSING, to: CLOSED, on: "RST, ABORT or timeout" },
  { from: LAST_ACK, to: CLOSED, on: "receive ACK of FIN, RST, ABORT or timeout" },
  { from: TIME_WAIT, to: CLOSED, on: "2MSL timeout, or reuse (RFC 6191)" },
];

const STATES = STATE_NAMES.length;
const LEGAL: Uint8Array = new Uint8Array(STATES * STATES);
for (const t of TRANSITIONS) LEGAL[t.from * STATES + t.to] = 1;

/** Whether the table has a transition `from` -> `to`. */
export function isLegal(from: State, to: State): boolean {
  return LEGAL[from * STATES + to] === 1;
}
