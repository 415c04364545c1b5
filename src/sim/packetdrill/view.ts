/** Segments in columns for a report, both sides in the script's own numbers. */
import { TCP_FLAGS, type TcpOption, type TcpPacket } from "./ast.ts";
import type { Flow } from "./flow.ts";
import type { Seen } from "./seen.ts";
import type { Mode, SegmentView, VariableView } from "./verdict.ts";

/** Both sides. A window that the line does not name is of no account in lenient mode. */
export function bothViews(
  packet: TcpPacket,
  seen: Seen,
  flow: Flow,
  mode: Mode,
): { expected: SegmentView; seen: SegmentView } {
  const all = seenView(seen, flow);
  const isBeside = mode === "lenient" && packet.window === null;
  return { expected: expectedView(packet), seen: isBeside ? all.filter(({ name }) => name !== "win") : all };
}

/** The segment that a line expects. */
export function expectedView(packet: TcpPacket): SegmentView {
  const { sequence } = packet;
  const start = sequence.any ? "..." : `${sequence.start}:${sequence.start + sequence.length}`;
  return columns({
    flags: flagText(packet.flags),
    seq: start,
    length: `${sequence.length}`,
    ack: packet.ack === null ? null : `${packet.ack}`,
    win: packet.window === null ? null : `${packet.window}`,
    urg: packet.urgent === null ? null : `${packet.urgent}`,
    options: packet.options === "any" ? "<...>" : optionText(packet.options, 0),
    ecn: packet.ip.ecn,
  });
}

/** A segment that came. */
export function seenView(seen: Seen, flow: Flow): SegmentView {
  if (seen.protocol !== "tcp") return columns({ protocol: seen.protocol, length: `${seen.length}` });
  const syn = (seen.flags & TCP_FLAGS.SYN) !== 0;
  const start = (seen.sequence - flow.localOffset(syn)) >>> 0;
  return columns({
    flags: flagText(seen.flags),
    seq: `${start}:${start + seen.length}`,
    length: `${seen.length}`,
    ack: (seen.flags & TCP_FLAGS.ACK) === 0 ? null : `${(seen.ack - flow.remoteOffset(syn)) >>> 0}`,
    win: `${seen.window}`,
    urg: (seen.flags & TCP_FLAGS.URG) === 0 ? null : `${seen.urgent}`,
    options: optionText(seen.options, flow.remoteOffset(syn)),
    ecn: ["noecn", "ect1", "ect0", "ce"][seen.tos & 3]!,
  });
}

function columns(texts: Readonly<Record<string, string | null>>): VariableView[] {
  const view: VariableView[] = [];
  for (const [name, text] of Object.entries(texts)) if (text !== null) view.push({ name, text });
  return view;
}

const LETTERS: readonly (readonly [number, string])[] = [
  [TCP_FLAGS.SYN, "S"],
  [TCP_FLAGS.FIN, "F"],
  [TCP_FLAGS.RST, "R"],
  [TCP_FLAGS.PSH, "P"],
  [TCP_FLAGS.URG, "U"],
  [TCP_FLAGS.ECE, "E"],
  [TCP_FLAGS.CWR, "W"],
  [TCP_FLAGS.AE, "A"],
  [TCP_FLAGS.ACK, "."],
];

/** Control bits as scripts write them. */
export function flagText(flags: number): string {
  const text = LETTERS.map(([bit, letter]) => ((flags & bit) === 0 ? "" : letter)).join("");
  return text === "" ? "-" : text;
}

function optionText(options: readonly TcpOption[], sackOffset: number): string {
  const one = (option: TcpOption): string => {
    switch (option.kind) {
      case "mss":
        return `mss ${option.value}`;
      case "wscale":
        return `wscale ${option.shift}`;
      case "sack":
        return `sack ${option.blocks
          .map(({ left, right }) => `${(left - sackOffset) >>> 0}:${(right - sackOffset) >>> 0}`)
          .join(" ")}`;
      case "TS":
        return `TS val ${option.val ?? "..."} ecr ${option.ecr}`;
      case "FO":
        return `FO ${Array.from(option.cookie, (byte) => byte.toString(16).padStart(2, "0")).join("")}`.trim();
      case "raw":
        return `raw ${option.number} len ${option.length}`;
      case "unknown":
        return option.text;
      default:
        return option.kind;
    }
  };
  return `<${options.map(one).join(",")}>`;
}
