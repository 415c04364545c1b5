/**
 * A packet that the stack sent, read back: header fields, options in the script's words, and whether its checksums hold.
 * Reads the bytes itself and shares no code with the stack's writers, so that a mistake there shows here.
 */
import type { Micros } from "../../base/time.ts";
import type { SackBlock, TcpOption } from "./ast.ts";
import type { Sent } from "./machine.ts";

/** One packet. Numbers are as on the wire, unsigned. */
export interface Seen {
  readonly at: Micros;
  readonly protocol: "tcp" | "icmp" | "other";
  readonly source: string;
  readonly destination: string;
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly ack: number;
  /** `TCP_FLAGS` bits. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: readonly TcpOption[];
  readonly length: number;
  /** What is wrong with its form (a checksum, a length); null: nothing. */
  readonly fault: string | null;
}

/** Reads `sent`; a super-segment becomes the segments that a device would make of it. */
export function readSent(sent: Sent): Seen[] {
  const whole = readPacket(sent);
  if (sent.gsoSize === 0 || whole.length <= sent.gsoSize) return [whole];
  const parts: Seen[] = [];
  for (let from = 0; from < whole.length; from += sent.gsoSize) {
    const length = Math.min(sent.gsoSize, whole.length - from);
    const last = from + length === whole.length;
    const first = from === 0;
    // PSH and FIN stay on the last one, CWR on the first (tcp_gso_segment).
    let flags = last ? whole.flags : whole.flags & ~0x09;
    if (!first) flags &= ~0x80;
    parts.push({ ...whole, sequence: (whole.sequence + from) >>> 0, length, flags });
  }
  return parts;
}

function readPacket(sent: Sent): Seen {
  const { bytes } = sent;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const family = bytes[0]! >> 4;
  const ip = family === 4 ? readIpv4(bytes, view) : readIpv6(bytes, view);
  const base = {
    at: sent.at,
    source: ip.source,
    destination: ip.destination,
    tos: ip.tos,
    ttl: ip.ttl,
    flowLabel: ip.flowLabel,
  };
  if (ip.protocol !== 6) {
    const protocol = ip.protocol === 1 || ip.protocol === 58 ? "icmp" : "other";
    return { ...base, ...NO_TCP, protocol, length: bytes.length - ip.start, fault: ip.fault };
  }
  const at = ip.start;
  const end = bytes.length;
  const header = (bytes[at + 12]! >> 4) * 4;
  let fault = ip.fault;
  if (header < 20 || at + header > end) fault ??= `TCP data offset ${header}`;
  else fault ??= checkTcp(bytes, ip, at, end, sent.partialChecksum);
  return {
    ...base,
    protocol: "tcp",
    sourcePort: view.getUint16(at),
    destinationPort: view.getUint16(at + 2),
    sequence: view.getUint32(at + 4),
    ack: view.getUint32(at + 8),
    flags: view.getUint16(at + 12) & 0x1ff,
    window: view.getUint16(at + 14),
    urgent: view.getUint16(at + 18),
    options: readOptions(bytes, view, at + 20, at + header),
    length: end - at - header,
    fault,
  };
}

interface IpHeader {
  readonly source: string;
  readonly destination: string;
  readonly addresses: Uint8Array;
  readonly protocol: number;
  readonly tos: number;
  readonly ttl: number;
  readonly flowLabel: number;
  /** Where the transport begins. */
  readonly start: number;
  readonly fault: string | null;
}

const NO_TCP = {
  sourcePort: 0,
  destinationPort: 0,
  sequence: 0,
  ack: 0,
  flags: 0,
  window: 0,
  urgent: 0,
  options: [],
} as const;

