/**
 * Which listener an address and port belong to: an address, a prefix or any address of the stack's own, a port or every
 * port. The more specific one wins. What a listener does with a segment is not known here.
 */
import { type Family, isLimitedBroadcast, isMulticast, maskV4, samePrefixV6 } from "../base/address.ts";
import { ArgumentError, NetworkError } from "../base/errors.ts";
import type { CongestionName } from "../tcp/congestion/congestion.ts";
import { checkPort, prefixOf } from "./arguments.ts";
import type { Listener } from "./listener.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

/** What to listen on. */
export interface ListenOptions {
  /**
   * One of the stack's addresses; "0.0.0.0" for all IPv4 ones, "::" for all of both families; or a prefix such as
   * "0.0.0.0/0": every address in it, own or not. Default: "::" where the stack has an IPv6 address, else "0.0.0.0".
   */
  readonly host?: string;
  /** 1 to 65535; 0 for an ephemeral one (not in a shard); "any" for every port. */
  readonly port: number | "any";
  /** Connections that may wait to be accepted (Node's default: 511), at most 65535. */
  readonly backlog?: number;
  /** Take a port that connections (TIME-WAIT included) still hold. */
  readonly reuseAddr?: boolean;
  /** Congestion control of its connections; default: the stack's. */
  readonly congestion?: CongestionName;
  /**
   * TCP_FASTOPEN (RFC 7413): how many connections may be accepted by their SYN and wait for the third segment, where
   * `TcpConfig.fastOpen` has the server's bit; 0: none. `Listener.fastOpenMax` changes it.
   */
  readonly fastOpen?: number;
  /** Settings of the connections it accepts; `Listener.settings` changes them. */
  readonly settings?: ConnectionSettings;
  /** With the host "::": no IPv4 (IPV6_V6ONLY, RFC 3493 5.3). Default false, as in Linux. */
  readonly ipv6Only?: boolean;
}

/** A place to listen: `bits` of the address count, all, fewer, or OWN; port 0 is every port. */
export interface Binding {
  readonly host: string;
  readonly family: Family;
  /** IPv4: the address; IPv6: its id if it is one of the stack's own. */
  readonly key: number;
  /** IPv6: the address or network. */
  readonly words: Int32Array;
  readonly bits: number;
  readonly port: number;
  /** "::" without IPv4 (IPV6_V6ONLY). */
  readonly v6Only: boolean;
}

/** Instead of a number of bits: any of the stack's own addresses. */
export const OWN = -1;

