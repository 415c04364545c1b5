/**
 * The one scratch segment that `output.ts` fills and the IP layer writes: what to send, in RFC 9293's terms.
 * The counterpart of `wire/segment.ts`.
 */
import { type Seq, seq } from "../base/seq.ts";
import { MAX_SACK_BLOCKS } from "../wire/segment.ts";

/** A segment to be sent. */
export class SegmentOut {
  seq: Seq = seq(0);
  ack: Seq = seq(0);
  flags = 0;
  /** As it goes into the header: scaled, 16 bits. */
  wnd = 0;
  up = 0;
  /** Text: position in the send buffer, and length in bytes. */
  textPosition = 0;
  textLength = 0;
  /** The IP header's ECN field (RFC 3168 5). */
  ecn = 0;
  /** The other six bits of that octet, where they stand in it (RFC 2474), and the time to live; `reset` leaves them. */
  dscp = 0;
  ttl = 64;
  /** Payload of each segment if this is a super-segment, else 0. */
  gsoSize = 0;
  /** Options: MSS 0, wscale -1 mean absent. */
  mss = 0;
  wscale = -1;
  sackPermitted = false;
  timestamps = false;
  tsval = 0;
  tsecr = 0;
  sackCount = 0;
  /** Fast Open cookie (RFC 7413): -1 absent, 0 a request. */
  cookieLength = -1;
  readonly cookie: Uint8Array = new Uint8Array(16);
  readonly sackEdges: Int32Array = new Int32Array(2 * MAX_SACK_BLOCKS);

  /** Back to a bare segment without text and options. */
  reset(): void {
    this.flags = 0;
    this.wnd = 0;
    this.up = 0;
    this.textPosition = 0;
    this.textLength = 0;
    this.ecn = 0;
    this.gsoSize = 0;
    this.mss = 0;
    this.wscale = -1;
    this.sackPermitted = false;
    this.timestamps = false;
    this.sackCount = 0;
    this.cookieLength = -1;
  }

  /** Adds the Fast Open option: `length` bytes of `cookie`; null with 0 asks for one. */
  fastOpen(cookie: Uint8Array | null, length: number): void {
    this.cookieLength = length;
    if (cookie !== null) for (let i = 0; i < length; i++) this.cookie[i] = cookie[i]!;
  }
}
