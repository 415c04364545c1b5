/**
 * A scripted peer: injects segments written by hand into a host, and collects what the host sends it. For tests that
 * look at one segment at a time. Numbers are unsigned 32-bit as people write them; `seq` and `ack` are absolute.
 *
 *     const peer = new ScriptedPeer(world, host, { port: 80 });
 *     peer.handshake();                                // SYN, expects SYN-ACK, ACK
 *     peer.send({ text: "hello" });                    // at peer.seq, acknowledging peer.ack
 *     peer.expect({ flags: ACK, ack: peer.seq });
 */
import { type Family, formatIpv4, formatIpv6, parsePrefix } from "../base/address.ts";
import { finish, pseudoHeader, pseudoHeaderV6, sum } from "../base/checksum.ts";
import { seq as toSeq, toUint } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";
import { formatFlags } from "../wire/format.ts";
import { emitIpv4, IPV4_HEADER } from "../wire/ipv4.ts";
import { emitIpv6, IPV6_HEADER } from "../wire/ipv6.ts";
import { ACK, FIN, RST, Segment, SYN } from "../wire/segment.ts";
import { emitTcp, writeTcpChecksum } from "../wire/tcp-emit.ts";
import {
  padOptions,
  writeMss,
  writeSack,
  writeSackPermitted,
  writeTimestamps,
  writeWscale,
} from "../wire/tcp-options.ts";
import { PROTOCOL_TCP, parseTcp, TCP_HEADER } from "../wire/tcp-parse.ts";
import { addressKey, type Packet, type Sink } from "./packet.ts";
import { packetLine, parseIp } from "./packet-line.ts";
import type { SimHost } from "./sim-host.ts";
import type { World } from "./world.ts";

/** Options of a segment. */
export interface PeerOptions {
  readonly mss?: number;
  readonly wscale?: number;
  readonly sackPermitted?: boolean;
  /** TSval and TSecr. */
  readonly timestamps?: readonly [number, number];
  /** Left and right edges. */
  readonly sack?: readonly (readonly [number, number])[];
  /** Bytes to stand behind the others as they are. */
  readonly raw?: Uint8Array;
}

/** A segment to send. What is left out: `peer.seq`, `peer.ack`, ACK, `peer.wnd`, no options, no text. */
export interface PeerSegment {
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly wnd?: number;
  readonly up?: number;
  readonly options?: PeerOptions;
  readonly text?: string | Uint8Array;
  /** Another local or remote port than the peer's, or another source address. */
  readonly port?: number;
  readonly hostPort?: number;
  readonly address?: string;
  /** Spoils the TCP checksum. */
  readonly badChecksum?: boolean;
}

/** A segment that the host sent. */
export interface Received {
  readonly at: Micros;
  readonly seq: number;
  readonly ack: number;
  readonly flags: number;
  readonly wnd: number;
  readonly up: number;
  readonly text: Uint8Array;
  /** 0: not present. */
  readonly mss: number;
  /** -1: not present. */
  readonly wscale: number;
  readonly sackPermitted: boolean;
  readonly timestamps: readonly [number, number] | null;
  readonly sack: readonly (readonly [number, number])[];
  /** The host's port and the peer's. */
  readonly srcPort: number;
  readonly dstPort: number;
  /** As tcpdump prints it. */
  readonly line: string;
}

/** What `expect` compares; `flags` without PSH. */
export interface Expected {
  readonly seq?: number;
  readonly ack?: number;
  readonly flags?: number;
  readonly wnd?: number;
  readonly text?: string;
  readonly length?: number;
  readonly mss?: number;
  readonly wscale?: number;
}

/** Settings of a peer. */
export interface ScriptedPeerOptions {
  /** The peer's address; default "10.0.0.99", which lies in 10.0.0.0/24, or "fd00::99" for a host of IPv6 alone. */
  readonly address?: string;
  /** The peer's port; default 40000. */
  readonly port?: number;
  /** The host's port; default 80. For an active opener of the host, `accept` learns it. */
  readonly hostPort?: number;
  /** The peer's initial sequence number; default 1000. */
  readonly iss?: number;
}

