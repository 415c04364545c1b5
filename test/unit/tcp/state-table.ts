/**
 * RFC 9293 3.10.7 as a table, in its own order, refined by RFC 5961 (resets, SYNs and ACKs that may be forged), RFC
 * 7323 (PAWS), RFC 1337 and RFC 6191 (TIME-WAIT): in each state the first row whose condition holds says what is
 * sent, where the connection goes, what is counted and what the application hears. It was written from the RFCs;
 * where the stack does otherwise on purpose, the row says so and who else does it.
 */
import type { SetupName } from "./state-setup.ts";
import {
  ackLine,
  always,
  answer,
  finFits,
  fresh,
  nothing,
  type Row,
  resetByAck,
  resetByLength,
  row,
  SEQUENCE_ROWS,
  SYNCHRONIZED_ROWS,
} from "./synchronized-rows.ts";

const CLOSED_ROWS: Row[] = [
  row(
    "RFC 9293 3.10.7.1: an RST is discarded",
    (c) => c.rst,
    (c) => ({
      sent: [],
      state: "gone",
      drop: c.syn && c.fin ? "tcp-syn-fin" : "tcp-no-connection",
    }),
  ),
  row(
    "RFC 9293 3.10.7.1: with ACK, <SEQ=SEG.ACK><CTL=RST>",
    (c) => c.hasAck,
    (c) => ({
      sent: [resetByAck(c)],
      state: "gone",
      drop: c.syn && c.fin ? "tcp-syn-fin" : "tcp-no-connection",
    }),
  ),
  row("RFC 9293 3.10.7.1: without, <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>", always, (c) => ({
    sent: [resetByLength(c)],
    state: "gone",
    drop: c.syn && c.fin ? "tcp-syn-fin" : "tcp-no-connection",
  })),
];

const LISTEN_ROWS: Row[] = [
  row("RFC 9293 3.10.7.2 first: an RST is ignored", (c) => c.rst, nothing("tcp-no-connection")),
  row(
    "RFC 9293 3.10.7.2 second: an ACK is bad, <SEQ=SEG.ACK><CTL=RST>",
    (c) => c.hasAck,
    (c) => ({
      sent: [resetByAck(c)],
      state: "LISTEN",
      drop: "tcp-no-connection",
    }),
  ),
  // The RFC would queue the FIN; Linux (tcp_rcv_state_process) and FreeBSD (drop_synfin) discard, and so do we.
  row(
    "RFC 9293 3.10.7.2 third, deviation: SYN with FIN is dropped",
    (c) => c.syn && c.fin,
    nothing("tcp-syn-fin"),
  ),
  row(
    "RFC 9293 3.10.7.2 third: SYN, its text left to be sent again",
    (c) => c.syn,
    (c) => ({
      sent: [`S. 0:1(0) ack ${c.seq + 1}`],
      state: "SYN-RECEIVED",
    }),
  ),
  row("RFC 9293 3.10.7.2 fourth: anything else is dropped", always, nothing("tcp-no-connection")),
];

const SYN_SENT_ROWS: Row[] = [
  row(
    "RFC 9293 3.10.7.3 first: unacceptable ACK on an RST is dropped",
    (c) => c.hasAck && c.ack !== c.nxt && c.rst,
    nothing("tcp-ack-unacceptable"),
  ),
  row(
    "RFC 9293 3.10.7.3 first: unacceptable ACK, <SEQ=SEG.ACK><CTL=RST>",
    (c) => c.hasAck && c.ack !== c.nxt,
    (c) => ({
      sent: [resetByAck(c)],
      state: "SYN-SENT",
      drop: "tcp-ack-unacceptable",
    }),
  ),
  row(
    "RFC 9293 3.10.7.3 second: RST with our ACK, connection refused",
    (c) => c.rst && c.hasAck,
    () => ({
      sent: [],
      state: "gone",
      events: ["close ECONNREFUSED"],
    }),
  ),
  row("RFC 9293 3.10.7.3 second: RST without ACK is dropped", (c) => c.rst, nothing("tcp-rst-out-of-window")),
  row(
    "RFC 9293 3.10.7.3 fourth: SYN,ACK with FIN, ESTABLISHED and on to the eighth step",
    (c) => c.syn && c.hasAck && c.fin,
    (c) => ({
      sent: [`. 1:1(0) ack ${c.seq + c.len}`],
      state: "CLOSE-WAIT",
      events: ["connect", ...(c.text > 0 ? [`data ${c.text}`] : []), "end"],
    }),
  ),
  row(
    "RFC 9293 3.10.7.3 fourth: SYN,ACK, ESTABLISHED",
    (c) => c.syn && c.hasAck,
    (c) => ({
      sent: [`. 1:1(0) ack ${c.seq + c.len}`],
      state: "ESTABLISHED",
      events: ["connect", ...(c.text > 0 ? [`data ${c.text}`] : [])],
    }),
  ),
  row(
    "RFC 9293 3.10.7.3 fourth: SYN, simultaneous open",
    (c) => c.syn,
    (c) => ({
      sent: [`S. 0:1(0) ack ${c.seq + 1}`],
      state: "SYN-RECEIVED",
    }),
  ),
  row("RFC 9293 3.10.7.3 fifth: neither SYN nor RST is dropped", always, nothing("tcp-sequence")),
];

