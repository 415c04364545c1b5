/**
 * Where a script takes place: IP version, addresses, ports and MTU, from its `--options`, with packetdrill's defaults.
 */
import { type Prefix, parseIpv4Address, parseIpv6Address } from "../../base/address.ts";
import type { ScriptOption } from "./ast.ts";

/** The stage. Addresses are in network order, 4 or 16 bytes. */
export interface Network {
  /** IP version of the packets. */
  readonly family: 4 | 6;
  /** Sockets are IPv6 sockets, even if their packets are IPv4 (`ipv4-mapped-ipv6`). */
  readonly sockets6: boolean;
  readonly local: string;
  readonly remote: string;
  readonly localBytes: Uint8Array;
  readonly remoteBytes: Uint8Array;
  readonly prefix: Prefix;
  readonly bindPort: number;
  readonly connectPort: number;
  readonly mtu: number;
}

/** Reads the options. A string is what is wrong with them. */
export function networkOf(options: readonly ScriptOption[]): Network | string {
  const value = (name: string, otherwise: string): string =>
    options.findLast((option) => option.name === name)?.value ?? otherwise;
  const version = value("ip_version", "ipv4");
  if (version !== "ipv4" && version !== "ipv6" && version !== "ipv4-mapped-ipv6") {
    return `--ip_version=${version}`;
  }
  const family = version === "ipv6" ? 6 : 4;
  const local = value("local_ip", family === 4 ? "192.168.0.1" : "fd3d:fa7b:d17d::1");
  const remote = value("remote_ip", family === 4 ? "192.0.2.1" : "2001:db8::1");
  const localBytes = addressBytes(family, local);
  const remoteBytes = addressBytes(family, remote);
  if (localBytes === null) return `--local_ip=${local}`;
  if (remoteBytes === null) return `--remote_ip=${remote}`;
  return {
    family,
    sockets6: version !== "ipv4",
    local,
    remote,
    localBytes,
    remoteBytes,
    prefix: { family, words: addressWords(localBytes), bits: family === 4 ? 16 : 48 },
    bindPort: Number(value("bind_port", "8080")),
    connectPort: Number(value("connect_port", "8080")),
    mtu: Number(value("mtu", "1500")),
  };
}

/** The bytes of a textual address, or null. */
export function addressBytes(family: 4 | 6, text: string): Uint8Array | null {
  const words = family === 4 ? ipv4Words(text) : parseIpv6Address(text.replace(/\/.*$/, ""));
  if (words === null) return null;
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => {
    view.setInt32(4 * i, word);
  });
  return bytes;
}

function ipv4Words(text: string): Int32Array | null {
  const key = parseIpv4Address(text.replace(/\/.*$/, ""));
  return key === null ? null : Int32Array.of(key);
}

function addressWords(bytes: Uint8Array): Int32Array {
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i));
}
