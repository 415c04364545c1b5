/** express on our sockets, asked by curl and by a page in Chromium, both of the kernel. */
import { once } from "node:events";
import http from "node:http";
import express from "express";
import { browse, curl, EVENT, IMAGE, PAGE, shown } from "../web.mjs";

export default async function play(ground) {
  const app = express();
  app.get("/", (_request, response) => response.type("html").send(PAGE));
  app.get("/json/:n", (request, response) => response.json({ n: Number(request.params.n) }));
  app.post("/post", express.text({ type: () => true, limit: "2mb" }), (request, response) => {
    response.json({ length: request.body.length });
  });
  app.get("/image.svg", (_request, response) => response.type("svg").send(IMAGE));
  app.get("/events", (_request, response) => response.type("text/event-stream").write(EVENT));
  const web = http.createServer(app);
  const server = ground.net.createServer({ allowHalfOpen: true, noDelay: true }, (s) =>
    web.emit("connection", s),
  );
  await once(server.listen(80, ground.host), "listening");
  const { host, port } = await ground.expose(80);
  const url = `http://${host}:${port}`;
  const json = await curl(`${url}/json/7`);
  const missing = await curl("-o", "/dev/null", "-w", "%{http_code}", `${url}/missing`);
  const page = shown(await browse(`${url}/`));
  server.close();
  web.closeAllConnections();
  return { json, missing, page };
}
