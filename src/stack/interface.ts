/**
 * An interface of the stack: its addresses, its MTU, the batch its packets leave by. The first one is the
 * loopback, whose packets come back at the next flush; the others each stand for a device.
 */
import { isLoopback, maskV4, type Prefix } from "../base/address.ts";
import { TransmitBatch } from "../base/packet-batch.ts";
import type { Path } from "../tcp/context.ts";

/** A way to a destination: an interface and the MTU known for it (RFC 1191: cached by destination). */
export class StackPath implements Path {
  readonly link: StackInterface;
  mtu: number;

  constructor(link: StackInterface, mtu: number) {
    this.link = link;
    this.mtu = mtu;
  }

  get offload(): boolean {
    return this.link.offload;
  }
}

/** One interface. */
export class StackInterface {
  readonly name: string;
  readonly mtu: number;
  /** The device takes super-segments and completes checksums. */
  readonly offload: boolean;
  readonly addresses: Prefix[];
  /** The path for every destination whose own MTU is not known to be less. */
  readonly path: StackPath;
  /** Packets to be sent. The driver sends and clears it. */
  tx: TransmitBatch = new TransmitBatch();

  constructor(name: string, mtu: number, offload: boolean, addresses: Prefix[]) {
    this.name = name;
    this.mtu = mtu;
    this.offload = offload;
    this.addresses = addresses;
    this.path = new StackPath(this, mtu);
  }
}

/** Interfaces, routes and source selection of a stack. */
export class Interfaces {
  readonly all: StackInterface[];
  /** The stack's own addresses (IPv4 keys), and whose they are. */
  readonly #own: Map<number, StackInterface> = new Map();
  readonly #paths: Map<number, StackPath> = new Map();
  readonly #broadcasts: Int32Array;

  constructor(links: StackInterface[]) {
    const loopback = new StackInterface("lo", LOOPBACK_MTU, true, []);
    this.all = [loopback, ...links];
    const broadcasts: number[] = [];
    for (const link of links) {
      for (const { words, bits } of link.addresses) {
        this.#own.set(words[0]!, link);
        // RFC 3021: a prefix of 31 bits has none.
        if (bits < 31) broadcasts.push(words[0]! | ~maskV4(bits));
      }
    }
    this.#broadcasts = Int32Array.from(broadcasts);
  }

  get loopback(): StackInterface {
    return this.all[0]!;
  }

  /** Whether a batch holds packets that were not sent. */
  get hasOutput(): boolean {
    for (const link of this.all) if (link.tx.count > 0) return true;
    return false;
  }

  /** Whether packets to `key` are for this stack. */
  isOwn(key: number): boolean {
    return this.#own.has(key) || isLoopback(key);
  }

  /** Whether `key` is the directed broadcast address of an interface. */
  isDirectedBroadcast(key: number): boolean {
    const broadcasts = this.#broadcasts;
    for (let i = 0; i < broadcasts.length; i++) if (broadcasts[i] === key) return true;
    return false;
  }

  /** The interface for `remote`: the loopback for own addresses, else the longest prefix, else the first device; null without any. */
  route(remote: number): StackInterface | null {
    if (this.isOwn(remote)) return this.loopback;
    return this.#longest(remote)?.link ?? this.all[1] ?? null;
  }

  /** The path to `remote` over `link`, with a smaller MTU where one was learned. */
  pathTo(remote: number, link: StackInterface): StackPath {
    return this.#paths.get(remote) ?? link.path;
  }

  /** RFC 1191 3: notes a smaller MTU of the path to `remote`. */
  learnMtu(remote: number, link: StackInterface, mtu: number): StackPath {
    const known = this.#paths.get(remote);
    if (known !== undefined) {
      known.mtu = Math.min(known.mtu, mtu);
      return known;
    }
    if (this.#paths.size >= PATHS_MAX) this.#paths.delete(this.#paths.keys().next().value!);
    const path = new StackPath(link, mtu);
    this.#paths.set(remote, path);
    return path;
  }

  /** Forgets the MTU learned for `remote`: the path may have changed. */
  forgetMtu(remote: number): void {
    this.#paths.delete(remote);
  }

  /** Source address for `remote` (RFC 6724 5, of which rules 1, 5 and 8 concern IPv4 here): itself if own, else the longest match. */
  sourceFor(remote: number, link: StackInterface): number | null {
    if (link === this.loopback) return remote;
    const match = this.#longest(remote);
    if (match !== null && match.link === link) return match.address;
    return link.addresses[0]?.words[0] ?? null;
  }

  #longest(remote: number): { link: StackInterface; address: number } | null {
    let best: { link: StackInterface; address: number } | null = null;
    let bits = -1;
    for (const link of this.all) {
      for (const prefix of link.addresses) {
        const address = prefix.words[0]!;
        if (prefix.bits > bits && ((address ^ remote) & maskV4(prefix.bits)) === 0) {
          best = { link, address };
          bits = prefix.bits;
        }
      }
    }
    return best;
  }
}

/** Largest IP packet. */
const LOOPBACK_MTU = 65_535;
/** Destinations whose MTU is remembered; the oldest gives way. */
const PATHS_MAX = 4_096;
