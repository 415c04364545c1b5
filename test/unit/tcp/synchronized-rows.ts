/**
 * What a row of the state table is, and the rows of the synchronized states (RFC 9293 3.10.7.4). The other states, and
 * what the table is for: state-table.ts.
 */
import type { StateName } from "../../../src/tcp/state.ts";
import type { DropReason } from "../../../src/wire/drop.ts";
import type { Cell } from "./segment-kinds.ts";
import type { SetupName, Variables } from "./state-setup.ts";

export interface Outcome {
  /** Lines at once. */
  readonly sent: string[];
  /** The ACK may wait (RFC 9293 3.8.6.3): lines within 40 ms. */
  readonly mayWait?: boolean;
  readonly state: StateName | "gone";
  readonly drop?: DropReason;
  readonly events?: string[];
}

export interface Row {
  readonly rfc: string;
  readonly when: (c: Cell) => boolean;
  readonly then: (c: Cell) => Outcome;
}

export const row = (rfc: string, when: Row["when"], then: Row["then"]): Row => ({ rfc, when, then });
export const always = (): boolean => true;

/** <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK> */
export const ackLine = (c: Variables, rcvNxt = c.rcvNxt): string => `. ${c.nxt}:${c.nxt}(0) ack ${rcvNxt}`;
/** <SEQ=SEG.ACK><CTL=RST> */
export const resetByAck = (c: Cell): string => `R ${c.ack}:${c.ack}(0)`;
/** <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK> */
export const resetByLength = (c: Cell): string => `R. 0:0(0) ack ${c.seq + c.len}`;
export const same = (c: Cell): StateName => c.state.replace(/ \(.*/, "") as StateName;

export const nothing =
  (drop?: DropReason) =>
  (c: Cell): Outcome => ({
    sent: [],
    state: same(c),
    ...(drop === undefined ? {} : { drop }),
  });
export const answer =
  (drop?: DropReason) =>
  (c: Cell): Outcome => ({
    sent: [ackLine(c)],
    state: same(c),
    ...(drop === undefined ? {} : { drop }),
  });

/** Step one, for all states with a peer. */
export const SEQUENCE_ROWS: Row[] = [
  row(
    "RFC 7323 3.2: no timestamps though agreed, dropped silently",
    (c) => c.ts === "missing" && !c.rst,
    nothing("tcp-missing-timestamp"),
  ),
  row("RFC 7323 5.3 R1: PAWS, an ACK in reply", (c) => c.ts === "stale" && !c.rst, answer("tcp-paws")),
  row(
    "RFC 9293 3.10.7.4 first: an RST outside the window is dropped",
    (c) => !c.acceptable && c.rst,
    nothing("tcp-sequence"),
  ),
  row(
    "RFC 9293 3.10.7.4 first, RFC 5961 4.2: outside the window, an ACK in reply",
    (c) => !c.acceptable,
    answer("tcp-sequence"),
  ),
];

/** What the synchronized states do differently. */
interface Column {
  /** On RST: the error that the application hears. */
  readonly reset: string;
  /** Where an ACK of everything sent leads, FIN included. */
  readonly acked: StateName | "gone";
  readonly takesText: boolean;
  /** Where the peer's FIN leads, and where it leads if it acknowledges ours too. */
  readonly fin: StateName;
  readonly finAndAck: StateName | "gone";
}
const COLUMNS: Partial<Record<SetupName, Column>> = {
  ESTABLISHED: {
    reset: "close ECONNRESET",
    acked: "ESTABLISHED",
    takesText: true,
    fin: "CLOSE-WAIT",
    finAndAck: "CLOSE-WAIT",
  },
  "FIN-WAIT-1": {
    reset: "close ECONNRESET",
    acked: "FIN-WAIT-2",
    takesText: true,
    fin: "CLOSING",
    finAndAck: "TIME-WAIT",
  },
  "FIN-WAIT-2": {
    reset: "close ECONNRESET",
    acked: "FIN-WAIT-2",
    takesText: true,
    fin: "TIME-WAIT",
    finAndAck: "TIME-WAIT",
  },
  // "connection reset"; EPIPE is what Linux reports after the peer's FIN.
  "CLOSE-WAIT": {
    reset: "close EPIPE",
    acked: "CLOSE-WAIT",
    takesText: false,
    fin: "CLOSE-WAIT",
    finAndAck: "CLOSE-WAIT",
  },
  CLOSING: { reset: "close", acked: "TIME-WAIT", takesText: false, fin: "CLOSING", finAndAck: "TIME-WAIT" },
  "LAST-ACK": { reset: "close", acked: "gone", takesText: false, fin: "LAST-ACK", finAndAck: "gone" },
};
const column = (c: Cell): Column => COLUMNS[c.state]!;

/** What is told when everything sent is acknowledged now. */
const ackEvents = (c: Cell): string[] => (c.ackKind === "nxt" && c.nxt !== c.una ? ["finish"] : []);
const ends = (state: StateName | "gone"): string[] =>
  state === "TIME-WAIT" || state === "gone" ? ["close"] : [];
const afterAck = (c: Cell): StateName | "gone" => (c.ackKind === "nxt" ? column(c).acked : same(c));
/** Bytes of the segment from RCV.NXT on, and whether its FIN is inside the window. */
export const fresh = (c: Cell): number => Math.max(0, c.seq + c.text - c.rcvNxt);
export const finFits = (c: Cell): boolean => c.fin && c.seq + c.text < c.edge;

export const SYNCHRONIZED_ROWS: Row[] = [
  ...SEQUENCE_ROWS,
  row(
    "RFC 5961 3.2: RST at RCV.NXT resets",
    (c) => c.rst && c.seq === c.rcvNxt,
    (c) => ({
      sent: [],
      state: "gone",
      events: [column(c).reset],
    }),
  ),
  row(
    "RFC 5961 3.2: RST elsewhere in the window, a challenge ACK",
    (c) => c.rst,
    answer("tcp-rst-out-of-window"),
  ),
  row("RFC 5961 4.2: SYN, a challenge ACK", (c) => c.syn, answer("tcp-sequence")),
  row("RFC 9293 3.10.7.4 fifth: without ACK it is dropped", (c) => !c.hasAck, nothing("tcp-no-ack")),
  row(
    "RFC 9293 3.10.7.4 fifth, RFC 5961 5.2: ACK of what was not sent, an ACK in reply",
    (c) => c.ackKind === "beyond",
    answer("tcp-ack-unacceptable"),
  ),
  row(
    "RFC 5961 5.2: ACK below SND.UNA - MAX.SND.WND, a challenge ACK",
    (c) => c.ackKind === "far old",
    answer("tcp-ack-unacceptable"),
  ),
  row(
    "RFC 9293 3.10.7.4 fifth: CLOSING and LAST-ACK end with the ACK of our FIN",
    (c) => c.ackKind === "nxt" && ["TIME-WAIT", "gone"].includes(column(c).acked),
    (c) => ({
      sent: [],
      state: column(c).acked,
      events: [...ackEvents(c), "close"],
    }),
  ),
  row(
    "RFC 9293 3.10.7.4 seventh, eighth: after the peer's FIN text and FIN are ignored",
    (c) => !column(c).takesText,
    (c) => ({
      sent: [],
      state: afterAck(c),
      events: ackEvents(c),
    }),
  ),
  row(
    "RFC 9293 3.10.7.4 fifth: the ACK alone",
    (c) => c.len === 0,
    (c) => ({
      sent: [],
      state: afterAck(c),
      events: ackEvents(c),
    }),
  ),
  row(
    "RFC 9293 3.10.7.4 first: text or FIN behind a gap, RFC 5681 4.2: a duplicate ACK at once",
    (c) => c.seq > c.rcvNxt,
    (c) => ({
      sent: [ackLine(c)],
      state: afterAck(c),
      events: ackEvents(c),
    }),
  ),
  row("RFC 9293 3.10.7.4 eighth: FIN in order", finFits, (c) => {
    const state = c.ackKind === "nxt" ? column(c).finAndAck : column(c).fin;
    const text = fresh(c);
    return {
      sent: [ackLine(c, c.rcvNxt + text + 1)],
      state,
      events: [...(text > 0 ? [`data ${text}`] : []), "end", ...ackEvents(c), ...ends(state)],
    };
  }),
  row("RFC 9293 3.10.7.4 seventh: text in order, an ACK now or a little later", always, (c) => ({
    sent: [ackLine(c, c.rcvNxt + fresh(c))],
    mayWait: true,
    state: afterAck(c),
    events: [`data ${fresh(c)}`, ...ackEvents(c)],
  })),
];
