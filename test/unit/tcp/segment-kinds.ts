/**
 * The kinds of segments of the state matrix: control bits, where SEG.SEQ lies against the window, where SEG.ACK lies
 * against SND.UNA and SND.NXT, text, timestamps; and a cell of the matrix in the terms of the table's conditions.
 */
import type { Opener, SetupName, Variables } from "./state-setup.ts";

export const FLAGS = [
  "",
  "S",
  ".",
  "S.",
  "F",
  "F.",
  "R",
  "R.",
  "SF",
  "SR",
  "P.",
  ".U",
  "SF.",
  "FR.",
  "FPU",
  "SFRP.U",
] as const;
export const SEQUENCES = ["next", "inside", "edge", "right", "left", "overlap", "repeat"] as const;
export const ACKS = ["una", "nxt", "old", "oldest", "far old", "beyond"] as const;
export const TEXTS = [0, 5] as const;
export const TIMESTAMPS = ["none", "fresh", "stale", "missing"] as const;

export type SequenceKind = (typeof SEQUENCES)[number];
export type AckKind = (typeof ACKS)[number];
export type TimestampKind = (typeof TIMESTAMPS)[number];

/** What the words mean. */
const SEQUENCE_OF: Record<SequenceKind, (v: Variables) => number> = {
  next: (v) => v.rcvNxt,
  inside: (v) => v.rcvNxt + 100,
  // The last number of the window.
  edge: (v) => v.edge - 1,
  // The first number beyond it.
  right: (v) => v.edge,
  left: (v) => v.rcvNxt - 20,
  // Two old bytes, and what follows is new.
  overlap: (v) => v.rcvNxt - 2,
  // What was last received: the peer's SYN or FIN.
  repeat: (v) => v.rcvNxt - 1,
};
const ACK_OF: Record<AckKind, (v: Variables) => number> = {
  una: (v) => v.una,
  nxt: (v) => v.nxt,
  old: (v) => v.una - 40,
  oldest: (v) => v.una - v.maxWnd,
  "far old": (v) => v.una - v.maxWnd - 1,
  beyond: (v) => v.nxt + 1,
};

/** A segment in a state, in the terms of the conditions. */
export interface Cell extends Variables {
  readonly state: SetupName;
  readonly flags: string;
  readonly at: SequenceKind;
  readonly ackKind: AckKind | null;
  readonly ts: TimestampKind;
  readonly seq: number;
  readonly ack: number;
  readonly text: number;
  readonly len: number;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly rst: boolean;
  readonly hasAck: boolean;
  /** One of the four tests of table 6. */
  readonly acceptable: boolean;
}

/** Half-open connections and TIME-WAIT are records, and keep to the letter of table 6. */
function hasTcb(state: SetupName): boolean {
  return state !== "SYN-RECEIVED (passive)" && state !== "TIME-WAIT";
}

/** RFC 9293 table 6; an ACK without text may also stand at the right edge (Linux, FreeBSD). */
function isAcceptable(v: Variables, at: number, length: number, bareAck: boolean): boolean {
  const inWindow = (s: number): boolean => v.rcvNxt <= s && s < v.edge;
  if (v.edge === v.rcvNxt) return length === 0 && at === v.rcvNxt;
  if (length === 0 && bareAck && at === v.edge) return true;
  return length === 0 ? inWindow(at) : inWindow(at) || inWindow(at + length - 1);
}

export function cellOf(
  state: SetupName,
  flags: string,
  at: SequenceKind,
  ackKind: AckKind | null,
  text: number,
  ts: TimestampKind,
  v: Variables,
): Cell {
  const syn = flags.includes("S");
  const fin = flags.includes("F");
  const at0 = SEQUENCE_OF[at](v);
  const length = text + (syn ? 1 : 0) + (fin ? 1 : 0);
  return {
    ...v,
    state,
    flags,
    at,
    ackKind,
    ts,
    seq: at0,
    ack: ackKind === null ? 0 : ACK_OF[ackKind](v),
    text,
    len: length,
    syn,
    fin,
    rst: flags.includes("R"),
    hasAck: flags.includes("."),
    acceptable: isAcceptable(v, at0, length, hasTcb(state) && !flags.includes("R")),
  };
}

/** The kinds that differ in `state`. */
export function kindsFor(
  state: SetupName,
  ts: TimestampKind,
): { sequences: readonly SequenceKind[]; acks: readonly AckKind[] } {
  if (state === "CLOSED" || state === "LISTEN")
    return { sequences: ["next"], acks: ["una", "nxt", "beyond"] };
  const noneOutstanding = state === "FIN-WAIT-2" || state === "TIME-WAIT";
  const acks = noneOutstanding ? ACKS.filter((a) => a !== "una") : ACKS;
  if (state === "SYN-SENT") return { sequences: ["next"], acks };
  if (ts !== "none") return { sequences: ["next", "inside", "left", "repeat"], acks: ["nxt", "old"] };
  // In TIME-WAIT no text is to come: its window's last number is nothing to hold it to.
  return { sequences: state === "TIME-WAIT" ? SEQUENCES.filter((s) => s !== "edge") : SEQUENCES, acks };
}

/** Timestamps do not matter before the peer's SYN came. */
export function timestampsFor(state: SetupName): readonly TimestampKind[] {
  return ["CLOSED", "LISTEN", "SYN-SENT"].includes(state) ? ["none"] : TIMESTAMPS;
}

export function openersFor(state: SetupName, at: SequenceKind, ts: TimestampKind): readonly Opener[] {
  if (state === "SYN-SENT" || state === "SYN-RECEIVED (simultaneous)") return ["active"];
  if (["CLOSED", "LISTEN", "SYN-RECEIVED (passive)"].includes(state)) return ["passive"];
  // Who opened makes no difference to what is old or outside: once with each is enough there.
  return ts === "none" && ["next", "inside", "repeat"].includes(at) ? ["passive", "active"] : ["passive"];
}
