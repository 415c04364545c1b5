/**
 * Whether a segment that the stack sent is the one that a line of the script expects. `strict` compares everything that
 * the line says; `lenient` what RFCs fix: it overlooks PSH, the window, the value of the window scale, and order and padding
 * of options.
 */
import { TCP_FLAGS, type TcpOption, type TcpPacket } from "./ast.ts";
import type { Flow } from "./flow.ts";
import type { Seen } from "./seen.ts";
import type { Mode } from "./verdict.ts";

/** How to compare. */
export interface MatchRules {
  readonly mode: Mode;
  /** Microseconds a tick of the script's TSval (`--tcp_ts_tick_usecs`); 0: TSval is not compared. */
  readonly tsTickUs: number;
  readonly toleranceUs: number;
}

/**
 * Segments that an offloading device, or a receiver that merges, would have shown as one: all but the last of equal size.
 * The header is the last one's, the sequence number the first one's. `parts` are in order and not empty.
 */
export function merge(parts: readonly Seen[]): Seen {
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  if (parts.length === 1) return first;
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return { ...last, at: first.at, sequence: first.sequence, length };
}

/** Whether `next` continues `parts` in a merged segment. */
export function continues(parts: readonly Seen[], next: Seen): boolean {
  const first = parts[0]!;
  const last = parts[parts.length - 1]!;
  const follows = next.sequence === (last.sequence + last.length) >>> 0;
  return follows && next.length > 0 && last.length === first.length && next.length <= first.length;
}

/** The names of what differs; empty: it is the expected one. */
export function differences(expected: TcpPacket, seen: Seen, flow: Flow, rules: MatchRules): string[] {
  const names: string[] = [];
  const differ = (name: string, different: boolean): void => {
    if (different) names.push(name);
  };
  const strict = rules.mode === "strict";
  const syn = (expected.flags & TCP_FLAGS.SYN) !== 0;
  const { sequence } = expected;
  const mask = strict ? 0x1ff : 0x1ff & ~TCP_FLAGS.PSH;
  differ("flags", (expected.flags & mask) !== (seen.flags & mask));
  if (!sequence.any) {
    const offset = sequence.absolute ? 0 : flow.localOffset(syn);
    differ("seq", (sequence.start + offset) >>> 0 !== seen.sequence);
  }
  differ("length", sequence.length !== seen.length);
  if (expected.ack !== null && (expected.flags & TCP_FLAGS.ACK) !== 0) {
    differ("ack", (expected.ack + flow.remoteOffset(syn)) >>> 0 !== seen.ack);
  }
  if (expected.window !== null && strict) differ("win", expected.window !== seen.window);
  if (expected.urgent !== null) differ("urg", expected.urgent !== seen.urgent);
  if (expected.ports !== null) {
    const { source, destination } = expected.ports;
    differ("ports", source !== seen.sourcePort || destination !== seen.destinationPort);
  }
  if (expected.options !== "any") {
    differ("options", !sameOptions(expected.options, seen.options, flow, syn, strict));
    differ("TS val", !timestampHolds(expected.options, seen, flow, rules));
  }
  ipDiffers(expected, seen, differ);
  return names;
}

function ipDiffers(
  expected: TcpPacket,
  seen: Seen,
  differ: (name: string, different: boolean) => void,
): void {
  const { ecn, tos, ttl, flowLabel } = expected.ip;
  const live = seen.tos & 3;
  if (ecn === "noecn") differ("ecn", live !== 0);
  else if (ecn === "ect1") differ("ecn", live !== 1);
  else if (ecn === "ect0") differ("ecn", live !== 2);
  else if (ecn === "ect01") differ("ecn", live !== 1 && live !== 2);
  else if (ecn === "ce") differ("ecn", live !== 3);
  if (tos !== null) differ("tos", tos !== seen.tos);
  if (ttl !== null) differ("ttl", ttl !== seen.ttl);
  if (flowLabel !== null) differ("flowlabel", flowLabel !== seen.flowLabel);
}

function sameOptions(
  expected: readonly TcpOption[],
  seen: readonly TcpOption[],
  flow: Flow,
  syn: boolean,
  strict: boolean,
): boolean {
  const text = (option: TcpOption, live: boolean): string => comparable(option, live, flow, syn, strict);
  const theirs = expected.map((option) => text(option, false));
  const ours = seen.map((option) => text(option, true));
  if (strict) return theirs.join(",") === padded(ours, theirs).join(",");
  const bare = (list: string[]): string =>
    list
      .filter((name) => name !== "nop" && name !== "eol")
      .sort()
      .join(",");
  return bare(theirs) === bare(ours);
}

/** packetdrill pads what a script leaves unpadded to 4 bytes with EOL: such padding of ours counts as the script's. */
function padded(ours: string[], theirs: string[]): string[] {
  let end = ours.length;
  while (end > theirs.length && ours[end - 1] === "eol") end--;
  return ours.slice(0, end);
}

/** An option as text that is equal where the options are. Live numbers become the script's. */
function comparable(option: TcpOption, live: boolean, flow: Flow, syn: boolean, strict: boolean): string {
  switch (option.kind) {
    case "mss":
      return `mss ${option.value}`;
    case "wscale":
      return strict ? `wscale ${option.shift}` : "wscale";
    case "sack": {
      const offset = live ? flow.remoteOffset(syn) : 0;
      const edge = (value: number): number => (value - offset) >>> 0;
      return `sack ${option.blocks.map(({ left, right }) => `${edge(left)}:${edge(right)}`).join(" ")}`;
    }
    case "TS":
      return `TS ecr ${option.ecr}`;
    case "FO":
      return `FO${option.experimental ? "EXP" : ""} ${hex(option.cookie)}`;
    case "raw":
      return `raw ${option.number} ${option.length} ${hex(option.data)}`;
    case "md5":
      return "md5";
    case "unknown":
      return option.text;
    default:
      return option.kind;
  }
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** TSval against the script's clock, if it has one: as many ticks after the first as the script says, within the tolerance. */
function timestampHolds(expected: readonly TcpOption[], seen: Seen, flow: Flow, rules: MatchRules): boolean {
  const script = timestampOf(expected);
  const live = timestampOf(seen.options);
  if (rules.tsTickUs === 0 || script === null || live === null) return true;
  const due = flow.expectedTimestamp(script);
  if (due === null) return true;
  return Math.abs((due - live) | 0) * rules.tsTickUs <= rules.toleranceUs + rules.tsTickUs;
}

/** TSval among `options`; null without, or where the script does not care. */
export function timestampOf(options: readonly TcpOption[] | "any"): number | null {
  if (options === "any") return null;
  for (const option of options) if (option.kind === "TS") return option.val;
  return null;
}
