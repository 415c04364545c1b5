// node:http2 on usertcp, in clear. As root: `node docs/examples/http2.mjs`, then
// `curl --http2-prior-knowledge http://10.77.0.2/`.
import http2 from "node:http2";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const web = http2.createServer();
web.on("stream", (stream, headers) => {
  stream.respond({ ":status": 200, "content-type": "text/plain" });
  stream.end(`stream ${stream.id}: ${headers[":path"]}\n`);
});
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  web.emit("connection", socket),
);
server.listen(80, "10.77.0.2", () => console.log("http://10.77.0.2/"));

process.once("SIGINT", () => stack.close());
