// ws on usertcp: a server on the stack, and a client in the kernel's network that talks to it. Once
// `npm run examples:install`; as root: `node docs/examples/ws.mjs`.
import http from "node:http";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";
import { WebSocket, WebSocketServer } from "ws";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const web = http.createServer();
new WebSocketServer({ server: web }).on("connection", (socket) => {
  socket.on("message", (data) => socket.send(`you said ${data}`));
});
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  web.emit("connection", socket),
);
server.listen(80, "10.77.0.2", () => {
  // The other way round, our client to any server: `new WebSocket(url, { createConnection: (o) => net.connect(o) })`.
  const client = new WebSocket("ws://10.77.0.2/");
  client.on("open", () => client.send("hello"));
  client.on("message", (data) => {
    console.log(String(data));
    client.close();
  });
  client.on("close", () => stack.close());
});
