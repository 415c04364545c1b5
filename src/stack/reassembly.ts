/**
 * Reassembly of IPv4 and IPv6 fragments (RFC 791 3.2, RFC 8200 4.5): the packets under way, found by addresses,
 * Identification and (IPv4) protocol; limits on what they may cost; and the time after which one is given up.
 *
 * When memory is full the oldest packet gives way, not the newest: who sends first fragments alone can then hold up nobody
 * for longer than it takes to send a whole memory full. A single source never holds more than its share.
 */
import { type Micros, NEVER, SECOND } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import type { Fragment } from "../wire/fragment.ts";
import {
  COMPLETE,
  DATAGRAM_OVERHEAD,
  DUPLICATE,
  OVERLAP,
  PartialDatagram,
  TOO_MANY,
  WAITING,
} from "./partial-datagram.ts";

/** Limits; sizes count the bookkeeping too. */
export interface ReassemblyOptions {
  /** Bytes of everything under way. Linux: net.ipv4.ipfrag_high_thresh = 4 MiB. 0: no fragment is taken. */
  bytes: number;
  /** Bytes of one source: an IPv4 address, the /64 of an IPv6 one. */
  bytesPerSource: number;
  /** Packets under way, and those of one source. */
  datagrams: number;
  datagramsPerSource: number;
  /** Fragments of one packet: 65,535 bytes over the least MTU of the internet (RFC 791: 576) are 119. */
  fragments: number;
  /** RFC 1122 3.3.2: 60 to 120 s; 30 s as in Linux and FreeBSD, because 16 bits of Identification come round sooner (RFC 4963). */
  timeout: Micros;
  /** RFC 8200 4.5: 60 s. */
  timeout6: Micros;
}

/** The defaults. */
export const DEFAULT_REASSEMBLY: ReassemblyOptions = {
  bytes: 4 * 1024 * 1024,
  bytesPerSource: 1024 * 1024,
  datagrams: 1_024,
  datagramsPerSource: 256,
  fragments: 128,
  timeout: 30 * SECOND,
  timeout6: 60 * SECOND,
};

/** Packets of which something is missing. */
export class Reassembly {
  readonly #options: ReassemblyOptions;
  /** By family, the oldest first: all of a family wait equally long. */
  readonly #v4: Map<string, PartialDatagram> = new Map();
  readonly #v6: Map<string, PartialDatagram> = new Map();
  readonly #accounts: Map<string, Account> = new Map();
  /** What they all cost, in bytes. */
  charge = 0;

  constructor(options: Partial<ReassemblyOptions> = {}) {
    this.#options = { ...DEFAULT_REASSEMBLY, ...options };
  }

  /** Packets under way. */
  get size(): number {
    return this.#v4.size + this.#v6.size;
  }

