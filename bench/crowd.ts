/**
 * A stack in memory and a crowd of clients that write their segments straight into it: no device, no kernel, no clock but
 * this file's, nothing random. What the stack then holds and allocates is the stack's alone, and the same in each run. The
 * clients are five int32 each, and do only what a loss-free exchange needs.
 */

import { parsePrefix } from "../src/base/address.ts";
import type { Host } from "../src/base/host.ts";
import { type ReceiveBatch, RX, RX_BATCH, RX_CHECKSUM_OK, TX } from "../src/base/packet-batch.ts";
import { seq } from "../src/base/seq.ts";
import { MS, SECOND } from "../src/base/time.ts";
import type { Connection } from "../src/stack/connection.ts";
import type { ListenerHandler } from "../src/stack/events.ts";
import { StackInterface } from "../src/stack/interface.ts";
import type { Listener } from "../src/stack/listener.ts";
import { Stack } from "../src/stack/stack.ts";
import type { TcpConfig } from "../src/tcp/config.ts";
import { emitIpv4 } from "../src/wire/ipv4.ts";
import { ACK, FIN, PSH, SYN } from "../src/wire/segment.ts";
import { emitTcp } from "../src/wire/tcp-emit.ts";
import { writeSynOptions, writeTimestamps } from "../src/wire/tcp-options.ts";

const PORT = 7;
/** 10.77.0.2 */
const SERVER = 0x0a4d0002;
/** 10.128.0.0 and up, so many ports each. */
const FIRST_CLIENT = 0x0a800000;
const PORTS = 32_768;
const FIRST_PORT = 16_384;
const MSS = 1460;
const SCALE = 7;
const WINDOW = 4_000;
const ISS = 0x7ffffff0;
const ROOM = 64 * 1024;
/** The time that a round takes. */
const ROUND = 100;

/** Columns of a client: SND.NXT, RCV.NXT, the peer's last timestamp, bytes received, the peer's FINs. */
const SND_NXT = 0;
const RCV_NXT = 1;
const TS_ECHO = 2;
const RECEIVED = 3;
const FINS = 4;
const COLUMNS = 5;

/** The world of the stack: the time is set, chance is a counter. */
class StillHost implements Host {
  now = SECOND;
  readonly secret: Uint8Array = new Uint8Array(16).fill(7);
  #drawn = 0;

  clock(): number {
    return this.now;
  }

  random(): number {
    return Math.imul(++this.#drawn, 0x9e3779b1);
  }

  wake(): void {}
}

/** `clients` clients of one listener. */
export class Crowd {
  readonly stack: Stack;
  readonly listener: Listener;
  /** Segments that the clients sent, and that the stack did. */
  sent = 0;
  received = 0;
  readonly #host: StillHost = new StillHost();
  readonly #link: StackInterface;
  readonly #clients: Int32Array;
  readonly #batch: ReceiveBatch & { count: number } = emptyBatch();
  #used = 0;

