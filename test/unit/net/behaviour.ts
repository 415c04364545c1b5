/**
 * What node:net does, as scenes that can be played on any net at 127.0.0.1 and ::1: each gives a log without what differs
 * from run to run (ports).
 */
import { EventEmitter, once } from "node:events";
import type net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export type AnyNet = typeof net;
type Log = unknown[];
type LookupCallback = (error: Error | null, addresses: unknown, family?: number) => void;

/** An error as programs see it, ports by name. */
export function shown(error: unknown, ports: Record<number, string> = {}): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, code, errno, syscall, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const text = Object.entries(ports).reduce((all, [number, as]) => all.replaceAll(number, as), message);
  const errors = error instanceof AggregateError ? error.errors.map((one) => shown(one, ports)) : undefined;
  return { name, text, code, errno, syscall, address, port: ports[port!] ?? port, errors };
}

/** What a call throws, or what it gives. */
export function thrown(call: () => unknown): unknown {
  try {
    const value = call();
    return typeof value === "object" || typeof value === "function" ? typeof value : value;
  } catch (error) {
    return shown(error);
  }
}

const EVENTS = [
  "lookup",
  "connectionAttempt",
  "connectionAttemptFailed",
  "connectionAttemptTimeout",
  "connect",
  "ready",
  "data",
  "end",
  "finish",
  "timeout",
  "error",
  "close",
];

export function listen(
  log: Log,
  socket: net.Socket,
  ports: Record<number, string> = {},
  events: string[] = EVENTS,
): net.Socket {
  for (const event of events) {
    socket.on(event, (...args: unknown[]) => {
      const values = args.map((value) =>
        value instanceof Uint8Array ? value.toString() : (ports[value as number] ?? shown(value, ports)),
      );
      log.push([event, ...values]);
    });
  }
  return socket;
}

async function serving(
  net: AnyNet,
  options: net.ServerOpts = {},
  host = "127.0.0.1",
  play: (socket: net.Socket) => void = (socket) => void socket.resume(),
): Promise<{ server: net.Server; port: number; ports: Record<number, string> }> {
  const server = net.createServer(options, play);
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return { server, port, ports: { [port]: "PORT" } };
}

const closed = (socket: net.Socket): Promise<void> =>
  new Promise((resolve) => socket.once("close", () => setImmediate(resolve)));

