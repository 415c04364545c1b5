/** Two hosts, 10.0.0.1 and 10.0.0.2, on one link, and short ways to open connections between them. */
import type { Family } from "../../src/base/address.ts";
import type { Micros } from "../../src/base/time.ts";
import type { Conditions } from "../../src/sim/link.ts";
import type { SimHost, SimHostOptions } from "../../src/sim/sim-host.ts";
import { type Wire, World } from "../../src/sim/world.ts";
import type { Connection } from "../../src/stack/connection.ts";
import type { ConnectionHandler } from "../../src/stack/events.ts";
import type { Listener } from "../../src/stack/listener.ts";

export interface Pair {
  readonly world: World;
  readonly a: SimHost;
  readonly b: SimHost;
  readonly wire: Wire;
}

export function pair(
  conditions: Partial<Conditions> = {},
  both: Partial<SimHostOptions> = {},
  ofB: Partial<SimHostOptions> = {},
  family: Family = 4,
): Pair {
  const world = new World(1);
  const a = world.host({ ...both, addresses: [family === 4 ? "10.0.0.1/24" : "fd00::1/64"], name: "a" });
  const b = world.host({
    ...both,
    ...ofB,
    addresses: [family === 4 ? "10.0.0.2/24" : "fd00::2/64"],
    name: "b",
  });
  return { world, a, b, wire: world.link(a, b, conditions) };
}

/** Listens on port 80 and gives every connection this handler. */
export function serve(host: SimHost, handler: ConnectionHandler = {}, backlog = 511): Listener {
  return host.stack.listen(
    { port: 80, backlog },
    {
      onConnection(connection) {
        connection.handler = handler;
      },
    },
  );
}

/** What a connection told its application, with the times in microseconds. */
export class Log {
  readonly events: string[] = [];
  readonly times: Micros[] = [];
  received = 0;
  text = "";
  closed: string | null = null;
  readonly handler: ConnectionHandler = {
    onConnect: (c) => this.add("connect", c),
    onData: (c, bytes) => {
      this.received += bytes.length;
      if (this.text.length < 10_000) this.text += String.fromCharCode(...bytes.subarray(0, 1_000));
      this.add("data", c);
    },
    onEnd: (c) => this.add("end", c),
    onDrain: (c) => this.add("drain", c),
    onFinish: (c) => this.add("finish", c),
    onClose: (c, error) => {
      this.closed = error === null ? "orderly" : error.code;
      this.add(`close ${this.closed}`, c);
    },
  };
  readonly #now: () => Micros;

  constructor(world: World) {
    this.#now = () => world.now;
  }

  /** When `event` was told first. */
  at(event: string): Micros {
    return this.times[this.events.indexOf(event)] ?? Number.NaN;
  }

  private add(event: string, _: Connection): void {
    this.events.push(event);
    this.times.push(this.#now());
  }
}

/** An established connection from a to b; both ends and what they were told. */
export function connected(net: Pair): {
  client: Connection;
  server: Connection;
  clientLog: Log;
  serverLog: Log;
} {
  const clientLog = new Log(net.world);
  const serverLog = new Log(net.world);
  const accepted: Connection[] = [];
  const listener = net.b.stack.listen(
    { port: 80 },
    {
      onConnection(connection) {
        connection.handler = serverLog.handler;
        accepted.push(connection);
      },
    },
  );
  const client = net.a.stack.connect({ host: net.b.address, port: 80 }, clientLog.handler);
  net.world.runWhile(() => accepted.length === 0, net.world.now + 60_000_000);
  listener.close();
  return { client, server: accepted[0]!, clientLog, serverLog };
}

/** States in a host's table, listeners left out. */
export function states(host: SimHost): string[] {
  const { sockets } = host.stack.snapshot({ info: false });
  return sockets.filter((row) => row.listener === null).map((row) => row.state);
}
