/**
 * The TCP header (RFC 9293 3.1) parsed into the scratch segment: SEG.SEQ, SEG.ACK, SEG.WND, SEG.UP, the control
 * bits, the options and where the text lies. Judges the header alone; knows no connection.
 *
 *   0  source port(16)   destination port(16)
 *   4  sequence number
 *   8  acknowledgment number
 *  12  data offset(4) reserved(4) control bits(8)   window(16)
 *  16  checksum(16)      urgent pointer(16)
 *  20  options
 */
import { pseudoHeader, pseudoHeaderV6, sum } from "../base/checksum.ts";
import { seq } from "../base/seq.ts";
import { type Drop, OK, TCP_CHECKSUM, TCP_DATA_OFFSET, TCP_PORT_ZERO, TCP_TRUNCATED } from "./drop.ts";
import type { Segment } from "./segment.ts";
import { ALIGNED_TIMESTAMPS, clearOptions, parseOptions } from "./tcp-options.ts";

// The parser reads this constant, not the export: V8 loads an exported one from its module cell each time.
const HEADER = 20;

/** Length of a header without options, in bytes. */
export const TCP_HEADER: number = HEADER;

/** TCP's protocol number. */
export const PROTOCOL_TCP = 6;

/** Parses the IP payload of `seg` as TCP, verifying the checksum unless the device vouches for it. */
export function parseTcp(view: DataView, seg: Segment): Drop {
  const at = seg.ipPayload;
  const length = seg.ipPayloadLength;
  if (length < HEADER) return TCP_TRUNCATED;
  const w3 = view.getInt32(at + 12);
  const headerLength = (w3 >>> 28) << 2;
  if (headerLength < HEADER || headerLength > length) return TCP_DATA_OFFSET;
  if (!seg.checksumOk && !checksumHolds(view, seg)) return TCP_CHECKSUM;
  const ports = view.getInt32(at);
  const srcPort = ports >>> 16;
  const dstPort = ports & 0xffff;
  if (srcPort === 0 || dstPort === 0) return TCP_PORT_ZERO;

  seg.srcPort = srcPort;
  seg.dstPort = dstPort;
  seg.seq = seq(view.getInt32(at + 4));
  seg.ack = seq(view.getInt32(at + 8));
  seg.flags = (w3 >>> 16) & 0xff;
  seg.wnd = w3 & 0xffff;
  seg.up = view.getUint16(at + 18);
  seg.textOffset = at + headerLength;
  seg.textLength = length - headerLength;
  if (headerLength === 32 && !seg.synOptions && view.getInt32(at + 20) === ALIGNED_TIMESTAMPS) {
    seg.sackCount = 0;
    seg.hasTimestamps = true;
    seg.tsval = view.getInt32(at + 24);
    seg.tsecr = view.getInt32(at + 28);
  } else {
    clearOptions(seg);
    if (headerLength > HEADER) parseOptions(view, at + HEADER, at + headerLength, seg);
  }
  return OK;
}

function checksumHolds(view: DataView, seg: Segment): boolean {
  const length = seg.ipPayloadLength;
  const pseudo =
    seg.family === 4
      ? pseudoHeader(4, seg.src, seg.dst, PROTOCOL_TCP, length)
      : pseudoHeaderV6(seg.words, 0, 4, PROTOCOL_TCP, length);
  return sum(seg.bytes, view, seg.ipPayload, length, pseudo) === 0xffff;
}
