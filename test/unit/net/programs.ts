/**
 * Programs that use node:net, run on ours: echo, bulk with a slow reader, http, tls, abrupt ends. Given any pair of
 * nets of which the second can connect to the first at `host`.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Net } from "../../../src/net/net.ts";

/** Two nets on one network. */
export interface Pair {
  readonly server: Net;
  readonly client: Net;
  /** Where the server's net is reached. */
  readonly host: string;
  close(): Promise<void> | void;
}

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function collect(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Every program, on the pair that `open` makes. */
export function describePrograms(name: string, open: () => Pair | Promise<Pair>): void {
  describe(name, () => {
    let pair: Pair;
    beforeAll(async () => {
      pair = await open();
    });
    afterAll(() => pair.close());
    const get = (): Pair => pair;
    describe("sockets", () => describeSockets(get));
    describe("node:http", () => describeHttp(get));
    describe("node:tls", () => describeTls(get));
  });
}

function describeSockets(get: () => Pair): void {
  it("echoes, half-closes and closes in Node's order of events", async () => {
    const { server: serverNet, client: clientNet, host } = get();
    const server = serverNet
      .createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket))
      .listen(0, host);
    const socket = clientNet.connect(await portOf(server), host);
    const log: string[] = [];
    for (const event of ["connect", "ready", "data", "end", "finish", "close", "error"]) {
      socket.on(event, (value) => log.push(event === "data" ? `data ${value}` : event));
    }
    socket.end("telnet");
    await once(socket, "close");
    // A stack that talks to itself answers within the tick in which 'finish' is due.
    expect(log.filter((event) => event !== "finish")).toEqual([
      "connect",
      "ready",
      "data telnet",
      "end",
      "close",
    ]);
    expect(log.indexOf("finish")).toBeLessThan(log.indexOf("end"));
    expect([socket.bytesRead, socket.bytesWritten]).toEqual([6, 6]);
    server.close();
    await once(server, "close");
  });

  it("carries 10 MB each way to a slow reader, bounded by its buffers", async () => {
    const { server: serverNet, client: clientNet, host } = get();
    const bytes = randomBytes(10_000_000);
    let most = 0;
    const server = serverNet.createServer((socket) => {
      for (let at = 0; at < bytes.length; at += 100_000) socket.write(bytes.subarray(at, at + 100_000));
      socket.end();
    });
    server.listen(0, host);
    const socket = clientNet.connect({ port: await portOf(server), host });
    const hash = createHash("sha256");
    let chunks = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      hash.update(chunk);
      most = Math.max(most, socket.readableLength);
      if (++chunks % 50 === 0) await sleep(1);
    }
    expect(hash.digest("hex")).toBe(sha256(bytes));
    expect(most).toBeLessThan(2_000_000);
    server.close();
    await once(server, "close");
  });

  it("sends 10 MB under back-pressure: write says false, 'drain' says when", async () => {
    const { server: serverNet, client: clientNet, host } = get();
    const bytes = randomBytes(10_000_000);
    const received: Promise<string> = new Promise((resolve) => {
      const server = serverNet.createServer(async (socket) => {
        server.close();
        resolve(sha256(await collect(socket as AsyncIterable<Buffer>)));
      });
      server.listen(0, host, async () => {
        const socket = clientNet.connect(await portOf(server), host);
        const scratch = Buffer.alloc(50_000);
        for (let at = 0; at < bytes.length; at += scratch.length) {
          bytes.copy(scratch, 0, at, at + scratch.length);
          // The same memory for each write, as Node allows once a write has called back.
          await new Promise((done) => socket.write(scratch, done));
        }
        socket.end();
      });
    });
    expect(await received).toBe(sha256(bytes));
  });

  it("a connection to a port without a listener is refused", async () => {
    const { client: clientNet, host } = get();
    const socket = clientNet.connect(9, host);
    const [error] = await once(socket, "error");
    expect(String(error)).toBe(`Error: connect ECONNREFUSED ${host}:9`);
    const [hadError] = await once(socket, "close");
    expect(hadError).toBe(true);
  });

  it("a port that is taken is EADDRINUSE", async () => {
    const { server: serverNet, host } = get();
    const first = serverNet.createServer().listen(0, host);
    const port = await portOf(first);
    const second = serverNet.createServer().listen(port, host);
    const [error] = await once(second, "error");
    expect(String(error)).toBe(`Error: listen EADDRINUSE: address already in use ${host}:${port}`);
    first.close();
  });

  it("destroy in the middle of a transfer resets the peer", async () => {
    const { server: serverNet, client: clientNet, host } = get();
    const ended: Promise<string> = new Promise((resolve) => {
      const server = serverNet.createServer((socket) => {
        const chunk = Buffer.alloc(60_000);
        const pump = () => {
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on("drain", pump);
        socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code!));
        server.close();
        pump();
      });
      server.listen(0, host, async () => {
        const socket = clientNet.connect(await portOf(server), host);
        socket.once("data", () => socket.destroy());
      });
    });
    expect(["ECONNRESET", "EPIPE"]).toContain(await ended);
  });

  it("resetAndDestroy is an ECONNRESET over there", async () => {
    const { server: serverNet, client: clientNet, host } = get();
    const server = serverNet.createServer((socket) => socket.resetAndDestroy()).listen(0, host);
    const socket = clientNet.connect(await portOf(server), host);
    const [error] = await once(socket, "error");
    expect(String(error)).toBe("Error: read ECONNRESET");
    server.close();
  });
}

