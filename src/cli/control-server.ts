/**
 * The control socket of a running stack: answers `version`, `snapshot` and `outcome`, and turns into a
 * stream on `connect`. Knows the protocol and what it may ask of a stack; prints nothing.
 */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { NetworkError } from "../base/errors.ts";
import type { StackSnapshot } from "../stack/inspect.ts";
import { codeOf, failure, oneLine } from "./cli-error.ts";
import { type Dialed, type DialHandler, pump } from "./connection-pump.ts";
import { probe } from "./control-client.ts";
import { checkSocketPath } from "./control-path.ts";
import {
  type ConnectResult,
  formatReply,
  isRequest,
  LineReader,
  type OutcomeResult,
  type ProtocolError,
  parseRequest,
  REQUEST_LINE_MAX,
  type Reply,
  type Request,
  refusal,
  type VersionResult,
} from "./control-protocol.ts";

/** What the control socket may ask of the stack behind it. */
export interface ControlTarget {
  version: VersionResult;
  snapshot(options?: { info?: boolean }): StackSnapshot | Promise<StackSnapshot>;
  connect(options: { host: string; port: number }, handler: DialHandler): Pick<Dialed, "abort">;
}

/** More at once are refused: nobody needs them, and each may hold a line of REQUEST_LINE_MAX. */
const CLIENTS_MAX = 1024;
/** Ends of streams that are remembered for `outcome`. */
const OUTCOMES_MAX = 1024;

/** How often a stream's client is looked after. */
const WATCH_MS = 500;
const NOTHING = new Uint8Array(0);

/** A control socket, open until `close`. */
export class ControlServer {
  readonly path: string;
  private readonly server: Server;
  private readonly sockets: Set<Socket> = new Set();

  private constructor(path: string, server: Server) {
    this.path = path;
    this.server = server;
  }

  /** Listens at `path` for this user alone; a socket that nobody listens on any more is replaced. */
  static async open(path: string, target: ControlTarget): Promise<ControlServer> {
    checkSocketPath(path);
    const state = await probe(path);
    if (state === "live") {
      throw failure(`${path}: another stack has this control socket: give another --control`);
    }
    if (state === "dead") rmSync(path, { force: true });
    const server = createServer({ allowHalfOpen: true });
    const control = new ControlServer(path, server);
    const session = new Sessions(target);
    server.maxConnections = CLIENTS_MAX;
    server.on("connection", (socket) => {
      control.sockets.add(socket);
      socket.on("close", () => control.sockets.delete(socket));
      session.serve(socket);
    });
    await listen(server, path);
    return control;
  }

  /** Ends every client and removes the socket. */
  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    rmSync(this.path, { force: true });
  }
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (error: Error): void =>
      reject(failure(`${path}: ${codeOf(error) ?? oneLine(error)}: give another --control`));
    server.once("error", fail);
    // The socket is bound within listen(): so that no other user ever finds it open.
    const before = process.umask(0o177);
    server.listen(path, () => {
      server.removeListener("error", fail);
      resolve();
    });
    process.umask(before);
  });
}

/** The clients of one control socket. */
class Sessions {
  private readonly target: ControlTarget;
  private readonly outcomes: Map<number, OutcomeResult> = new Map();
  private streams = 0;

  constructor(target: ControlTarget) {
    this.target = target;
  }

  serve(socket: Socket): void {
    const lines = new LineReader(REQUEST_LINE_MAX);
    // Replies go out in the order of their requests, also where one takes a while.
    let turn: Promise<void> = Promise.resolve();
    const reply = (make: () => Reply | Promise<Reply>): void => {
      turn = turn.then(make).then((made) => {
        if (!socket.destroyed) socket.write(formatReply(made));
      });
    };
    const onData = (chunk: Buffer): void => {
      lines.push(chunk);
      for (let line = lines.next(); line !== null; line = lines.next()) {
        if (line.length > REQUEST_LINE_MAX) {
          refuseLength();
          return;
        }
        const request = parseRequest(line);
        if (!isRequest(request)) {
          reply(() => request);
        } else if (request.method === "connect") {
          socket.removeListener("data", onData);
          socket.removeListener("end", onEnd);
          socket.pause();
          if (lines.length > 0) socket.unshift(lines.take());
          void turn.then(() => this.connect(socket, request));
          return;
        } else {
          reply(() => this.answer(request));
        }
      }
      if (lines.overlong) refuseLength();
    };
    const refuseLength = (): void => {
      socket.removeListener("data", onData);
      socket.resume();
      reply(() => refusal(null, "EMSGSIZE", `a request line has at most ${REQUEST_LINE_MAX} bytes`));
      onEnd();
    };
    const onEnd = (): void => {
      void turn.then(() => socket.end());
    };
    socket.on("data", onData);
    socket.on("end", onEnd);
    // A client that goes away mid-reply is no event for the stack.
    socket.on("error", () => socket.destroy());
  }

