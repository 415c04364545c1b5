/**
 * A host of the simulated network: a stack, and the loop that drives it by the contract in `stack/stack.ts`. It
 * stands where the driver and a device do in production. Packets of one instant reach the stack as one batch.
 */

import { type Family, formatPrefix, parsePrefix } from "../base/address.ts";
import type { Host } from "../base/host.ts";
import { type ReceiveBatch, RX, RX_BATCH, RX_CHECKSUM_OK } from "../base/packet-batch.ts";
import type { Random } from "../base/random.ts";
import { type Micros, NEVER } from "../base/time.ts";
import { StackInterface } from "../stack/interface.ts";
import { leaving } from "../stack/observe.ts";
import { Stack } from "../stack/stack.ts";
import { copyBytes } from "../tcp/buffer/arena.ts";
import type { TcpConfig } from "../tcp/config.ts";
import type { Clock, SimEvent } from "./clock.ts";
import type { AddressKey, Packet, PacketPool, Sink } from "./packet.ts";

/** What a host is. */
export interface SimHostOptions {
  /** Its addresses with their prefixes, such as "10.0.0.1/24" or "fd00::1/64". */
  readonly addresses: readonly string[];
  /** Default 1500. */
  readonly mtu?: number;
  /** Super-segments, and checksums left to the device. Default false. */
  readonly offload?: boolean;
  /**
   * Packets carry their text; default true. Without, text arrives in its length but as any bytes, and no checksum is computed:
   * for measuring bulk transfers in less time and memory, on links that do not corrupt.
   */
  readonly carriesText?: boolean;
  /** Differences from the defaults of TCP. */
  readonly tcp?: Partial<TcpConfig>;
  /** 16 bytes; default: from the world's seed. */
  readonly secret?: Uint8Array;
  readonly name?: string;
}

/** What a host asks of its world. */
export interface HostWorld {
  readonly clock: Clock;
  readonly packets: PacketPool;
  /** The host has work at this instant. */
  ready(host: SimHost): void;
}

/** One host. */
export class SimHost implements Host, Sink {
  readonly name: string;
  readonly stack: Stack;
  readonly link: StackInterface;
  readonly secret: Uint8Array;
  /** Where packets go by destination, and all others; null: nowhere. */
  readonly routes: Map<AddressKey, Sink> = new Map();
  route: Sink | null = null;
  /** Rounds in which the stack was driven. */
  rounds = 0;
  /** The world has it in its list of hosts with work. */
  isReady = false;
  readonly #world: HostWorld;
  readonly #random: Random;
  readonly #carriesText: boolean;
  readonly #inbox: Packet[] = [];
  readonly #batch: Inbox = new Inbox();
  #isRunning = false;
  #timerAt = NEVER;
  readonly #timer: SimEvent = { fire: () => this.#onTimer() };

