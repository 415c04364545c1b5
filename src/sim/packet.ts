/**
 * A packet on its way through the simulated network: its bytes and what a device would say of it. Packets are used
 * again, so that a run makes few objects.
 */
import type { Family } from "../base/address.ts";
import { finish, halves, pseudoHeader, sum } from "../base/checksum.ts";
import { type TransmitBatch, TX } from "../base/packet-batch.ts";
import { copyBytes } from "../tcp/buffer/arena.ts";
import { IPV6_HEADER } from "../wire/ipv6.ts";
import { writeTcpChecksum } from "../wire/tcp-emit.ts";
import { PROTOCOL_TCP } from "../wire/tcp-parse.ts";
import type { SimEvent } from "./clock.ts";

/** An address as the simulator's routes name it: an IPv4 key, or the four words of an IPv6 address. */
export type AddressKey = number | string;

/** The key of an address, one word or four. */
export function addressKey(words: Int32Array): AddressKey {
  return words.length === 1 ? words[0]! : words.join(",");
}

/** Takes packets: a host, a scripted peer, a router, a link. */
export interface Sink {
  /** The packet is the sink's; it frees or passes on. */
  take(packet: Packet): void;
}

/** One packet. As an event it arrives at `to`. */
export class Packet implements SimEvent {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  length = 0;
  /** Bytes of it that are in memory: all, unless its text is left out (`fromBatch`). */
  held = 0;
  /** Payload a segment if it is a super-segment, else 0. */
  gsoSize = 0;
  /** The checksum need not be verified: it holds the pseudo-header's sum alone. */
  vouched = false;
  to: Sink | null = null;
  readonly #pool: PacketPool;
  readonly #sizeClass: number;

  /** @internal */
  constructor(pool: PacketPool, sizeClass: number) {
    this.#pool = pool;
    this.#sizeClass = sizeClass;
    this.bytes = new Uint8Array(1 << sizeClass);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Where it is addressed to. */
  get destination(): AddressKey {
    const { view } = this;
    if (this.family === 4) return view.getInt32(16);
    return `${view.getInt32(24)},${view.getInt32(28)},${view.getInt32(32)},${view.getInt32(36)}`;
  }

  get family(): Family {
    return this.bytes[0]! >> 4 === 6 ? 6 : 4;
  }

  fire(): void {
    this.to!.take(this);
  }

  /** Where it came from, and others can be had. */
  get pool(): PacketPool {
    return this.#pool;
  }

  /** Gives the packet back. */
  free(): void {
    this.to = null;
    this.#pool.put(this, this.#sizeClass);
  }

  /** Another packet with the same contents. */
  copy(): Packet {
    const twin = this.#pool.get(this.held);
    twin.length = this.length;
    twin.bytes.set(this.bytes.subarray(0, this.held));
    twin.gsoSize = this.gsoSize;
    twin.vouched = this.vouched;
    return twin;
  }

  /** Sets CE where the sender allows it (RFC 3168 5). Returns whether it is set now. */
  markCongestion(): boolean {
    const { bytes, view } = this;
    if (bytes[0]! >> 4 === 6) {
      if ((bytes[1]! & 0x30) === 0) return false;
      bytes[1]! |= 0x30;
      return true;
    }
    const ecn = bytes[1]! & 3;
    if (ecn === 0) return false;
    bytes[1]! |= 3;
    // RFC 1624: the header's sum grows by what the field does.
    const check = view.getUint16(10) - (3 - ecn);
    view.setUint16(10, check < 0 ? check + 0xffff : check);
    return true;
  }

  /** Writes the whole checksum where the sender left it to the device; damage then shows. */
  completeChecksum(): void {
    if (!this.vouched) return;
    this.vouched = false;
    const { bytes, view } = this;
    const v4 = this.family === 4;
    const at = v4 ? (bytes[0]! & 15) << 2 : IPV6_HEADER;
    const length = this.length - at;
    writeTcpChecksum(view, at, 0);
    const pseudo = v4
      ? pseudoHeader(4, view.getInt32(12), view.getInt32(16), PROTOCOL_TCP, length)
      : sum(bytes, view, 8, 32, PROTOCOL_TCP + halves(length));
    writeTcpChecksum(view, at, finish(sum(bytes, view, at, length, pseudo)));
  }
}

/** Free packets, by the power of two that their memory is. */
export class PacketPool {
  readonly #free: Packet[][] = [];

  /** A packet with room for `length` bytes, whose length is set. */
  get(length: number): Packet {
    const sizeClass = Math.max(SMALLEST, 32 - Math.clz32(length - 1));
    const packet = this.#free[sizeClass]?.pop() ?? new Packet(this, sizeClass);
    packet.length = length;
    packet.held = length;
    packet.gsoSize = 0;
    packet.vouched = false;
    return packet;
  }

  /** Packet `i` of a batch, head and pieces together; without `carriesText`, the head alone, and the length of both. */
  fromBatch(batch: TransmitBatch, i: number, carriesText: boolean): Packet {
    const row = i * TX.COLUMNS;
    const total = batch.table[row + TX.TOTAL]!;
    const packet = this.get(carriesText ? total : batch.table[row + TX.HEAD]!);
    if (carriesText) batch.copyPacket(i, packet.bytes, 0);
    else copyBytes(batch.bytes, batch.table[row + TX.OFFSET]!, packet.held, packet.bytes, 0);
    packet.length = total;
    packet.gsoSize = batch.table[row + TX.GSO_SIZE]!;
    packet.vouched = batch.table[row + TX.CSUM_START]! >= 0;
    return packet;
  }

  /** @internal */
  put(packet: Packet, sizeClass: number): void {
    const free = this.#free[sizeClass];
    if (free === undefined) this.#free[sizeClass] = [packet];
    else free.push(packet);
  }
}

/** The least memory is 64 bytes. */
const SMALLEST = 6;
