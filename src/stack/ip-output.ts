/**
 * From a segment in TCP's terms to a packet in an interface's batch: headers, options, payload (copied when short,
 * referenced when long), checksum. The one place where a TCP packet is put together.
 */

import { finish, fold, pseudoHeader, pseudoHeaderV6, sum, sumContinue } from "../base/checksum.ts";
import { HEADROOM, PIECE } from "../base/packet-batch.ts";
import type { SendBuffer } from "../tcp/buffer/send-buffer.ts";
import type { SegmentOut } from "../tcp/segment-out.ts";
import { emitIpv4, IPV4_HEADER } from "../wire/ipv4.ts";
import { emitIpv6, IPV6_HEADER } from "../wire/ipv6.ts";
import { SYN } from "../wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../wire/tcp-emit.ts";
import {
  OPT_END,
  OPT_NOP,
  padOptions,
  writeFastOpen,
  writeSack,
  writeSynOptions,
  writeSynOptionsBsd,
  writeTimestamps,
} from "../wire/tcp-options.ts";
import { PROTOCOL_TCP, TCP_HEADER } from "../wire/tcp-parse.ts";
import type { StackInterface } from "./interface.ts";
import type { Stack } from "./stack.ts";

/** Longest head: IP and TCP headers with all options, and text that is copied behind them. */
const HEAD_MAX: number = IPV6_HEADER + 60 + 128;

/** Time to live, hop limit, of what we send (RFC 1700; Linux). */
export const TTL = 64;

/** Whether `link` has room for one more segment. */
export function hasRoom(link: StackInterface, buffer: SendBuffer | null): boolean {
  return link.tx.hasRoom(HEAD_MAX + HEADROOM, buffer === null ? 0 : buffer.piecesMax);
}

/** Writes `out` as a packet from `local` to `remote` (keys of `family`). Its text comes from `buffer`. */
export function emitSegment(
  stack: Stack,
  link: StackInterface,
  family: number,
  local: number,
  remote: number,
  localPort: number,
  remotePort: number,
  out: SegmentOut,
  buffer: SendBuffer | null,
): void {
  const batch = link.tx;
  const view = batch.view;
  const ip = batch.open();
  const header = family === 4 ? IPV4_HEADER : IPV6_HEADER;
  const tcp = ip + header;
  const options = tcp + TCP_HEADER;
  const text = writeOptions(view, options, out, stack.config.synOptions);
  emitTcp(view, tcp, localPort, remotePort, out.seq, out.ack, out.flags, out.wnd, out.up, text - options);

  const length = out.textLength;
  const firstPiece = batch.pieceCount;
  let head = text - ip;
  // The octet of a keepalive (RFC 9293 3.8.4 MAY-6) is nobody's text: a zero.
  if (length > 0 && buffer === null) view.setUint8(ip + head++, 0);
  else if (length > 0 && buffer !== null) head += buffer.gather(out.textPosition, length, batch, text);
  const total = text - ip + length;
  let pseudo: number;
  if (family === 4) {
    // DF always: RFC 6864 then leaves the ID without meaning, and path MTU discovery works.
    emitIpv4(view, ip, total, 0, true, out.ttl, PROTOCOL_TCP, local, remote, out.dscp | out.ecn);
    pseudo = pseudoHeader(4, local, remote, PROTOCOL_TCP, total - IPV4_HEADER);
  } else {
    const { words } = stack.addresses;
    const label = stack.flowLabels.of(words, 4 * local, 4 * remote, localPort, remotePort);
    emitIpv6(view, ip, total, out.dscp | out.ecn, label, PROTOCOL_TCP, out.ttl, words, 4 * local, 4 * remote);
    pseudo = pseudoHeaderV6(words, 4 * local, 4 * remote, PROTOCOL_TCP, total - IPV6_HEADER);
  }
  if (link.checksumOffload) {
    writeTcpChecksum(view, tcp, fold(pseudo));
  } else {
    let check = sum(batch.bytes, view, tcp, head - header, pseudo);
    let odd = ((head - header) & 1) !== 0;
    for (let i = firstPiece; i < batch.pieceCount; i++) {
      const row = i * PIECE.COLUMNS;
      const n = batch.pieces[row + PIECE.LENGTH]!;
      const chunk = batch.chunks[batch.pieces[row + PIECE.CHUNK]!]!;
      check = sumContinue(check, chunk, batch.pieces[row + PIECE.OFFSET]!, n, odd);
      if ((n & 1) !== 0) odd = !odd;
    }
    writeTcpChecksum(view, tcp, finish(check));
  }
  batch.close(
    ip,
    head,
    batch.pieceCount - firstPiece,
    total,
    out.gsoSize,
    link.checksumOffload ? header : -1,
    family,
  );
}

/** Writes the options at `at` and returns where they end, padded. */
function writeOptions(view: DataView, at: number, out: SegmentOut, layout: "linux" | "bsd"): number {
  if ((out.flags & SYN) !== 0) {
    const write = layout === "linux" ? writeSynOptions : writeSynOptionsBsd;
    const { mss, wscale, sackPermitted, timestamps, tsval, tsecr } = out;
    let end = write(view, at, mss, wscale, sackPermitted, timestamps, tsval, tsecr);
    if (out.cookieLength >= 0) end = writeFastOpen(view, end, out.cookie, out.cookieLength);
    return padOptions(view, at, end, layout === "linux" ? OPT_NOP : OPT_END);
  }
  let end = at;
  if (out.timestamps) end = writeTimestamps(view, end, out.tsval, out.tsecr);
  if (out.sackCount > 0) end = writeSack(view, end, out.sackEdges, out.sackCount);
  return end;
}
