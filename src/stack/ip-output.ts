/**
 * From a segment in TCP's terms to a packet in an interface's batch: headers, options, payload (copied when short,
 * referenced when long), checksum. The one place where a TCP packet is put together.
 */

import { finish, fold, pseudoHeader, sum, sumContinue } from "../base/checksum.ts";
import { HEADROOM } from "../base/packet-batch.ts";
import type { SendBuffer } from "../tcp/buffer/send-buffer.ts";
import type { SegmentOut } from "../tcp/segment-out.ts";
import { emitIpv4, IPV4_HEADER } from "../wire/ipv4.ts";
import { SYN } from "../wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../wire/tcp-emit.ts";
import { padOptions, writeSack, writeSynOptions, writeTimestamps } from "../wire/tcp-options.ts";
import { PROTOCOL_TCP, TCP_HEADER } from "../wire/tcp-parse.ts";
import type { StackInterface } from "./interface.ts";

/** Longest head: IPv4 and TCP headers with all options, and text that is copied behind them. */
const HEAD_MAX: number = IPV4_HEADER + 60 + 128;

/** Time to live of what we send (RFC 1700; Linux). */
const TTL = 64;

/** Whether `link` has room for one more segment. */
export function hasRoom(link: StackInterface, buffer: SendBuffer | null): boolean {
  return link.tx.hasRoom(HEAD_MAX + HEADROOM, buffer === null ? 0 : buffer.piecesMax);
}

/** Writes `out` as a packet from `local` to `remote` (IPv4 keys). Its text comes from `buffer`. */
export function emitSegment(
  link: StackInterface,
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
  const tcp = ip + IPV4_HEADER;
  const options = tcp + TCP_HEADER;
  const text = writeOptions(view, options, out);
  emitTcp(view, tcp, localPort, remotePort, out.seq, out.ack, out.flags, out.wnd, out.up, text - options);

  const length = out.textLength;
  const firstPiece = batch.pieceCount;
  let head = text - ip;
  if (length > 0 && buffer !== null) head += buffer.gather(out.textPosition, length, batch, text);
  const total = text - ip + length;
  // DF always: RFC 6864 then leaves the ID without meaning, and path MTU discovery works.
  emitIpv4(view, ip, total, 0, true, TTL, PROTOCOL_TCP, local, remote, 0);

  const pseudo = pseudoHeader(4, local, remote, PROTOCOL_TCP, total - IPV4_HEADER);
  if (link.offload) {
    writeTcpChecksum(view, tcp, fold(pseudo));
  } else {
    let check = sum(batch.bytes, view, tcp, head - IPV4_HEADER, pseudo);
    let odd = ((head - IPV4_HEADER) & 1) !== 0;
    for (let i = firstPiece; i < batch.pieceCount; i++) {
      const n = batch.ranges[2 * i + 1]!;
      check = sumContinue(check, batch.pieces[i]!, batch.ranges[2 * i]!, n, odd);
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
    link.offload ? IPV4_HEADER : -1,
    4,
  );
}

/** Writes the options at `at` and returns where they end, padded. */
function writeOptions(view: DataView, at: number, out: SegmentOut): number {
  if ((out.flags & SYN) !== 0) {
    const end = writeSynOptions(
      view,
      at,
      out.mss,
      out.wscale,
      out.sackPermitted,
      out.timestamps,
      out.tsval,
      out.tsecr,
    );
    return padOptions(view, at, end);
  }
  let end = at;
  if (out.timestamps) end = writeTimestamps(view, end, out.tsval, out.tsecr);
  if (out.sackCount > 0) end = writeSack(view, end, out.sackEdges, out.sackCount);
  return end;
}
