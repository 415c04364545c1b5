/**
 * A segment as one line, the way tcpdump prints it:
 *
 *   IP 10.77.0.1.43210 > 10.77.0.2.7: Flags [S.], seq 1, ack 2, win 3, options [mss 1460,nop,wscale 7], length 0
 *
 * For people, not for speed. Numbers are absolute, the window unscaled; options stand in their order on the wire.
 */
import { formatIpv4, formatIpv6 } from "../base/address.ts";
import { toUint } from "../base/seq.ts";
import { ACK, CWR, ECE, FIN, PSH, RST, type Segment, SYN, URG } from "./segment.ts";
import {
  OPT_END,
  OPT_MSS,
  OPT_NOP,
  OPT_SACK,
  OPT_SACK_PERMITTED,
  OPT_TIMESTAMPS,
  OPT_WSCALE,
} from "./tcp-options.ts";
import { TCP_HEADER } from "./tcp-parse.ts";

/** tcpdump's letters, in the order in which it prints them. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [FIN, "F"],
  [SYN, "S"],
  [RST, "R"],
  [PSH, "P"],
  [ACK, "."],
  [URG, "U"],
  [ECE, "E"],
  [CWR, "W"],
];

/** The line for a segment that `parseIpv4` or `parseIpv6` and `parseTcp` took, while its bytes are still there. */
export function formatSegment(seg: Segment): string {
  const parts = [`Flags [${formatFlags(seg.flags)}]`];
  const first = toUint(seg.seq);
  if (seg.textLength > 0) parts.push(`seq ${first}:${(first + seg.textLength) % 2 ** 32}`);
  else if ((seg.flags & (SYN | FIN | RST)) !== 0) parts.push(`seq ${first}`);
  if ((seg.flags & ACK) !== 0) parts.push(`ack ${toUint(seg.ack)}`);
  parts.push(`win ${seg.wnd}`);
  if ((seg.flags & URG) !== 0) parts.push(`urg ${seg.up}`);
  const options = formatOptions(seg.view, seg.ipPayload + TCP_HEADER, seg.textOffset);
  if (options !== "") parts.push(`options [${options}]`);
  parts.push(`length ${seg.textLength}`);
  const v4 = seg.family === 4;
  const src = v4 ? formatIpv4(seg.src) : formatIpv6(seg.words.subarray(0, 4));
  const dst = v4 ? formatIpv4(seg.dst) : formatIpv6(seg.words.subarray(4));
  return `${v4 ? "IP" : "IP6"} ${src}.${seg.srcPort} > ${dst}.${seg.dstPort}: ${parts.join(", ")}`;
}

/** Control bits as tcpdump's letters, `none` if there are none. */
export function formatFlags(flags: number): string {
  let letters = "";
  for (const [bit, letter] of FLAG_LETTERS) if ((flags & bit) !== 0) letters += letter;
  return letters === "" ? "none" : letters;
}

function formatOptions(view: DataView, at: number, end: number): string {
  const options: string[] = [];
  while (at < end) {
    const kind = view.getUint8(at);
    if (kind === OPT_NOP || kind === OPT_END) {
      options.push(kind === OPT_NOP ? "nop" : "eol");
      if (kind === OPT_END) break;
      at++;
      continue;
    }
    const length = at + 1 < end ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > end) {
      options.push(`[bad opt ${kind}]`);
      break;
    }
    options.push(formatOption(view, kind, at, length));
    at += length;
  }
  return options.join(",");
}

function formatOption(view: DataView, kind: number, at: number, length: number): string {
  if (kind === OPT_MSS && length === 4) return `mss ${view.getUint16(at + 2)}`;
  if (kind === OPT_WSCALE && length === 3) return `wscale ${view.getUint8(at + 2)}`;
  if (kind === OPT_SACK_PERMITTED && length === 2) return "sackOK";
  if (kind === OPT_TIMESTAMPS && length === 10) {
    return `TS val ${view.getUint32(at + 2)} ecr ${view.getUint32(at + 6)}`;
  }
  if (kind === OPT_SACK && length >= 10 && (length & 7) === 2) {
    const blocks: string[] = [];
    for (let edge = at + 2; edge < at + length; edge += 8) {
      blocks.push(`{${view.getUint32(edge)}:${view.getUint32(edge + 4)}}`);
    }
    return `sack ${blocks.length} ${blocks.join("")}`;
  }
  let value = "";
  for (let byte = at + 2; byte < at + length; byte++)
    value += view.getUint8(byte).toString(16).padStart(2, "0");
  return value === "" ? `unknown-${kind}` : `unknown-${kind} 0x${value}`;
}
