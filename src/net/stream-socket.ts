/**
 * A connection as a pair of WebStreams, in the shape of WinterTC's Sockets API (sockets-api.proposal.wintertc.org) and of
 * Deno's connections. It stands on a net.Socket, TLS or not, and knows nothing of how that came to be.
 */
import type { Socket } from "node:net";
import { type ReadableByteStreamController, ReadableStream, WritableStream } from "node:stream/web";
import tls from "node:tls";

/** How the connection is secured: not at all, by TLS from the start, or later by `startTls`. */
export type SecureTransport = "off" | "on" | "starttls";

/** Both ends, as `opened` tells them: `address:port`, with brackets around IPv6. */
export interface SocketInfo {
  readonly remoteAddress: string;
  readonly localAddress: string;
  /** The protocol that ALPN agreed on (RFC 7301); null without TLS or without one. */
  readonly alpn: string | null;
}

/** Options of TLS: those of Node's `tls.connect`, without where to and on what. */
export type TlsOptions = Omit<tls.ConnectionOptions, "socket" | "host" | "port" | "path">;

/** Bytes to send. */
export type Bytes = ArrayBuffer | ArrayBufferView;

const { connect: connectTls } = tls;

/** Made by `connect` and `listen` of `usertcp/sockets`. */
export class StreamSocket {
  /** What arrives, as a byte stream (BYOB readers too); the end of it is the peer's FIN. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What is sent: a write is done when the send buffer took it. Closing it sends FIN, aborting it RST. */
  readonly writable: WritableStream<Bytes>;
  /** When the connection is there (with TLS: after its handshake). Rejects with the error that `closed` has. */
  readonly opened: Promise<SocketInfo>;
  /** When the connection is gone, both ways. Rejects with the error of node:net that ended it. */
  readonly closed: Promise<void>;
  readonly secureTransport: SecureTransport;
  /** The net.Socket below, with `info()` and all settings. */
  readonly socket: Socket;
  #isUpgraded = false;
  #source: ReadableByteStreamController | null = null;
  #sink: { error(reason: unknown): void } | null = null;
  readonly #host: string | undefined;
  #detach: () => void = () => {};

  /** @internal */
  constructor(socket: Socket, secureTransport: SecureTransport, host?: string) {
    this.socket = socket;
    this.secureTransport = secureTransport;
    this.#host = host;
    this.opened = this.#opening(secureTransport === "on" && host !== undefined ? "secureConnect" : "connect");
    this.closed = this.#closing();
    // Those who do not ask need not handle.
    this.opened.catch(() => {});
    this.closed.catch(() => {});
    this.readable = this.#reading();
    this.writable = this.#writing();
  }

  /** Whether `startTls` took the connection over. */
  get upgraded(): boolean {
    return this.#isUpgraded;
  }

