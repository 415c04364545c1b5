/** node:http: our server with curl and Node's client, our client with Node's server on the kernel. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import { promisify } from "node:util";
import { agentOver, collect, download, sha256 } from "../web.mjs";

const run = promisify(execFile);

export default async function play(ground) {
  let connections = 0;
  const web = http.createServer(async (request, response) => {
    const body = await collect(request);
    response.setHeader("x-body", sha256(body));
    if (request.url === "/chunks") for (let i = 0; i < 100; i++) response.write("x".repeat(10_000));
    response.end(`${request.method} ${request.url} ${body.length}\n`);
  });
  web.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
    socket.pipe(socket);
  });
  web.on("connection", () => connections++);
  const server = ground.net.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
    web.emit("connection", s),
  );
  await once(server.listen(80, ground.host), "listening");
  const { host, port } = await ground.expose(80);
  const url = `http://${host}:${port}`;
  const curl = async (...args) => (await run("curl", ["-sS", "--max-time", "20", ...args])).stdout;
  const curled = await curl(`${url}/one`, `${url}/two`);
  const ours = connections;
  const chunks = (await curl(`${url}/chunks`)).length;

  const theirs = http.createServer((request, response) => web.emit("request", request, response));
  theirs.on("upgrade", (...args) => web.emit("upgrade", ...args));
  const far = ground.peer.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
    theirs.emit("connection", s),
  );
  await once(far.listen(8080, ground.peerHost), "listening");
  const agent = agentOver(http, (options) => ground.net.connect(options), { keepAlive: true, maxSockets: 4 });
  const target = { host: ground.peerHost, port: 8080, agent };
  const body = randomBytes(1_000_000);
  const posted = await download(http, { ...target, path: "/post", method: "POST" }, body);
  const many = await Promise.all(
    Array.from({ length: 200 }, (_, i) => download(http, { ...target, path: `/${i}` })),
  );
  const upgrade = http.get({ ...target, path: "/", headers: { connection: "Upgrade", upgrade: "echo" } });
  const [, socket] = await once(upgrade, "upgrade");
  socket.end("both ways");
  const upgraded = String(await collect(socket));
  agent.destroy();
  web.close();
  theirs.close();
  server.close();
  far.close();
  return {
    curled,
    connectionsOfCurl: ours,
    chunks,
    posted: posted.headers["x-body"] === sha256(body),
    inOrder: many.every((answer, i) => answer.text === `GET /${i} 0\n`),
    connections: new Set(many.map((answer) => answer.port)).size,
    upgraded,
  };
}
