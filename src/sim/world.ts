/**
 * A simulated network: hosts, links and virtual time, all from one seed. The same seed gives the same run,
 * packet for packet, on any machine.
 *
 *     const world = new World(1);
 *     const a = world.host({ addresses: ["10.0.0.1/24"] });
 *     const b = world.host({ addresses: ["10.0.0.2/24"] });
 *     world.link(a, b, { delay: 10 * MS, loss: 0.01 });
 *     b.stack.listen({ port: 7 }, { onConnection: (c) => {} });
 *     a.stack.connect({ host: "10.0.0.2", port: 7 }, {});
 *     world.run(10 * SECOND);
 */
import { enableAssertions } from "../base/assert.ts";
import { Random } from "../base/random.ts";
import { type Micros, NEVER } from "../base/time.ts";
import { Clock } from "./clock.ts";
import { type Conditions, Link } from "./link.ts";
import { type AddressKey, addressKey, type Packet, PacketPool, type Sink } from "./packet.ts";
import { SimHost, type SimHostOptions } from "./sim-host.ts";

/** Settings of a world. */
export interface WorldOptions {
  /** The time on the clock at first; default 1 s. Numbers near 2^31 and 2^32 try what wraps. */
  readonly startAt?: Micros;
  /** Invariants of the stack are checked; default true. */
  readonly assertions?: boolean;
}

/** Both directions between two hosts. */
export interface Wire {
  /** From the first to the second, and back. */
  readonly there: Link;
  readonly back: Link;
}

/** Everything there is. */
export class World {
  readonly seed: number;
  readonly clock: Clock;
  /** For tests' own choices; drawing from it does not disturb the hosts. */
  readonly random: Random;
  readonly packets: PacketPool = new PacketPool();
  readonly hosts: SimHost[] = [];
  readonly links: Link[] = [];
  readonly startAt: Micros;
  readonly #random: Random;
  #ready: SimHost[] = [];
  #running: SimHost[] = [];

  constructor(seed: number, options: WorldOptions = {}) {
    enableAssertions(options.assertions ?? true);
    this.seed = seed;
    this.startAt = options.startAt ?? 1_000_000;
    this.clock = new Clock(this.startAt);
    this.#random = new Random(seed);
    this.random = this.#random.fork();
  }

  get now(): Micros {
    return this.clock.now;
  }

  /** A new host. */
  host(options: SimHostOptions): SimHost {
    const host = new SimHost(this, this.#random.fork(), options);
    this.hosts.push(host);
    return host;
  }

  /** Connects two hosts both ways; `back` are the conditions from `b` to `a`, the same without. */
  link(
    a: SimHost,
    b: SimHost,
    conditions: Partial<Conditions> = {},
    back: Partial<Conditions> = conditions,
  ): Wire {
    const there = this.direct(b, conditions);
    const home = this.direct(a, back);
    there.back = home;
    home.back = there;
    for (const { words } of b.link.addresses) a.routes.set(addressKey(words), there);
    for (const { words } of a.link.addresses) b.routes.set(addressKey(words), home);
    a.route ??= there;
    b.route ??= home;
    return { there, back: home };
  }

  /** One direction that ends at `to`, to be put where it is needed. */
  direct(to: Sink, conditions: Partial<Conditions> = {}): Link {
    const link = new Link(this.clock, this.#random.fork(), to, conditions);
    this.links.push(link);
    return link;
  }

  /** Calls `call` at `time`; a time that is past means now. */
  at(time: Micros, call: () => void): void {
    this.clock.schedule(time, { fire: call });
  }

  /** Calls `call` in `delay` microseconds. */
  after(delay: Micros, call: () => void): void {
    this.at(this.now + delay, call);
  }

  /** The host has work at this instant. */
  ready(host: SimHost): void {
    if (host.isReady) return;
    host.isReady = true;
    this.#ready.push(host);
  }

  /** Does everything that happens at this instant, without moving on. */
  settle(): void {
    do {
      while (this.clock.nextAt <= this.now) this.clock.take().fire();
      this.#runReady();
    } while (this.clock.nextAt <= this.now);
  }

  /** Runs for `duration` microseconds of virtual time. */
  run(duration: Micros): void {
    const until = this.now + duration;
    this.runWhile(() => true, until);
    this.clock.now = until;
    this.settle();
  }

  /** Runs as long as `goesOn` says so, asked before each instant, until `until`. Returns whether it said no. */
  runWhile(goesOn: () => boolean, until: Micros): boolean {
    this.settle();
    while (goesOn()) {
      const next = this.clock.nextAt;
      if (next > until || next === NEVER) return false;
      this.clock.take().fire();
      this.settle();
    }
    return true;
  }

  /** Runs until nothing is to come, at most for `limit` microseconds. Returns whether it came to rest. */
  runUntilIdle(limit: Micros): boolean {
    this.runWhile(() => true, this.now + limit);
    return this.clock.pending === 0;
  }

  #runReady(): void {
    while (this.#ready.length > 0) {
      const hosts = this.#ready;
      this.#ready = this.#running;
      this.#running = hosts;
      for (const host of hosts) {
        host.isReady = false;
        host.run();
      }
      hosts.length = 0;
    }
  }
}

/** Sends packets on by their destination. */
export class Router implements Sink {
  readonly routes: Map<AddressKey, Sink> = new Map();
  route: Sink | null = null;

  take(packet: Packet): void {
    const to = this.routes.get(packet.destination) ?? this.route;
    if (to === null) packet.free();
    else to.take(packet);
  }
}
