/**
 * What became of a script: the contract between what runs it (run.ts) and what tells it (report.ts). Knows neither.
 */

/** `freebsd` and `linux` differ where RFCs leave room: defaults, padding and order of options, timers. */
export type Profile = "linux" | "freebsd";

/** `strict` compares all that the script says; `lenient` what RFCs fix. */
export type Mode = "lenient" | "strict";

export interface RunOptions {
  readonly profile: Profile;
  readonly mode: Mode;
}

export interface Verdict {
  /** `unsupported`: something in the script is beyond us, so it says nothing about the stack. */
  readonly status: "pass" | "fail" | "unsupported";
  /** The event that failed, or what is unsupported; null for a pass. */
  readonly line: number | null;
  /** One line, without file and line; empty for a pass. */
  readonly message: string;
  /** Virtual time since the script began. */
  readonly atUs?: number;
  /** A segment that was expected, and the one that came; either alone where the other is missing. */
  readonly expected?: SegmentView;
  readonly seen?: SegmentView;
  /** Names of the fields that made the difference; those that the mode overlooks are not among them. */
  readonly differing?: readonly string[];
  /** The connection then: `state`, `snd.una`, `snd.nxt`, `snd.wnd`, `rcv.nxt`, `rcv.wnd`, `cwnd`, `rto`, ... in order. */
  readonly variables?: readonly VariableView[];
}

/** A segment in columns, in the script's own numbers: `{name: "ack", text: "1001"}`. A field that is absent is left out. */
export type SegmentView = readonly VariableView[];

export interface VariableView {
  readonly name: string;
  readonly text: string;
}
