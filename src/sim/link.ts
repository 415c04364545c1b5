/**
 * One direction of a link: delay, loss, reordering, duplication, corruption, rate with a drop-tail queue, MTU.
 * Everything is drawn from its own seeded generator, so that one link's luck does not depend on another's.
 * Knows packets as bytes alone.
 */
import type { Random } from "../base/random.ts";
import type { Micros } from "../base/time.ts";
import { IPV6_HEADER } from "../wire/ipv6.ts";
import type { Clock } from "./clock.ts";
import type { Packet, Sink } from "./packet.ts";
import { fragment, mayNotFragment, segment, tellTooBig } from "./router-answers.ts";

/** What a link does to packets. Shares are from 0 to 1. */
export interface Conditions {
  /** Propagation time one way. */
  readonly delay: Micros;
  /** A random time up to this is added; packets stay in order. */
  readonly jitter: Micros;
  readonly loss: number;
  /** Share of packets that arrive twice. */
  readonly duplicate: number;
  /** Share of packets in which 1 to 4 bits are turned over, anywhere. */
  readonly corrupt: number;
  /** Share of packets that come late, by `reorderAtLeast` to `reorderBy`, and so behind later ones. */
  readonly reorder: number;
  readonly reorderAtLeast: Micros;
  readonly reorderBy: Micros;
  /** Bits a second; 0: no limit. */
  readonly rate: number;
  /** Bytes that may wait for their turn at `rate`; what comes when it is full is dropped. */
  readonly queue: number;
  /** From so many bytes waiting on, packets that allow it (ECT) are marked CE instead of nothing (RFC 3168 5). */
  readonly markThreshold: number;
  /** Larger packets go no further; a super-segment counts by its segments. */
  readonly mtu: number;
  /**
   * What becomes of them. "drop": nothing is heard of them (a black hole); "answer": fragments where the packet allows it,
   * else ICMP to the sender; "answer-without-mtu": ICMP as before RFC 1191. Answers take the link's `back`.
   */
  readonly tooBig: "drop" | "answer" | "answer-without-mtu";
  /** Super-segments are cut into segments first, so that each has its own luck. */
  readonly segments: boolean;
}

/** A perfect link of 1 ms. */
export const PERFECT: Conditions = {
  delay: 1_000,
  jitter: 0,
  loss: 0,
  duplicate: 0,
  corrupt: 0,
  reorder: 0,
  reorderAtLeast: 0,
  reorderBy: 0,
  rate: 0,
  queue: Number.POSITIVE_INFINITY,
  markThreshold: Number.POSITIVE_INFINITY,
  mtu: 65_535,
  tooBig: "drop",
  segments: false,
};

/** What happened to packets. */
export class LinkStatistics {
  /** Offered by the sender. */
  packets = 0;
  bytes = 0;
  /** Dropped by chance, by a full queue, for their size, by the filter, or because the link is down. */
  lost = 0;
  overflowed = 0;
  tooBig = 0;
  marked = 0;
  filtered = 0;
  down = 0;
  duplicated = 0;
  corrupted = 0;
  reordered = 0;
}

/** What became of a packet that was offered to a link. */
export type Fate =
  | "sent"
  | "lost"
  | "overflowed"
  | "tooBig"
  | "filtered"
  | "down"
  | "duplicated"
  | "corrupted"
  | "reordered";

/** Sees each packet as it is offered, before damage is done. */
export type LinkTap = (link: Link, packet: Packet, fate: Fate) => void;

/** One direction. Conditions may be changed at any time. */
export class Link implements Sink {
  conditions: Conditions;
  readonly statistics: LinkStatistics = new LinkStatistics();
  /** Off: everything is dropped. */
  isUp = true;
  /** Says which packets to drop; the others pass as the conditions say. */
  filter: ((packet: Packet) => boolean) | null = null;
  tap: LinkTap | null = null;
  /** The way back to the sender, for answers to packets that are too large. */
  back: Sink | null = null;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #to: Sink;
  /** When the transmitter is free. */
  #freeAt: Micros = 0;
  /** When the last packet in order arrives. */
  #lastArrival: Micros = 0;

  constructor(clock: Clock, random: Random, to: Sink, conditions: Partial<Conditions>) {
    this.#clock = clock;
    this.#random = random;
    this.#to = to;
    this.conditions = { ...PERFECT, ...conditions };
  }

  /** Changes some of the conditions for what is sent from now on. */
  change(conditions: Partial<Conditions>): void {
    this.conditions = { ...this.conditions, ...conditions };
  }

