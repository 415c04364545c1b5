/**
 * Joins a raw connection to a pair of streams: bytes both ways with back-pressure, and each direction's
 * end-of-file on its own (half-close). What `usertcp nc` and the control socket's `connect` are made of.
 */
import type { Readable, Writable } from "node:stream";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler } from "../stack/events.ts";

/** The calls of a connection that a pump makes. */
export type Pumped = Pick<Connection, "handler" | "send" | "end" | "abort" | "pause" | "resume">;

/** A connection that was opened for somebody else, wherever the stack is. */
export type Dialed = Pumped & Pick<Connection, "localAddress" | "localPort" | "remoteAddress" | "remotePort">;

/** Told of a connection being opened. */
export interface DialHandler {
  onConnect(connection: Dialed): void;
  /** It did not come about, or is over before somebody else took its handler's place. */
  onClose(connection: Dialed, error: Error | null): void;
}

/** Told once when the connection is over; `error` as `ConnectionHandler.onClose` has it. */
export type PumpDone = (error: Error | null) => void;

/**
 * Sends what `input` gives, then FIN; gives what arrives to `output`, then ends it. Call it once the connection is
 * established. If either stream fails, the connection is aborted: nobody is left to read or write.
 */
export function pump(connection: Pumped, input: Readable, output: Writable, done: PumpDone): void {
  let over = false;
  const stop = (): void => {
    if (!over) connection.abort();
  };
  const handler: ConnectionHandler = {
    onData(_, bytes) {
      if (!output.write(bytes)) {
        connection.pause();
        output.once("drain", () => {
          if (!over) connection.resume();
        });
      }
    },
    onDrain() {
      input.resume();
    },
    onEnd() {
      output.end();
    },
    onClose(_, error) {
      over = true;
      input.removeListener("data", send);
      input.removeListener("end", end);
      input.pause();
      done(error);
    },
  };
  const send = (chunk: Uint8Array): void => {
    if (!connection.send(chunk)) input.pause();
  };
  const end = (): void => connection.end();
  connection.handler = handler;
  input.on("data", send);
  input.on("end", end);
  input.on("error", stop);
  output.on("error", stop);
  // It may have been paused until somebody could take what it gives.
  input.resume();
  output.on("close", () => {
    // Closed after end() is how it should be; before, the reader went away.
    if (!output.writableFinished) stop();
  });
}