function readIpv4(bytes: Uint8Array, view: DataView): IpHeader {
  const start = (bytes[0]! & 15) * 4;
  const total = view.getUint16(2);
  let fault: string | null = null;
  if (total !== bytes.length && total !== 0) fault = `IP total length ${total} for ${bytes.length} bytes`;
  if (onesComplement(bytes, 0, start, 0) !== 0xffff) fault ??= "IP header checksum";
  const addresses = bytes.subarray(12, 20);
  const text = (at: number): string => bytes.subarray(at, at + 4).join(".");
  return {
    source: text(12),
    destination: text(16),
    addresses,
    protocol: bytes[9]!,
    tos: bytes[1]!,
    ttl: bytes[8]!,
    flowLabel: 0,
    start,
    fault,
  };
}

function readIpv6(bytes: Uint8Array, view: DataView): IpHeader {
  const length = view.getUint16(4);
  const fault =
    length !== bytes.length - 40 && length !== 0
      ? `IPv6 payload length ${length} for ${bytes.length - 40}`
      : null;
  const text = (at: number): string =>
    Array.from({ length: 8 }, (_, i) => view.getUint16(at + 2 * i).toString(16)).join(":");
  return {
    source: text(8),
    destination: text(24),
    addresses: bytes.subarray(8, 40),
    protocol: bytes[6]!,
    tos: (view.getUint16(0) >> 4) & 0xff,
    ttl: bytes[7]!,
    flowLabel: view.getUint32(0) & 0xfffff,
    start: 40,
    fault,
  };
}

function checkTcp(bytes: Uint8Array, ip: IpHeader, at: number, end: number, partial: boolean): string | null {
  const length = end - at;
  const pseudo = onesComplement(
    ip.addresses,
    0,
    ip.addresses.length,
    6 + (length & 0xffff) + (length >>> 16),
  );
  if (partial) {
    const field = (bytes[at + 16]! << 8) | bytes[at + 17]!;
    return field % 0xffff === pseudo % 0xffff
      ? null
      : "TCP checksum left to the device is not the pseudo-header's sum";
  }
  return onesComplement(bytes, at, end, pseudo) === 0xffff ? null : "TCP checksum";
}

/** RFC 1071, by its letter. */
export function onesComplement(bytes: Uint8Array, from: number, to: number, initial: number): number {
  let total = initial;
  for (let i = from; i < to; i += 2) total += (bytes[i]! << 8) | (i + 1 < to ? bytes[i + 1]! : 0);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

function readOptions(bytes: Uint8Array, view: DataView, at: number, end: number): TcpOption[] {
  const options: TcpOption[] = [];
  while (at < end) {
    const kind = bytes[at]!;
    if (kind < 2) {
      options.push({ kind: kind === 0 ? "eol" : "nop" });
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) {
      options.push({ kind: "raw", number: kind, length, data: bytes.slice(at + 2, end) });
      break;
    }
    options.push(readOption(kind, length, bytes, view, at));
    at += length;
  }
  return options;
}

function readOption(kind: number, length: number, bytes: Uint8Array, view: DataView, at: number): TcpOption {
  if (kind === 2 && length === 4) return { kind: "mss", value: view.getUint16(at + 2) };
  if (kind === 3 && length === 3) return { kind: "wscale", shift: bytes[at + 2]! };
  if (kind === 4 && length === 2) return { kind: "sackOK" };
  if (kind === 5 && length % 8 === 2) {
    const blocks: SackBlock[] = [];
    for (let i = at + 2; i < at + length; i += 8)
      blocks.push({ left: view.getUint32(i), right: view.getUint32(i + 4) });
    return { kind: "sack", blocks };
  }
  if (kind === 8 && length === 10) {
    return { kind: "TS", val: view.getUint32(at + 2), ecr: view.getUint32(at + 6), ecrAbsolute: false };
  }
  if (kind === 34) return { kind: "FO", cookie: bytes.slice(at + 2, at + length), experimental: false };
  if (kind === 254 && length >= 4 && view.getUint16(at + 2) === 0xf989) {
    return { kind: "FO", cookie: bytes.slice(at + 4, at + length), experimental: true };
  }
  return { kind: "raw", number: kind, length, data: bytes.slice(at + 2, at + length) };
}