/** The places that are taken. */
export class Bindings {
  readonly #stack: Stack;
  /** By port; 0 for those on every port. */
  readonly #byPort: Map<number, Listener[]> = new Map();
  /** Those on a prefix or address: packets to foreign addresses are for them alone. */
  readonly #prefixes: Set<Listener> = new Set();

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Finds the place that `options` ask for. Throws EADDRINUSE, EADDRNOTAVAIL or ArgumentError. */
  claim(options: ListenOptions): Binding {
    const host = options.host ?? (this.#stack.interfaces.has(6) ? "::" : "0.0.0.0");
    const place = this.#parse(host);
    let port = 0;
    if (options.port !== "any") {
      checkPort("port", options.port, 0);
      port = options.port === 0 ? this.#ephemeral(host) : options.port;
      if (this.#stack.portUse.isHeld(port) && options.reuseAddr !== true) {
        throw new NetworkError("EADDRINUSE", "listen", host, port);
      }
    }
    const binding = { ...place, host, port, v6Only: options.ipv6Only ?? false };
    if (this.#conflicts(binding)) throw new NetworkError("EADDRINUSE", "listen", host, port);
    return binding;
  }

  add(listener: Listener): void {
    const list = this.#byPort.get(listener.port);
    if (list === undefined) this.#byPort.set(listener.port, [listener]);
    else list.push(listener);
    if (listener.bits !== OWN) this.#prefixes.add(listener);
  }

  remove(listener: Listener): void {
    const list = this.#byPort.get(listener.port)!;
    list.splice(list.indexOf(listener), 1);
    if (list.length === 0) this.#byPort.delete(listener.port);
    this.#prefixes.delete(listener);
  }

  #parse(host: string): Pick<Binding, "family" | "key" | "words" | "bits"> {
    const prefix = prefixOf(host);
    if (prefix === null) {
      throw new ArgumentError(
        "host",
        "an IP address or prefix such as 10.77.0.2, fd77::2 or 10.77.0.0/24",
        host,
        "ERR_INVALID_IP_ADDRESS",
      );
    }
    const { family, words, bits } = prefix;
    if (host.includes("/")) {
      const key = family === 4 ? words[0]! & maskV4(bits) : 0;
      const network = family === 4 ? NO_WORDS : words.map((word, i) => word & maskV4(bits - 32 * i));
      return { family, key, words: network, bits };
    }
    if (words.every((word) => word === 0)) return { family, key: 0, words: NO_WORDS, bits: OWN };
    const key = family === 4 ? words[0]! : this.#stack.addresses.find(words);
    if (!this.#stack.interfaces.isOwn(family, key)) throw new NetworkError("EADDRNOTAVAIL", "listen", host);
    return { family, key, words: family === 4 ? NO_WORDS : words, bits };
  }

  #ephemeral(host: string): number {
    const { ports, portUse, shard } = this.#stack;
    if (shard !== null) throw new ArgumentError("port", "a fixed port, the same in every shard", 0);
    const port = ports.choose(4, 0, 0, 0, (p) => portUse.isHeld(p) || this.#byPort.has(p));
    if (port < 0) throw new NetworkError("EADDRNOTAVAIL", "listen", host, 0);
    return port;
  }

  /**
   * Two listeners conflict when they are equally specific for the same addresses; the more specific one wins otherwise. "::"
   * on both families is as specific as "0.0.0.0".
   */
  #conflicts(binding: Omit<Binding, "host">): boolean {
    for (const other of this.#byPort.get(binding.port) ?? []) {
      if (Math.max(0, other.bits) !== Math.max(0, binding.bits)) continue;
      if (other.family === binding.family) {
        if (binding.family === 4 ? other.key === binding.key : isSameNetwork(other.words, binding.words))
          return true;
      } else {
        const [v4, v6] = other.family === 4 ? [other, binding] : [binding, other];
        if (isDual(v6) && v4.bits <= 0) return true;
      }
    }
    return false;
  }

  /** The most specific listener: its own port before every port, longer prefixes before shorter. */
  best(family: number, local: number, port: number): Listener | null {
    return (
      this.#bestOf(this.#byPort.get(port), family, local) ?? this.#bestOf(this.#byPort.get(0), family, local)
    );
  }

  #bestOf(list: Listener[] | undefined, family: number, local: number): Listener | null {
    if (list === undefined) return null;
    let best: Listener | null = null;
    for (const listener of list) {
      if (this.#matches(listener, family, local) && (best === null || listener.bits > best.bits))
        best = listener;
    }
    return best;
  }

  #matches(listener: Listener, family: number, local: number): boolean {
    if (listener.bits === OWN) {
      return (
        (listener.family === family || (family === 4 && isDual(listener))) &&
        this.#stack.interfaces.isOwn(family, local)
      );
    }
    if (listener.family !== family) return false;
    if (family === 4) return ((local ^ listener.key) & maskV4(listener.bits)) === 0;
    return samePrefixV6(listener.words, 0, this.#stack.addresses.words, 4 * local, listener.bits);
  }

  /** Whether packets to `local`, no address of the stack's, are for a listener on a prefix. */
  takes(family: number, local: number): boolean {
    if (this.#prefixes.size === 0) return false;
    if (family === 4 && (isMulticast(local) || isLimitedBroadcast(local))) return false;
    for (const listener of this.#prefixes) if (this.#matches(listener, family, local)) return true;
    return false;
  }
}

const NO_WORDS = new Int32Array(4);

/** Whether a listener on all IPv6 addresses takes IPv4 too. */
function isDual(place: Pick<Binding, "family" | "bits" | "v6Only">): boolean {
  return place.family === 6 && place.bits === OWN && !place.v6Only;
}

function isSameNetwork(a: Int32Array, b: Int32Array): boolean {
  return samePrefixV6(a, 0, b, 0, 128);
}
