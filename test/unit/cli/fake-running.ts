/** A stack that is none: connects as a test says, sends into a list. For what the commands do around a stack. */
import { NetworkError } from "../../../src/base/errors.ts";
import type { ControlTarget } from "../../../src/cli/control-server.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import type { ConnectionHandler } from "../../../src/stack/events.ts";
import { snapshotOf, socketRow } from "./rows.ts";

/** One connection, its peer played by the test through `handler`. */
export class FakeConnection {
  handler: ConnectionHandler = {};
  readonly localAddress: string = "10.77.0.2";
  readonly localPort: number = 50_000;
  readonly remoteAddress: string = "10.77.0.1";
  readonly remotePort: number;
  readonly sent: Buffer[] = [];
  /** Calls in order, sends apart. */
  readonly calls: string[] = [];
  /** What `send` returns. */
  room = true;

  constructor(remotePort: number) {
    this.remotePort = remotePort;
  }

  get text(): string {
    return Buffer.concat(this.sent).toString();
  }

  send(bytes: Uint8Array): boolean {
    this.sent.push(Buffer.from(bytes));
    return this.room;
  }

  end(): void {
    this.calls.push("end");
  }

  abort(): void {
    this.calls.push("abort");
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  /** Itself, as the type that callbacks take. */
  get as(): Connection {
    return this as unknown as Connection;
  }
}

/** The target of a control socket. Port 81 refuses; others connect. */
export class FakeTarget implements ControlTarget {
  readonly version: ControlTarget["version"] = {
    ...{ name: "usertcp", version: "0.0.0", protocol: 1, pid: process.pid, tun: "utcp0" },
    ...{ stack: "10.77.0.2", netns: 1, lab: false },
  };
  connections: FakeConnection[] = [];

  snapshot(options?: { info?: boolean }): ReturnType<ControlTarget["snapshot"]> {
    return snapshotOf([socketRow({ id: options?.info === true ? 2 : 1 })]);
  }

  connect(options: { host: string; port: number }, handler: ConnectionHandler): Connection {
    if (options.host === "nowhere")
      throw new NetworkError("ENETUNREACH", "connect", options.host, options.port);
    const connection = new FakeConnection(options.port);
    connection.handler = handler;
    this.connections.push(connection);
    queueMicrotask(() => {
      if (options.port === 82) return;
      if (options.port === 81) {
        handler.onClose?.(
          connection.as,
          new NetworkError("ECONNREFUSED", "connect", options.host, options.port),
        );
      } else {
        handler.onConnect?.(connection.as);
      }
    });
    return connection.as;
  }
}
