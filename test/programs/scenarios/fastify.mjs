/** fastify on our sockets, asked by curl and by a page in Chromium, both of the kernel. */
import { once } from "node:events";
import Fastify from "fastify";
import { browse, curl, EVENT, IMAGE, PAGE, shown } from "../web.mjs";

export default async function play(ground) {
  const app = Fastify({ bodyLimit: 2_000_000, forceCloseConnections: true });
  app.get("/", (_request, reply) => reply.type("text/html").send(PAGE));
  app.get("/json/:n", (request) => ({ n: Number(request.params.n) }));
  app.post("/post", (request) => ({ length: request.body.length }));
  app.get("/image.svg", (_request, reply) => reply.type("image/svg+xml").send(IMAGE));
  app.get("/events", (_request, reply) => {
    reply.hijack();
    reply.raw.writeHead(200, { "content-type": "text/event-stream" });
    reply.raw.write(EVENT);
  });
  await app.ready();
  const server = ground.net.createServer({ allowHalfOpen: true, noDelay: true }, (s) => {
    app.server.emit("connection", s);
  });
  await once(server.listen(80, ground.host), "listening");
  const { host, port } = await ground.expose(80);
  const url = `http://${host}:${port}`;
  const json = await curl(`${url}/json/7`);
  const missing = await curl("-o", "/dev/null", "-w", "%{http_code}", `${url}/missing`);
  const page = shown(await browse(`${url}/`));
  server.close();
  app.server.closeAllConnections();
  await app.close();
  return { json, missing, page };
}
