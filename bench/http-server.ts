/**
 * The server of the http workloads: node:http with one handler, on the kernel's TCP, or on usertcp through its net API.
 * `GET /N` is answered with N bytes.
 *
 * usage: node http-server.js ADDRESS [STACK]   STACK: options of createStack() as JSON; without them, the kernel's TCP.
 *                                              Prints `ready {...}` once it listens; ends on SIGTERM or SIGINT.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Server as NetServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./paths.ts";

const PORT = 80;
const BACKLOG = 4096;

const [address, stackOptions] = process.argv.slice(2);
if (address === undefined) {
  process.stderr.write("usage: http-server ADDRESS [STACK]\n");
  process.exit(2);
}

const bodies = new Map<string, Buffer>();
const http = createServer(answer);
const { server, spinUs, close } = stackOptions === undefined ? onKernel() : await onStack(stackOptions);
await new Promise<void>((resolve, reject) => {
  server.once("error", reject);
  server.listen({ host: address, port: PORT, backlog: BACKLOG }, resolve);
});
for (const signal of ["SIGTERM", "SIGINT"] as const) {
  process.once(signal, () => void close().then(() => process.exit(0)));
}
process.stdout.write(`ready ${JSON.stringify({ pid: process.pid, spinUs })}\n`);

interface Listener {
  readonly server: NetServer | Server;
  readonly spinUs: number;
  readonly close: () => Promise<void>;
}

function onKernel(): Listener {
  return { server: http, spinUs: 0, close: async () => {} };
}

/** As a user has it: the package's own entries, not the sources. */
async function onStack(json: string): Promise<Listener> {
  const entry = (name: string): string => pathToFileURL(join(ROOT, "dist", `${name}.js`)).href;
  const { createStack } = (await import(entry("index"))) as typeof import("../src/index.ts");
  const { createNet } = (await import(entry("net"))) as typeof import("../src/net.ts");
  const options = JSON.parse(json) as Parameters<typeof createStack>[0] & { tun: { spinUs?: number } };
  const stack = createStack(options);
  // As node:http asks of its own net.Server.
  const server = createNet(stack).createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    http.emit("connection", socket);
  });
  return { server, spinUs: options.tun.spinUs ?? 0, close: () => stack.close() };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const body = bodyOf(request.url ?? "");
  if (body === null) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length });
  response.end(body);
}

function bodyOf(url: string): Buffer | null {
  const known = bodies.get(url);
  if (known !== undefined) return known;
  const size = /^\/(\d{1,8})$/.exec(url)?.[1];
  if (size === undefined) return null;
  const body = Buffer.alloc(Number(size), "u");
  bodies.set(url, body);
  return body;
}
