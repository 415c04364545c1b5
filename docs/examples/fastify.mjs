// fastify on usertcp. Once `npm run examples:install`; as root: `node docs/examples/fastify.mjs`, then
// `curl http://10.77.0.2/json/7`, or a browser.
import Fastify from "fastify";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const app = Fastify();
app.get("/", (_request, reply) => reply.type("text/html").send("<h1>fastify on usertcp</h1>"));
app.get("/json/:n", (request) => ({ n: Number(request.params.n) }));
await app.ready();

const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  app.server.emit("connection", socket);
});
server.listen(80, "10.77.0.2", () => console.log("http://10.77.0.2/"));

process.once("SIGINT", () => stack.close());