const PSH = 0x08;

/** One end of one connection, by hand. */
export class ScriptedPeer implements Sink {
  /** SND.NXT of the peer: `send` starts here and moves it, unless `seq` is given. */
  seq: number;
  /** RCV.NXT of the peer: the end of what came in order. */
  ack = 0;
  /** Window that `send` offers. */
  wnd = 65_535;
  /** The host's ISN, once a SYN came. */
  irs = 0;
  /** Set: `send` carries timestamps with this TSval and the last TSval received. */
  tsval: number | null = null;
  tsecr = 0;
  readonly iss: number;
  readonly port: number;
  hostPort: number;
  /** Everything the host sent to the peer's address, and how far `next` has got. */
  readonly received: Received[] = [];
  #at = 0;
  readonly #world: World;
  readonly #host: SimHost;
  readonly #family: Family;
  readonly #words: Int32Array;
  readonly #hostWords: Int32Array;
  readonly #seg: Segment = new Segment();

  constructor(world: World, host: SimHost, options: ScriptedPeerOptions = {}) {
    const { family, words } = addressOf(
      options.address ?? (host.addressOf(4) === null ? "fd00::99" : "10.0.0.99"),
    );
    const hostWords = host.addressOf(family);
    if (hostWords === null) throw new RangeError(`address: ${host.name} has no IPv${family} address`);
    this.#world = world;
    this.#host = host;
    this.#family = family;
    this.#words = words;
    this.#hostWords = hostWords;
    this.port = options.port ?? 40_000;
    this.hostPort = options.hostPort ?? 80;
    this.iss = options.iss ?? 1_000;
    this.seq = this.iss;
    host.routes.set(addressKey(words), this);
  }

  get address(): string {
    return this.#family === 4 ? formatIpv4(this.#words[0]!) : formatIpv6(this.#words);
  }

  /** Injects a segment, and lets the host do all that it does about it at this instant. */
  send(segment: PeerSegment = {}): void {
    this.inject(segment);
    this.#world.settle();
  }

  /** Injects a segment; the host takes it together with others injected before time or `settle` goes on. */
  inject(segment: PeerSegment = {}): void {
    const text = bytesOf(segment.text);
    const flags = segment.flags ?? ACK;
    this.#host.take(this.#packet(segment, flags, text));
    if (segment.seq === undefined && segment.address === undefined && segment.port === undefined) {
      const length = text.length + ((flags & SYN) !== 0 ? 1 : 0) + ((flags & FIN) !== 0 ? 1 : 0);
      this.seq = (this.seq + length) >>> 0;
    }
  }

  /** Injects any bytes as an IP packet. */
  sendRaw(bytes: Uint8Array): void {
    const packet = this.#world.packets.get(bytes.length);
    packet.bytes.set(bytes);
    this.#host.take(packet);
    this.#world.settle();
  }

  /** A passive open of the host: SYN, SYN-ACK expected and returned, ACK. */
  handshake(options: PeerOptions = { mss: 1460 }): Received {
    this.send({ flags: SYN, options });
    const synAck = this.expect({ flags: SYN | ACK, ack: this.seq });
    this.#agree(synAck, options);
    this.send({});
    return synAck;
  }

  /** An active open of the host: takes its SYN (returned), answers SYN-ACK, takes the ACK. */
  accept(options: PeerOptions = { mss: 1460 }): Received {
    const syn = this.expect({ flags: SYN });
    this.hostPort = syn.srcPort;
    this.#agree(syn, options);
    this.send({ flags: SYN | ACK, options });
    this.expect({ flags: ACK, ack: this.seq });
    return syn;
  }

