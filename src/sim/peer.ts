/**
 * A scripted peer: injects segments written by hand into a host, and collects what the host sends it. For tests that
 * look at one segment at a time. Numbers are unsigned 32-bit as people write them; `seq` and `ack` are absolute.
 *
 *     const peer = new ScriptedPeer(world, host, { port: 80 });
 *     peer.handshake();                                // SYN, expects SYN-ACK, ACK
 *     peer.send({ text: "hello" });                    // at peer.seq, acknowledging peer.ack
 *     peer.expect({ flags: ACK, ack: peer.seq });
 */
import { formatAddress, parseIpv4Address } from "../base/address.ts";
import { finish, pseudoHeader, sum } from "../base/checksum.ts";
import { seq as toSeq, toUint } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";
import { formatFlags, formatSegment } from "../wire/format.ts";
import { emitIpv4, IPV4_HEADER, parseIpv4 } from "../wire/ipv4.ts";
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
import type { Packet, Sink } from "./packet.ts";
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
  /** The peer's address; default "10.0.0.99", which lies in 10.0.0.0/24. */
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
  readonly #key: number;
  readonly #seg: Segment = new Segment();

  constructor(world: World, host: SimHost, options: ScriptedPeerOptions = {}) {
    const key = parseIpv4Address(options.address ?? "10.0.0.99");
    if (key === null) throw new RangeError(`address: an IPv4 address needed, got ${options.address}`);
    this.#world = world;
    this.#host = host;
    this.#key = key;
    this.port = options.port ?? 40_000;
    this.hostPort = options.hostPort ?? 80;
    this.iss = options.iss ?? 1_000;
    this.seq = this.iss;
    host.routes.set(key, this);
  }

  get address(): string {
    return formatAddress(4, this.#key);
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
    const reason = parseIpv4(seg.view, 0, seg.bytes.length, seg);
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
    const packet = this.#world.packets.get(IPV4_HEADER + TCP_HEADER + 60 + text.length);
    const { bytes, view } = packet;
    const options = IPV4_HEADER + TCP_HEADER;
    const end = this.#options(view, bytes, options, segment.options ?? {}, flags);
    bytes.set(text, end);
    packet.length = end + text.length;
    const source = segment.address === undefined ? this.#key : (parseIpv4Address(segment.address) ?? 0);
    const seq = toSeq(segment.seq ?? this.seq);
    const ack = toSeq((flags & ACK) === 0 ? (segment.ack ?? 0) : (segment.ack ?? this.ack));
    const ports = [segment.port ?? this.port, segment.hostPort ?? this.hostPort] as const;
    emitIpv4(view, 0, packet.length, 0, true, 64, PROTOCOL_TCP, source, this.#host.key, 0);
    const wnd = segment.wnd ?? this.wnd;
    emitTcp(view, IPV4_HEADER, ports[0], ports[1], seq, ack, flags, wnd, segment.up ?? 0, end - options);
    const length = packet.length - IPV4_HEADER;
    const check = sum(
      bytes,
      view,
      IPV4_HEADER,
      length,
      pseudoHeader(4, source, this.#host.key, PROTOCOL_TCP, length),
    );
    writeTcpChecksum(view, IPV4_HEADER, finish(check) ^ (segment.badChecksum === true ? 1 : 0));
    return packet;
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
      return lineOf(bytes);
    },
  };
}

/** A packet without faults, as tcpdump prints it. */
function lineOf(bytes: Uint8Array): string {
  const seg = new Segment();
  seg.bytes = bytes;
  seg.view = new DataView(bytes.buffer);
  seg.checksumOk = true;
  parseIpv4(seg.view, 0, bytes.length, seg);
  parseTcp(seg.view, seg);
  return formatSegment(seg);
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
