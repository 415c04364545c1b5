/**
 * The system under test: one stack behind one interface, driven by its contract (stack/stack.ts) in virtual time.
 * What it sends is kept with the time of sending; super-segments are cut as an offloading device would cut them. Knows
 * no script.
 */
import type { Prefix } from "../../base/address.ts";
import type { Host } from "../../base/host.ts";
import { type ReceiveBatch, RX, TX } from "../../base/packet-batch.ts";
import { Random } from "../../base/random.ts";
import { type Micros, SECOND } from "../../base/time.ts";
import { StackInterface } from "../../stack/interface.ts";
import { leaving } from "../../stack/observe.ts";
import { Stack } from "../../stack/stack.ts";
import type { TcpConfig } from "../../tcp/config.ts";

/** What the machine is made of. */
export interface MachineOptions {
  readonly addresses: readonly Prefix[];
  readonly mtu: number;
  /** The interface takes super-segments. */
  readonly offload: boolean;
  readonly tcp: Partial<TcpConfig>;
}

/** A packet that the stack sent. */
export interface Sent {
  readonly at: Micros;
  readonly bytes: Uint8Array;
  /** Payload a segment when it is a super-segment, else 0. */
  readonly gsoSize: number;
  /** The checksum of TCP is left to the device: the field holds the sum of the pseudo-header. */
  readonly partialChecksum: boolean;
}

/** The stack, its interface and its clock. */
export class Machine implements Host {
  readonly stack: Stack;
  readonly link: StackInterface;
  readonly secret: Uint8Array;
  now: Micros = START;
  /** Called with each packet sent. */
  onSent: (sent: Sent) => void = () => {};
  readonly #random = new Random(SEED);
  readonly #inbox = new OnePacket();

  constructor(options: MachineOptions) {
    this.secret = Uint8Array.from({ length: 16 }, () => this.#random.below(256));
    this.link = new StackInterface("pkt0", options.mtu, options.offload, [...options.addresses]);
    this.stack = new Stack({ interfaces: [this.link], tcp: options.tcp, exactTimers: true }, this);
  }

  clock(): Micros {
    return this.now;
  }

  random(): number {
    return this.#random.next();
  }

  wake(): void {}

  /** A packet arrives, and everything that follows from it at this instant happens. */
  input(packet: Uint8Array): void {
    this.stack.tick();
    this.stack.input(this.link, this.#inbox.hold(packet));
    this.settle();
  }

  /** Everything that is left to do at this instant. */
  settle(): void {
    const { stack } = this;
    stack.tick();
    if (stack.nextDeadline() <= stack.now) stack.expire();
    let turns = 0;
    do {
      if (++turns > TURNS_MAX) throw new Error(`the stack stays busy at ${stack.now} us`);
      this.#send();
      stack.dispatch();
      while (!stack.flush()) this.#send();
      this.#send();
      stack.inputLocal();
    } while (stack.isBusy);
  }

  /** Time goes on to the next deadline of the stack, if that is not after `limit`, else to `limit`. Returns whether a deadline came. */
  step(limit: Micros): boolean {
    const at = this.stack.nextDeadline();
    if (at > limit) {
      this.now = Math.max(this.now, limit);
      this.stack.tick();
      return false;
    }
    this.now = Math.max(this.now, at);
    this.settle();
    return true;
  }

  #send(): void {
    const { tx } = this.link;
    if (tx.count === 0) return;
    leaving(this.stack, this.link);
    for (let i = 0; i < tx.count; i++) {
      const row = i * TX.COLUMNS;
      const bytes = tx.packetAt(i);
      this.onSent({
        at: this.now,
        bytes,
        gsoSize: tx.table[row + TX.GSO_SIZE]!,
        partialChecksum: tx.table[row + TX.CSUM_START]! >= 0,
      });
    }
    tx.clear();
  }
}

/** The batch that one packet arrives in. Each has memory of its own, for the stack may keep it. */
class OnePacket implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  readonly count = 1;
  readonly table: Int32Array = new Int32Array(RX.COLUMNS);
  retained = false;

  hold(packet: Uint8Array): OnePacket {
    this.bytes = packet;
    this.view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
    this.table[RX.LENGTH] = packet.length;
    return this;
  }
}

/** The clock's first value: far enough from 0 that nothing lies before it. */
const START: Micros = 100 * SECOND;
const SEED = 0x706b74;
/** Turns at one instant that no sane stack needs. */
const TURNS_MAX = 10_000;
