/** A program of ssh2 that knows nothing of usertcp. */
import { readFileSync } from "node:fs";
import ssh2 from "ssh2";

const [host, keyFile] = process.argv.slice(2);
const client = new ssh2.Client();
client.connect({ host, port: 2222, username: "root", privateKey: readFileSync(keyFile) });
client.on("ready", () => {
  client.exec("echo $SSH_CLIENT", (_error, stream) => {
    stream.on("data", (bytes) => console.log(JSON.stringify({ address: String(bytes).split(" ")[0] })));
    stream.on("close", () => client.end());
  });
});