/** By name; each resolves to its log. */
export const SCENES: Record<string, (net: AnyNet) => Promise<Log>> = {
  async "a name with an address of each family, nobody on IPv6"(net) {
    const log: Log = [];
    const { server, port, ports } = await serving(net);
    const lookup = (_host: string, _options: object, callback: LookupCallback) =>
      callback(null, [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ]);
    const socket = net.connect({ port, host: "two.test", lookup: lookup as never, autoSelectFamily: true });
    listen(log, socket, ports);
    await once(socket, "ready");
    log.push(
      socket.autoSelectFamilyAttemptedAddresses?.map((at) => at.replace(String(port), "PORT")),
      [socket.remoteAddress, socket.remoteFamily, socket.localFamily],
    );
    socket.end();
    await closed(socket);
    server.close();
    return log;
  },

  async "a name whose addresses all refuse: AggregateError"(net) {
    const log: Log = [];
    const lookup = (_host: string, _options: object, callback: LookupCallback) =>
      callback(null, [
        { address: "::1", family: 6 },
        { address: "127.0.0.1", family: 4 },
      ]);
    const socket = net.connect({
      port: 1,
      host: "two.test",
      lookup: lookup as never,
      autoSelectFamily: true,
    });
    await closed(listen(log, socket));
    return log;
  },

  async "look-ups that fail, and that answer nonsense"(net) {
    const log: Log = [];
    const failure = Object.assign(new Error("getaddrinfo ENOTFOUND no.test"), {
      code: "ENOTFOUND",
      syscall: "getaddrinfo",
    });
    const answers: ((callback: LookupCallback) => void)[] = [
      (callback) => process.nextTick(callback, failure, undefined),
      (callback) => callback(null, "127.0.0.1", 5),
      (callback) => callback(null, "nonsense", 4),
    ];
    for (const answer of answers) {
      const lookup = (_host: string, _options: object, callback: LookupCallback) => answer(callback);
      const socket = net.connect({
        port: 9,
        host: "no.test",
        lookup: lookup as never,
        autoSelectFamily: false,
      });
      await closed(listen(log, socket));
    }
    return log;
  },

  async "refusals: of an address, from a local address, on IPv6, of port 0"(net) {
    const log: Log = [];
    for (const options of [
      { port: 1, host: "127.0.0.1" },
      { port: 1, host: "127.0.0.1", localAddress: "127.0.0.2" },
      { port: 1, host: "::1" },
      { port: 0, host: "127.0.0.1" },
      { port: 1, host: "127.0.0.1", localAddress: "192.0.2.7" },
    ]) {
      await closed(listen(log, net.connect(options)));
    }
    return log;
  },

  async "a local address and port are the peer's remote ones"(net) {
    const log: Log = [];
    const free = await serving(net);
    free.server.close();
    await once(free.server, "close");
    const { server, port } = await serving(net, {}, "127.0.0.1", (socket) => {
      log.push(socket.remoteAddress, socket.remotePort === free.port, socket.remoteFamily);
      socket.end();
    });
    const socket = net.connect({ port, host: "127.0.0.1", localAddress: "127.0.0.3", localPort: free.port });
    await closed(socket.resume());
    server.close();
    return log;
  },

  async "servers that cannot listen"(net) {
    const log: Log = [];
    const { server, port, ports } = await serving(net);
    for (const options of [
      { port, host: "127.0.0.1" },
      { port: 0, host: "192.0.2.1" },
      { port, host: "127.0.0.1", exclusive: true },
    ]) {
      const other = net.createServer();
      const [error] = (await Promise.all([once(other, "error"), other.listen(options)]))[0];
      log.push(shown(error, ports), other.listening, other.address());
    }
    log.push(thrown(() => server.listen(0)));
    server.close();
    await once(server, "close");
    await new Promise<void>((resolve) => server.close((error) => resolve(void log.push(shown(error)))));
    return log;
  },

  async "addresses of servers"(net) {
    const log: Log = [];
    for (const options of [
      {},
      { host: "127.0.0.1" },
      { host: "::1" },
      { host: "localhost", family: 4 },
      { host: "::", ipv6Only: true },
      { host: "0.0.0.0" },
    ]) {
      const server = net.createServer();
      log.push(server.address(), server.listening);
      await Promise.all([once(server, "listening"), server.listen({ port: 0, ...options })]);
      const { address, family } = server.address() as net.AddressInfo;
      // Where "localhost" is IPv6's first depends on the machine.
      log.push(
        "host" in options && options.host === "localhost" ? "local" : [address, family],
        server.listening,
      );
      if (!("host" in options)) {
        const { port } = server.address() as net.AddressInfo;
        const [accepted] = (
          await Promise.all([once(server, "connection"), net.connect(port, "127.0.0.1").unref()])
        )[0];
        log.push([accepted.remoteAddress, accepted.remoteFamily, accepted.localAddress]);
        accepted.destroy();
      }
      server.close();
      log.push(server.address(), server.listening);
      await once(server, "close");
    }
    return log;
  },

  async "maxConnections, 'drop', getConnections and when a server closes"(net) {
    const log: Log = [];
    // Which side hears first is the event loop's.
    const theirs: Log = [];
    const { server, port, ports } = await serving(net);
    server.maxConnections = 1;
    server.on("drop", (data) =>
      log.push(["drop", Object.keys(data!).sort(), data!.remoteAddress, ports[data!.localPort!]]),
    );
    const first = net.connect(port, "127.0.0.1");
    await once(server, "connection");
    const second = listen(theirs, net.connect(port, "127.0.0.1"), ports).resume();
    await closed(second);
    log.push(
      await new Promise((resolve) => server.getConnections((error, count) => resolve([error, count]))),
    );
    server.on("close", () => log.push("server closed"));
    server.close((error) => log.push(["called back", shown(error)]));
    log.push(server.listening);
    first.end();
    await closed(first.resume());
    await sleep(20);
    return [...log, ...theirs];
  },

  async "readyState, pending, address() and counts through a life"(net) {
    const log: Log = [];
    const { server, port } = await serving(net, {}, "127.0.0.1", (socket) => socket.pipe(socket));
    const socket = new net.Socket();
    const note = () => {
      const {
        readyState,
        pending,
        connecting,
        destroyed,
        bytesRead,
        bytesWritten,
        bufferSize,
        writableLength,
      } = socket;
      const address = socket.address() as Partial<net.AddressInfo>;
      log.push({
        readyState,
        pending,
        connecting,
        destroyed,
        bytesRead,
        bytesWritten,
        bufferSize,
        writableLength,
        address: address.address,
        timeout: socket.timeout,
      });
    };
    note();
    socket.connect(port, "127.0.0.1");
    note();
    socket.write("early");
    note();
    await once(socket, "connect");
    note();
    socket.write("late", () => log.push("written"));
    note();
    let echoed = 0;
    for await (const bytes of socket) {
      echoed += bytes.length;
      if (echoed === 9) break;
    }
    note();
    await sleep(5);
    note();
    socket.destroy();
    note();
    server.close();
    return log;
  },

  async "timeouts: by option, by setTimeout, off again"(net) {
    const log: Log = [];
    const { server, port } = await serving(net);
    const socket = net.connect({ port, host: "127.0.0.1", timeout: 15 });
    listen(log, socket, {}, ["connect", "timeout", "close"]);
    await once(socket, "timeout");
    log.push(socket.timeout, socket.destroyed);
    socket.setTimeout(0);
    log.push(socket.timeout, socket.listenerCount("timeout"));
    socket.setTimeout(10, () => log.push("called"));
    await once(socket, "timeout");
    socket.destroy();
    await closed(socket);
    server.close();
    return log;
  },

  async "signals: before connect, while open, on listen"(net) {
    const log: Log = [];
    const { server, port } = await serving(net);
    const aborted = net.connect({ port, host: "127.0.0.1", signal: AbortSignal.abort() } as never);
    await closed(listen(log, aborted, {}, ["connect", "error", "close"]));
    const control = new AbortController();
    const socket = net.connect({ port, host: "127.0.0.1", signal: control.signal } as never);
    listen(log, socket, {}, ["connect", "error", "close"]);
    await once(socket, "connect");
    control.abort();
    await closed(socket);
    server.close();
    const stop = new AbortController();
    const other = net.createServer();
    await Promise.all([
      once(other, "listening"),
      other.listen({ port: 0, host: "127.0.0.1", signal: stop.signal }),
    ]);
    stop.abort();
    await once(other, "close");
    log.push(other.listening);
    return log;
  },

  async "blocked addresses"(net) {
    const log: Log = [];
    const blockList = new net.BlockList();
    blockList.addAddress("127.0.0.1");
    const { server, port, ports } = await serving(net);
    const socket = net.connect({ port, host: "127.0.0.1", blockList } as never);
    // An option of newer versions: older ones connect.
    socket.on("connect", () => socket.destroy());
    await closed(listen(log, socket, ports));
    server.close();
    return log;
  },

  async "onread: one buffer, and a pause by its callback"(net) {
    const log: Log = [];
    const { server, port } = await serving(net, {}, "127.0.0.1", (socket) => socket.end("abcdefgh"));
    const buffer = Buffer.alloc(3);
    let isHeld = false;
    const onread = {
      buffer,
      callback(bytes: number, into: Uint8Array) {
        log.push([Buffer.from(into.subarray(0, bytes)).toString(), into === buffer]);
        if (isHeld) return true;
        isHeld = true;
        setTimeout(() => {
          log.push("resumed");
          socket.resume();
        }, 5);
        return false;
      },
    };
    const socket: net.Socket = net.connect({ port, host: "127.0.0.1", onread } as never);
    listen(log, socket, {}, ["data", "end", "close"]);
    await closed(socket);
    log.push(socket.bytesRead);
    server.close();
    return log;
  },

  async "pauseOnConnect, highWaterMark and the other options of createServer"(net) {
    const log: Log = [];
    const options = {
      pauseOnConnect: true,
      highWaterMark: 1_000,
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 5_500,
    };
    const { server, port } = await serving(net, options, "127.0.0.1", (socket) => {
      const { readableHighWaterMark, writableHighWaterMark, allowHalfOpen, readableFlowing } = socket;
      log.push({
        readableHighWaterMark,
        writableHighWaterMark,
        allowHalfOpen,
        readableFlowing,
        paused: socket.isPaused(),
        read: socket.bytesRead,
      });
      listen(log, socket, {}, ["data", "end", "close"]);
      setTimeout(() => {
        log.push(["read while paused", socket.bytesRead]);
        socket.resume().on("end", () => socket.end());
      }, 10);
    });
    const socket = net.connect(port, "127.0.0.1");
    socket.end("held");
    await closed(socket.resume());
    const { maxConnections, connections } = server as unknown as Record<string, unknown>;
    log.push(maxConnections, connections);
    server.close();
    return log;
  },

  async "resets: while connecting, open, and of what is destroyed"(net) {
    const log: Log = [];
    const { server, port, ports } = await serving(net, {}, "127.0.0.1", (socket) => {
      listen(log, socket.resume(), ports, ["error", "end", "close"]);
    });
    // Linux hands a connection that was reset before accept() to it, BSD and we do not.
    const quiet = await serving(net, {}, "127.0.0.1", (socket) => void socket.on("error", () => {}));
    const early = net.connect(quiet.port, "127.0.0.1");
    await closed(listen(log, early.resetAndDestroy(), quiet.ports));
    quiet.server.close();
    const socket = net.connect(port, "127.0.0.1");
    await once(server, "connection");
    socket.resetAndDestroy();
    await closed(socket);
    await sleep(5);
    listen(log, socket, {}, ["error"]);
    socket.resetAndDestroy();
    const fresh = new net.Socket();
    await closed(listen(log, fresh.resetAndDestroy(), {}, ["error", "close"]));
    server.close();
    return log;
  },

  async "a rejected listener with captureRejections"(net) {
    const log: Log = [];
    EventEmitter.captureRejections = true;
    const server = net.createServer();
    EventEmitter.captureRejections = false;
    server.on("connection", async (socket) => {
      listen(log, socket, {}, ["error", "close"]);
      throw new Error("mine");
    });
    await Promise.all([once(server, "listening"), server.listen(0, "127.0.0.1")]);
    const socket = net.connect((server.address() as net.AddressInfo).port, "127.0.0.1");
    await closed(socket.resume().on("error", () => {}));
    await sleep(5);
    server.close();
    return log;
  },

  async "writes that fit call back in turn; several in a tick are one read"(net) {
    const log: Log = [];
    const { server, port } = await serving(net, {}, "127.0.0.1", (socket) => {
      socket.on("data", (bytes) => log.push(["read", bytes.toString()]));
    });
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    log.push(
      socket.write("a", () => log.push("a")),
      socket.writableLength,
    );
    log.push(
      socket.write("b", () => log.push("b")),
      socket.write(Buffer.from("c")),
      socket.writableLength,
    );
    process.nextTick(() => log.push("tick"));
    await sleep(20);
    socket.write("x", "latin1");
    socket.end("y", () => log.push("ended"));
    await closed(socket.resume());
    log.push(thrown(() => socket.write("z", (error) => log.push(shown(error)))));
    await sleep(5);
    server.close();
    return log;
  },

  async "async dispose of a server and of a socket"(net) {
    const log: Log = [];
    const { server, port } = await serving(net);
    const socket = net.connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    await closed(socket);
    await server[Symbol.asyncDispose]();
    log.push(server.listening, shown(await server[Symbol.asyncDispose]().catch((error: unknown) => error)));
    return log;
  },

  async "arguments that cannot be"(net) {
    const socket = () => new net.Socket();
    const calls: (() => unknown)[] = [
      () => net.connect({} as never),
      () => net.connect(65_536),
      () => net.connect("nonsense:1" as never, 5 as never).on("error", () => {}),
      () => net.connect({ port: "0x", host: "127.0.0.1" } as never),
      () => net.connect({ port: true } as never),
      () => net.connect({ port: 1, host: 5 } as never),
      () => net.connect({ port: 1, lookup: 5 } as never),
      () => net.connect({ port: 1, host: "a.test", family: 9 } as never).on("error", () => {}),
      () => net.connect({ port: 1, hints: 0xffff, host: "a.test" } as never).on("error", () => {}),
      () => net.connect({ port: 1, localAddress: "here" } as never),
      () => net.connect({ port: 1, localPort: "x" } as never),
      () => net.connect({ port: 1, signal: 5 } as never),
      () => net.connect({ port: 1, autoSelectFamily: 5 } as never),
      () => net.connect({ port: 1, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: -1 } as never),
      () =>
        net
          .connect({ port: 1, blockList: 5 } as never)
          .on("error", () => {})
          .destroy(),
      () => new net.Socket({ objectMode: true } as never),
      () => new net.Socket({ fd: -1 } as never),
      () => net.createServer(5 as never),
      () => net.createServer({ keepAliveInitialDelay: "x" } as never),
      () => net.createServer({ highWaterMark: "x" } as never),
      () => net.createServer().listen(-1),
      () => net.createServer().listen({} as never),
      () => net.createServer().listen({ port: -1 }),
      () => net.createServer().listen({ port: 1, signal: 5 } as never),
      () => net.createServer().listen({ host: "127.0.0.1" } as never),
      () => net.createServer().listen({ fd: -1 } as never),
      () => net.createServer().getConnections(5 as never),
      () => net.createServer().address(),
      () => socket().setTimeout("x" as never),
      () => socket().setTimeout(-1),
      () => socket().setTimeout(5, 5 as never),
      () => socket().setEncoding("nonsense" as never),
      () => socket().write(5 as never),
      () => socket().write(null as never),
      () => net.setDefaultAutoSelectFamily(5 as never),
      () => net.setDefaultAutoSelectFamilyAttemptTimeout(0),
    ];
    return calls.map((call) => [call.toString(), thrown(call)]);
  },
};