  /** The next segment the host sent, or null. */
  next(): Received | null {
    if (this.#at === this.received.length) return null;
    return this.received[this.#at++]!;
  }

  /** The next segment the host sent, which must be there and as `expected`. */
  expect(expected: Expected = {}): Received {
    const got = this.next();
    if (got === null)
      throw new Error(`expected ${describe(expected)}, but nothing was sent${this.#history()}`);
    const wrong = differs(got, expected);
    if (wrong !== "")
      throw new Error(`expected ${describe(expected)}: ${wrong}\n  got ${got.line}${this.#history()}`);
    return got;
  }

  /** The host sent nothing more. */
  expectNothing(): void {
    const got = this.next();
    if (got !== null) throw new Error(`expected nothing, got ${got.line}${this.#history()}`);
  }

  /** Forgets what the host sent and nobody asked for; returns it. */
  drain(): Received[] {
    const rest = this.received.slice(this.#at);
    this.#at = this.received.length;
    return rest;
  }

  /** Takes a packet that the host sent. */
  take(packet: Packet): void {
    packet.completeChecksum();
    const seg = this.#seg;
    seg.bytes = packet.bytes.slice(0, packet.length);
    seg.view = new DataView(seg.bytes.buffer);
    seg.checksumOk = false;
    seg.gsoSize = packet.gsoSize;
    packet.free();
    const reason = parseIp(seg);
    if (reason !== 0) throw new Error(`the host sent a bad IP packet (drop reason ${reason})`);
    if (seg.protocol !== PROTOCOL_TCP) return;
    const wrong = parseTcp(seg.view, seg);
    if (wrong !== 0) throw new Error(`the host sent a bad TCP segment (drop reason ${wrong})`);
    const got = receivedOf(seg, this.#world.now);
    this.received.push(got);
    this.#follow(got);
  }

  #follow(got: Received): void {
    if ((got.flags & SYN) !== 0) {
      this.irs = got.seq;
      this.ack = got.seq;
    }
    if (got.timestamps !== null) this.tsecr = got.timestamps[0];
    const length = got.text.length + ((got.flags & SYN) !== 0 ? 1 : 0) + ((got.flags & FIN) !== 0 ? 1 : 0);
    if (got.seq === this.ack && (got.flags & RST) === 0) this.ack = (this.ack + length) >>> 0;
  }

  #agree(syn: Received, options: PeerOptions): void {
    if (options.timestamps !== undefined && syn.timestamps !== null) this.tsval = options.timestamps[0];
  }

  #packet(segment: PeerSegment, flags: number, text: Uint8Array): Packet {
    const tcp = this.#family === 4 ? IPV4_HEADER : IPV6_HEADER;
    const packet = this.#world.packets.get(tcp + TCP_HEADER + 60 + text.length);
    const { bytes, view } = packet;
    const options = tcp + TCP_HEADER;
    const end = this.#options(view, bytes, options, segment.options ?? {}, flags);
    bytes.set(text, end);
    packet.length = end + text.length;
    const source = segment.address === undefined ? this.#words : addressOf(segment.address).words;
    const seq = toSeq(segment.seq ?? this.seq);
    const ack = toSeq((flags & ACK) === 0 ? (segment.ack ?? 0) : (segment.ack ?? this.ack));
    const ports = [segment.port ?? this.port, segment.hostPort ?? this.hostPort] as const;
    const length = packet.length - tcp;
    const pseudo = this.#emitIp(view, packet.length, source);
    const wnd = segment.wnd ?? this.wnd;
    emitTcp(view, tcp, ports[0], ports[1], seq, ack, flags, wnd, segment.up ?? 0, end - options);
    const check = finish(sum(bytes, view, tcp, length, pseudo));
    writeTcpChecksum(view, tcp, check ^ (segment.badChecksum === true ? 1 : 0));
    return packet;
  }

  /** Writes the IP header from `source`, and returns the sum of the pseudo-header. */
  #emitIp(view: DataView, total: number, source: Int32Array): number {
    const to = this.#hostWords;
    if (this.#family === 4) {
      emitIpv4(view, 0, total, 0, true, 64, PROTOCOL_TCP, source[0]!, to[0]!, 0);
      return pseudoHeader(4, source[0]!, to[0]!, PROTOCOL_TCP, total - IPV4_HEADER);
    }
    const words = Int32Array.of(...source, ...to);
    emitIpv6(view, 0, total, 0, 0, PROTOCOL_TCP, 64, words, 0, 4);
    return pseudoHeaderV6(words, 0, 4, PROTOCOL_TCP, total - IPV6_HEADER);
  }