function describeHttp(get: () => Pair): void {
  /** An http server whose connections come from our net, as Node documents it. */
  async function serve(handler: http.RequestListener): Promise<{
    port: number;
    httpServer: http.Server;
    accepted: Socket[];
    stop(): void;
  }> {
    const { server: serverNet, host } = get();
    const accepted: Socket[] = [];
    const httpServer = http.createServer(handler);
    const netServer = serverNet.createServer({ allowHalfOpen: true, noDelay: true });
    netServer.on("connection", (socket: Socket) => {
      accepted.push(socket);
      httpServer.emit("connection", socket);
    });
    netServer.listen(0, host);
    return {
      port: await portOf(netServer),
      httpServer,
      accepted,
      stop: () => {
        netServer.close();
        for (const socket of accepted) socket.destroy();
      },
    };
  }

  function agentOf(options: http.AgentOptions): http.Agent {
    const agent = new http.Agent(options);
    const { client } = get();
    return Object.assign(agent, { createConnection: client.createConnection });
  }

  async function request(
    options: http.RequestOptions,
    body?: Buffer,
  ): Promise<{ status: number; body: Buffer }> {
    const outgoing = http.request(options);
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [http.IncomingMessage];
    return { status: response.statusCode!, body: await collect(response) };
  }

  it("serves a request of http.request({createConnection})", async () => {
    const { client, host } = get();
    const { port, stop } = await serve((request, response) => {
      response.setHeader("content-type", "text/plain");
      response.end(`${request.method} ${request.url} from ${request.socket.remoteAddress === undefined}`);
    });
    const { status, body } = await request({
      port,
      host,
      path: "/hello",
      createConnection: client.createConnection as never,
    });
    expect([status, body.toString()]).toEqual([200, "GET /hello from false"]);
    stop();
  });

  it("keeps one connection alive for 100 requests", async () => {
    const { host } = get();
    const { port, accepted, stop } = await serve((request, response) => response.end(request.url));
    const agent = agentOf({ keepAlive: true, maxSockets: 1 });
    for (let i = 0; i < 100; i++) {
      const { body } = await request({ port, host, agent, path: `/${i}` });
      expect(body.toString()).toBe(`/${i}`);
    }
    expect(accepted).toHaveLength(1);
    agent.destroy();
    stop();
  });

  it("answers pipelined and concurrent requests with large bodies", async () => {
    const { host } = get();
    const { port, stop } = await serve((request, response) => request.pipe(response));
    const agent = agentOf({ keepAlive: true, maxSockets: 4 });
    const bodies = Array.from({ length: 12 }, () => randomBytes(300_000));
    const answers = await Promise.all(
      bodies.map((body) => request({ port, host, agent, method: "POST" }, body)),
    );
    expect(answers.map((answer) => sha256(answer.body))).toEqual(bodies.map(sha256));
    agent.destroy();
    stop();
  });

  it("upgrades, and hands over a socket that works", async () => {
    const { client, host } = get();
    const { port, httpServer, stop } = await serve(() => {});
    httpServer.on("upgrade", (_request, socket) => {
      socket.write("HTTP/1.1 101 Switching\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
      socket.pipe(socket);
    });
    const outgoing = http.request({
      port,
      host,
      headers: { connection: "Upgrade", upgrade: "echo" },
      createConnection: client.createConnection as never,
    });
    outgoing.end();
    const [, socket] = (await once(outgoing, "upgrade")) as [http.IncomingMessage, Socket];
    socket.end("up");
    expect((await collect(socket as AsyncIterable<Buffer>)).toString()).toBe("up");
    stop();
  });

  it("speaks http2 over a socket of ours", async () => {
    const { server: serverNet, client, host } = get();
    const h2 = http2.createServer((request, response) => response.end(`h2 ${request.url}`));
    const server = serverNet.createServer((socket) => h2.emit("connection", socket)).listen(0, host);
    const socket = client.connect(await portOf(server), host);
    const session = http2.connect(`http://${host}`, { createConnection: () => socket as never });
    const bodies = await Promise.all(
      ["/a", "/b", "/c"].map((path) => collect(session.request({ ":path": path }) as AsyncIterable<Buffer>)),
    );
    expect(bodies.map(String)).toEqual(["h2 /a", "h2 /b", "h2 /c"]);
    session.close();
    server.close();
    await once(server, "close");
  });

  it("times a silent connection out", async () => {
    const { client, host } = get();
    const { port, httpServer, stop } = await serve(() => {});
    httpServer.setTimeout(30);
    const socket = client.connect(port, host);
    socket.resume();
    await once(socket, "close");
    expect(socket.destroyed).toBe(true);
    stop();
  });
}

function describeTls(get: () => Pair): void {
  let folder: string;
  let key: Buffer;
  let cert: Buffer;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "usertcp-tls-"));
    const [keyFile, certFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const make = [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
    ];
    execFileSync("openssl", [...make, "-subj", "/CN=peer", "-keyout", keyFile, "-out", certFile], {
      stdio: "ignore",
    });
    [key, cert] = [readFileSync(keyFile), readFileSync(certFile)];
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("serves https to https.request", async () => {
    const { server: serverNet, client, host } = get();
    const web = https.createServer({ key, cert }, (request, response) =>
      response.end(`secure ${request.url}`),
    );
    const server = serverNet.createServer({ allowHalfOpen: true }, (socket) =>
      web.emit("connection", socket),
    );
    server.listen(0, host);
    const socket = client.connect(await portOf(server), host);
    const options = { socket: socket as never, ca: cert, servername: "peer" };
    const outgoing = https.request({
      path: "/page",
      host: "peer",
      createConnection: () => tls.connect(options),
    });
    outgoing.end();
    const [response] = (await once(outgoing, "response")) as [http.IncomingMessage];
    expect((await collect(response)).toString()).toBe("secure /page");
    server.close();
    socket.destroy();
  });

  it.each([
    ["connected before tls.connect", true],
    ["still connecting", false],
  ])("carries a megabyte each way, the socket %s", async (_name, connectFirst) => {
    const { server: serverNet, client: clientNet, host } = get();
    const bytes = randomBytes(1_000_000);
    // Half-open on both sides: over a stream, node:tls learns of the peer's end later than the socket below does.
    const server = serverNet.createServer({ allowHalfOpen: true }, (socket) => {
      const secure = new tls.TLSSocket(socket as never, { isServer: true, key, cert });
      secure.pipe(secure);
    });
    server.listen(0, host);
    const socket = clientNet.connect({ port: await portOf(server), host, allowHalfOpen: true });
    if (connectFirst) await once(socket, "connect");
    const secure = tls.connect({ socket: socket as never, ca: cert, servername: "peer" });
    await once(secure, "secureConnect");
    expect(secure.authorized).toBe(true);
    const answer = collect(secure as AsyncIterable<Buffer>);
    secure.end(bytes);
    expect(sha256(await answer)).toBe(sha256(bytes));
    server.close();
  });
}
