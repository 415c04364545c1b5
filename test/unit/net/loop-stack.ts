/**
 * A perfect network in memory with the raw API's face: bytes, bounded buffers, FIN and RST, no packets. What the net
 * layer owes to programs (http, tls) is tested on it without a TCP below.
 */
import { type ErrorCode, NetworkError } from "../../../src/base/errors.ts";
import type { NetStack } from "../../../src/net/arguments.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../../../src/stack/events.ts";
import type { Listener } from "../../../src/stack/listener.ts";

const SEND_LIMIT = 64 * 1024;
const SEGMENT = 16 * 1024;

class LoopConnection {
  handler: ConnectionHandler = {};
  context: unknown = null;
  readonly family = 4;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  bytesAcked = 0;
  peer!: LoopConnection;
  paused = false;
  over = false;

  private readonly stack: LoopStack;
  private queue: Uint8Array[] = [];
  private queued = 0;
  private full = false;
  private ending = false;
  private ended = false;
  /** Closed for reading: what arrives is answered by RST. */
  private deaf = false;

  constructor(stack: LoopStack, local: [string, number], remote: [string, number]) {
    this.stack = stack;
    [this.localAddress, this.localPort] = local;
    [this.remoteAddress, this.remotePort] = remote;
  }

  send(bytes: Uint8Array, copy = false): boolean {
    if (this.over || this.ending) return false;
    for (let at = 0; at < bytes.length; at += SEGMENT) {
      const piece = bytes.subarray(at, at + SEGMENT);
      this.queue.push(copy ? Uint8Array.from(piece) : piece);
    }
    this.queued += bytes.length;
    this.full = this.queued >= SEND_LIMIT;
    this.stack.wake();
    return !this.full;
  }

  get sendQueue(): number {
    return this.queued;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.stack.wake();
  }

  end(): void {
    this.ending = true;
    this.stack.wake();
  }

  close(): void {
    this.deaf = true;
    this.end();
  }

  abort(): void {
    if (this.over) return;
    this.finish("ECONNABORTED");
    this.peer.finish("ECONNRESET");
  }

  setNoDelay(): void {}
  setKeepAlive(): void {}

  /** One round of what the peer can take. */
  step(): void {
    const { peer } = this;
    const budget = this.queue.length;
    for (let i = 0; i < budget && !peer.paused && !this.over; i++) {
      const piece = this.queue.shift()!;
      this.queued -= piece.length;
      this.bytesAcked += piece.length;
      if (peer.deaf) {
        peer.finish("ECONNABORTED");
        this.finish("ECONNRESET");
        return;
      }
      // As on any wire, what arrives is no longer the sender's memory.
      peer.handler.onData?.(peer as unknown as Connection, new Uint8Array(piece));
    }
    if (this.full && this.queued < SEND_LIMIT / 2) {
      this.full = false;
      this.handler.onDrain?.(this as unknown as Connection);
    }
    if (this.ending && !this.ended && this.queue.length === 0 && !peer.paused && !this.over) {
      this.ended = true;
      peer.handler.onEnd?.(peer as unknown as Connection);
      if (peer.ended) for (const side of [this, peer]) side.finish(null);
    }
  }

  finish(code: ErrorCode | null): void {
    if (this.over) return;
    this.over = true;
    this.stack.connections.delete(this);
    this.stack.later(() => {
      const error = code === null ? null : new NetworkError(code, "read");
      this.handler.onClose?.(this as unknown as Connection, error);
    });
  }
}

/** Both ends of a perfect network: what listens can be connected to. */
export class LoopStack implements NetStack {
  readonly connections = new Set<LoopConnection>();
  private readonly listeners = new Map<number, ListenerHandler>();
  private nextPort = 50_000;
  private awake = false;
  private calls: (() => void)[] = [];

  connect(
    options: { host: string; port: number; localPort?: number },
    handler: ConnectionHandler,
  ): Connection {
    const local: [string, number] = ["10.77.0.1", options.localPort ?? this.nextPort++];
    const remote: [string, number] = [options.host, options.port];
    const client = new LoopConnection(this, local, remote);
    const server = new LoopConnection(this, remote, local);
    client.handler = handler;
    client.peer = server;
    server.peer = client;
    this.later(() => {
      const listener = this.listeners.get(options.port);
      if (client.handler !== handler) return;
      if (listener === undefined) {
        handler.onClose?.(client as unknown as Connection, new NetworkError("ECONNREFUSED", "connect"));
        return;
      }
      for (const side of [client, server]) this.connections.add(side);
      handler.onConnect?.(client as unknown as Connection);
      listener.onConnection?.(server as unknown as Connection, null as unknown as Listener);
    });
    return client as unknown as Connection;
  }

  listen(options: { host?: string; port: number }, handler: ListenerHandler): Listener {
    const port = options.port || this.nextPort++;
    if (this.listeners.has(port)) throw new NetworkError("EADDRINUSE", "listen", options.host, port);
    this.listeners.set(port, handler);
    const listener = { address: options.host ?? "0.0.0.0", port, close: () => this.listeners.delete(port) };
    return listener as unknown as Listener;
  }

  later(call: () => void): void {
    this.calls.push(call);
    this.wake();
  }

  wake(): void {
    if (this.awake) return;
    this.awake = true;
    setImmediate(() => this.turn());
  }

  private turn(): void {
    this.awake = false;
    for (const connection of [...this.connections]) connection.step();
    const calls = this.calls;
    this.calls = [];
    for (const call of calls) call();
  }
}