  #options(view: DataView, bytes: Uint8Array, start: number, options: PeerOptions, flags: number): number {
    let at = start;
    if (options.mss !== undefined) at = writeMss(view, at, options.mss);
    if (options.sackPermitted === true) at = writeSackPermitted(view, at);
    if (options.timestamps !== undefined) {
      at = writeTimestamps(view, at, options.timestamps[0], options.timestamps[1]);
    } else if (this.tsval !== null && (flags & (SYN | RST)) === 0) {
      at = writeTimestamps(view, at, this.tsval, this.tsecr);
    }
    if (options.wscale !== undefined) at = writeWscale(view, at, options.wscale);
    if (options.sack !== undefined) {
      const edges = Int32Array.from(options.sack.flat(), (edge) => edge | 0);
      at = writeSack(view, at, edges, options.sack.length);
    }
    if (options.raw !== undefined) {
      bytes.set(options.raw, at);
      at += options.raw.length;
    }
    return padOptions(view, start, at);
  }

  #history(): string {
    const lines = this.received.slice(Math.max(0, this.#at - 8), this.#at + 4);
    return lines.map((got) => `\n    ${(got.at / 1e6).toFixed(6)} ${got.line}`).join("");
  }
}

function addressOf(text: string): { family: Family; words: Int32Array } {
  const prefix = parsePrefix(text);
  if (prefix === null) throw new RangeError(`address: an IP address needed, got ${text}`);
  return prefix;
}

function receivedOf(seg: Segment, at: Micros): Received {
  const { bytes } = seg;
  const sack: [number, number][] = [];
  for (let i = 0; i < seg.sackCount; i++) {
    sack.push([seg.sackEdges[2 * i]! >>> 0, seg.sackEdges[2 * i + 1]! >>> 0]);
  }
  return {
    at,
    seq: toUint(seg.seq),
    ack: toUint(seg.ack),
    flags: seg.flags,
    wnd: seg.wnd,
    up: seg.up,
    text: seg.bytes.subarray(seg.textOffset, seg.textOffset + seg.textLength),
    mss: seg.mss,
    wscale: seg.wscale,
    sackPermitted: seg.sackPermitted,
    timestamps: seg.hasTimestamps ? [seg.tsval >>> 0, seg.tsecr >>> 0] : null,
    sack,
    srcPort: seg.srcPort,
    dstPort: seg.dstPort,
    // Made on demand: most are never looked at.
    get line() {
      return packetLine(bytes);
    },
  };
}

function bytesOf(text: string | Uint8Array | undefined): Uint8Array {
  if (text === undefined) return new Uint8Array(0);
  return typeof text === "string" ? Uint8Array.from(text, (c) => c.charCodeAt(0)) : text;
}

function describe(expected: Expected): string {
  return Object.entries(expected)
    .map(([name, value]) => `${name} ${name === "flags" ? `[${formatFlags(value as number)}]` : value}`)
    .join(", ");
}

/** What is not as expected, in words; empty when all is. */
function differs(got: Received, expected: Expected): string {
  const actual: Required<Expected> = {
    seq: got.seq,
    ack: got.ack,
    flags: got.flags & ~PSH,
    wnd: got.wnd,
    text: String.fromCharCode(...got.text),
    length: got.text.length,
    mss: got.mss,
    wscale: got.wscale,
  };
  const wrong: string[] = [];
  for (const name of Object.keys(expected) as (keyof Expected)[]) {
    const want = name === "flags" ? expected.flags! & ~PSH : expected[name];
    if (actual[name] !== want) wrong.push(`${name} is ${actual[name]}`);
  }
  return wrong.join(", ");
}
