/**
 * The shard's end of a connection that the main thread opens through it: the raw connection on one side, a message port on
 * the other.
 */
import type { MessagePort } from "node:worker_threads";
import type { RunningStack } from "../driver/create-stack.ts";
import type { Connection } from "../stack/connection.ts";
import { codeOf, oneLine } from "./cli-error.ts";
import type { FromConnection, ToConnection } from "./serve-messages.ts";

/** Received bytes on their way to the main thread, above which the connection is not read. */
const RECEIVE_WINDOW = 1024 * 1024;

/** Opens a connection to `host`:`port`, and serves it over `over` until it is closed. */
export function dial(
  running: Pick<RunningStack, "connect">,
  host: string,
  port: number,
  over: MessagePort,
): void {
  const tell = (message: FromConnection): void => over.postMessage(message);
  const fail = (error: unknown): void => {
    tell({ type: "closed", error: { code: codeOf(error) ?? "EIO", message: oneLine(error) } });
    over.close();
  };
  let untold = 0;
  let underWay = 0;
  const handler = {
    onConnect({ localAddress, localPort, remoteAddress, remotePort }: Connection): void {
      tell({ type: "connected", ends: { localAddress, localPort, remoteAddress, remotePort } });
    },
    onData(connection: Connection, bytes: Uint8Array): void {
      underWay += bytes.length;
      // A copy: the view may be of a whole slab, which would be cloned with it.
      tell({ type: "data", bytes: new Uint8Array(bytes) });
      if (underWay >= RECEIVE_WINDOW) connection.pause();
    },
    onDrain(): void {
      tell({ type: "sent", bytes: untold });
      untold = 0;
    },
    onEnd(): void {
      tell({ type: "ended" });
    },
    onClose(_: Connection, error: Error | null): void {
      if (error !== null) {
        fail(error);
        return;
      }
      tell({ type: "closed", error: null });
      over.close();
    },
  };
  try {
    const connection = running.connect({ host, port }, handler);
    over.on("message", (message: ToConnection) => {
      if (message.type === "send") {
        untold += message.bytes.length;
        if (connection.send(message.bytes)) handler.onDrain();
      } else if (message.type === "took") {
        underWay -= message.bytes;
        if (underWay < RECEIVE_WINDOW) connection.resume();
      } else if (message.type === "end") connection.end();
      else connection.abort();
    });
  } catch (error) {
    fail(error);
  }
}