/** From the fifth step on, where the ACK of our SYN makes the connection ESTABLISHED. */
const acceptedRows = (connected: string[]): Row[] => [
  row("RFC 9293 3.10.7.4 fifth: without ACK it is dropped", (c) => !c.hasAck, nothing("tcp-no-ack")),
  row(
    "RFC 9293 3.10.7.4 fifth: not SND.UNA < SEG.ACK =< SND.NXT, <SEQ=SEG.ACK><CTL=RST>",
    (c) => c.ackKind !== "nxt",
    (c) => ({
      sent: [resetByAck(c)],
      state: "SYN-RECEIVED",
      drop: "tcp-ack-unacceptable",
    }),
  ),
  row(
    "RFC 9293 3.10.7.4 fifth: ESTABLISHED",
    (c) => c.len === 0,
    () => ({ sent: [], state: "ESTABLISHED", events: connected }),
  ),
  row(
    "RFC 9293 3.10.7.4 fifth: ESTABLISHED, what is behind a gap waits",
    (c) => c.seq > c.rcvNxt,
    (c) => ({
      sent: [ackLine(c)],
      state: "ESTABLISHED",
      events: connected,
    }),
  ),
  row("RFC 9293 3.10.7.4 eighth: FIN with the ACK of SYN", finFits, (c) => ({
    sent: [ackLine(c, c.rcvNxt + fresh(c) + 1)],
    state: "CLOSE-WAIT",
    events: [...connected, ...(fresh(c) > 0 ? [`data ${fresh(c)}`] : []), "end"],
  })),
  row("RFC 9293 3.10.7.4 seventh: ESTABLISHED with text", always, (c) => ({
    sent: [ackLine(c, c.rcvNxt + fresh(c))],
    mayWait: true,
    state: "ESTABLISHED",
    events: [...connected, `data ${fresh(c)}`],
  })),
];

const SIMULTANEOUS_ROWS: Row[] = [
  // By the letter of step one this SYN,ACK is old and only answered; figure 7 and Linux take its ACK.
  row(
    "RFC 9293 3.5 figure 7: the peer's SYN,ACK repeats its SYN and acknowledges ours",
    (c) =>
      c.at === "repeat" &&
      c.syn &&
      c.hasAck &&
      !c.rst &&
      c.ackKind === "nxt" &&
      (c.ts === "none" || c.ts === "fresh"),
    (c) => ({
      sent: c.len > 1 ? [ackLine(c, c.rcvNxt + c.len - 1)] : [],
      mayWait: true,
      state: c.fin ? "CLOSE-WAIT" : "ESTABLISHED",
      events: ["connect", ...(c.text > 0 ? [`data ${c.text}`] : []), ...(c.fin ? ["end"] : [])],
    }),
  ),
  ...SEQUENCE_ROWS,
  row(
    "RFC 9293 3.10.7.4 second: RST after an active OPEN, connection refused",
    (c) => c.rst && c.seq === c.rcvNxt,
    () => ({
      sent: [],
      state: "gone",
      events: ["close ECONNREFUSED"],
    }),
  ),
  row(
    "RFC 5961 3.2: RST elsewhere in the window, a challenge ACK",
    (c) => c.rst,
    answer("tcp-rst-out-of-window"),
  ),
  row("RFC 9293 3.10.7.4 fourth, RFC 5961 4.2: SYN, a challenge ACK", (c) => c.syn, answer("tcp-sequence")),
  ...acceptedRows(["connect"]),
];

