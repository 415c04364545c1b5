/**
 * Which listener an address and port belong to: an address, a prefix or any address of the stack's own, a port or every
 * port. The more specific one wins. What a listener does with a segment is not known here.
 */
import { isLimitedBroadcast, isMulticast, maskV4, parseIpv4Address, parsePrefix } from "../base/address.ts";
import { ArgumentError, NetworkError } from "../base/errors.ts";
import type { CongestionName } from "../tcp/congestion/congestion.ts";
import { checkPort } from "./arguments.ts";
import type { Listener } from "./listener.ts";
import type { ConnectionSettings } from "./settings.ts";
import type { Stack } from "./stack.ts";

/** What to listen on. */
export interface ListenOptions {
  /** One of the stack's addresses, "0.0.0.0" for all of them (the default), or a prefix such as "0.0.0.0/0": every address in it, own or not. */
  readonly host?: string;
  /** 1 to 65535; 0 for an ephemeral one; "any" for every port. */
  readonly port: number | "any";
  /** Connections that may wait to be accepted (Node's default: 511), at most 65535. */
  readonly backlog?: number;
  /** Take a port that connections (TIME-WAIT included) still hold. */
  readonly reuseAddr?: boolean;
  /** Congestion control of its connections; default: the stack's. */
  readonly congestion?: CongestionName;
  /** Settings of the connections it accepts; `Listener.settings` changes them. */
  readonly settings?: ConnectionSettings;
}

/** A place to listen: `bits` of the address key count, all 32, fewer, or OWN; port 0 is every port. */
export interface Binding {
  readonly host: string;
  readonly key: number;
  readonly bits: number;
  readonly port: number;
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
    const host = options.host ?? "0.0.0.0";
    const { key, bits } = this.#parse(host);
    let port = 0;
    if (options.port !== "any") {
      checkPort("port", options.port, 0);
      port = options.port === 0 ? this.#ephemeral(host) : options.port;
      if (this.#stack.portUse.isHeld(port) && options.reuseAddr !== true) {
        throw new NetworkError("EADDRINUSE", "listen", host, port);
      }
    }
    if (this.#conflicts(key, bits, port)) throw new NetworkError("EADDRINUSE", "listen", host, port);
    return { host, key, bits, port };
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

  #parse(host: string): { key: number; bits: number } {
    if (host.includes("/")) {
      const prefix = parsePrefix(host);
      if (prefix?.family === 4) return { key: prefix.words[0]! & maskV4(prefix.bits), bits: prefix.bits };
    } else {
      const key = parseIpv4Address(host);
      if (key === 0) return { key: 0, bits: OWN };
      if (key !== null) {
        if (this.#stack.interfaces.isOwn(key)) return { key, bits: 32 };
        throw new NetworkError("EADDRNOTAVAIL", "listen", host);
      }
    }
    throw new ArgumentError(
      "host",
      "an IPv4 address or prefix such as 10.77.0.2 or 10.77.0.0/24",
      host,
      "ERR_INVALID_IP_ADDRESS",
    );
  }

  #ephemeral(host: string): number {
    const { ports, portUse } = this.#stack;
    const port = ports.choose(4, 0, 0, 0, (p) => portUse.isHeld(p) || this.#byPort.has(p));
    if (port < 0) throw new NetworkError("EADDRNOTAVAIL", "listen", host, 0);
    return port;
  }

  /** Two listeners conflict when they are equally specific for the same addresses; the more specific one wins otherwise. */
  #conflicts(key: number, bits: number, port: number): boolean {
    for (const other of this.#byPort.get(port) ?? []) {
      if (Math.max(0, other.bits) === Math.max(0, bits) && other.key === key) return true;
    }
    return false;
  }

  /** Whether a listener is bound to the port for `local`. */
  isBound(local: number, port: number): boolean {
    return this.best(local, port) !== null;
  }

  /** The most specific listener: its own port before every port, longer prefixes before shorter. */
  best(local: number, port: number): Listener | null {
    return this.#bestOf(this.#byPort.get(port), local) ?? this.#bestOf(this.#byPort.get(0), local);
  }

  #bestOf(list: Listener[] | undefined, local: number): Listener | null {
    if (list === undefined) return null;
    let best: Listener | null = null;
    for (const listener of list) {
      const matches =
        listener.bits === OWN
          ? this.#stack.interfaces.isOwn(local)
          : ((local ^ listener.key) & maskV4(listener.bits)) === 0;
      if (matches && (best === null || listener.bits > best.bits)) best = listener;
    }
    return best;
  }

  /** Whether packets to `local`, no address of the stack's, are for a listener on a prefix. */
  takes(local: number): boolean {
    if (this.#prefixes.size === 0 || isMulticast(local) || isLimitedBroadcast(local)) return false;
    for (const { bits, key } of this.#prefixes) {
      if (((local ^ key) & maskV4(bits)) === 0) return true;
    }
    return false;
  }
}