  /** Sends what was written, then closes both ways; resolves or rejects as `closed`. */
  close(): Promise<void> {
    const { socket } = this;
    if (this.#isUpgraded) return this.closed;
    if (socket.connecting) socket.destroy();
    else socket.destroySoon();
    // Nobody reads what still comes.
    socket.resume();
    return this.closed;
  }

  /**
   * TLS on this connection from here on; the streams of this object are over. Throws TypeError unless
   * `secureTransport` is "starttls", and the second time. Not for use while something is written.
   */
  startTls(options: TlsOptions = {}): StreamSocket {
    if (this.secureTransport !== "starttls") throw new TypeError("secureTransport is not 'starttls'");
    if (this.#isUpgraded) throw new TypeError("startTls was called before");
    this.#isUpgraded = true;
    this.#detach();
    this.#end(new TypeError("the connection was taken over by startTls"));
    const secured = connectTls({ ...serverName(this.#host), ...options, socket: this.socket });
    return new StreamSocket(secured, "on", this.#host ?? "");
  }

  /** What arrives, chunk by chunk; leaving the loop closes the connection. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const bytes of this.readable) yield bytes as Uint8Array;
    } finally {
      if (this.socket.readableEnded === false) this.socket.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {});
  }

  #opening(event: "connect" | "secureConnect"): Promise<SocketInfo> {
    const { socket } = this;
    if (!socket.connecting && event === "connect") return Promise.resolve(infoOf(socket));
    return new Promise((resolve, reject) => {
      socket.once(event, () => resolve(infoOf(socket)));
      socket.once("error", reject);
      socket.once("close", () => reject(new TypeError("the socket was closed before it was opened")));
    });
  }

  #closing(): Promise<void> {
    const { socket } = this;
    return new Promise((resolve, reject) => {
      const onError = (error: Error): void => {
        this.#end(error);
        reject(error);
      };
      const onClose = (): void => {
        this.#end(null);
        resolve();
      };
      socket.once("error", onError).once("close", onClose);
      this.#detach = () => {
        socket.pause();
        for (const event of ["data", "end"]) socket.removeAllListeners(event);
        socket.off("error", onError).off("close", onClose);
        resolve();
      };
    });
  }

  /** Both streams are over: by an error, or in order. */
  #end(error: Error | null): void {
    const source = this.#source;
    this.#source = null;
    if (source !== null) {
      if (error !== null) source.error(error);
      else finish(source);
    }
    this.#sink?.error(error ?? new TypeError("the socket is closed"));
    this.#sink = null;
  }

  #reading(): ReadableStream<Uint8Array> {
    const { socket } = this;
    socket.pause();
    return new ReadableStream({
      type: "bytes",
      start: (controller) => {
        this.#source = controller;
        socket.on("data", (bytes: Buffer) => {
          if (this.#source === null) return;
          // A byte stream takes the memory for itself, and this is a part of the stack's.
          controller.enqueue(Uint8Array.prototype.slice.call(bytes));
          if ((controller.desiredSize ?? 0) <= 0) socket.pause();
        });
        socket.once("end", () => {
          if (this.#source === null) return;
          this.#source = null;
          finish(controller);
        });
        socket.pause();
      },
      pull: () => {
        socket.resume();
      },
      cancel: () => {
        this.#source = null;
        socket.resume();
      },
    }) as ReadableStream<Uint8Array>;
  }

  #writing(): WritableStream<Bytes> {
    const { socket } = this;
    return new WritableStream<Bytes>({
      start: (controller) => {
        this.#sink = controller;
      },
      write: (chunk) =>
        new Promise((resolve, reject) => {
          socket.write(viewOf(chunk), (error) => (error ? reject(error) : resolve()));
        }),
      close: () => {
        this.#sink = null;
        return new Promise((resolve, reject) => {
          socket.once("error", reject);
          socket.end(() => resolve());
        });
      },
      abort: () => {
        this.#sink = null;
        if (socket.resetAndDestroy === undefined || socket.connecting) socket.destroy();
        else socket.resetAndDestroy();
      },
    });
  }
}

/** For TLS: the name that the certificate must have (RFC 6066 3: never an address). */
export function serverName(host: string | undefined): { servername?: string } {
  return host === undefined || host === "" || /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}

/** The end of a byte stream; a reader with memory of its own gets it back empty. */
function finish(source: ReadableByteStreamController): void {
  source.close();
  (source.byobRequest as { respond(bytes: number): void } | null | undefined)?.respond(0);
}

function viewOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError(`A chunk must be bytes: an ArrayBuffer or a view of one. Received ${typeof chunk}`);
}

function infoOf(socket: Socket): SocketInfo {
  const { alpnProtocol } = socket as Partial<tls.TLSSocket>;
  return {
    remoteAddress: place(socket.remoteAddress, socket.remotePort),
    localAddress: place(socket.localAddress, socket.localPort),
    alpn: alpnProtocol || null,
  };
}

function place(address = "", port = 0): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
