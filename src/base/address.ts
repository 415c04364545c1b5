/**
 * Addresses as int32 keys, so that tables, ISN, ports and cookies are the same for both families. An IPv4
 * key is the address itself in network order; an IPv6 key is an id handed out by an `AddressTable` (`address-table.ts`).
 * Text forms are RFC 6943 3.1.1 strict dotted quads and RFC 4291 2.2 in, RFC 5952 out.
 * Knows nothing of interfaces and routes.
 */
import type { AddressTable } from "./address-table.ts";

/** IP version. */
export type Family = 4 | 6;

/** An address and how many of its leading bits name the network. */
export interface Prefix {
  readonly family: Family;
  /** The address as given, host bits and all: one word for IPv4, four for IPv6. */
  readonly words: Int32Array;
  readonly bits: number;
}

/** 255.255.255.255, the limited broadcast (RFC 919 7). */
export const LIMITED_BROADCAST = -1 as const;

/** The key of a strict dotted quad: four decimal numbers, no leading zeros (which some read as octal). */
export function parseIpv4Address(text: string): number | null {
  let key = 0;
  let parts = 0;
  let part = -1;
  for (let i = 0; i <= text.length; i++) {
    const c = i < text.length ? text.charCodeAt(i) : 0x2e;
    if (c === 0x2e) {
      if (part < 0 || ++parts > 4) return null;
      key = (key << 8) | part;
      part = -1;
    } else if (c >= 0x30 && c <= 0x39 && part !== 0) {
      part = (part < 0 ? 0 : part * 10) + c - 0x30;
      if (part > 255) return null;
    } else {
      return null;
    }
  }
  return parts === 4 ? key : null;
}

/** The four words of an IPv6 address (RFC 4291 2.2, no zone), or null. */
export function parseIpv6Address(text: string): Int32Array | null {
  const groups: number[] = [];
  let gap = -1;
  let at = 0;
  if (text.startsWith("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    let end = text.indexOf(":", at);
    if (end < 0) end = text.length;
    const piece = text.slice(at, end);
    if (end === text.length && piece.includes(".")) {
      const v4 = parseIpv4Address(piece);
      if (v4 === null) return null;
      groups.push(v4 >>> 16, v4 & 0xffff);
      break;
    }
    if (!/^[0-9a-fA-F]{1,4}$/.test(piece)) return null;
    groups.push(Number.parseInt(piece, 16));
    if (end === text.length) break;
    at = end + 1;
    if (text[at] === ":") {
      if (gap >= 0) return null;
      gap = groups.length;
      at++;
    } else if (at === text.length) {
      return null;
    }
  }
  if (gap < 0 ? groups.length !== 8 : groups.length > 7) return null;
  if (gap >= 0) groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0));
  const words = new Int32Array(4);
  for (let i = 0; i < 4; i++) words[i] = (groups[2 * i]! << 16) | groups[2 * i + 1]!;
  return words;
}

/** A dotted quad. */
export function formatIpv4(key: number): string {
  return `${key >>> 24}.${(key >>> 16) & 255}.${(key >>> 8) & 255}.${key & 255}`;
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups as "::". */
export function formatIpv6(words: Int32Array): string {
  // RFC 5952 5: a prefix known to carry an IPv4 address (RFC 4291 2.5.5.2) shows it.
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${formatIpv4(words[3]!)}`;
  const group = (i: number): number => (i & 1 ? words[i >> 1]! & 0xffff : words[i >> 1]! >>> 16);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && group(i + run) === 0) run++;
    if (run > length) {
      start = i;
      length = run;
    }
    i += run;
  }
  let text = "";
  for (let i = 0; i < 8; i++) {
    if (i === start) {
      text += "::";
      i += length - 1;
    } else {
      if (text !== "" && !text.endsWith(":")) text += ":";
      text += group(i).toString(16);
    }
  }
  return text;
}

/** An address key as text; an IPv6 key needs the table that handed it out. */
export function formatAddress(family: number, key: number, table?: AddressTable): string {
  if (family === 4) return formatIpv4(key);
  return table === undefined ? `v6#${key}` : formatIpv6(table.words.subarray(4 * key, 4 * key + 4));
}

/** `10.77.0.2/24`, `fd77::2/64`; an address without a length is a prefix of its own. Null when malformed. */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const v4 = parseIpv4Address(address);
  const words = v4 === null ? parseIpv6Address(address) : Int32Array.of(v4);
  if (words === null) return null;
  const most = v4 === null ? 128 : 32;
  let bits = most;
  if (slash >= 0) {
    const digits = text.slice(slash + 1);
    if (!/^(0|[1-9][0-9]{0,2})$/.test(digits)) return null;
    bits = Number(digits);
    if (bits > most) return null;
  }
  return { family: v4 === null ? 6 : 4, words, bits };
}

