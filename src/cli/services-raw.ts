/**
 * echo, discard, chargen and keep over the raw API: callbacks, no streams, no copies. What an application on
 * the raw API looks like at its fastest.
 */
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../stack/events.ts";
import { PATTERN } from "./pattern.ts";
import type { ServiceName } from "./serve-options.ts";

/** A service over callbacks; http is always node:http's. */
export type RawService = Exclude<ServiceName, "http">;

/** RFC 862: everything comes back. When it does not go out, it is not read. */
const echo: ConnectionHandler = {
  borrowsData: true,
  onData(connection, bytes) {
    if (!connection.send(bytes)) connection.pause();
  },
  onDrain(connection) {
    connection.resume();
  },
  onEnd(connection) {
    connection.end();
  },
};

/** RFC 863: everything is thrown away. */
const discard: ConnectionHandler = {
  borrowsData: true,
  onData() {},
  onEnd(connection) {
    connection.end();
  },
};

/** RFC 864: text until the peer closes; what it sends is thrown away. A FIN alone does not stop it. */
const chargen: ConnectionHandler = {
  borrowsData: true,
  onData() {},
  onDrain: generate,
};

/** Reads, also end-of-file, and never closes: a CLOSE-WAIT on purpose, as a broken application makes them. */
const keep: ConnectionHandler = {
  borrowsData: true,
  onData() {},
};

/** What to give to `listen`. */
export const RAW_SERVICES: Record<RawService, ListenerHandler> = {
  echo: accepting(echo),
  discard: accepting(discard),
  chargen: accepting(chargen, generate),
  keep: accepting(keep),
};

function accepting(handler: ConnectionHandler, begin?: (connection: Connection) => void): ListenerHandler {
  return {
    onConnection(connection) {
      connection.handler = handler;
      begin?.(connection);
    },
  };
}

// The chunk goes by reference: `send` keeps it until acknowledged, and nobody writes to it.
function generate(connection: Connection): void {
  while (connection.send(PATTERN)) {
    // Until the send buffer is full; onDrain goes on.
  }
}
