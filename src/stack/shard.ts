/**
 * One of several stacks that share their addresses, each behind a queue of one device. A flow belongs to one of them by a
 * hash of its addresses and ports (base/shard-hash.ts), wherever the device delivers its packets: what comes in at another
 * is handed over as it came, before TCP sees it, and never answered by the wrong one. An ICMP error goes where the segment
 * that it quotes belongs; fragments meet in the shard of their two addresses, and the whole packet goes on from there. All
 * else (echo requests, what nobody takes) is answered by whoever got it. How a packet crosses over is the device's business.
 */
import { ShardHash } from "../base/shard-hash.ts";
import * as drop from "../wire/drop.ts";
import { IcmpMessage, isIcmpError, PROTOCOL_ICMP, parseIcmp } from "../wire/icmp.ts";
import { parseIcmpv6 } from "../wire/icmpv6.ts";
import { PROTOCOL_ICMPV6 } from "../wire/ipv6.ts";
import type { Segment } from "../wire/segment.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import type { StackInterface } from "./interface.ts";
import type { Stack } from "./stack.ts";

/** Which shard a stack is, and how it gives packets to the others. All shards have the same `Host.secret`. */
export interface ShardOptions {
  /** 0 to `count` - 1. */
  readonly index: number;
  readonly count: number;
  /** Takes a copy of the packet at `offset` for shard `to`. False: that one has no room. */
  handOver(
    to: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    checksumOk: boolean,
    gsoSize: number,
  ): boolean;
}

/** RFC 4443 2.1: types below are errors. */
const V6_INFORMATIONAL = 128;

/** Tells this shard's packets from those of the others. */
export class Shard {
  readonly index: number;
  readonly count: number;
  readonly hash: ShardHash;
  readonly #handOver: ShardOptions["handOver"];
  readonly #message: IcmpMessage = new IcmpMessage();

  constructor(options: ShardOptions, secret: Uint8Array) {
    this.index = options.index;
    this.count = options.count;
    this.hash = new ShardHash(secret, options.count);
    this.#handOver = options.handOver;
  }

  /** Whether a flow of the stack's is this shard's. Addresses are keys of their family. */
  owns(
    stack: Stack,
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
  ): boolean {
    const { hash } = this;
    const { words } = stack.addresses;
    const owner =
      family === 4
        ? hash.owner4(local, localPort, remote, remotePort)
        : hash.owner6(words, 4 * local, localPort, words, 4 * remote, remotePort);
    return owner === this.index;
  }

  /** Hands the packet in `seg` over if it is another shard's; true: that was done, or it was dropped for want of room. */
  passes(stack: Stack, link: StackInterface, seg: Segment): boolean {
    // What the stack sent itself stays here: ports are chosen so that both ends do.
    if (link === stack.interfaces.loopback) return false;
    const { protocol } = seg;
    if (protocol === PROTOCOL_TCP) {
      // Too short for ports: dropped and counted here.
      if (seg.ipPayloadLength < 4) return false;
      const ports = seg.view.getInt32(seg.ipPayload);
      return this.#passTo(this.#ownerOf(seg, ports >>> 16, ports & 0xffff), stack, seg);
    }
    if (protocol !== PROTOCOL_ICMP && protocol !== PROTOCOL_ICMPV6) return false;
    return this.#passTo(this.#ownerOfQuote(seg), stack, seg);
  }

  /** The same for a fragment. */
  passesFragment(stack: Stack, link: StackInterface, seg: Segment): boolean {
    if (link === stack.interfaces.loopback) return false;
    return this.#passTo(this.#ownerOf(seg, 0, 0), stack, seg);
  }

  #ownerOf({ family, src, dst, words }: Segment, srcPort: number, dstPort: number): number {
    return family === 4
      ? this.hash.owner4(src, srcPort, dst, dstPort)
      : this.hash.owner6(words, 0, srcPort, words, 4, dstPort);
  }

  /** Of an error that quotes a TCP segment, the shard of that segment; of everything else, this one. */
  #ownerOfQuote(seg: Segment): number {
    const { view } = seg;
    const message = this.#message;
    if (seg.family === 4) {
      if (parseIcmp(view, seg, message) !== drop.OK || !isIcmpError(message.type)) return this.index;
      if (message.protocol !== PROTOCOL_TCP) return this.index;
      return this.hash.owner4(message.src, message.srcPort, message.dst, message.dstPort);
    }
    if (seg.ipPayloadLength === 0 || view.getUint8(seg.ipPayload) >= V6_INFORMATIONAL) return this.index;
    if (parseIcmpv6(view, seg, message) !== drop.OK || message.protocol !== PROTOCOL_TCP) return this.index;
    return this.hash.owner6(message.words, 0, message.srcPort, message.words, 4, message.dstPort);
  }

  #passTo(owner: number, stack: Stack, seg: Segment): boolean {
    if (owner === this.index) return false;
    const { ipStart } = seg;
    const length = seg.ipPayload + seg.ipPayloadLength - ipStart;
    if (this.#handOver(owner, seg.bytes, ipStart, length, seg.checksumOk, seg.gsoSize)) stack.ip.HandedOver++;
    else stack.drop(drop.SHARD_RING_FULL);
    return true;
  }
}
