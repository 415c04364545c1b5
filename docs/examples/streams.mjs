// WebStreams and async iterators in place of events: an echo server and a client, on a stack inside the process.
import loopback from "usertcp/loopback";
import { createSockets } from "usertcp/sockets";

const { connect, listen } = createSockets(loopback);

const listener = listen({ port: 0, hostname: "127.0.0.1" });
const { hostname, port } = await listener.addr;
const serving = (async () => {
  for await (const socket of listener) socket.readable.pipeTo(socket.writable).catch(() => {});
})();

const socket = connect({ hostname, port });
const { remoteAddress } = await socket.opened;
const writer = socket.writable.getWriter();
await writer.write(new TextEncoder().encode("hello, stream"));
await writer.close();
let answer = "";
for await (const bytes of socket) answer += new TextDecoder().decode(bytes);
await socket.closed;
console.log(`${remoteAddress} answered "${answer}"`);

listener.close();
await serving;
