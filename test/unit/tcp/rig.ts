/**
 * One stack on a clock moved by hand, a wire that is an array, and a peer that is a script: what is sent is built
 * field by field, what comes back is read as lines such as "S. 0:1(0) ack 1" (flags, SEG.SEQ to its end, length,
 * SEG.ACK), relative to each end's ISS as packetdrill and tcpdump print them. No simulation, no randomness.
 */

import { type Family, formatIpv4, formatIpv6, parsePrefix } from "../../../src/base/address.ts";
import { enableAssertions } from "../../../src/base/assert.ts";
import { type ReceiveBatch, RX, TX } from "../../../src/base/packet-batch.ts";
import { toUint } from "../../../src/base/seq.ts";
import type { ListenOptions } from "../../../src/stack/bindings.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../../../src/stack/events.ts";
import { StackInterface } from "../../../src/stack/interface.ts";
import type { Listener } from "../../../src/stack/listener.ts";
import { leaving } from "../../../src/stack/observe.ts";
import type { ReassemblyOptions } from "../../../src/stack/reassembly.ts";
import type { ShardOptions } from "../../../src/stack/shard.ts";
import { Stack } from "../../../src/stack/stack.ts";
import type { TcpConfig } from "../../../src/tcp/config.ts";
import { type DropReason, IP_FRAGMENT, OK } from "../../../src/wire/drop.ts";
import { parseIpv4 } from "../../../src/wire/ipv4.ts";
import { parseIpv6 } from "../../../src/wire/ipv6.ts";
import { Segment } from "../../../src/wire/segment.ts";
import { parseTcp } from "../../../src/wire/tcp-parse.ts";
import { Peer, type PeerOptions } from "./peer.ts";

export const STACK = "10.77.0.2";
export const PEER = "10.77.0.1";
/** The same in IPv6. */
export const STACK6 = "fd77::2";
export const PEER6 = "fd77::1";
export const SECOND = 1_000_000;
export const MS = 1_000;

/** Control bits as tcpdump writes them, lowest first. */
export const LETTERS = "FSRP.UEC";

/** A TCP segment that the stack sent. */
export interface Sent {
  readonly src: string;
  readonly dst: string;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly flags: string;
  readonly seq: number;
  readonly ack: number;
  readonly wnd: number;
  readonly up: number;
  readonly text: Uint8Array;
  readonly mss: number;
  readonly wscale: number;
  readonly sackPermitted: boolean;
  readonly ts: { val: number; ecr: number } | null;
  readonly sack: [left: number, right: number][];
  readonly gsoSize: number;
  /** The IP header's ECN field. */
  readonly ecn: number;
  /** Microseconds since the rig began. */
  readonly at: number;
  readonly raw: Uint8Array;
}

export interface RigOptions {
  tcp?: Partial<TcpConfig>;
  mtu?: number;
  reassembly?: Partial<ReassemblyOptions>;
  /** The stack as one of several. */
  shard?: ShardOptions;
  offload?: boolean;
  /** Which of the two a peer speaks by default, and the stack has by default. */
  family?: Family;
  addresses?: string[];
  /** The clock's first value in microseconds. */
  start?: number;
}

/** A packet as a device gives it. */
interface Packet {
  readonly bytes: Uint8Array;
  readonly gsoSize: number;
  /** RX_*. */
  readonly flags?: number;
}

enableAssertions(true);

export class Rig {
  readonly stack: Stack;
  readonly family: Family;
  readonly link: StackInterface;
  readonly start: number;
  now: number;
  /** Everything that is not TCP: whole packets. */
  readonly others: Uint8Array[] = [];
  #wire: Sent[] = [];
  #random = 1;