/** Whether the IPv6 addresses at `a[at]` and `b[from]` agree in their first `bits` bits. */
export function samePrefixV6(a: Int32Array, at: number, b: Int32Array, from: number, bits: number): boolean {
  for (; bits > 0; at++, from++, bits -= 32) {
    if (((a[at]! ^ b[from]!) & maskV4(Math.min(bits, 32))) !== 0) return false;
  }
  return true;
}

/** ::/128 */
export function isUnspecifiedV6(words: Int32Array, at: number): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
}

/** ::1/128 */
export function isLoopbackV6(words: Int32Array, at: number): boolean {
  return (words[at]! | words[at + 1]! | words[at + 2]!) === 0 && words[at + 3] === 1;
}

/** ff00::/8 (RFC 4291 2.7). */
export function isMulticastV6(words: Int32Array, at: number): boolean {
  return words[at]! >>> 24 === 0xff;
}

/** fe80::/10 (RFC 4291 2.5.6). */
export function isLinkLocalV6(words: Int32Array, at: number): boolean {
  return words[at]! >>> 22 === 0x3fa;
}

/** ::ffff:0:0/96 (RFC 4291 2.5.5.2): an IPv4 address in the API's clothes, never on the wire. */
export function isMappedV4(words: Int32Array, at: number): boolean {
  return (words[at]! | words[at + 1]!) === 0 && words[at + 2] === 0xffff;
}

/** `10.77.0.2/24`, `fd77::2/64`. */
export function formatPrefix(prefix: Prefix): string {
  const { family, words, bits } = prefix;
  return `${family === 4 ? formatIpv4(words[0]!) : formatIpv6(words)}/${bits}`;
}

/** The netmask of `bits` leading ones, as an int32; 32 and more are all of them. */
export function maskV4(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

/** Whether two IPv4 keys agree in their first `bits` bits. */
export function samePrefixV4(a: number, b: number, bits: number): boolean {
  return ((a ^ b) & maskV4(bits)) === 0;
}

/** Whether an address, as words of its family, lies in `prefix`. */
export function matchesPrefix(prefix: Prefix, words: Int32Array): boolean {
  if (words.length !== prefix.words.length) return false;
  for (let i = 0, bits = prefix.bits; bits > 0; i++, bits -= 32) {
    if (((words[i]! ^ prefix.words[i]!) & maskV4(Math.min(bits, 32))) !== 0) return false;
  }
  return true;
}

/** 0.0.0.0 */
export function isUnspecified(key: number): boolean {
  return key === 0;
}

/** 127.0.0.0/8 (RFC 1122 3.2.1.3 g). */
export function isLoopback(key: number): boolean {
  return key >>> 24 === 127;
}

/** 224.0.0.0/4 (RFC 1112 4). */
export function isMulticast(key: number): boolean {
  return key >>> 28 === 14;
}

/** 255.255.255.255 */
export function isLimitedBroadcast(key: number): boolean {
  return key === LIMITED_BROADCAST;
}

/** The limited broadcast, or the directed one of the subnet `network`/`bits` (a /31 has none: RFC 3021 2.1). */
export function isBroadcast(key: number, network: number, bits: number): boolean {
  if (key === LIMITED_BROADCAST) return true;
  return bits < 31 && samePrefixV4(key, network, bits) && (key | maskV4(bits)) === -1;
}
