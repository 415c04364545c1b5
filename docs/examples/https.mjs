// node:https on usertcp, TLS 1.3, with a certificate that openssl makes on the way. As root:
// `node docs/examples/https.mjs`, then `curl --insecure https://10.77.0.2/`.
import { execFileSync } from "node:child_process";
import https from "node:https";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
const names = ["-subj", "/CN=usertcp", "-addext", "subjectAltName=IP:10.77.0.2"];
const pem = execFileSync(
  "openssl",
  ["req", "-x509", "-nodes", ...curve, ...names, "-keyout", "-", "-out", "-"],
  {
    stdio: ["ignore", "pipe", "ignore"],
  },
);
const web = https.createServer({ key: pem, cert: pem, minVersion: "TLSv1.3" }, (request, response) => {
  response.end(`hello over ${request.socket.getProtocol()}\n`);
});
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
  web.emit("connection", socket),
);
server.listen(443, "10.77.0.2", () => console.log("https://10.77.0.2/"));

process.once("SIGINT", () => stack.close());
