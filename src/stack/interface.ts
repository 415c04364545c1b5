/**
 * An interface of the stack: its addresses, its MTU, the batch its packets leave by. The first one is the
 * loopback, whose packets come back at the next flush; the others each stand for a device.
 */
import { isLoopback, maskV4, type Prefix, samePrefixV6 } from "../base/address.ts";
import type { AddressTable } from "../base/address-table.ts";
import { ArgumentError } from "../base/errors.ts";
import { TransmitBatch } from "../base/packet-batch.ts";
import { IPV6_MTU_MIN } from "../wire/ipv6.ts";
import { PathCache, StackPath } from "./path-cache.ts";
import { chooseSourceV6 } from "./source-address.ts";

/** One interface. */
export class StackInterface {
  readonly name: string;
  readonly mtu: number;
  /** The device takes super-segments. */
  readonly offload: boolean;
  /** It completes checksums: those that take super-segments do. */
  checksumOffload: boolean;
  readonly addresses: Prefix[];
  /** The path for every destination whose own MTU is not known to be less. */
  readonly path: StackPath;
  /**
   * The largest segment to send over it and to ask peers for, whatever its MTU: for tunnels behind it whose ICMP does not come
   * through (iptables' TCPMSS). 0: the MTU decides.
   */
  mssClamp = 0;
  /** The device takes IPv4 super-segments above 64 KiB, whose header says 0 for their length. */
  bigTcp = false;
  /** Packets to be sent. The driver sends and clears it. */
  tx: TransmitBatch = new TransmitBatch();

  constructor(name: string, mtu: number, offload: boolean, addresses: Prefix[]) {
    this.name = name;
    this.mtu = mtu;
    this.offload = offload;
    this.checksumOffload = offload;
    this.addresses = addresses;
    this.path = new StackPath(this, mtu);
  }
}

/** Interfaces, routes and source selection of a stack. Addresses are keys of their family (`base/address.ts`). */
export class Interfaces {
  readonly all: StackInterface[];
  /** The MTUs learned. */
  readonly paths: PathCache;
  readonly #addresses: AddressTable;
  /** The stack's own addresses, and whose they are: IPv4 keys, and IPv6 ids, which are held for good. */
  readonly #own: Map<number, StackInterface> = new Map();
  readonly #own6: Map<number, StackInterface> = new Map();
  readonly #broadcasts: Int32Array;

  /** Throws `ArgumentError` when a link is too narrow for IPv6. */
  constructor(links: StackInterface[], addresses: AddressTable) {
    const loopback = new StackInterface("lo", LOOPBACK_MTU, true, []);
    this.all = [loopback, ...links];
    this.#addresses = addresses;
    this.paths = new PathCache(addresses);
    this.#own6.set(addresses.intern(LOOPBACK_V6), loopback);
    const broadcasts: number[] = [];
    for (const link of links) {
      for (const { family, words, bits } of link.addresses) {
        if (family === 6) {
          if (link.mtu < IPV6_MTU_MIN) {
            throw new ArgumentError(
              "mtu",
              "at least 1280 bytes for IPv6 (RFC 8200 5)",
              link.mtu,
              "ERR_OUT_OF_RANGE",
            );
          }
          this.#own6.set(addresses.intern(words), link);
          continue;
        }
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

  /** Whether a device has an address of `family`. */
  has(family: number): boolean {
    return this.all.some((link) => link.addresses.some((prefix) => prefix.family === family));
  }

  /** Whether packets to `key` are for this stack. */
  isOwn(family: number, key: number): boolean {
    return family === 4 ? this.#own.has(key) || isLoopback(key) : this.#own6.has(key);
  }

  /** Whether `key` is the directed broadcast address of an interface (IPv4). */
  isDirectedBroadcast(key: number): boolean {
    const broadcasts = this.#broadcasts;
    for (let i = 0; i < broadcasts.length; i++) if (broadcasts[i] === key) return true;
    return false;
  }

  /** The interface for `remote`: the loopback for own addresses, else the longest prefix, else the first device of the family; null without any. */
  route(family: number, remote: number): StackInterface | null {
    if (this.isOwn(family, remote)) return this.loopback;
    const nearest = this.#nearest(family, remote);
    if (nearest !== null) return nearest;
    for (const link of this.all) {
      for (const prefix of link.addresses) if (prefix.family === family) return link;
    }
    return null;
  }

  /** The path to `remote` over `link`, with a smaller MTU where one was learned. */
  pathTo(family: number, remote: number, link: StackInterface): StackPath {
    return this.paths.find(family, remote) ?? link.path;
  }

  /** Source address for `remote` (RFC 6724 5); null when the link has none of the family. */
  sourceFor(family: number, remote: number, link: StackInterface): number | null {
    if (link === this.loopback) return remote;
    return family === 4
      ? this.#sourceV4(remote, link)
      : chooseSourceV6(this.#addresses, link.addresses, this.#addresses.words, 4 * remote);
  }

  /** Of RFC 6724 5, rules 1, 5 and 8 concern IPv4 here: the address of the longest prefix. */
  #sourceV4(remote: number, link: StackInterface): number | null {
    let best: Prefix | null = null;
    for (const prefix of link.addresses) {
      if (prefix.family !== 4) continue;
      const matches = this.#matches(prefix, remote);
      if (best === null || (matches && (!this.#matches(best, remote) || prefix.bits > best.bits)))
        best = prefix;
    }
    return best?.words[0] ?? null;
  }

  #nearest(family: number, remote: number): StackInterface | null {
    let best: StackInterface | null = null;
    let bits = -1;
    for (const link of this.all) {
      for (const prefix of link.addresses) {
        if (prefix.family !== family || prefix.bits <= bits || !this.#matches(prefix, remote)) continue;
        best = link;
        bits = prefix.bits;
      }
    }
    return best;
  }

  #matches(prefix: Prefix, key: number): boolean {
    if (prefix.family === 4) return ((prefix.words[0]! ^ key) & maskV4(prefix.bits)) === 0;
    return samePrefixV6(prefix.words, 0, this.#addresses.words, 4 * key, prefix.bits);
  }
}

/** Largest IP packet. */
const LOOPBACK_MTU = 65_535;
/** ::1 */
const LOOPBACK_V6 = Int32Array.of(0, 0, 0, 1);
