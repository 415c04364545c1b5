/** undici: fetch and a pool of kept connections, to a server on the kernel in clear and under TLS. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import { Agent, fetch, Pool } from "undici";
import { makeCertificate } from "../certificate.mjs";
import { makeFolder } from "../servers.mjs";
import { collect, sha256 } from "../web.mjs";

export default async function play(ground) {
  const folder = makeFolder();
  const { key, cert } = makeCertificate(folder.path);
  const answer = async (request, response) => {
    const body = await collect(request);
    if (request.url === "/slow") return;
    response.end(JSON.stringify({ url: request.url, body: sha256(body), port: request.socket.remotePort }));
  };
  const serve = async (port, web) => {
    const far = ground.peer.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
      web.emit("connection", s),
    );
    await once(far.listen(port, ground.peerHost), "listening");
    return far;
  };
  const open = [
    await serve(80, http.createServer(answer)),
    await serve(443, https.createServer({ key, cert }, answer)),
  ];
  function connect({ hostname, port, protocol }, callback) {
    const raw = ground.net.connect(Number(port) || (protocol === "https:" ? 443 : 80), hostname);
    const socket = protocol === "https:" ? tls.connect({ socket: raw, ca: cert, host: hostname }) : raw;
    socket.once(protocol === "https:" ? "secureConnect" : "connect", () => callback(null, socket));
    socket.once("error", callback);
  }
  const origin = `http://${ground.peerHost}`;
  const pool = new Pool(origin, { connect, connections: 4 });
  const ports = new Set();
  const bodies = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => {
      const { body } = await pool.request({ path: `/${i}`, method: "GET" });
      const { url, port } = await body.json();
      ports.add(port);
      return url === `/${i}`;
    }),
  );
  const dispatcher = new Agent({ connect });
  const sent = randomBytes(2_000_000);
  const posted = await fetch(`${origin}/post`, { method: "POST", body: sent, dispatcher });
  const secure = await fetch(`https://${ground.peerHost}/tls`, { dispatcher });
  const aborted = await fetch(`${origin}/slow`, { dispatcher, signal: AbortSignal.timeout(100) }).catch(
    (error) => error.name,
  );
  const refused = await fetch(`http://${ground.peerHost}:9999`, { dispatcher }).catch(
    (error) => error.cause.code,
  );
  const results = {
    answered: bodies.every(Boolean),
    connections: ports.size,
    posted: (await posted.json()).body === sha256(sent),
    secure: (await secure.json()).url,
    aborted,
    refused,
  };
  await pool.close();
  await dispatcher.close();
  for (const server of open) server.close();
  folder.close();
  return results;
}
