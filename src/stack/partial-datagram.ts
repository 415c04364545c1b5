/**
 * One packet whose fragments are arriving (RFC 791 3.2, RFC 815, RFC 8200 4.5): its pieces in order, what they agree on,
 * and the whole once nothing is missing. Pieces are copies, so that no slab is pinned. Knows no other packet and no clock.
 */
import { copyBytes } from "../base/copy-bytes.ts";
import { type Micros, NEVER } from "../base/time.ts";
import { type Fragment, wholeIpv4, wholeIpv6 } from "../wire/fragment.ts";

/** What a fragment did. */
export const WAITING = 0;
export const COMPLETE = 1;
/** The same bytes at the same place once more: dropped alone (RFC 8200 4.5). */
export const DUPLICATE = 2;
/** It overlaps another one: the whole packet is given up (RFC 5722 4; for IPv4 too, as Linux since 2018). */
export const OVERLAP = 3;
/** It contradicts the others about the packet's end, or the packet would be too long, or mixes ECN in a way that is an attack or an error. */
export const CONTRADICTION = 4;
/** One more than a packet may have. */
export const TOO_MANY = 5;

/** Memory that a fragment and a packet cost beside their bytes: objects, array slots, keys. */
export const PIECE_OVERHEAD = 128;
export const DATAGRAM_OVERHEAD = 512;

/** Largest IP packet of IPv4, and largest payload of IPv6 (RFC 8200 4.5). */
const LENGTH_MAX = 65_535;
const IPV6_HEADER = 40;

/** A packet of which something is missing. */
export class PartialDatagram {
  readonly key: string;
  /** Whose memory it is charged to. */
  readonly account: string;
  readonly family: 4 | 6;
  deadline: Micros = NEVER;
  /** What it costs in bytes. */
  charge: number = DATAGRAM_OVERHEAD;
  /** Given up: what else arrives of it is dropped until the deadline. */
  isDead = false;
  /** The first fragment's header, without the Fragment header; null while that one is missing. */
  header: Uint8Array | null = null;
  /** The same with the Fragment header, as it came. */
  #front: Uint8Array = new Uint8Array(0);
  #protocol = 0;
  #nextHeaderAt = 0;
  /** Length of the payload, known from the last fragment; -1 before. */
  #end = -1;
  #received = 0;
  readonly #offsets: number[] = [];
  readonly #pieces: Uint8Array[] = [];
  /** A bit for each ECN codepoint seen. */
  #ecnSeen = 0;
  #ecnFirst = 0;

  constructor(key: string, account: string, family: 4 | 6) {
    this.key = key;
    this.account = account;
    this.family = family;
  }

  /** The first fragment as it came, for the ICMP error about its timeout; null while it is missing. */
  firstFragment(): Uint8Array | null {
    if (this.header === null) return null;
    const piece = this.#pieces[0]!;
    const whole = new Uint8Array(this.#front.length + piece.length);
    whole.set(this.#front);
    whole.set(piece, this.#front.length);
    return whole;
  }

  /** Takes a fragment of one byte at least. `most` is how many it may have. Returns WAITING to TOO_MANY. */
  add(fragment: Fragment, most: number): number {
    const { offset: from, dataLength, dataStart, bytes } = fragment;
    const to = from + dataLength;
    const offsets = this.#offsets;
    const pieces = this.#pieces;
    let at = offsets.length;
    while (at > 0 && offsets[at - 1]! > from) at--;
    const before = pieces[at - 1];
    if (before !== undefined && offsets[at - 1]! + before.length > from) {
      const again = offsets[at - 1] === from && isSame(before, bytes, dataStart, dataLength);
      return again && (fragment.more || to === this.#end) ? DUPLICATE : OVERLAP;
    }
    if (at < offsets.length && offsets[at]! < to) return OVERLAP;
    if (!fragment.more) {
      if (this.#end >= 0 || at < offsets.length) return CONTRADICTION;
      this.#end = to;
    } else if (this.#end >= 0 && to >= this.#end) {
      return CONTRADICTION;
    }
    if (pieces.length >= most) return TOO_MANY;
    this.#ecnSeen |= 1 << fragment.ecn;
    offsets.splice(at, 0, from);
    pieces.splice(at, 0, copyBytes(bytes, dataStart, dataStart + dataLength));
    this.#received += dataLength;
    this.charge += dataLength + PIECE_OVERHEAD;
    if (from === 0) this.#takeHeader(fragment);
    if (this.header === null || this.#received !== this.#end) return WAITING;
    return this.#isSound() ? COMPLETE : CONTRADICTION;
  }

  /** RFC 8200 4.5, RFC 791 3.2: the header is the first fragment's. */
  #takeHeader(fragment: Fragment): void {
    const { headerStart, headerLength } = fragment;
    this.#front = copyBytes(fragment.bytes, headerStart, fragment.dataStart);
    this.header = this.#front.subarray(0, headerLength);
    this.charge += this.#front.length;
    this.#protocol = fragment.protocol;
    this.#nextHeaderAt = fragment.nextHeaderAt;
    this.#ecnFirst = fragment.ecn;
  }

  #isSound(): boolean {
    const length = this.header!.length + this.#end - (this.family === 6 ? IPV6_HEADER : 0);
    // RFC 3168 5.3: what is not ECN-capable can't be part of what is, and CE must not be lost.
    const mixesNotEct = (this.#ecnSeen & 1) !== 0 && this.#ecnSeen !== 1;
    return length <= LENGTH_MAX && !mixesNotEct;
  }

  /** The packet in memory of its own. Only when COMPLETE was returned. */
  whole(): Uint8Array {
    const header = this.header!;
    const bytes = new Uint8Array(header.length + this.#end);
    const view = new DataView(bytes.buffer);
    bytes.set(header);
    for (let i = 0; i < this.#pieces.length; i++) {
      bytes.set(this.#pieces[i]!, header.length + this.#offsets[i]!);
    }
    // RFC 3168 5.3: CE on any fragment is CE on the packet.
    const ecn = (this.#ecnSeen & (1 << 3)) !== 0 ? 3 : this.#ecnFirst;
    if (this.family === 4) wholeIpv4(bytes, view, header.length, ecn);
    else wholeIpv6(view, ecn, this.#protocol, this.#nextHeaderAt);
    return bytes;
  }

  /** Gives it up, and its memory with it. Returns the bytes that this frees. */
  kill(): number {
    const freed = this.charge - DATAGRAM_OVERHEAD;
    this.isDead = true;
    this.header = null;
    this.#pieces.length = 0;
    this.#offsets.length = 0;
    this.charge = DATAGRAM_OVERHEAD;
    return freed;
  }
}

function isSame(piece: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (piece.length !== length) return false;
  for (let i = 0; i < length; i++) if (piece[i] !== bytes[start + i]) return false;
  return true;
}
