/**
 * Urgent data (RFC 9293 3.8.5, RFC 6093): a mark in the stream, not a stream of its own. The pointer is to the byte after the
 * last urgent one (RFC 6093 2). In line, the default (RFC 6093 4), that byte stays in the stream; out of band, as in BSD
 * sockets, it is taken out and read apart.
 */
import { add, diff, gt, lt, max, type Seq, seq } from "../base/seq.ts";
import { type Segment, URG } from "../wire/segment.ts";
import { send } from "./calls.ts";
import type { TcpContext } from "./context.ts";
import { ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2 } from "./state.ts";
import { ACK_NOW, EVENT_URGENT, type Tcb } from "./tcb.ts";

/** The byte has not arrived; it was read. */
const NOT_HERE = -1;
const READ = -2;

/** The mark of a connection that has had one. */
export class UrgentMark {
  /** The last urgent byte: RCV.UP - 1. */
  at: Seq = seq(0);
  /** The application has not read past it. */
  isAhead = false;
  /** The byte, once it arrived and until it is read; -1: not there. Out of band only. */
  byte: number = NOT_HERE;

  /** Out of band, the byte may be read. */
  get isHere(): boolean {
    return this.byte >= 0;
  }

  /** Out of band, it was read. */
  get isRead(): boolean {
    return this.byte === READ;
  }
}

/** SEND with the URGENT flag (RFC 9293 3.10.2): the last of `bytes` is the urgent one. Returns as `send`. */
export function sendUrgent(tcb: Tcb, bytes: Uint8Array, ctx: TcpContext): boolean {
  const before = tcb.queuedToSend;
  const more = send(tcb, bytes, true, ctx);
  if (bytes.length === 0 || tcb.queuedToSend === before) return more;
  const { snd } = tcb;
  snd.up = add(snd.una, tcb.queuedToSend + (tcb.synAcked ? 0 : 1));
  // The pointer goes ahead of the text where the window is closed (RFC 9293 3.8.6: URG is heeded all the same, MUST-66).
  if (tcb.state >= ESTABLISHED && diff(snd.nxt, snd.una) >= snd.wnd) {
    tcb.ack = ACK_NOW;
    ctx.markDirty(tcb);
  }
  return more;
}

/** Sixth step of SEGMENT ARRIVES: RCV.UP <- max(RCV.UP, SEG.UP), and the news (MUST-32). A pointer of 0 points at nothing. */
export function takeUrgent(tcb: Tcb, seg: Segment, ctx: TcpContext): void {
  const { state, rcv } = tcb;
  if (state !== ESTABLISHED && state !== FIN_WAIT_1 && state !== FIN_WAIT_2) return;
  if ((seg.flags & URG) !== 0 && seg.up !== 0) {
    const up = add(seg.seq, seg.up);
    // Far behind, RCV.UP would compare as ahead.
    if (lt(rcv.up, nextToRead(tcb))) rcv.up = nextToRead(tcb);
    if (gt(up, rcv.up)) {
      rcv.up = max(rcv.up, up);
      tcb.urgent ??= new UrgentMark();
      tcb.urgent.at = add(up, -1);
      tcb.urgent.isAhead = true;
      tcb.urgent.byte = NOT_HERE;
      if (!tcb.readClosed) ctx.note(tcb, EVENT_URGENT);
    }
  }
  if (tcb.urgent !== null && !tcb.oobInline) catchByte(tcb, tcb.urgent, seg);
}

/** Keeps the urgent byte apart if it is in `seg`; it is cut out of the stream when that is read. */
function catchByte(tcb: Tcb, mark: UrgentMark, seg: Segment): void {
  const at = diff(mark.at, seg.seq);
  if (!mark.isAhead || mark.byte !== NOT_HERE || at < 0 || at >= seg.textLength || !lt(mark.at, tcb.rcv.edge))
    return;
  mark.byte = seg.bytes[seg.textOffset + at]!;
}

/** The sequence number of the next byte that the application reads. */
function nextToRead(tcb: Tcb): Seq {
  return add(tcb.rcv.nxt, -tcb.queuedToRead - (tcb.finReceived ? 1 : 0));
}

/** Whether the next byte to read is the urgent one, or, out of band, stood there (SIOCATMARK). */
export function isAtMark(tcb: Tcb): boolean {
  return tcb.urgent?.isAhead === true && nextToRead(tcb) === tcb.urgent.at;
}

/**
 * How much of `most` may be read at once: a read ends at the mark. From the mark it goes on, out of band behind the byte.
 */
export function readLimit(tcb: Tcb, most: number): number {
  const mark = tcb.urgent;
  if (mark === null || !mark.isAhead) return most;
  const ahead = diff(mark.at, nextToRead(tcb));
  if (ahead > 0) return Math.min(most, ahead);
  mark.isAhead = false;
  if (!tcb.oobInline && ahead === 0) tcb.receiveBuffer.discard(1);
  return most;
}

/** The urgent byte where it is out of band: once, and from when it arrived; else null. */
export function receiveUrgent(tcb: Tcb): number | null {
  const mark = tcb.urgent;
  if (mark === null || tcb.oobInline || mark.byte < 0) return null;
  const { byte } = mark;
  mark.byte = READ;
  return byte;
}
