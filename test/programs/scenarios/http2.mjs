/** node:http2: our server with curl (over TLS, and in clear with prior knowledge), our client with Node's server. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http2 from "node:http2";
import tls from "node:tls";
import { promisify } from "node:util";
import { makeCertificate } from "../certificate.mjs";
import { makeFolder } from "../servers.mjs";
import { collect, sha256 } from "../web.mjs";

const run = promisify(execFile);

export default async function play(ground) {
  const folder = makeFolder();
  const { key, cert, certFile } = makeCertificate(folder.path);
  const body = randomBytes(2_000_000);
  const onStream = (stream, headers) => {
    if (headers[":method"] === "POST") {
      stream.respond();
      stream.pipe(stream);
    } else {
      stream.respond({ ":status": 200 });
      stream.end(headers[":path"] === "/body" ? body : headers[":path"]);
    }
  };
  const serve = async (net, host, port, web) => {
    web.on("stream", onStream);
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (s) => web.emit("connection", s));
    await once(server.listen(port, host), "listening");
    return server;
  };
  const open = [
    await serve(ground.net, ground.host, 443, http2.createSecureServer({ key, cert })),
    await serve(ground.net, ground.host, 80, http2.createServer()),
    await serve(ground.peer, ground.peerHost, 8443, http2.createSecureServer({ key, cert })),
  ];
  const curl = async (scheme, port, ...args) => {
    const to = await ground.expose(port);
    const options = ["-sS", "--max-time", "20", "--cacert", certFile, ...args];
    const what = { encoding: "buffer", maxBuffer: 1 << 24 };
    return (await run("curl", [...options, `${scheme}://${to.host}:${to.port}/body`], what)).stdout;
  };
  const secure = await curl("https", 443, "--http2");
  const clear = await curl("http", 80, "--http2-prior-knowledge");

  const authority = `https://${ground.peerHost}:8443`;
  const session = http2.connect(authority, {
    createConnection: () =>
      tls.connect({
        socket: ground.net.connect(8443, ground.peerHost),
        ALPNProtocols: ["h2"],
        ca: cert,
        host: ground.peerHost,
      }),
  });
  const fetched = await Promise.all(
    Array.from({ length: 100 }, (_, i) => collect(session.request({ ":path": `/${i}` }))),
  );
  const post = session.request({ ":method": "POST" });
  post.end(body);
  const echoed = await collect(post);
  const { alpnProtocol } = session;
  session.close();
  await once(session, "close");
  for (const server of open) server.close();
  folder.close();
  return {
    secure: sha256(secure) === sha256(body),
    clear: sha256(clear) === sha256(body),
    streams: fetched.every((text, i) => String(text) === `/${i}`),
    echoed: sha256(echoed) === sha256(body),
    alpnProtocol,
  };
}