  /** @internal */
  constructor(world: HostWorld, random: Random, options: SimHostOptions) {
    this.#world = world;
    this.#random = random;
    this.name = options.name ?? options.addresses[0]!;
    this.secret = options.secret ?? randomBytes(random, 16);
    const addresses = options.addresses.map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === null)
        throw new RangeError(`addresses: "10.0.0.1/24", "fd00::1/64" or the like needed, got ${text}`);
      return prefix;
    });
    this.link = new StackInterface("sim0", options.mtu ?? 1500, options.offload ?? false, addresses);
    this.#carriesText = options.carriesText ?? true;
    if (!this.#carriesText) this.link.checksumOffload = true;
    const tcp = options.tcp ?? {};
    this.stack = new Stack({ interfaces: [this.link], tcp, exactTimers: true }, this);
  }

  /** The first address, as text. */
  get address(): string {
    return formatPrefix(this.link.addresses[0]!).split("/")[0]!;
  }

  /** The first IPv4 address, as a key. */
  get key(): number {
    return this.addressOf(4)?.[0] ?? 0;
  }

  /** The words of the first address of `family`; null without any. */
  addressOf(family: Family): Int32Array | null {
    return this.link.addresses.find((prefix) => prefix.family === family)?.words ?? null;
  }

  clock(): Micros {
    return this.#world.clock.now;
  }

  random(): number {
    return this.#random.next();
  }

  wake(): void {
    if (!this.#isRunning) this.#world.ready(this);
  }

  /** A packet arrives; the stack sees it, with the others of this instant, before time goes on. */
  take(packet: Packet): void {
    this.#inbox.push(packet);
    this.#world.ready(this);
  }

  /** Drives the stack until it has nothing left to do at this instant. */
  run(): void {
    const { stack } = this;
    this.#isRunning = true;
    this.rounds++;
    try {
      stack.tick();
      this.#input();
      if (stack.nextDeadline() <= stack.now) stack.expire();
      let turns = 0;
      do {
        if (++turns > TURNS_MAX) throw new Error(`${this.name}: busy for ever at ${stack.now} us`);
        this.#send();
        stack.dispatch();
        while (!stack.flush()) this.#send();
        this.#send();
        stack.inputLocal();
      } while (stack.isBusy);
    } finally {
      this.#isRunning = false;
    }
    this.#arm();
  }

  #input(): void {
    const inbox = this.#inbox;
    for (let first = 0; first < inbox.length; ) {
      first = this.#batch.fill(inbox, first);
      this.stack.input(this.link, this.#batch);
    }
    inbox.length = 0;
  }

  #send(): void {
    const { tx } = this.link;
    if (tx.count === 0) return;
    leaving(this.stack, this.link);
    for (let i = 0; i < tx.count; i++) {
      const packet = this.#world.packets.fromBatch(tx, i, this.#carriesText);
      const to = this.routes.get(packet.destination) ?? this.route;
      if (to === null) packet.free();
      else to.take(packet);
    }
    tx.clear();
  }

  /** An event for the next deadline. One that comes too early finds out, so only an earlier one is scheduled. */
  #arm(): void {
    const at = this.stack.nextDeadline();
    if (at >= this.#timerAt) return;
    this.#timerAt = at;
    this.#world.clock.schedule(at, this.#timer);
  }

  #onTimer(): void {
    // One that an earlier one overtook.
    if (this.#timerAt !== this.#world.clock.now) return;
    this.#timerAt = NEVER;
    if (this.stack.nextDeadline() <= this.#world.clock.now) this.#world.ready(this);
    else this.#arm();
  }
}

/** Turns of one round at one instant that no sane run needs. */
const TURNS_MAX = 100_000;

/** The batch a host receives by: packets side by side in a slab, which is given up when the stack keeps a view of it. */
class Inbox implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(SLAB);
  view: DataView = new DataView(this.bytes.buffer);
  count = 0;
  readonly table: Int32Array = new Int32Array(RX_BATCH * RX.COLUMNS);
  retained = false;
  #used = 0;
  /** Below it lie packets that the stack kept. */
  #kept = 0;

  /** Takes packets from `first` on, as many as fit, frees them, and returns the first that did not. */
  fill(packets: readonly Packet[], first: number): number {
    if (this.retained) this.#kept = this.#used;
    this.#used = this.#kept;
    this.retained = false;
    this.count = 0;
    for (; first < packets.length && this.count < RX_BATCH; first++) {
      const packet = packets[first]!;
      if (this.#used + packet.length > this.bytes.length) {
        if (this.count > 0) break;
        this.bytes = new Uint8Array(SLAB);
        this.view = new DataView(this.bytes.buffer);
        this.#used = 0;
        this.#kept = 0;
      }
      this.#add(packet);
      packet.free();
    }
    return first;
  }

  #add(packet: Packet): void {
    copyBytes(packet.bytes, 0, packet.held, this.bytes, this.#used);
    const row = this.count++ * RX.COLUMNS;
    this.table[row + RX.OFFSET] = this.#used;
    this.table[row + RX.LENGTH] = packet.length;
    this.table[row + RX.FLAGS] = packet.vouched ? RX_CHECKSUM_OK : 0;
    this.table[row + RX.GSO_SIZE] = packet.gsoSize;
    this.#used = (this.#used + packet.length + 3) & ~3;
  }
}

const SLAB = 256 * 1024;

/** `count` bytes of `random`. */
function randomBytes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}
