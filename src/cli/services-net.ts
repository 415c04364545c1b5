/**
 * The same services over the node:net API: streams, as an ordinary Node program would write them; and the
 * HTTP service, which is node:http behind that API on either choice.
 */
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import { PATTERN } from "./pattern.ts";
import type { ServiceName } from "./serve-options.ts";

/** A server of node:net's shape. */
interface NetServer {
  listen(options: { port: number; host?: string }): unknown;
  address(): unknown;
  close(): unknown;
  once(event: "listening" | "error", listener: (error: Error) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "listening" | "error", listener: (error: Error) => void): unknown;
}

/** Something that listens, as far as services care. */
export interface Listening {
  close(): void;
}

/** The part of node:net that the services use. */
export interface NetApi {
  createServer(
    options: { allowHalfOpen: boolean; noDelay: boolean },
    onSocket: (socket: Duplex) => void,
  ): NetServer;
}

type StreamService = (socket: Duplex) => void;

/** What each service does with an accepted socket. */
export const NET_SERVICES: Record<Exclude<ServiceName, "http">, StreamService> = {
  echo(socket) {
    socket.pipe(socket);
  },
  discard(socket) {
    socket.resume();
    socket.on("end", () => socket.end());
  },
  chargen(socket) {
    socket.resume();
    const fill = (): void => {
      while (!socket.destroyed && socket.write(PATTERN));
    };
    socket.on("drain", fill);
    socket.on("end", () => socket.destroy());
    fill();
  },
  keep(socket) {
    socket.resume();
  },
};

/** Serves `onSocket` on a port; resolves when it listens. */
export async function serveStream(
  net: NetApi,
  host: string,
  port: number,
  onSocket: StreamService,
): Promise<Listening> {
  const server = net.createServer({ allowHalfOpen: true, noDelay: false }, (socket) => {
    // A client that resets is no event for the server.
    socket.on("error", () => socket.destroy());
    onSocket(socket);
  });
  return listening(server, host, port);
}

/** Serves HTTP on a port; resolves when it listens. */
export async function serveHttp(
  net: NetApi,
  host: string,
  port: number,
  onRequest: RequestListener,
): Promise<Listening> {
  const http: HttpServer = createHttpServer(onRequest);
  // As node:http asks of its own net.Server: a response's last segment waits for no ACK.
  const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    http.emit("connection", socket);
  });
  return listening(server, host, port);
}

async function listening(server: NetServer, host: string, port: number): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.removeListener("error", reject);
      resolve();
    });
    server.listen({ host, port });
  });
  return { close: () => void server.close() };
}
