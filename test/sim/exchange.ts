/**
 * Two hosts that send each other a million bytes at once under conditions drawn from a seed: what
 * transfer-*.test.ts run a thousand times. Everything random comes from the seed.
 */

import { type Family, parsePrefix } from "../../src/base/address.ts";
import { AddressTable } from "../../src/base/address-table.ts";
import { Random } from "../../src/base/random.ts";
import { toUint } from "../../src/base/seq.ts";
import { type Micros, MS, SECOND } from "../../src/base/time.ts";
import type { Conditions } from "../../src/sim/link.ts";
import type { SimHost } from "../../src/sim/sim-host.ts";
import { Trace } from "../../src/sim/trace.ts";
import { type Wire, World } from "../../src/sim/world.ts";
import type { Connection } from "../../src/stack/connection.ts";
import { LAST_EPHEMERAL } from "../../src/stack/ports.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { IsnGenerator } from "../../src/tcp/isn.ts";

/** Bytes each way. */
export const AMOUNT = 1_000_000;
/** Addresses of the two hosts by family; every third seed runs over IPv6. */
const ADDRESSES = { 4: ["10.0.0.1", "10.0.0.2"], 6: ["fd00::1", "fd00::2"] } as const;
const PORT = 7;
const LOCAL_PORT = LAST_EPHEMERAL;
/** Virtual time that the worst conditions may take. */
const LIMIT = 4 * 3_600 * SECOND;

/** What each direction carries: noise, so that a byte out of place shows. */
const noise = new Uint8Array(2 * AMOUNT);
{
  const random = new Random(20_221_018);
  const words = new Int32Array(noise.buffer);
  for (let i = 0; i < words.length; i++) words[i] = random.next();
}

/** What a run drew and how it went. */
export interface Outcome {
  readonly world: World;
  readonly summary: string;
  readonly ends: readonly [End, End];
}

/** Runs `seed`; throws an error that says what went wrong, under which conditions, and how to run it again. */
export function exchange(seed: number, trace = false): Outcome {
  const setup = new Setup(seed, trace);
  try {
    setup.run();
  } catch (error) {
    const why = error instanceof Error ? (trace ? error.stack : error.message) : String(error);
    const tail = setup.trace === null ? [] : setup.trace.lines().slice(-60);
    throw new Error(
      `seed ${seed}: ${why}\n  ${setup.summary}\n  at ${setup.seconds} s; a: ${setup.a.state}; b: ${setup.b.state}\n` +
        `  again, with a trace: SEED=${seed} npx vitest run test/sim/transfer-0.test.ts\n${tail.join("\n")}`,
    );
  }
  return { world: setup.world, summary: setup.summary, ends: [setup.a, setup.b] };
}

class Setup {
  readonly world: World;
  readonly hosts: readonly [SimHost, SimHost];
  readonly wire: Wire;
  readonly a: End;
  readonly b: End;
  readonly trace: Trace | null;
  readonly summary: string;
  readonly #to: string;
  /** When after the start nothing gets through, and for how long. */
  readonly #outages: [Micros, Micros] | null = null;

  constructor(seed: number, trace: boolean) {
    const random = new Random(seed ^ 0x5eed);
    const family: Family = seed % 3 === 2 ? 6 : 4;
    this.#to = ADDRESSES[family][1];
    const secrets = [bytes(random), bytes(random)] as const;
    this.world = new World(seed, { startAt: startTime(random, secrets, family) });
    const mtus = [mtu(random, family), mtu(random, family)] as const;
    const there = conditions(random, Math.min(...mtus));
    const back = random.float() < 0.5 ? there : conditions(random, Math.min(...mtus));
    const sides = [0, 1].map((i) => ({
      addresses: [`${ADDRESSES[family][i]!}/24`],
      mtu: mtus[i]!,
      offload: random.float() < 0.4,
      secret: secrets[i]!,
      tcp: settings(random),
    }));
    const [a, b] = [this.world.host(sides[0]!), this.world.host(sides[1]!)];
    this.hosts = [a, b];
    this.wire = this.world.link(a, b, there, back);
    this.trace = trace ? new Trace(this.world) : null;
    if (random.float() < 0.15) this.#outages = [random.float() * 5 * SECOND, random.float() * 60 * SECOND];
    const close = random.below(4);
    this.a = new End(this.world, random.fork(), 0, close === 0 || close === 2);
    this.b = new End(this.world, random.fork(), AMOUNT, close === 1 || close === 2);
    this.summary = JSON.stringify({
      there,
      back,
      close,
      outage: this.#outages,
      sides: sides.map(({ secret, ...side }) => side),
    });
  }

