/**
 * A stack of puppets: connections that do what a test says when it says it, and write down what the net layer
 * asked of them. Time stands still.
 */
import { type ErrorCode, NetworkError } from "../../../src/base/errors.ts";
import type { NetStack } from "../../../src/net/arguments.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../../../src/stack/events.ts";
import type { Listener } from "../../../src/stack/listener.ts";

export class FakeConnection {
  handler: ConnectionHandler;
  context: unknown = null;
  readonly id = 1;
  readonly family: 4 | 6 = 4;
  localAddress = "10.77.0.2";
  localPort = 80;
  remoteAddress = "10.77.0.1";
  remotePort = 40_000;
  bytesAcked = 0;
  /** Calls of the net layer, in order. */
  readonly calls: string[] = [];
  /** What `send` was given. */
  readonly sent: { bytes: Uint8Array; copy: boolean }[] = [];
  /** `send` returns this. */
  room = true;
  paused = false;

  constructor(handler: ConnectionHandler = {}) {
    this.handler = handler;
  }

  get asConnection(): Connection {
    return this as unknown as Connection;
  }

  get text(): string {
    return Buffer.concat(this.sent.map((send) => send.bytes)).toString();
  }

  send(bytes: Uint8Array, copy = false): boolean {
    this.sent.push({ bytes: copy ? Uint8Array.from(bytes) : bytes, copy });
    return this.room;
  }

  pause(): void {
    this.paused = true;
    this.calls.push("pause");
  }

  resume(): void {
    this.paused = false;
    this.calls.push("resume");
  }

  end(): void {
    this.calls.push("end");
  }

  close(): void {
    this.calls.push("close");
  }

  abort(): void {
    this.calls.push("abort");
  }

  setNoDelay(on: boolean): void {
    this.calls.push(`noDelay ${on}`);
  }

  setKeepAlive(on: boolean, idle?: number, interval?: number, count?: number): void {
    const numbers = idle === undefined ? "" : ` ${idle} ${interval} ${count}`;
    this.calls.push(`keepAlive ${on}${numbers}`);
  }

  /** The handshake is done. */
  establish(): void {
    this.handler.onConnect?.(this.asConnection);
  }

  deliver(data: string | Uint8Array): void {
    if (this.paused) throw new Error("a paused connection delivers nothing");
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    this.handler.onData?.(this.asConnection, bytes);
  }

  deliverEnd(): void {
    if (this.paused) throw new Error("a paused connection delivers nothing");
    this.handler.onEnd?.(this.asConnection);
  }

  drain(): void {
    this.room = true;
    this.handler.onDrain?.(this.asConnection);
  }

  closeWith(code: ErrorCode | null): void {
    this.handler.onClose?.(this.asConnection, code === null ? null : new NetworkError(code, "read"));
  }
}

export class FakeStack implements NetStack {
  readonly connects: { host: string; port: number; localAddress?: string; localPort?: number }[] = [];
  readonly connections: FakeConnection[] = [];
  readonly listens: { host?: string; port: number; backlog?: number }[] = [];
  readonly listeners: { handler: ListenerHandler; closed: boolean }[] = [];
  /** The next call throws this. */
  failure: Error | null = null;

  /** The newest connection that was opened. */
  get last(): FakeConnection {
    return this.connections[this.connections.length - 1]!;
  }

  connect(options: FakeStack["connects"][number], handler: ConnectionHandler): Connection {
    this.connects.push(options);
    this.throwFailure();
    const connection = new FakeConnection(handler);
    connection.remoteAddress = options.host;
    connection.remotePort = options.port;
    connection.localPort = options.localPort ?? 50_000;
    this.connections.push(connection);
    return connection.asConnection;
  }

  listen(options: FakeStack["listens"][number], handler: ListenerHandler): Listener {
    this.listens.push(options);
    this.throwFailure();
    const record = { handler, closed: false };
    this.listeners.push(record);
    const listener = {
      handler,
      address: options.host ?? "0.0.0.0",
      port: options.port || 50_001,
      close: () => {
        record.closed = true;
      },
    };
    return listener as unknown as Listener;
  }

  /** A connection arrives at the newest listener. */
  accept(): FakeConnection {
    const connection = new FakeConnection();
    const { handler } = this.listeners[this.listeners.length - 1]!;
    handler.onConnection?.(connection.asConnection, null as unknown as Listener);
    return connection;
  }

  private throwFailure(): void {
    const { failure } = this;
    this.failure = null;
    if (failure !== null) throw failure;
  }
}

/** Lets the next-tick queue and the microtasks run, and the immediates that they queue. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}
