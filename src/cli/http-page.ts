/**
 * The HTTP service: an ordinary node:http request handler that happens to run on usertcp. `/` says what the stack
 * is, `/bytes/N` gives N bytes, `/snapshot` the stack as JSON.
 */
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { StackSnapshot } from "../stack/inspect.ts";
import { PATTERN } from "./pattern.ts";

/** What the page says about its stack. */
export interface PageFacts {
  version: string;
  tun: string;
  stack: string;
  services: Record<string, number>;
  snapshot(): StackSnapshot | Promise<StackSnapshot>;
}

const SOCKETS_SHOWN = 50;
/** How old the page may be: a snapshot a request would cost more than the request. */
const PAGE_AGE_MS = 250;

/** The handler for `http.createServer`. */
export function httpHandler(facts: PageFacts): RequestListener {
  let text = "";
  let madeAt = Number.NEGATIVE_INFINITY;
  const freshPage = async (): Promise<string> => {
    const now = performance.now();
    if (now - madeAt > PAGE_AGE_MS) {
      text = page(facts, await facts.snapshot());
      madeAt = now;
    }
    return text;
  };
  const answer = async (request: IncomingMessage, response: ServerResponse, path: string): Promise<void> => {
    if (path === "/") reply(request, response, 200, "text/html", await freshPage());
    else reply(request, response, 200, "application/json", `${JSON.stringify(await facts.snapshot())}\n`);
  };
  return (request, response) => {
    // Nothing here reads a body: what comes is thrown away, so that a kept-alive connection goes on.
    request.resume();
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      reply(request, response, 405, "text/plain", "405: GET or HEAD\n");
      return;
    }
    const path = (request.url ?? "/").split("?", 1)[0]!;
    const size = /^\/bytes\/(\d{1,15})$/.exec(path);
    if (size !== null) sendBytes(request, response, Number(size[1]));
    // Where asking fails the stack is on its way out, and this connection with it.
    else if (path === "/" || path === "/snapshot")
      answer(request, response, path).catch(() => response.destroy());
    else reply(request, response, 404, "text/plain", "404: there are /, /bytes/N and /snapshot\n");
  };
}

function reply(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  type: string,
  text: string,
): void {
  const body = Buffer.from(text);
  response.writeHead(status, { "Content-Type": `${type}; charset=utf-8`, "Content-Length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function sendBytes(request: IncomingMessage, response: ServerResponse, size: number): void {
  response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": size });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  let left = size;
  const more = (): void => {
    while (left > PATTERN.length) {
      left -= PATTERN.length;
      if (!response.write(PATTERN)) {
        response.once("drain", more);
        return;
      }
    }
    response.end(PATTERN.subarray(0, left));
  };
  more();
}

function page(facts: PageFacts, { sockets }: StackSnapshot): string {
  const services = Object.entries(facts.services)
    .map(([name, port]) => `<li><b>${escapeHtml(name)}</b> on port ${port}</li>`)
    .join("");
  const rows = sockets
    .slice(0, SOCKETS_SHOWN)
    .map((row) => {
      const cells = [
        row.state,
        `${row.localAddress}:${row.localPort}`,
        `${row.remoteAddress}:${row.remotePort || "*"}`,
      ];
      return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
    })
    .join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>usertcp</title></head><body>
<h1>usertcp ${escapeHtml(facts.version)}</h1>
<p>This page was sent by a TCP stack in user space, written in TypeScript: node:http on ${escapeHtml(facts.stack)},
packets by ${escapeHtml(facts.tun)}. No kernel socket has this connection.</p>
<ul>${services}</ul>
<p><a href="/bytes/1000000">/bytes/1000000</a> gives a megabyte, <a href="/snapshot">/snapshot</a> everything as JSON.</p>
<table border="1"><tr><th>State</th><th>Local</th><th>Peer</th></tr>${rows}</table>
<p>${sockets.length} sockets in all.</p>
</body></html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