  /** Nothing gets through for a while. */
  #outage(from: Micros, length: Micros): void {
    const { there, back } = this.wire;
    const set = (isUp: boolean): void => {
      there.isUp = isUp;
      back.isUp = isUp;
    };
    this.world.after(from, () => set(false));
    this.world.after(from + length, () => set(true));
  }

  get seconds(): number {
    return (this.world.now - this.world.startAt) / 1e6;
  }

  run(): void {
    const [a, b] = this.hosts;
    b.stack.listen(
      { port: PORT },
      {
        onConnection: (connection) => {
          this.b.attach(connection);
          // Not before: a half-open connection gives up sooner than one that stands.
          if (this.#outages !== null) this.#outage(...this.#outages);
        },
      },
    );
    this.a.attach(a.stack.connect({ host: this.#to, port: PORT, localPort: LOCAL_PORT }, {}));
    const isOver = this.world.runWhile(() => !(this.a.isOver && this.b.isOver), this.world.now + LIMIT);
    if (!isOver) {
      throw new Error(this.world.clock.pending === 0 ? "nothing more will happen" : "too slow");
    }
    for (const end of [this.a, this.b]) end.check();
    if (this.wire.there.statistics.tooBig + this.wire.back.statistics.tooBig > 0)
      throw new Error("a packet above the MTU");
    // The last ACK may be lost: then LAST-ACK repeats its FIN, and TIME-WAIT starts anew.
    this.world.run(2 * a.stack.config.msl);
    this.world.runWhile(() => left(a) + left(b) > 0, this.world.now + 10 * 60 * SECOND);
    for (const host of this.hosts) {
      if (left(host) > 0) throw new Error(`${host.name} still holds ${held(host)}`);
      if (host.stack.nextDeadline() !== Number.POSITIVE_INFINITY)
        throw new Error(`${host.name} still has a timer`);
    }
    const states = [this.a.connection!.state, this.b.connection!.state];
    for (const state of states) {
      if (state !== "CLOSED" && state !== "TIME-WAIT") throw new Error(`a connection ended in ${state}`);
    }
  }
}

/** One end: sends its million and closes, takes the other's and compares. */
export class End {
  connection: Connection | null = null;
  isOver = false;
  received = 0;
  sent = 0;
  #ended = false;
  #error: string | null = null;
  readonly #world: World;
  readonly #random: Random;
  readonly #from: number;
  readonly #closesFirst: boolean;
  /** 0: takes at once; else a share of deliveries after which it rests. */
  readonly #laziness: number;
  /** How long it rests at most. */
  readonly #rest: Micros;
  readonly #chunk: number;
  readonly #pulls: boolean;

  /** `from` is where in the noise its bytes begin. One that does not close first waits for the other's end. */
  constructor(world: World, random: Random, from: number, closesFirst: boolean) {
    this.#world = world;
    this.#random = random;
    this.#from = from;
    this.#closesFirst = closesFirst;
    this.#laziness = random.float() < 0.4 ? random.float() * 0.2 : 0;
    this.#rest = 400 * MS * 8 ** random.below(2);
    this.#chunk = 2 ** (5 + random.below(13));
    this.#pulls = random.float() < 0.25;
  }

  get state(): string {
    return `${this.connection?.state} sent ${this.sent} received ${this.received}`;
  }

  attach(connection: Connection): void {
    this.connection = connection;
    const isOpen = connection.state !== "SYN-SENT";
    connection.handler = {
      onConnect: () => this.#write(),
      onData: (_, bytes) => this.#take(bytes),
      onDrain: () => this.#write(),
      onEnd: () => {
        this.#ended = true;
        this.#finish();
      },
      onClose: (_, error) => {
        this.isOver = true;
        if (error !== null) this.#error = error.code;
      },
    };
    if (isOpen) this.#write();
    if (this.#pulls) this.#pull();
  }

  check(): void {
    if (this.#error !== null) throw new Error(`closed with ${this.#error}`);
    if (this.received !== AMOUNT) throw new Error(`${this.received} bytes received`);
    if (!this.#ended) throw new Error("closed without the peer's end");
  }

  #write(): void {
    while (this.sent < AMOUNT) {
      const length = Math.min(AMOUNT - this.sent, 1 + this.#random.below(this.#chunk));
      const at = this.#from + this.sent;
      this.sent += length;
      if (!this.connection!.send(noise.subarray(at, at + length), this.#random.float() < 0.1)) break;
    }
    this.#finish();
  }

  #finish(): void {
    if (this.sent < AMOUNT || !(this.#closesFirst || this.#ended || this.received === AMOUNT)) return;
    this.connection!.end();
  }

  #take(bytes: Uint8Array): void {
    const at = (this.#from === 0 ? AMOUNT : 0) + this.received;
    if (Buffer.compare(bytes, noise.subarray(at, at + bytes.length)) !== 0) {
      throw new Error(`${bytes.length} bytes at ${this.received} differ from what was sent`);
    }
    this.received += bytes.length;
    if (this.received === AMOUNT) this.#finish();
    if (this.#laziness > 0 && this.#random.float() < this.#laziness) {
      this.connection!.pause();
      this.#world.after(this.#random.below(this.#rest), () => this.connection!.resume());
    }
  }

  /** Reads in small pieces on its own time, without being told. */
  #pull(): void {
    const connection = this.connection!;
    connection.pause();
    const round = (): void => {
      for (let bytes = connection.read(20_000); bytes !== null; bytes = connection.read(20_000)) {
        this.#take(bytes);
        connection.pause();
        if (this.#random.float() < 0.2) break;
      }
      if (this.received === AMOUNT) connection.resume();
      else this.#world.after((1 + this.#random.below(50)) * MS, round);
    };
    round();
  }
}

function conditions(random: Random, least: number): Partial<Conditions> {
  const maybe = (share: number, value: () => number): number => (random.float() < share ? value() : 0);
  return {
    delay: Math.floor(maybe(0.9, () => random.float() ** 2 * 300 * MS)),
    jitter: Math.floor(maybe(0.3, () => random.float() * 20 * MS)),
    loss: maybe(0.7, () => random.float() * 0.1),
    duplicate: maybe(0.4, () => random.float() * 0.1),
    corrupt: maybe(0.4, () => random.float() * 0.05),
    reorder: maybe(0.5, () => random.float() * 0.3),
    reorderBy: Math.floor(random.float() * 50 * MS),
    rate: maybe(0.4, () => 10 ** (5.5 + 3 * random.float())),
    queue: Math.floor(16_000 + random.float() * 200_000),
    mtu: least,
  };
}

function mtu(random: Random, family: Family): number {
  const any = [576, 1_280, 1_500, 1_500, 9_000, 576 + random.below(9_000 - 576)][random.below(6)]!;
  return family === 6 ? Math.max(1_280, any) : any;
}

function settings(random: Random): Partial<TcpConfig> {
  const small = random.float() < 0.4;
  const receiveBuffer = small ? 2_048 + random.below(30_000) : 65_536 * 2 ** random.below(4);
  return {
    receiveBuffer,
    receiveBufferMax: receiveBuffer * 2 ** random.below(6),
    sendBuffer: 4_096 * 2 ** random.below(8),
    windowScale: random.float() < 0.8,
    timestamps: random.float() < 0.7,
    sack: random.float() < 0.7,
    noDelay: random.float() < 0.5,
    delayedAck: random.float() < 0.8 ? 40 * MS : 200 * MS,
  };
}

/**
 * The time at which the world begins. The ISN runs on the clock (RFC 6528), so that one seed in four has its first
 * sequence numbers just below 2^32, and one just below 2^31, on one side or the other.
 */
function startTime(random: Random, secrets: readonly [Uint8Array, Uint8Array], family: Family): number {
  const kind = random.below(4);
  const anywhere = Math.floor(random.float() * 2 ** 34);
  if (kind > 1) return anywhere;
  const side = random.below(2);
  const table = new AddressTable(secrets[side]!);
  const keys = ADDRESSES[family].map((text) => {
    const { words } = parsePrefix(text)!;
    return family === 4 ? words[0]! : table.digest(table.intern(words));
  });
  const ports = [LOCAL_PORT, PORT];
  const generator = new IsnGenerator(secrets[side]!);
  const f = toUint(generator.isn(family, keys[side]!, keys[1 - side]!, ports[side]!, ports[1 - side]!, 0));
  const wanted = (kind === 0 ? 2 ** 32 : 2 ** 31) - random.below(AMOUNT);
  return 4 * ((wanted - f + 2 ** 32) % 2 ** 32);
}

function bytes(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => random.below(256));
}

/** Flows in a host's table. */
function left(host: SimHost): number {
  return host.stack.snapshot({ info: false }).sockets.filter((row) => row.listener === null).length;
}

function held(host: SimHost): string {
  const rows = host.stack.snapshot({ info: false }).sockets.filter((row) => row.listener === null);
  return rows.map((row) => `${row.state} (timer ${JSON.stringify(row.timer)})`).join(", ");
}
