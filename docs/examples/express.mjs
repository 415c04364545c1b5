// express on usertcp. Once `npm run examples:install`; as root: `node docs/examples/express.mjs`, then
// `curl http://10.77.0.2/json/7`, or a browser.
import http from "node:http";
import express from "express";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const app = express();
app.get("/", (_request, response) => response.send("<h1>express on usertcp</h1>"));
app.get("/json/:n", (request, response) => response.json({ n: Number(request.params.n) }));

const web = http.createServer(app);
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  web.emit("connection", socket),
);
server.listen(80, "10.77.0.2", () => console.log("http://10.77.0.2/"));

process.once("SIGINT", () => stack.close());
