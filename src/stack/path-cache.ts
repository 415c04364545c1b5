/**
 * The path MTUs learned, by destination (RFC 1191 3, RFC 8201 3): so that one connection's discovery serves the next.
 * Bounded; the oldest gives way. Who may teach it what is decided elsewhere.
 */
import type { AddressTable } from "../base/address-table.ts";
import { type Micros, NEVER } from "../base/time.ts";
import type { Path } from "../tcp/context.ts";
import type { StackInterface } from "./interface.ts";

/** A way to a destination: an interface and the MTU known for it (RFC 1191: cached by destination). */
export class StackPath implements Path {
  readonly link: StackInterface;
  mtu: number;
  /** When a smaller MTU that was learned is forgotten (path-age.ts). */
  expiresAt: Micros = NEVER;

  constructor(link: StackInterface, mtu: number) {
    this.link = link;
    this.mtu = mtu;
  }

  get mssClamp(): number {
    return this.link.mssClamp;
  }

  get offload(): boolean {
    return this.link.offload;
  }

  get bigTcp(): boolean {
    return this.link.bigTcp;
  }
}

/** Destinations whose MTU is remembered, in each family. */
const PATHS_MAX = 4_096;

/** Learned paths. */
export class PathCache {
  readonly #addresses: AddressTable;
  readonly #v4: Map<number, StackPath> = new Map();
  /** Holds its addresses. */
  readonly #v6: Map<number, StackPath> = new Map();

  constructor(addresses: AddressTable) {
    this.#addresses = addresses;
  }

  find(family: number, remote: number): StackPath | undefined {
    return (family === 4 ? this.#v4 : this.#v6).get(remote);
  }

  /** Notes a smaller MTU of the path to `remote`. */
  learn(family: number, remote: number, link: StackInterface, mtu: number): StackPath {
    const known = this.find(family, remote);
    if (known !== undefined) {
      known.mtu = Math.min(known.mtu, mtu);
      return known;
    }
    const paths = family === 4 ? this.#v4 : this.#v6;
    if (paths.size >= PATHS_MAX) this.forget(family, paths.keys().next().value!);
    const path = new StackPath(link, mtu);
    paths.set(family === 4 ? remote : this.#addresses.hold(remote), path);
    return path;
  }

  /** Forgets the MTU learned for `remote`: the path may have changed. */
  forget(family: number, remote: number): void {
    if (family === 4) this.#v4.delete(remote);
    else if (this.#v6.delete(remote)) this.#addresses.release(remote);
  }
}