  constructor(options: RigOptions = {}) {
    this.start = this.now = options.start ?? 1_000 * SECOND;
    this.family = options.family ?? 4;
    const addresses = (options.addresses ?? [this.family === 4 ? STACK : STACK6]).map(
      (a) => parsePrefix(a.includes("/") ? a : `${a}/${a.includes(":") ? 64 : 24}`)!,
    );
    this.link = new StackInterface("test0", options.mtu ?? 1_500, options.offload ?? false, addresses);
    this.stack = new Stack(
      {
        interfaces: [this.link],
        exactTimers: true,
        // Delayed ACKs from the start: what is acknowledged at once is then the doing of the rule under test.
        tcp: { quickAcks: 0, ...options.tcp },
        ...(options.shard ? { shard: options.shard } : {}),
        ...(options.reassembly ? { reassembly: options.reassembly } : {}),
      },
      {
        clock: () => this.now,
        random: () => (this.#random = (Math.imul(this.#random, 1_103_515_245) + 12_345) | 0),
        secret: new Uint8Array(16).fill(7),
        wake: () => {},
      },
    );
  }

  /** Hands in packets as one batch, does what the driver does, and returns what was sent. */
  input(...packets: Uint8Array[]): Sent[] {
    return this.batch(packets.map((bytes) => ({ bytes, gsoSize: 0 })));
  }

  batch(packets: Packet[]): Sent[] {
    this.#enter(packets);
    return this.run();
  }

  /** The same; says whether the stack keeps the batch's memory. */
  retained(packets: Uint8Array[]): boolean {
    const batch = this.#enter(packets.map((bytes) => ({ bytes, gsoSize: 0 })));
    this.run();
    return batch.retained;
  }

  #enter(packets: Packet[]): ReceiveBatch {
    // As the TUN device does: a Buffer, whose `slice` copies nothing, and memory that is used again.
    const bytes = Buffer.alloc(packets.reduce((n, p) => n + ((p.bytes.length + 3) & ~3), 0));
    const table = new Int32Array(packets.length * RX.COLUMNS);
    let at = 0;
    packets.forEach((p, i) => {
      bytes.set(p.bytes, at);
      table.set([at, p.bytes.length, p.flags ?? 0, p.gsoSize], i * RX.COLUMNS);
      at += (p.bytes.length + 3) & ~3;
    });
    this.stack.tick();
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const batch: ReceiveBatch = { bytes, view, count: packets.length, table, retained: false };
    this.stack.input(this.link, batch);
    if (!batch.retained) bytes.fill(0xee);
    return batch;
  }

  /** What the driver does after user calls: dispatch, flush, and local packets, until nothing is left. */
  run(): Sent[] {
    this.stack.tick();
    if (this.stack.nextDeadline() <= this.now) this.stack.expire();
    do {
      this.#collect();
      this.stack.dispatch();
      while (!this.stack.flush()) this.#collect();
      this.#collect();
      this.stack.inputLocal();
    } while (this.stack.isBusy);
    const sent = this.#wire;
    this.#wire = [];
    return sent;
  }

  /** Lets time pass, timer by timer. */
  advance(us: number): Sent[] {
    const until = this.now + us;
    const sent: Sent[] = [];
    for (;;) {
      this.stack.tick();
      const at = this.stack.nextDeadline();
      if (at > until) break;
      this.now = Math.max(this.now, at);
      sent.push(...this.run());
    }
    this.now = until;
    this.stack.tick();
    return sent;
  }

  drops(): Partial<Record<DropReason, number>> {
    return this.stack.drops.toObject() as Partial<Record<DropReason, number>>;
  }

