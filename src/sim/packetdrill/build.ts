/**
 * Inbound packets: a line of the script as bytes, with the live numbers of its connection and right checksums. Writes the
 * bytes itself, as `seen.ts` reads them itself.
 */
import {
  type EchoedPacket,
  type IcmpPacket,
  TCP_FLAGS,
  type TcpOption,
  type TcpPacket,
  type UdpPacket,
} from "./ast.ts";
import type { Flow } from "./flow.ts";
import type { Network } from "./network.ts";
import { onesComplement } from "./seen.ts";
import { icmpNumbers } from "./wire-names.ts";

/** Something in a line that can't be put on the wire: what it is. */
export class Unbuildable extends Error {}

/** A TCP segment from the peer. */
export function buildTcp(packet: TcpPacket, flow: Flow, network: Network): Uint8Array {
  const syn = (packet.flags & TCP_FLAGS.SYN) !== 0;
  const localOffset = flow.localOffset(syn);
  const options = optionBytes(packet.options === "any" ? [] : packet.options, flow, localOffset);
  const header = 20 + options.length;
  if (header > 60) throw new Unbuildable(`${options.length} bytes of TCP options`);
  const { bytes, view, at } = ipPacket(network, packet, 6, header + packet.sequence.length);
  const absolute = packet.sequence.absolute;
  view.setUint16(at, packet.ports?.source ?? flow.remotePort);
  view.setUint16(at + 2, packet.ports?.destination ?? flow.localPort);
  view.setUint32(at + 4, packet.sequence.start + (absolute ? 0 : flow.remoteOffset(syn)));
  view.setUint32(at + 8, packet.ack === null ? 0 : packet.ack + localOffset);
  view.setUint16(at + 12, ((header >> 2) << 12) | (packet.flags & 0x1ff));
  view.setUint16(at + 14, packet.window ?? 0);
  view.setUint16(at + 18, packet.urgent ?? 0);
  bytes.set(options, at + 20);
  fillPayload(bytes, at + header, packet.sequence.start);
  setChecksum(bytes, view, at, at + 16, 6, network);
  return bytes;
}

/** A datagram to nobody. */
export function buildUdp(packet: UdpPacket, flow: Flow, network: Network): Uint8Array {
  const { bytes, view, at } = ipPacket(network, packet, 17, 8 + packet.length);
  view.setUint16(at, packet.ports?.source ?? flow.remotePort);
  view.setUint16(at + 2, packet.ports?.destination ?? flow.localPort);
  view.setUint16(at + 4, 8 + packet.length);
  setChecksum(bytes, view, at, at + 6, 17, network);
  return bytes;
}

/** An ICMP message about a segment of the connection. */
export function buildIcmp(packet: IcmpPacket, flow: Flow, network: Network): Uint8Array {
  const { family } = network;
  const numbers = icmpNumbers(family, packet.type, packet.code);
  if (numbers === null) throw new Unbuildable(`icmp ${packet.type} ${packet.code ?? ""} over IPv${family}`);
  const echoed = packet.type.startsWith("echo_")
    ? new Uint8Array(0)
    : echoedPacket(packet.echoed, flow, network);
  const { bytes, view, at } = ipPacket(network, packet, family === 4 ? 1 : 58, 8 + echoed.length);
  bytes[at] = numbers.type;
  bytes[at + 1] = numbers.code;
  if (packet.id !== null) view.setUint16(at + 4, packet.id);
  else if (family === 6) view.setUint32(at + 4, packet.mtu ?? 0);
  else view.setUint16(at + 6, packet.mtu ?? 0);
  bytes.set(echoed, at + 8);
  if (family === 4) view.setUint16(at + 2, ~onesComplement(bytes, at, bytes.length, 0) & 0xffff);
  else setChecksum(bytes, view, at, at + 2, 58, network);
  return bytes;
}

/** The IP header and the first 8 bytes of the segment that the message is about: one of ours. */
function echoedPacket(echoed: EchoedPacket | null, flow: Flow, network: Network): Uint8Array {
  const protocol = echoed?.protocol === "udp" ? 17 : 6;
  const length = echoed === null ? 0 : echoed.protocol === "tcp" ? echoed.sequence.length : echoed.length;
  const bytes = new Uint8Array((network.family === 4 ? 20 : 40) + 8);
  const view = new DataView(bytes.buffer);
  const at = ipHeader(bytes, view, network, protocol, (protocol === 6 ? 20 : 8) + length, 0, true);
  view.setUint16(at, flow.localPort);
  view.setUint16(at + 2, flow.remotePort);
  if (echoed?.protocol === "udp") view.setUint16(at + 4, 8 + length);
  else {
    const sequence = echoed?.protocol === "tcp" ? echoed.sequence : null;
    view.setUint32(at + 4, (sequence?.start ?? 0) + (sequence?.absolute === true ? 0 : flow.liveLocalIsn));
  }
  return bytes;
}