  private async answer(request: Request): Promise<Reply> {
    const { id, method, params } = request;
    if (method === "version") return { id, result: this.target.version };
    if (method === "snapshot") {
      try {
        return { id, result: await this.target.snapshot({ info: params["info"] === true }) };
      } catch (error) {
        return { id, error: errorOf(error) };
      }
    }
    if (method === "outcome") {
      const outcome = this.outcomes.get(Number(params["stream"]));
      if (outcome !== undefined) return { id, result: outcome };
      return { id, error: { code: "ENOENT", message: "no such stream" } };
    }
    const message = `no method '${method.slice(0, 40)}': there are version, snapshot, connect and outcome`;
    return { id, error: { code: "ENOSYS", message } };
  }

  private connect(socket: Socket, request: Request): void {
    const { host, port } = request.params;
    const refuse = (error: unknown): void => {
      const { code, message } = errorOf(error);
      socket.end(formatReply(refusal(request.id, code, message)));
    };
    if (
      typeof host !== "string" ||
      typeof port !== "number" ||
      !Number.isInteger(port) ||
      port < 1 ||
      port > 65_535
    ) {
      refuse({ code: "EINVAL", message: "connect takes 'host', an address, and 'port', 1 to 65535" });
      return;
    }
    watch(socket);
    let connection: Pick<Dialed, "abort"> | null = null;
    const abandon = (): void => connection?.abort();
    socket.once("close", abandon);
    const opening: DialHandler = {
      onConnect: (established) => {
        socket.removeListener("close", abandon);
        socket.write(formatReply({ id: request.id, result: this.join(socket, established) }));
      },
      onClose: (_, error) => {
        socket.removeListener("close", abandon);
        refuse(error ?? { code: "ECONNABORTED", message: "connect ECONNABORTED" });
      },
    };
    try {
      connection = this.target.connect({ host, port }, opening);
    } catch (error) {
      refuse(error);
    }
  }

  private join(socket: Socket, connection: Dialed): ConnectResult {
    const stream = ++this.streams;
    this.remember(stream, { open: true, error: null });
    pump(connection, socket, socket, (error) => {
      this.remember(stream, { open: false, error: error === null ? null : errorOf(error) });
      // After an orderly close end() was called already, and what is queued still goes out.
      if (error === null) socket.end();
      else socket.destroySoon();
    });
    const { localAddress, localPort, remoteAddress, remotePort } = connection;
    return { stream, localAddress, localPort, remoteAddress, remotePort };
  }

  private remember(stream: number, outcome: OutcomeResult): void {
    this.outcomes.set(stream, outcome);
    for (const [old, { open }] of this.outcomes) {
      if (this.outcomes.size <= OUTCOMES_MAX) break;
      if (!open) this.outcomes.delete(old);
    }
  }
}

// A client that died reads as one that sent its end-of-file and still listens (Node does not tell POLLHUP). Only writing
// tells: even nothing, which is EPIPE once the other end of a Unix socket is gone.
function watch(socket: Socket): void {
  const timer = setInterval(() => {
    if (!socket.writableEnded && socket.writableLength === 0) socket.write(NOTHING);
  }, WATCH_MS);
  socket.once("close", () => clearInterval(timer));
}

function errorOf(error: unknown): ProtocolError {
  if (error instanceof NetworkError) return { code: error.code, message: error.message };
  return { code: codeOf(error) ?? "EIO", message: messageOf(error) };
}

function messageOf(error: unknown): string {
  const holder = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  return oneLine(holder);
}
