/**
 * node:net on a stack by way of the real classes: constructors that inherit from them, with a handle of the stack's below.
 * `instanceof`, messages, events and their order are Node's own.
 */
import diagnostics from "node:diagnostics_channel";
import net from "node:net";
import type { Connection } from "../stack/connection.ts";
import { extendServers, extendSockets } from "./extras.ts";
import type { Name } from "./handle.ts";
import type { Internals } from "./internals.ts";
import { isPipeName, type NetRouter, serverMethods, socketMethods } from "./methods.ts";
import type { ServerHandle } from "./server-handle.ts";
import { TcpHandle } from "./tcp-handle.ts";
import { teachShapes } from "./teach.ts";

// As they were when this module loaded: install() may patch them in place later.
const RealSocket = net.Socket;
const RealServer = net.Server;
const real = { ...net };

const clientChannel = diagnostics.channel("net.client.socket");
const serverChannel = diagnostics.channel("net.server.socket");
/** Since Node 22 it is `connect` of the socket that tells the channel. */
const tellsChannel = !RealSocket.prototype.connect.toString().includes("netClientSocketChannel");

type Loose = Record<string | symbol, unknown>;

/** Everything that node:net exports, on the stack of `router`. */
export function nativeNet(internals: Internals, router: NetRouter): typeof net {
  teachShapes(RealSocket);
  const Socket = inherit(RealSocket, (self, args) => {
    const options = args[0] as { handle?: unknown; isMapped?: boolean } | undefined;
    const raw = options?.handle;
    const isRaw = raw !== undefined && raw !== null && "remotePort" in (raw as object);
    if (!isRaw) return args;
    void self;
    return [{ ...options, handle: new TcpHandle(router, raw as Connection, options?.isMapped) }];
  });
  Object.defineProperties(
    Socket.prototype,
    hidden(socketMethods(internals, router, RealSocket.prototype) as Loose),
  );
  extendSockets(Socket.prototype);

  const Server = inherit(RealServer, (_self, args) => args);
  const adopt = (server: object, handle: ServerHandle) => {
    handle.onconnection = (_error, client) => accept(server as AcceptingServer, client, Socket);
  };
  Object.defineProperties(Server.prototype, hidden(serverMethods(router, RealServer.prototype, adopt)));
  extendServers(Server.prototype);

  function connect(...args: unknown[]): net.Socket {
    const [options, callback] = normalize(args);
    const socket = new Socket(options as net.SocketConstructorOpts);
    if (tellsChannel && clientChannel.hasSubscribers) clientChannel.publish({ socket });
    if (options.timeout) socket.setTimeout(options.timeout as number);
    return callback === null
      ? socket.connect(options as unknown as net.SocketConnectOpts)
      : socket.connect(options as unknown as net.SocketConnectOpts, callback);
  }

  function createServer(...args: unknown[]): net.Server {
    return new Server(args[0] as net.ServerOpts, args[1] as () => void);
  }

  return {
    ...real,
    connect: connect as typeof net.connect,
    createConnection: connect as typeof net.connect,
    createServer: createServer as typeof net.createServer,
    Socket,
    Stream: Socket,
    Server,
  } as unknown as typeof net;
}

/** A function constructor on the prototype chain of `Real`: callable with `new`, without, and on an inheritor. */
function inherit<Class extends typeof net.Socket | typeof net.Server>(
  Real: Class,
  prepare: (self: object, args: unknown[]) => unknown[],
): Class {
  const construct = Real as unknown as (...args: unknown[]) => void;
  function Bound(this: unknown, ...args: unknown[]): unknown {
    if (!(this instanceof Bound)) return Reflect.construct(Bound, args);
    construct.apply(this, prepare(this, args));
    return undefined;
  }
  Object.defineProperty(Bound, "name", { value: Real.name });
  Object.setPrototypeOf(Bound, Real);
  Bound.prototype = Object.create(Real.prototype, {
    constructor: { value: Bound, writable: true, configurable: true },
  });
  return Bound as unknown as Class;
}

interface AcceptingServer extends net.Server {
  _connections: number;
  allowHalfOpen: boolean;
  pauseOnConnect: boolean;
  noDelay: boolean;
  keepAlive: boolean;
  /** Seconds. */
  keepAliveInitialDelay: number;
  highWaterMark: number;
  blockList?: net.BlockList;
}

/** A connection was accepted: refused by limits and lists, or a socket of the server's. */
function accept(server: AcceptingServer, handle: TcpHandle, Socket: typeof net.Socket): void {
  const local: Name = {};
  const remote: Name = {};
  if (server.maxConnections != null && server._connections >= server.maxConnections) {
    handle.getsockname(local);
    handle.getpeername(remote);
    handle.close();
    server.emit("drop", {
      localAddress: local.address!,
      localPort: local.port!,
      localFamily: local.family!,
      remoteAddress: remote.address!,
      remotePort: remote.port!,
      remoteFamily: remote.family!,
    });
    return;
  }
  if (server.blockList !== undefined) {
    handle.getpeername(remote);
    if (server.blockList.check(remote.address!, remote.family === "IPv6" ? "ipv6" : "ipv4")) {
      handle.close();
      return;
    }
  }
  const socket = new Socket({
    handle,
    allowHalfOpen: server.allowHalfOpen,
    pauseOnCreate: server.pauseOnConnect,
    readable: true,
    writable: true,
    noDelay: server.noDelay,
    keepAlive: server.keepAlive,
    keepAliveInitialDelay: server.keepAliveInitialDelay * 1000,
    readableHighWaterMark: server.highWaterMark,
    writableHighWaterMark: server.highWaterMark,
  } as net.SocketConstructorOpts);
  if (server.noDelay) handle.setNoDelay(true);
  if (server.keepAlive) handle.setKeepAlive(true, server.keepAliveInitialDelay);
  server._connections++;
  Object.assign(socket, { server, _server: server });
  server.emit("connection", socket);
  if (serverChannel.hasSubscribers) serverChannel.publish({ socket });
}

/** `(options)`, `(port, host)`, `(path)`, `()`, each with a callback or without, as node:net takes them. */
function normalize(args: readonly unknown[]): [Loose, (() => void) | null] {
  const [first, second] = args;
  const last = args.at(-1);
  let options: Loose = {};
  if (typeof first === "object" && first !== null) options = first as Loose;
  else if (isPipeName(first)) options["path"] = first;
  else if (args.length > 0) {
    options["port"] = first;
    if (typeof second === "string") options["host"] = second;
  }
  return [options, typeof last === "function" ? (last as () => void) : null];
}

/** Property descriptors of methods as a class has them. */
export function hidden(methods: Loose): PropertyDescriptorMap {
  const descriptors: PropertyDescriptorMap = {};
  for (const name of Reflect.ownKeys(methods)) {
    descriptors[name as string] = { value: methods[name], writable: true, configurable: true };
  }
  return descriptors;
}