/** An IP packet to the stack with `length` bytes behind its header, which begin at `at`. */
function ipPacket(
  network: Network,
  packet: TcpPacket | UdpPacket | IcmpPacket,
  protocol: number,
  length: number,
): { bytes: Uint8Array; view: DataView; at: number } {
  if (packet.encapsulation.length > 0)
    throw new Unbuildable(`${packet.encapsulation.join(", ")} around a packet`);
  const bytes = new Uint8Array((network.family === 4 ? 20 : 40) + length);
  const view = new DataView(bytes.buffer);
  const { ecn, tos } = packet.ip;
  const at = ipHeader(bytes, view, network, protocol, length, tos ?? ECN[ecn ?? "noecn"], false);
  if (packet.ip.ttl !== null) {
    bytes[network.family === 4 ? 8 : 7] = packet.ip.ttl;
    if (network.family === 4) checksumIpv4(bytes, view);
  }
  return { bytes, view, at };
}

const ECN = { noecn: 0, ect1: 1, ect0: 2, ect01: 2, ce: 3 } as const;

/** Writes an IP header; `ours` is one that the stack sent. Returns where it ends. */
function ipHeader(
  bytes: Uint8Array,
  view: DataView,
  network: Network,
  protocol: number,
  length: number,
  tos: number,
  ours: boolean,
): number {
  const source = ours ? network.localBytes : network.remoteBytes;
  const destination = ours ? network.remoteBytes : network.localBytes;
  if (network.family === 6) {
    view.setUint32(0, 0x60000000 | (tos << 20));
    view.setUint16(4, length);
    bytes[6] = protocol;
    bytes[7] = TTL;
    bytes.set(source, 8);
    bytes.set(destination, 24);
    return 40;
  }
  bytes[0] = 0x45;
  bytes[1] = tos;
  view.setUint16(2, 20 + length);
  bytes[8] = TTL;
  bytes[9] = protocol;
  bytes.set(source, 12);
  bytes.set(destination, 16);
  checksumIpv4(bytes, view);
  return 20;
}

const TTL = 255;

function checksumIpv4(bytes: Uint8Array, view: DataView): void {
  view.setUint16(10, 0);
  view.setUint16(10, ~onesComplement(bytes, 0, 20, 0) & 0xffff);
}

/** The checksum over the pseudo-header and all from `at` on. */
function setChecksum(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  field: number,
  protocol: number,
  network: Network,
): void {
  const length = bytes.length - at;
  let sum = protocol + (length & 0xffff) + (length >>> 16);
  sum = onesComplement(network.localBytes, 0, network.localBytes.length, sum);
  sum = onesComplement(network.remoteBytes, 0, network.remoteBytes.length, sum);
  view.setUint16(field, 0);
  view.setUint16(field, ~onesComplement(bytes, at, bytes.length, sum) & 0xffff);
}

/** Bytes that tell their place in the stream, so that a receiver that mixes them up shows. */
function fillPayload(bytes: Uint8Array, at: number, sequence: number): void {
  for (let i = at; i < bytes.length; i++) bytes[i] = (sequence + i - at) & 0xff;
}

function optionBytes(options: readonly TcpOption[], flow: Flow, localOffset: number): Uint8Array {
  const out: number[] = [];
  for (const option of options) addOption(out, option, flow, localOffset);
  while (out.length % 4 !== 0) out.push(0);
  return Uint8Array.from(out);
}

function addOption(out: number[], option: TcpOption, flow: Flow, localOffset: number): void {
  switch (option.kind) {
    case "eol":
      out.push(0);
      break;
    case "nop":
      out.push(1);
      break;
    case "mss":
      out.push(2, 4, option.value >> 8, option.value & 255);
      break;
    case "wscale":
      out.push(3, 3, option.shift);
      break;
    case "sackOK":
      out.push(4, 2);
      break;
    case "sack":
      out.push(5, 2 + 8 * option.blocks.length);
      for (const { left, right } of option.blocks) {
        push32(out, left + localOffset);
        push32(out, right + localOffset);
      }
      break;
    case "TS":
      out.push(8, 10);
      push32(out, option.val ?? 0);
      push32(out, option.ecrAbsolute ? option.ecr : flow.liveEcho(option.ecr));
      break;
    case "FO":
      if (option.experimental) out.push(254, 4 + option.cookie.length, 0xf9, 0x89, ...option.cookie);
      else out.push(34, 2 + option.cookie.length, ...option.cookie);
      break;
    case "raw":
      out.push(option.number, option.length, ...option.data);
      break;
    case "md5":
      // Any digest can be sent; none can be made, for there are no keys.
      if (typeof option.digest === "string") throw new Unbuildable("the option md5 (RFC 2385)");
      out.push(19, 2 + option.digest.length, ...option.digest);
      break;
    case "unknown":
      throw new Unbuildable(`the option ${option.text}`);
  }
}

function push32(out: number[], value: number): void {
  out.push((value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}
