/** ws: our server with a client on the kernel, our client with a server there, in clear and under TLS. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import tls from "node:tls";
import { WebSocket, WebSocketServer } from "ws";
import { makeCertificate } from "../certificate.mjs";
import { makeFolder } from "../servers.mjs";

export default async function play(ground) {
  const folder = makeFolder();
  const { key, cert } = makeCertificate(folder.path);
  const serve = async (net, host, port, web) => {
    const sockets = new WebSocketServer({ server: web, maxPayload: 1 << 24, perMessageDeflate: true });
    sockets.on("connection", (socket) => {
      socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (s) => web.emit("connection", s));
    await once(server.listen(port, host), "listening");
    return server;
  };
  const { net, host, peer, peerHost } = ground;
  const open = [
    await serve(net, host, 80, http.createServer()),
    await serve(peer, peerHost, 8080, http.createServer()),
    await serve(peer, peerHost, 8443, https.createServer({ key, cert })),
  ];
  const from = (side) => ({
    createConnection: (options) => side.connect({ port: options.port, host: options.host }),
  });
  const secure = (options) =>
    tls.connect({ socket: net.connect(options.port, options.host), ca: cert, host: peerHost });
  const results = {
    server: await converse(new WebSocket(`ws://${host}:80`, from(peer))),
    client: await converse(new WebSocket(`ws://${peerHost}:8080`, from(net))),
    secure: await converse(new WebSocket(`wss://${peerHost}:8443`, { createConnection: secure })),
  };
  for (const server of open) server.close();
  folder.close();
  return results;
}

/** A thousand small messages, one of 4 MB, a ping, and the closing handshake. */
async function converse(socket) {
  await once(socket, "open");
  const echoes = [];
  socket.on("message", (data) => echoes.push(data));
  for (let i = 0; i < 1_000; i++) socket.send(`message ${i}`);
  const large = randomBytes(4_000_000);
  socket.send(large);
  socket.ping();
  await once(socket, "pong");
  while (echoes.length < 1_001) await once(socket, "message");
  const closed = once(socket, "close");
  socket.close(1000, "done");
  const [code] = await closed;
  const inOrder = echoes.slice(0, 1_000).every((data, i) => String(data) === `message ${i}`);
  return { inOrder, large: large.equals(echoes[1_000]), code };
}
