/** `connect` and `listen` for WebStreams and async iterators, over any net: stream-socket.ts says what a connection is. */
import type net from "node:net";
import tls from "node:tls";
import { invalidType, invalidValue } from "./errors.ts";
import type { Net } from "./net.ts";
import { type SecureTransport, StreamSocket, serverName, type TlsOptions } from "./stream-socket.ts";

/** Where to connect. */
export interface Destination {
  /** A name or an IP address. */
  readonly hostname: string;
  /** 1 to 65535. */
  readonly port: number;
}

/** Options of `connect`. */
export interface StreamSocketOptions {
  /** Default "off". */
  readonly secureTransport?: SecureTransport;
  /** Writing goes on after the peer has ended. Default false: the end of `readable` closes `writable`. */
  readonly allowHalfOpen?: boolean;
  /** For `secureTransport: "on"`: `ca`, `ALPNProtocols`, `rejectUnauthorized`, ... as `tls.connect` takes them. */
  readonly tls?: TlsOptions;
}

/** Options of `listen`. */
export interface StreamListenOptions {
  /** 0 to 65535; 0 for one that is free. */
  readonly port: number;
  /** One of the stack's addresses; default: all. */
  readonly hostname?: string;
  readonly allowHalfOpen?: boolean;
}

/** What `listen` makes: an async iterable of connections. */
export interface StreamListener extends AsyncIterable<StreamSocket> {
  /** The address that it listens on; rejects with the error of `server.listen`. */
  readonly addr: Promise<Destination>;
  /** No more connections: loops over it end. */
  close(): void;
}

/** Both doors of a net. */
export interface Sockets {
  /**
   * Opens a connection. `address` is a destination, or `host:port` with brackets around IPv6. Returns at once; `opened`
   * says when it is there. Throws TypeError with Node's codes for an address or an option that cannot be.
   *
   * ```ts
   * const socket = connect("10.77.0.1:7");
   * await socket.writable.getWriter().write(new TextEncoder().encode("hello"));
   * for await (const bytes of socket) console.log(bytes);
   * ```
   */
  connect(address: string | Destination, options?: StreamSocketOptions): StreamSocket;
  /** Listens. `for await (const socket of listen({ port: 7 })) socket.readable.pipeTo(socket.writable)` is an echo server. */
  listen(options: StreamListenOptions): StreamListener;
}

const TRANSPORTS = ["off", "on", "starttls"];
const { connect: connectTls } = tls;

/** `connect` and `listen` on a net: `createNet(stack)`, `usertcp/loopback`, or Node's own. */
export function createSockets(net: Pick<Net, "connect" | "createServer">): Sockets {
  return {
    connect(address, options = {}) {
      const { hostname, port } = destination(address);
      const { secureTransport = "off", allowHalfOpen = false } = options;
      if (!TRANSPORTS.includes(secureTransport)) {
        throw invalidValue("secureTransport", secureTransport, `must be one of: ${TRANSPORTS.join(", ")}`);
      }
      const socket = net.connect({ host: hostname, port, allowHalfOpen });
      if (secureTransport !== "on") return new StreamSocket(socket, secureTransport, hostname);
      const secured = connectTls({ ...serverName(hostname), ...options.tls, socket });
      return new StreamSocket(secured, secureTransport, hostname);
    },

    listen({ port, hostname, allowHalfOpen = false }) {
      const server = net.createServer({ allowHalfOpen, pauseOnConnect: true });
      const queue = new Arrivals(server);
      const addr = new Promise<Destination>((resolve, reject) => {
        server.once("error", reject).once("listening", () => {
          const at = server.address() as net.AddressInfo;
          resolve({ hostname: at.address, port: at.port });
        });
      });
      addr.catch(() => {});
      server.listen({ port, ...(hostname === undefined ? {} : { host: hostname }) });
      return {
        addr,
        close: () => void server.close(),
        [Symbol.asyncIterator]: () => queue.iterate(),
      };
    },
  };
}

/** Connections that nobody took yet; each goes to one taker. */
class Arrivals {
  private readonly server: net.Server;
  private readonly waiting: StreamSocket[] = [];
  private wake: (() => void)[] = [];
  private isOver = false;
  private error: Error | null = null;

  constructor(server: net.Server) {
    this.server = server;
    server.on("connection", (socket: net.Socket) => {
      this.waiting.push(new StreamSocket(socket, "off"));
      this.wakeAll();
    });
    const over = (error?: Error): void => {
      this.isOver = true;
      this.error ??= error ?? null;
      this.wakeAll();
    };
    server.on("error", over);
    // 'close' waits for the connections; no more come from `close()` on.
    const close = server.close.bind(server);
    server.close = (callback) => {
      over();
      return close(callback);
    };
  }

  /** Leaving the loop closes the server. */
  async *iterate(): AsyncGenerator<StreamSocket, void, undefined> {
    try {
      for (;;) {
        const socket = this.waiting.shift();
        if (socket !== undefined) yield socket;
        else if (this.error !== null) throw this.error;
        else if (this.isOver) return;
        else await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      if (!this.isOver) this.server.close();
    }
  }

  private wakeAll(): void {
    const { wake } = this;
    this.wake = [];
    for (const one of wake) one();
  }
}

/** `host:port` or its parts; Node checks the port further. */
function destination(address: unknown): Destination {
  if (typeof address === "object" && address !== null) {
    const { hostname, port } = address as Partial<Destination>;
    if (typeof hostname !== "string") throw invalidType("address.hostname", "of type string", hostname);
    if (typeof port !== "number") throw invalidType("address.port", "of type number", port);
    return { hostname, port };
  }
  if (typeof address !== "string") throw invalidType("address", "of type string or an object", address);
  const [, v6, name, port] = /^(?:\[([\da-fA-F:.%]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(address) ?? [];
  const hostname = v6 ?? name;
  if (hostname === undefined) throw invalidValue("address", address, "must be host:port, or [IPv6]:port");
  return { hostname, port: Number(port) };
}
