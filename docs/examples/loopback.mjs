// node:http on a stack inside this process, both ends of it: no root, no TUN, on any system.
// `node docs/examples/loopback.mjs`.
import { once } from "node:events";
import http from "node:http";
import net, { stack } from "usertcp/loopback";

const web = http.createServer((request, response) => {
  response.end(`hello, ${request.socket.remoteAddress}, from ${request.socket.localPort}\n`);
});
const server = net.createServer({ noDelay: true }, (socket) => web.emit("connection", socket));
await once(server.listen(80, "127.0.0.1"), "listening");

const request = http.get({
  host: "127.0.0.1",
  port: 80,
  createConnection: (options) => net.connect(options),
});
const [response] = await once(request, "response");
for await (const chunk of response) process.stdout.write(chunk);
const { counters } = stack.snapshot();
console.log(`${counters.OutSegs} segments in this process`);
server.close();
