// ssh2 over usertcp. Once `npm run examples:install`; as root, with an SSH server that listens on the kernel's 10.77.0.1:
// `node docs/examples/ssh2.mjs KEYFILE [USER] [PORT]` runs `uname -a` there.
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import ssh2 from "ssh2";
import { createStack } from "usertcp";
import { createNet } from "usertcp/net";

const stack = createStack({ tun: { addresses: ["10.77.0.1/24"] }, addresses: ["10.77.0.2/24"] });
const net = createNet(stack);

const [keyFile, username = userInfo().username, port = "22"] = process.argv.slice(2);
const client = new ssh2.Client();
client.connect({ sock: net.connect(port, "10.77.0.1"), username, privateKey: readFileSync(keyFile) });
client.on("ready", () => {
  client.exec("uname -a", (error, stream) => {
    if (error) throw error;
    stream.on("data", (bytes) => process.stdout.write(bytes));
    stream.on("close", () => client.end());
  });
});
client.on("close", () => stack.close());
