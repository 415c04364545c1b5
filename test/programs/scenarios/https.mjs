/** node:https, TLS 1.3 alone: our server with curl, our client with Node's server on the kernel, sessions resumed. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import https from "node:https";
import tls from "node:tls";
import { promisify } from "node:util";
import { makeCertificate } from "../certificate.mjs";
import { makeFolder } from "../servers.mjs";
import { agentOver, collect, download, sha256 } from "../web.mjs";

const run = promisify(execFile);

export default async function play(ground) {
  const folder = makeFolder();
  const { key, cert, certFile } = makeCertificate(folder.path);
  const body = randomBytes(3_000_000);
  const resumed = [];
  const secure = { key, cert, minVersion: "TLSv1.3" };
  const answer = async (request, response) => {
    const size = (await collect(request)).length;
    response.setHeader("x-protocol", request.socket.getProtocol());
    response.end(request.url === "/body" ? body : `${request.method} ${size}\n`);
  };
  const web = https.createServer(secure, answer);
  const server = ground.net.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
    web.emit("connection", s),
  );
  await once(server.listen(443, ground.host), "listening");
  const { host, port } = await ground.expose(443);
  const curl = ["-sS", "--max-time", "20", "--cacert", certFile, "--tlsv1.3"];
  const what = { encoding: "buffer", maxBuffer: 1 << 24 };
  const { stdout } = await run("curl", [...curl, `https://${host}:${port}/body`], what);

  const theirs = https.createServer(secure, answer);
  theirs.on("secureConnection", (socket) => resumed.push(socket.isSessionReused()));
  const far = ground.peer.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
    theirs.emit("connection", s),
  );
  await once(far.listen(8443, ground.peerHost), "listening");
  let session;
  const connect = ({ host, port, ca }) => {
    const socket = tls.connect({ socket: ground.net.connect({ host, port }), ca, host, session });
    return socket.on("session", (ticket) => {
      session = ticket;
    });
  };
  const agent = agentOver(https, connect, { keepAlive: true });
  const target = { host: ground.peerHost, port: 8443, ca: cert, agent };
  const posted = await download(https, { ...target, path: "/", method: "POST" }, body);
  agent.destroy();
  const again = agentOver(https, connect, { keepAlive: false });
  const second = await download(https, { ...target, agent: again, path: "/" });
  const untrusting = tls.connect({
    socket: ground.net.connect(8443, ground.peerHost),
    host: ground.peerHost,
  });
  const [refused] = await once(untrusting, "error");
  for (const end of [server, far, web, theirs]) end.close();
  folder.close();
  return {
    curled: sha256(stdout) === sha256(body),
    posted: posted.text,
    protocol: posted.headers["x-protocol"],
    second: second.text,
    resumed,
    refused: refused.code,
  };
}
