/**
 * `node unmodified.mjs PROGRAM`: a program of ./unmodified, which knows nothing of usertcp, under `--import
 * usertcp/install`, with its counterpart in this process or started by it; prints what both saw as one line of JSON.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocket, WebSocketServer } from "ws";
import { makeCertificate } from "./certificate.mjs";
import { KERNEL, STACK } from "./ground.mjs";
import { makeFolder, startMosquitto, startPostgres, startRedis, startSshd } from "./servers.mjs";
import { browse, collect, curl } from "./web.mjs";

const PROGRAMS = {
  web: () => web(STACK, KERNEL),
  web6: () => web("fd77::2", "fd77::1"),
  pg: () => client("pg", startPostgres),
  ioredis: () => client("ioredis", startRedis),
  ssh2: () => client("ssh2", startSshd),
  mqtt: () => client("mqtt", startMosquitto),
};

function start(name, ...args) {
  const script = fileURLToPath(new URL(`unmodified/${name}.mjs`, import.meta.url));
  const env = { ...process.env, USERTCP_ROUTES: "10.77.0.0/24,fd77::/64" };
  const node = [process.execPath, "--import", "usertcp/install", script, ...args];
  const tied = ["--pdeathsig", "KILL", "--", ...node];
  return spawn("setpriv", tied, { stdio: ["ignore", "pipe", "inherit"], env, cwd: import.meta.dirname });
}

/** A client of a real server; it must end by itself. */
async function client(name, startServer) {
  const server = await startServer();
  const program = start(name, KERNEL, server.keyFile ?? "");
  const ended = once(program, "exit");
  const said = String(await collect(program.stdout));
  const [code] = await ended;
  await server.close();
  return { ...JSON.parse(said), code };
}

/** Servers asked by curl, Chromium and ws of the kernel, and clients that ask the web server here. */
async function web(stack, kernel) {
  const [host, far] = [stack, kernel].map((address) => (address.includes(":") ? `[${address}]` : address));
  const everywhere = stack.includes(":") ? "::" : "0.0.0.0";
  const folder = makeFolder();
  const { key, cert, certFile } = makeCertificate(folder.path);
  const pem = join(folder.path, "both.pem");
  writeFileSync(pem, `${key}${cert}`);
  const answer = (request, response) => response.end(`${request.socket.remoteAddress} ${request.url}`);
  const near = http.createServer(answer).listen(8000, everywhere);
  new WebSocketServer({ server: near }).on("connection", (socket, request) => {
    socket.send(`hello, ${request.socket.remoteAddress}`);
  });
  const secure = http2.createSecureServer({ key, cert, allowHTTP1: true }, answer).listen(8443, everywhere);
  const program = start("web", stack, far, pem);
  const ended = once(program, "exit");
  await once(program.stdout, "data");
  const socket = new WebSocket(`ws://${host}:8080`);
  const [hello] = await once(socket, "message");
  socket.close();
  const saw = {
    http: await curl(`http://${host}/one`),
    https: await curl("--cacert", certFile, `https://${host}/two`),
    http2: await curl("--http2-prior-knowledge", `http://${host}:81/three`),
    ws: String(hello),
    express: shown(await browse(`http://${host}:3000/`)),
    fastify: shown(await browse(`http://${host}:3001/`)),
    asked: JSON.parse(await curl(`http://${host}:3000/ask`)),
  };
  program.kill("SIGTERM");
  const [code] = await ended;
  near.close();
  secure.close();
  folder.close();
  return { ...saw, code };
}

function shown(document) {
  return /42/.exec(document)?.[0] ?? document;
}

const saw = await PROGRAMS[process.argv[2]]();
process.stdout.write(`${JSON.stringify(saw)}\n`);
process.exit();