  #collect(): void {
    const { tx } = this.link;
    leaving(this.stack, this.link);
    for (let i = 0; i < tx.count; i++) {
      const raw = tx.packetAt(i);
      this.#take(raw, tx.table[i * TX.COLUMNS + TX.GSO_SIZE]!);
    }
    tx.clear();
  }

  #take(raw: Uint8Array, gsoSize: number): void {
    const seg = new Segment();
    seg.bytes = raw;
    seg.view = new DataView(raw.buffer);
    seg.checksumOk = this.link.offload;
    seg.gsoSize = gsoSize;
    const v6 = raw[0]! >> 4 === 6;
    const bad = (v6 ? parseIpv6 : parseIpv4)(seg.view, 0, raw.length, seg);
    if (bad !== OK && bad !== IP_FRAGMENT) throw new Error(`the stack sent a bad IP packet: ${bad}`);
    if (seg.protocol !== 6 || bad === IP_FRAGMENT) {
      this.others.push(raw);
      return;
    }
    const badTcp = parseTcp(seg.view, seg);
    if (badTcp !== 0) throw new Error(`the stack sent a bad TCP segment: ${badTcp}`);
    const sack: [number, number][] = [];
    for (let i = 0; i < seg.sackCount; i++)
      sack.push([seg.sackEdges[2 * i]! >>> 0, seg.sackEdges[2 * i + 1]! >>> 0]);
    this.#wire.push({
      src: v6 ? formatIpv6(seg.words.subarray(0, 4)) : formatIpv4(seg.src),
      dst: v6 ? formatIpv6(seg.words.subarray(4)) : formatIpv4(seg.dst),
      srcPort: seg.srcPort,
      dstPort: seg.dstPort,
      flags: [...LETTERS].filter((_, i) => (seg.flags & (1 << i)) !== 0).join(""),
      seq: toUint(seg.seq),
      ack: toUint(seg.ack),
      wnd: seg.wnd,
      up: seg.up,
      text: raw.slice(seg.textOffset, seg.textOffset + seg.textLength),
      mss: seg.mss,
      wscale: seg.wscale,
      sackPermitted: seg.sackPermitted,
      ts: seg.hasTimestamps ? { val: seg.tsval, ecr: seg.tsecr } : null,
      sack,
      gsoSize,
      ecn: seg.ecn,
      at: this.now - this.start,
      raw,
    });
  }
}

/** An application that writes down what it is told. */
export class App {
  readonly log: string[] = [];
  connection: Connection | null = null;
  received = 0;
  readonly handler: ConnectionHandler = {
    onConnect: () => void this.log.push("connect"),
    onData: (_c, bytes) => {
      this.received += bytes.length;
      this.log.push(`data ${bytes.length}`);
    },
    onEnd: () => void this.log.push("end"),
    onDrain: () => void this.log.push("drain"),
    onFinish: () => void this.log.push("finish"),
    onClose: (_c, error) => void this.log.push(`close ${error === null ? "" : error.code}`.trim()),
  };

  /** The log so far, emptied. */
  take(): string[] {
    return this.log.splice(0);
  }
}

export interface Pair {
  rig: Rig;
  peer: Peer;
  app: App;
  connection: Connection;
  listener: Listener | null;
}

/** Listens, accepting into `app`. */
export function listen(
  rig: Rig,
  app: App,
  options: Partial<ListenOptions> = {},
  more: ListenerHandler = {},
): Listener {
  return rig.stack.listen(
    { port: 7, ...options },
    {
      onConnection: (connection) => {
        connection.handler = app.handler;
        app.connection = connection;
      },
      ...more,
    },
  );
}

/** A connection that the peer opened, ESTABLISHED: both ends' next sequence numbers are 1. The handshake takes `rtt`. */
export function accepted(options: PeerOptions = {}, rigOptions: RigOptions = {}, rtt = 0): Pair {
  const rig = new Rig(rigOptions);
  const app = new App();
  const listener = listen(rig, app);
  const peer = new Peer(rig, options);
  peer.send("S", 0, 0, peer.synOptions);
  rig.now += rtt;
  peer.send(".", 1, 1);
  if (app.connection === null) throw new Error("the connection was not accepted");
  return { rig, peer, app, connection: app.connection, listener };
}

/** Starts an active open; the peer has seen the SYN. */
export function opening(options: PeerOptions = {}, rigOptions: RigOptions = {}): Pair & { syn: Sent } {
  const rig = new Rig(rigOptions);
  const app = new App();
  const port = options.port ?? 9_000;
  const host = options.address ?? (rig.family === 4 ? PEER : PEER6);
  const connection = rig.stack.connect({ host, port }, app.handler);
  const peer = new Peer(rig, { ...options, port, stackPort: connection.localPort });
  const sent = peer.mine(rig.run());
  return { rig, peer, app, connection, listener: null, syn: sent[0]! };
}

/** A connection that the stack opened, ESTABLISHED. */
export function opened(options: PeerOptions = {}, rigOptions: RigOptions = {}): Pair {
  const pair = opening(options, rigOptions);
  pair.peer.send("S.", 0, 1, pair.peer.synOptions);
  pair.app.take();
  return pair;
}
