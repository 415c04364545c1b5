/** Sockets over puppets, and the events they emit, in order. */
import type { EventEmitter } from "node:events";
import type { CreateConnectionOptions, SocketOptions } from "../../../src/net/arguments.ts";
import { duplexNet } from "../../../src/net/net.ts";
import type { Socket } from "../../../src/net/socket.ts";
import { FakeConnection, FakeStack, settle } from "./fake-stack.ts";

const EVENTS = ["lookup", "connect", "ready", "data", "end", "finish", "drain", "timeout", "error", "close"];

/** Notes events in order, with what they carry where that is a string, a flag or an error. */
export function record(socket: EventEmitter): string[] {
  const log: string[] = [];
  for (const event of EVENTS) {
    socket.on(event, (value: unknown) => {
      if (value instanceof Error) log.push(`${event} ${value.message}`);
      else if (event === "data" || event === "close") log.push(`${event} ${String(value)}`);
      else log.push(event);
    });
  }
  return log;
}

/** A socket over an accepted connection. */
export function accepted(options: SocketOptions = {}): { socket: Socket; connection: FakeConnection } {
  const connection = new FakeConnection();
  const { Socket } = duplexNet(new FakeStack());
  return { socket: new Socket({ handle: connection.asConnection, ...options }), connection };
}

/** A socket that waits for its connection to 10.77.0.9:7. */
export async function connecting(
  options: CreateConnectionOptions = {},
): Promise<{ stack: FakeStack; socket: Socket; log: string[]; connection: FakeConnection }> {
  const stack = new FakeStack();
  const socket = duplexNet(stack).connect({ port: 7, host: "10.77.0.9", ...options });
  const log = record(socket);
  await settle();
  return { stack, socket, log, connection: stack.last };
}