const PASSIVE_ROWS: Row[] = [
  // By the letter an ACK; every stack repeats the SYN,ACK, which is what the peer lacks.
  row(
    "RFC 9293 3.8.1: the SYN again, the SYN,ACK again",
    (c) => c.syn && c.at === "repeat" && !c.hasAck && !c.rst && !c.fin,
    (c) => ({
      sent: [`S. 0:1(0) ack ${c.rcvNxt}`],
      state: "SYN-RECEIVED",
    }),
  ),
  ...SEQUENCE_ROWS,
  row(
    "RFC 9293 3.10.7.4 second: RST after a passive OPEN, back to LISTEN",
    (c) => c.rst && c.seq === c.rcvNxt,
    () => ({
      sent: [],
      state: "LISTEN",
    }),
  ),
  row(
    "RFC 5961 3.2: RST elsewhere in the window, a challenge ACK",
    (c) => c.rst,
    answer("tcp-rst-out-of-window"),
  ),
  row(
    "RFC 9293 3.10.7.4 fourth: SYN after a passive OPEN, back to LISTEN",
    (c) => c.syn,
    () => ({
      sent: [],
      state: "LISTEN",
      drop: "tcp-sequence",
    }),
  ),
  ...acceptedRows([]),
];

const TIME_WAIT_ROWS: Row[] = [
  row("RFC 1337 3 (F1): an RST does not end TIME-WAIT", (c) => c.rst, nothing("tcp-time-wait")),
  row(
    "RFC 6191 2: a SYN that timestamps prove new opens a new connection",
    (c) => c.flags === "S" && c.ts === "fresh",
    (c) => ({
      sent: [`S. 0:1(0) ack ${c.seq + 1}`],
      state: "SYN-RECEIVED",
    }),
  ),
  row(
    "RFC 6191 2: a SYN above RCV.NXT opens a new connection",
    (c) => c.flags === "S" && c.ts !== "stale" && c.seq > c.rcvNxt,
    (c) => ({
      sent: [`S. 0:1(0) ack ${c.seq + 1}`],
      state: "SYN-RECEIVED",
    }),
  ),
  row("RFC 5961 4.2: any other SYN is answered by an ACK", (c) => c.syn, answer()),
  row(
    "RFC 9293 3.10.7.4 first, RFC 7323 5.3: outside the window or stale, an ACK in reply",
    (c) => !c.acceptable || c.ts === "stale",
    answer(),
  ),
  row("RFC 9293 3.10.7.4 fifth: without ACK it is dropped", (c) => !c.hasAck, nothing("tcp-no-ack")),
  row(
    "RFC 9293 3.10.7.4 fifth: the peer's last ACK needs no answer",
    (c) => c.len === 0 && c.seq === c.rcvNxt,
    nothing(),
  ),
  row("RFC 9293 3.10.7.4 fifth: anything else is acknowledged", always, answer()),
];

export const TABLE: Record<SetupName, Row[]> = {
  CLOSED: CLOSED_ROWS,
  LISTEN: LISTEN_ROWS,
  "SYN-SENT": SYN_SENT_ROWS,
  "SYN-RECEIVED (passive)": PASSIVE_ROWS,
  "SYN-RECEIVED (simultaneous)": SIMULTANEOUS_ROWS,
  ESTABLISHED: SYNCHRONIZED_ROWS,
  "FIN-WAIT-1": SYNCHRONIZED_ROWS,
  "FIN-WAIT-2": SYNCHRONIZED_ROWS,
  "CLOSE-WAIT": SYNCHRONIZED_ROWS,
  CLOSING: SYNCHRONIZED_ROWS,
  "LAST-ACK": SYNCHRONIZED_ROWS,
  "TIME-WAIT": TIME_WAIT_ROWS,
};
