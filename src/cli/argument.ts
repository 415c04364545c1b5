/**
 * One argument of the command line each: text in, value out, or one line of misuse that names the option, what
 * it takes and what it got. Pure; knows no command.
 */
import {
  formatIpv4,
  isBroadcast,
  isLoopback,
  isLoopbackV6,
  isMappedV4,
  isMulticast,
  isMulticastV6,
  isUnspecifiedV6,
  maskV4,
  type Prefix,
  parseIpv4Address,
  parseIpv6Address,
  parsePrefix,
} from "../base/address.ts";
import { misuse } from "./cli-error.ts";

/** A whole number from `least` to `most`. */
export function parseWhole(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw misuse(`${name} takes a whole number from ${least} to ${most}, not '${text}'`);
  }
  return value;
}

/** A TCP port; 0 where that means "off" or "any". */
export function parsePort(name: string, text: string, least = 0): number {
  return parseWhole(name, text, least, 65_535);
}

/** One of `choices`. */
export function parseChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw misuse(`${name} takes ${choices.join(" or ")}, not '${text}'`);
  return found;
}

/** The unicast IPv4 address of a host. */
export function parseHostAddress(name: string, text: string): number {
  const key = parseIpv4Address(text);
  if (key === null) {
    const hint = text.includes("/") ? ", without a prefix length" : "";
    throw misuse(`${name} takes an IPv4 address such as 10.77.0.2${hint}, not '${text}'`);
  }
  requireUnicast(name, key, text);
  return key;
}

/** An IPv4 interface address with its prefix length, `10.77.0.1/24`. */
export function parseInterfaceAddress(name: string, text: string): Prefix {
  const prefix = text.includes("/") ? parsePrefix(text) : null;
  if (prefix === null || prefix.family !== 4 || prefix.bits < 1) {
    throw misuse(`${name} takes an IPv4 address and its prefix length such as 10.77.0.1/24, not '${text}'`);
  }
  const key = prefix.words[0]!;
  requireUnicast(name, key, text);
  requireHostOf(name, key, prefix, text);
  return prefix;
}

/** The unicast IPv6 address of a host, as its four words. */
export function parseHostAddress6(name: string, text: string): Int32Array {
  const words = parseIpv6Address(text);
  if (words === null) {
    const hint = text.includes("/") ? ", without a prefix length" : "";
    throw misuse(`${name} takes an IPv6 address such as fd77::2${hint}, not '${text}'`);
  }
  requireUnicast6(name, words, text);
  return words;
}

/** An IPv6 interface address with its prefix length, `fd77::1/64`. */
export function parseInterfaceAddress6(name: string, text: string): Prefix {
  const prefix = text.includes("/") ? parsePrefix(text) : null;
  if (prefix === null || prefix.family !== 6 || prefix.bits < 1) {
    throw misuse(`${name} takes an IPv6 address and its prefix length such as fd77::1/64, not '${text}'`);
  }
  requireUnicast6(name, prefix.words, text);
  return prefix;
}

/** Refuses the network's own address and its broadcast address (a /31 has neither: RFC 3021 2.1). */
export function requireHostOf(name: string, key: number, prefix: Prefix, text: string): void {
  const network = prefix.words[0]! & maskV4(prefix.bits);
  const range = `${formatIpv4(network)}/${prefix.bits}`;
  if (prefix.bits < 31 && key === network) {
    throw misuse(`${name} takes a host's address: '${text}' names the network ${range} itself`);
  }
  if (prefix.bits < 31 && isBroadcast(key, network, prefix.bits)) {
    throw misuse(`${name} takes a host's address: '${text}' is the broadcast address of ${range}`);
  }
}

/** An interface name as the kernel takes it (IFNAMSIZ 16 with the final zero), "%d" for a number of its choice. */
export function parseInterfaceName(name: string, text: string): string {
  if (!/^[A-Za-z0-9_.-]+(%d)?$/.test(text) || text.length > 15 || text === "." || text === "..") {
    throw misuse(
      `${name} takes an interface name of at most 15 letters, digits, '.', '_' and '-', not '${text}'`,
    );
  }
  return text;
}

// RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7.
function requireUnicast6(name: string, words: Int32Array, text: string): void {
  const kind = isUnspecifiedV6(words, 0)
    ? "the unspecified address"
    : isLoopbackV6(words, 0)
      ? "loopback"
      : isMulticastV6(words, 0)
        ? "multicast"
        : isMappedV4(words, 0)
          ? "IPv4"
          : null;
  if (kind !== null) throw misuse(`${name} takes a unicast address: '${text}' is ${kind}`);
}

// RFC 1122 3.2.1.3: these never identify one host on a link.
function requireUnicast(name: string, key: number, text: string): void {
  const first = key >>> 24;
  const kind =
    first === 0
      ? "'this network'"
      : isLoopback(key)
        ? "loopback"
        : isMulticast(key)
          ? "multicast"
          : first >= 240
            ? "reserved"
            : null;
  if (kind !== null) throw misuse(`${name} takes a unicast address: '${text}' is ${kind}`);
}
