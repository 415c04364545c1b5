// node:http on usertcp. As root: `node docs/examples/http.mjs`, then `curl http://10.77.0.2/`.
import http from "node:http";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const web = http.createServer((request, response) => {
  response.end(`hello, ${request.socket.remoteAddress}\n`);
});
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  web.emit("connection", socket),
);
server.listen(80, "10.77.0.2", () => console.log("http://10.77.0.2/"));

process.once("SIGINT", () => stack.close());
