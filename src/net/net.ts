/**
 * node:net over one stack: the functions of Node's module, bound to the stack that carries their connections.
 */
import net from "node:net";
import type { CreateConnectionOptions, NetStack, ServerOptions } from "./arguments.ts";
import { normalize } from "./arguments.ts";
import type { TcpServer, TcpSocket } from "./extras.ts";
import { findInternals } from "./internals.ts";
import { nativeNet } from "./native.ts";
import { type Server, type ServerConstructor, serverConstructor } from "./server.ts";
import { type Socket, type SocketConstructor, socketConstructor } from "./socket.ts";

// As they were when this module loaded: install() may patch the real module in place later.
const real = { ...net };
const isIP: typeof net.isIP = net.isIP;
const isIPv4: typeof net.isIPv4 = net.isIPv4;
const isIPv6: typeof net.isIPv6 = net.isIPv6;
const BlockList: typeof net.BlockList = net.BlockList;
const SocketAddress: typeof net.SocketAddress = net.SocketAddress;

/** `net.connect` in its shapes: options, or port and host, and a 'connect' listener. */
export interface Connect {
  (options: CreateConnectionOptions, listener?: () => void): Socket;
  (port: number | string, host: string, listener?: () => void): Socket;
  (port: number | string, listener?: () => void): Socket;
}

/** `net.createServer` in its shapes: options, and a 'connection' listener. */
export interface CreateServer {
  (options?: ServerOptions, listener?: (socket: Socket) => void): Server;
  (listener?: (socket: Socket) => void): Server;
}

/** `net.connect` of Node, giving sockets of a stack. */
export interface TcpConnect {
  (options: net.NetConnectOpts, listener?: () => void): TcpSocket;
  (port: number, host?: string, listener?: () => void): TcpSocket;
  (port: number, listener: () => void): TcpSocket;
  (path: string, listener?: () => void): TcpSocket;
}

/** `net.createServer` of Node, giving a server of a stack. */
export interface TcpCreateServer {
  (listener?: (socket: TcpSocket) => void): TcpServer;
  (options?: net.ServerOpts, listener?: (socket: TcpSocket) => void): TcpServer;
}

type Bound = "connect" | "createConnection" | "createServer" | "Socket" | "Stream" | "Server";

/** Everything that `node:net` exports, on a stack; its sockets and servers have `SocketExtras` and `ServerExtras`. */
export interface Net extends Omit<typeof net, Bound> {
  connect: TcpConnect & typeof net.connect;
  createConnection: TcpConnect & typeof net.connect;
  createServer: TcpCreateServer & typeof net.createServer;
  Socket: (new (options?: net.SocketConstructorOpts) => TcpSocket) & typeof net.Socket;
  Stream: (new (options?: net.SocketConstructorOpts) => TcpSocket) & typeof net.Socket;
  Server: NewServer & typeof net.Server;
}

interface NewServer {
  new (listener?: (socket: TcpSocket) => void): TcpServer;
  new (options?: net.ServerOpts, listener?: (socket: TcpSocket) => void): TcpServer;
}

/** What is left of it on stream.Duplex. */
export interface DuplexNet {
  readonly createServer: CreateServer;
  readonly connect: Connect;
  readonly createConnection: Connect;
  readonly Socket: SocketConstructor;
  readonly Stream: SocketConstructor;
  readonly Server: ServerConstructor;
  readonly isIP: typeof isIP;
  readonly isIPv4: typeof isIPv4;
  readonly isIPv6: typeof isIPv6;
  readonly BlockList: typeof BlockList;
  readonly SocketAddress: typeof SocketAddress;
}

/**
 * node:net on `stack`. Servers, sockets and errors behave as Node's; local sockets (`path`), file descriptors and
 * other handles throw ERR_FEATURE_UNAVAILABLE_ON_PLATFORM.
 *
 * ```ts
 * const { createServer } = createNet(stack);
 * createServer((socket) => socket.pipe(socket)).listen(7);
 * ```
 */
export function createNet(stack: NetStack): Net {
  const internals = process.env["USERTCP_NET"] === "duplex" ? null : findInternals();
  if (internals !== null) {
    return nativeNet(internals, {
      stack,
      connects: () => true,
      listens: () => "stack",
    }) as unknown as Net;
  }
  return { ...real, ...duplexNet(stack) } as unknown as Net;
}

/** The same without Node's internals, on stream.Duplex. */
export function duplexNet(stack: NetStack): DuplexNet {
  const Socket = socketConstructor(stack);
  const Server = serverConstructor(stack, Socket);

  function connect(...args: unknown[]): Socket {
    const { options, callback } = normalize<CreateConnectionOptions>(args);
    const socket = new Socket(options);
    if (options.timeout) socket.setTimeout(options.timeout);
    return callback === null ? socket.connect(options) : socket.connect(options, callback);
  }

  function createServer(...args: unknown[]): Server {
    return new Server(args[0] as ServerOptions, args[1] as () => void);
  }

  return {
    createServer,
    connect,
    createConnection: connect,
    Socket,
    Stream: Socket,
    Server,
    isIP,
    isIPv4,
    isIPv6,
    BlockList,
    SocketAddress,
  };
}