  take(packet: Packet): void {
    const { conditions, statistics } = this;
    if (packet.gsoSize > 0 && conditions.segments) {
      segment(packet.pool, packet, this);
      packet.free();
      return;
    }
    statistics.packets++;
    statistics.bytes += packet.length;
    const lost = this.#fateBefore(packet, conditions);
    if (lost !== null) {
      statistics[lost]++;
      this.tap?.(this, packet, lost);
      if (lost === "tooBig" && conditions.tooBig !== "drop") this.#answer(packet, conditions);
      packet.free();
      return;
    }
    const leaves = this.#transmit(packet, conditions);
    if (leaves < 0) {
      statistics.overflowed++;
      this.tap?.(this, packet, "overflowed");
      packet.free();
      return;
    }
    this.#deliver(packet, conditions, leaves);
  }

  #answer(packet: Packet, { mtu, tooBig }: Conditions): void {
    if (!mayNotFragment(packet)) fragment(packet.pool, packet, mtu, this);
    else if (this.back !== null) tellTooBig(packet.pool, packet, tooBig === "answer" ? mtu : 0, this.back);
  }

  #fateBefore(packet: Packet, conditions: Conditions): "down" | "tooBig" | "filtered" | "lost" | null {
    if (!this.isUp) return "down";
    const size = packet.gsoSize === 0 ? packet.length : packet.gsoSize + headers(packet);
    if (size > conditions.mtu) return "tooBig";
    if (this.filter?.(packet) === true) return "filtered";
    return this.#happens(conditions.loss) ? "lost" : null;
  }

  /** When the packet has left the transmitter; -1 when the queue is full. */
  #transmit(packet: Packet, conditions: Conditions): Micros {
    const { now } = this.#clock;
    if (conditions.rate === 0) return now;
    const waits = Math.max(0, this.#freeAt - now);
    if (waits > 0 && (waits * conditions.rate) / 8e6 + packet.length > conditions.queue) return -1;
    if ((waits * conditions.rate) / 8e6 >= conditions.markThreshold && packet.markCongestion())
      this.statistics.marked++;
    this.#freeAt = now + waits + (packet.length * 8e6) / conditions.rate;
    return this.#freeAt;
  }

  #deliver(packet: Packet, conditions: Conditions, leaves: Micros): void {
    const { statistics } = this;
    let fate: Fate = "sent";
    let arrives = leaves + conditions.delay;
    if (conditions.jitter > 0) arrives += this.#random.float() * conditions.jitter;
    if (this.#happens(conditions.reorder)) {
      statistics.reordered++;
      fate = "reordered";
      const { reorderAtLeast, reorderBy } = conditions;
      arrives += reorderAtLeast + this.#random.float() * Math.max(0, reorderBy - reorderAtLeast);
    } else {
      if (arrives < this.#lastArrival) arrives = this.#lastArrival;
      this.#lastArrival = arrives;
    }
    if (this.#happens(conditions.duplicate)) {
      statistics.duplicated++;
      fate = "duplicated";
      const twin = packet.copy();
      twin.to = this.#to;
      this.#clock.schedule(arrives + this.#random.float() * conditions.reorderBy, twin);
    }
    const damage = this.#happens(conditions.corrupt);
    this.tap?.(this, packet, damage ? "corrupted" : fate);
    if (damage) {
      statistics.corrupted++;
      packet.completeChecksum();
      this.#corrupt(packet);
    }
    packet.to = this.#to;
    this.#clock.schedule(arrives, packet);
  }

  /**
   * Turns over one bit, or up to four that lie in different bit positions modulo 16: two changes of one position
   * can cancel in a sum of 16-bit words, and no checksum of TCP's would notice (RFC 1071 4).
   */
  #corrupt(packet: Packet): void {
    const bits = 1 + this.#random.below(4);
    const first = this.#random.below(16);
    for (let i = 0; i < bits; i++) {
      const word = this.#random.below(packet.length >> 1);
      // Positions three apart never carry into one another for long enough to cancel.
      const position = (first + 4 * i) & 15;
      packet.bytes[2 * word + (position >> 3)]! ^= 0x80 >> (position & 7);
    }
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.float() < share;
  }
}

/** Length of the IP and TCP headers. */
function headers(packet: Packet): number {
  const ip = packet.family === 6 ? IPV6_HEADER : (packet.bytes[0]! & 15) << 2;
  return ip + ((packet.bytes[ip + 12]! >> 4) << 2);
}
