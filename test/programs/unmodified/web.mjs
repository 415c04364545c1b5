/** Servers of every kind on HOST, each of which asks the kernel's 10.77.0.1 too. It knows nothing of usertcp. */
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import express from "express";
import Fastify from "fastify";
import { fetch as undiciFetch } from "undici";
import { WebSocket, WebSocketServer } from "ws";

const [host, far, pem] = process.argv.slice(2);
const credentials = { key: readFileSync(pem), cert: readFileSync(pem) };
const answer = (request, response) => response.end(`${request.socket.remoteAddress} ${request.url}\n`);

const get = (module, url, options) =>
  new Promise((resolve, reject) => {
    const onResponse = (response) => response.setEncoding("utf8").on("data", resolve);
    module.get(url, options, onResponse).on("error", reject);
  });

/** What the web server on the far side says to each client here. */
async function ask() {
  const session = http2.connect(`https://${far}:8443`, { ca: credentials.cert });
  const stream = session.request({ ":path": "/http2" });
  const overHttp2 = await new Promise((resolve) => stream.setEncoding("utf8").on("data", resolve));
  session.close();
  const socket = new WebSocket(`ws://${far}:8000`);
  const overSocket = await new Promise((resolve) => socket.once("message", resolve));
  socket.close();
  return {
    http: await get(http, `http://${far}:8000/http`, {}),
    https: await get(https, `https://${far}:8443/https`, { ca: credentials.cert }),
    http2: overHttp2,
    fetch: await (await fetch(`http://${far}:8000/fetch`)).text(),
    undici: await (await undiciFetch(`http://${far}:8000/undici`)).text(),
    ws: String(overSocket),
  };
}

const app = express();
app.get("/", (_request, response) => response.type("html").send("<script>document.write(6 * 7)</script>"));
app.get("/ask", async (_request, response) => response.json(await ask()));
const fastify = Fastify({ forceCloseConnections: true });
fastify.get("/", (_request, reply) => reply.type("text/html").send("<script>document.write(6 * 7)</script>"));

const servers = [
  http.createServer(answer).listen(80, host),
  https.createServer(credentials, answer).listen(443, host),
  http2.createServer(answer).listen(81, host),
  app.listen(3000, host),
];
const sockets = new WebSocketServer({ port: 8080, host });
sockets.on("connection", (socket, request) => socket.send(`hello, ${request.socket.remoteAddress}`));
await fastify.listen({ port: 3001, host });
console.log("ready");

process.once("SIGTERM", () => {
  sockets.close();
  fastify.close();
  for (const server of servers) server.close();
  for (const server of servers) server.closeAllConnections?.();
});
