// undici's fetch over usertcp, with its pool of kept connections. Once `npm run examples:install`; as root, with any web
// server on the kernel's side (`python3 -m http.server 8000`): `node docs/examples/undici.mjs http://10.77.0.1:8000/`.
import tls from "node:tls";
import { Agent, fetch } from "undici";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

function connect({ hostname: host, port, protocol, servername }, callback) {
  const isSecure = protocol === "https:";
  const raw = net.connect({ host, port: Number(port) || (isSecure ? 443 : 80), noDelay: true });
  const socket = isSecure ? tls.connect({ socket: raw, servername: servername ?? undefined }) : raw;
  socket.once(isSecure ? "secureConnect" : "connect", () => callback(null, socket));
  socket.once("error", callback);
}

const dispatcher = new Agent({ connect, connections: 4 });
const url = process.argv[2] ?? "http://10.77.0.1:8000/";
const answers = await Promise.all(
  Array.from({ length: 20 }, async () => {
    const response = await fetch(url, { dispatcher });
    return `${response.status}, ${(await response.text()).length} characters`;
  }),
);
console.log(`${answers.length} answers, the first: ${answers[0]}`);
await dispatcher.close();
await stack.close();