  /** `offload`: super-segments and no checksums, as a TUN device has them; without, everything is summed. */
  constructor(clients: number, handler: ListenerHandler, tcp: Partial<TcpConfig> = {}, offload = true) {
    this.#link = new StackInterface("crowd0", 1500, offload, [parsePrefix("10.77.0.2/8")!]);
    this.stack = new Stack({ interfaces: [this.#link], tcp }, this.#host);
    this.#clients = new Int32Array(clients * COLUMNS);
    this.listener = this.stack.listen({ port: PORT, backlog: 4_096 }, handler);
  }

  /** Time goes by; timers run. */
  wait(us: number): void {
    this.#host.now += us;
    this.#round();
  }

  /** SYNs of clients `from` up to `to`, which are answered and then left alone. */
  syn(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      const at = i * COLUMNS;
      this.#clients[at + SND_NXT] = ISS;
      this.#segment(i, SYN, 0);
      this.#clients[at + SND_NXT] = (ISS + 1) | 0;
    }
    this.#round();
  }

  /** Whole handshakes. */
  open(from: number, to: number): void {
    for (let i = from; i < to; i += RX_BATCH) {
      const end = Math.min(to, i + RX_BATCH);
      this.syn(i, end);
      for (let k = i; k < end; k++) this.#segment(k, ACK, 0);
      this.#round();
    }
  }

  /** Each of the clients sends `length` bytes, and acknowledges what comes back. */
  ask(from: number, to: number, length: number): void {
    for (let i = from; i < to; i += RX_BATCH) {
      const end = Math.min(to, i + RX_BATCH);
      for (let k = i; k < end; k++) {
        this.#segment(k, ACK | PSH, length);
        this.#clients[k * COLUMNS + SND_NXT]! += length;
      }
      this.#round();
      for (let k = i; k < end; k++) this.#segment(k, ACK, 0);
      this.#round();
    }
  }

  /** Each of the clients acknowledges what it has received. */
  acknowledge(from: number, to: number): void {
    for (let i = from; i < to; i++) this.#segment(i, ACK, 0);
    this.#round();
  }

  /** FINs that acknowledge everything received: where the stack sent its own first, TIME-WAIT is its. */
  finish(from: number, to: number): void {
    for (let i = from; i < to; i++) {
      this.#segment(i, ACK | FIN, 0);
      this.#clients[i * COLUMNS + SND_NXT]!++;
    }
    this.#round();
  }

  /** Bytes of text that client `i` has received. */
  receivedBy(i: number): number {
    return this.#clients[i * COLUMNS + RECEIVED]!;
  }

  /** FINs that client `i` has received. */
  finsOf(i: number): number {
    return this.#clients[i * COLUMNS + FINS]!;
  }

  /** The stack's end of client `i`. */
  connectionOf(i: number): Connection {
    const { flows, tcbs } = this.stack;
    const slot = flows.find(4, SERVER, sourceOf(i), PORT, portOf(i));
    return tcbs[slot]!.owner as Connection;
  }

  /** Lets the stack do what applications asked for between rounds. */
  settle(): void {
    this.#round();
  }

  #segment(i: number, flags: number, length: number): void {
    const batch = this.#batch;
    if (batch.count === RX_BATCH || this.#used + 64 + length > ROOM) this.#round();
    const offset = this.#used;
    const view = batch.view;
    const client = i * COLUMNS;
    let end = offset + 40;
    const tsval = Math.floor(this.#host.now / MS) | 0;
    if ((flags & SYN) !== 0) end = writeSynOptions(view, end, MSS, SCALE, true, true, tsval, 0);
    else end = writeTimestamps(view, end, tsval, this.#clients[client + TS_ECHO]!);
    emitIpv4(view, offset, end - offset + length, 0, true, 64, 6, sourceOf(i), SERVER, 0);
    emitTcp(
      view,
      offset + 20,
      portOf(i),
      PORT,
      seq(this.#clients[client + SND_NXT]!),
      seq((flags & ACK) === 0 ? 0 : this.#clients[client + RCV_NXT]!),
      flags,
      WINDOW,
      0,
      end - offset - 40,
    );
    const row = batch.count++ * RX.COLUMNS;
    batch.table[row + RX.OFFSET] = offset;
    batch.table[row + RX.LENGTH] = end - offset + length;
    batch.table[row + RX.FLAGS] = RX_CHECKSUM_OK;
    batch.table[row + RX.GSO_SIZE] = length > MSS ? MSS : 0;
    this.#used = (end + length + 3) & ~3;
    this.sent++;
  }

  /** The driver's round, as `Driver` does it. */
  #round(): void {
    const { stack } = this;
    const batch = this.#batch;
    this.#host.now += ROUND;
    stack.tick();
    if (batch.count > 0) stack.input(this.#link, batch);
    batch.count = 0;
    this.#used = 0;
    if (stack.nextDeadline() <= stack.now) stack.expire();
    do {
      stack.dispatch();
      while (!stack.flush()) this.#take();
      this.#take();
      stack.inputLocal();
    } while (stack.isBusy);
  }

  /** What the stack sent, into the clients' columns. */
  #take(): void {
    const { tx } = this.#link;
    const { table, view } = tx;
    for (let i = 0; i < tx.count; i++) {
      const row = i * TX.COLUMNS;
      const tcp = table[row + TX.OFFSET]! + 20;
      const remote = view.getInt32(tcp - 4) - FIRST_CLIENT;
      const client = (remote * PORTS + view.getUint16(tcp + 2) - FIRST_PORT) * COLUMNS;
      const flags = view.getUint8(tcp + 13);
      const header = (view.getUint8(tcp + 12) >> 4) * 4;
      const length = table[row + TX.TOTAL]! - 20 - header;
      const fin = flags & FIN;
      const syn = (flags & SYN) >> 1;
      this.#clients[client + RCV_NXT] = (view.getInt32(tcp + 4) + length + syn + fin) | 0;
      // Behind two NOPs in every segment but the SYN-ACK, whose echo nobody needs.
      if (syn === 0 && header === 32) this.#clients[client + TS_ECHO] = view.getInt32(tcp + 24);
      this.#clients[client + RECEIVED]! += length;
      this.#clients[client + FINS]! += fin;
      this.received++;
    }
    tx.clear();
  }
}

function sourceOf(i: number): number {
  return (FIRST_CLIENT + Math.floor(i / PORTS)) | 0;
}

function portOf(i: number): number {
  return FIRST_PORT + (i % PORTS);
}

function emptyBatch(): ReceiveBatch & { count: number } {
  const bytes = new Uint8Array(ROOM);
  return {
    bytes,
    view: new DataView(bytes.buffer),
    count: 0,
    table: new Int32Array(RX_BATCH * RX.COLUMNS),
    retained: false,
  };
}