  /**
   * Takes a fragment. Returns the whole packet, in memory of its own, when this was the last that was missing; else
   * `drop.OK` when it waits for others, or why it was refused.
   */
  take(fragment: Fragment, now: Micros): Uint8Array | drop.Drop {
    // A fragment that is no last one ends at a multiple of 8; an empty one says nothing.
    if (fragment.dataLength === 0 || (fragment.more && (fragment.dataLength & 7) !== 0))
      return drop.IP_FRAGMENT_INVALID;
    const end = fragment.offset + fragment.dataLength;
    if (end + (fragment.family === 4 ? fragment.headerLength : 0) > 65_535) return drop.IP_FRAGMENT_INVALID;
    if (hidesHeaders(fragment)) return drop.IP_FRAGMENT_INVALID;
    const table = fragment.family === 4 ? this.#v4 : this.#v6;
    const key = keyOf(fragment);
    let datagram = table.get(key);
    if (datagram === undefined) datagram = this.#begin(table, key, fragment, now);
    else if (datagram.isDead) return drop.IP_FRAGMENT_OVERLAP;
    const before = datagram.charge;
    const outcome = datagram.add(fragment, this.#options.fragments);
    this.#charge(datagram, datagram.charge - before);
    switch (outcome) {
      case WAITING:
        return this.#makeRoom(datagram);
      case DUPLICATE:
        return drop.OK;
      case COMPLETE:
        this.#forget(datagram);
        return datagram.whole();
      case TOO_MANY:
        this.#forget(datagram);
        return drop.IP_FRAGMENT_LIMIT;
      default:
        this.#giveUp(datagram);
        return outcome === OVERLAP ? drop.IP_FRAGMENT_OVERLAP : drop.IP_FRAGMENT_INVALID;
    }
  }

  /** When the next one is given up. */
  nextDeadline(): Micros {
    if (this.size === 0) return NEVER;
    return Math.min(first(this.#v4)?.deadline ?? NEVER, first(this.#v6)?.deadline ?? NEVER);
  }

  /** Gives up what is overdue; `onTimeout` is told of each. */
  expire(now: Micros, onTimeout: (datagram: PartialDatagram) => void): void {
    for (const table of [this.#v4, this.#v6]) {
      for (let oldest = first(table); oldest !== undefined && oldest.deadline <= now; oldest = first(table)) {
        this.#forget(oldest);
        if (!oldest.isDead) onTimeout(oldest);
      }
    }
  }

  #begin(table: Map<string, PartialDatagram>, key: string, fragment: Fragment, now: Micros): PartialDatagram {
    const { datagrams, datagramsPerSource } = this.#options;
    const { family, source } = fragment;
    const account = family === 4 ? `${source[0]}` : `${source[0]},${source[1]}`;
    const own = this.#accounts.get(account)?.datagrams;
    if (own !== undefined && own.size >= datagramsPerSource) this.#forget(own.values().next().value!);
    else if (this.size >= datagrams) this.#forget(this.#oldest());
    const datagram = new PartialDatagram(key, account, family);
    datagram.deadline = now + (family === 4 ? this.#options.timeout : this.#options.timeout6);
    table.set(key, datagram);
    const held = this.#accounts.get(account) ?? new Account();
    this.#accounts.set(account, held);
    held.datagrams.add(datagram);
    this.#charge(datagram, DATAGRAM_OVERHEAD);
    return datagram;
  }

  /** Brings the source, then everything, below its limit again. Even `datagram` itself may have to give way. */
  #makeRoom(datagram: PartialDatagram): drop.Drop {
    const { bytes, bytesPerSource } = this.#options;
    const account = this.#accounts.get(datagram.account)!;
    while (account.charge > bytesPerSource) {
      const oldest: PartialDatagram = account.datagrams.values().next().value!;
      this.#forget(oldest);
      if (oldest === datagram) return drop.IP_FRAGMENT_LIMIT;
    }
    while (this.charge > bytes) {
      const oldest = this.#oldest();
      this.#forget(oldest);
      if (oldest === datagram) return drop.IP_FRAGMENT_LIMIT;
    }
    return drop.OK;
  }

  #oldest(): PartialDatagram {
    const v4 = first(this.#v4);
    const v6 = first(this.#v6);
    if (v4 === undefined || v6 === undefined) return (v4 ?? v6)!;
    return v4.deadline - this.#options.timeout <= v6.deadline - this.#options.timeout6 ? v4 : v6;
  }

  /**
   * RFC 5722 4: what is still to come of an IPv6 packet is dropped too. IPv4 begins anew (as Linux), because its 16 bits of
   * Identification may name another packet by then (RFC 4963).
   */
  #giveUp(datagram: PartialDatagram): void {
    if (datagram.family === 6) this.#charge(datagram, -datagram.kill());
    else this.#forget(datagram);
  }

  #forget(datagram: PartialDatagram): void {
    (datagram.family === 4 ? this.#v4 : this.#v6).delete(datagram.key);
    const account = this.#accounts.get(datagram.account)!;
    account.datagrams.delete(datagram);
    this.#charge(datagram, -datagram.charge);
    if (account.datagrams.size === 0) this.#accounts.delete(datagram.account);
  }

  #charge(datagram: PartialDatagram, bytes: number): void {
    this.charge += bytes;
    this.#accounts.get(datagram.account)!.charge += bytes;
  }
}

/** What one source has under way, the oldest first. */
class Account {
  charge = 0;
  readonly datagrams: Set<PartialDatagram> = new Set();
}

/** RFC 791 3.2 and RFC 8200 4.5: what makes fragments parts of one packet. */
function keyOf(fragment: Fragment): string {
  const { source: s, destination: d, id } = fragment;
  if (fragment.family === 4) return `${s[0]},${d[0]},${id},${fragment.protocol}`;
  return `${s[0]},${s[1]},${s[2]},${s[3]},${d[0]},${d[1]},${d[2]},${d[3]},${id}`;
}

const PROTOCOL_TCP = 6;
const TCP_HEADER = 20;

/**
 * RFC 1858 3, RFC 3128: fragments cut so that a filter on the way does not see TCP's header, or sees another one. RFC 7112
 * 5: the first fragment holds all headers; whether IPv6's extension headers do is the parser's to say.
 */
function hidesHeaders(fragment: Fragment): boolean {
  if (fragment.protocol !== PROTOCOL_TCP) return false;
  if (fragment.offset > 0) return fragment.offset < TCP_HEADER;
  const { bytes, dataStart, dataLength } = fragment;
  return dataLength < TCP_HEADER || dataLength < (bytes[dataStart + 12]! >> 4) << 2;
}

function first(table: Map<string, PartialDatagram>): PartialDatagram | undefined {
  return table.size === 0 ? undefined : table.values().next().value;
}
