/** ssh2 with OpenSSH's server on the kernel: a command, its input and output, files by SFTP, a forwarded port. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import ssh2 from "ssh2";
import { startSshd } from "../servers.mjs";
import { collect } from "../web.mjs";

export default async function play(ground) {
  const server = await startSshd();
  const { host, port } = await ground.reach(server.port);
  const client = new ssh2.Client();
  const privateKey = readFileSync(server.keyFile);
  client.connect({ sock: ground.net.connect(port, host), username: userInfo().username, privateKey });
  await once(client, "ready");
  const call = (name, ...args) => promisify(client[name]).call(client, ...args);

  const echo = await call("exec", "echo hello; exit 3");
  const exit = once(echo, "exit");
  const said = String(await collect(echo));
  const [code] = await exit;

  const bytes = randomBytes(3_000_000);
  const cat = await call("exec", "cat");
  cat.end(bytes);
  const returned = await collect(cat);

  const sftp = await call("sftp");
  const folder = dirname(server.keyFile);
  const [near, far, back] = ["near", "far", "back"].map((name) => join(folder, name));
  writeFileSync(near, bytes);
  await promisify(sftp.fastPut).call(sftp, near, far);
  await promisify(sftp.fastGet).call(sftp, far, back);

  const web = http.createServer((_request, response) => response.end("through ssh\n"));
  await once(web.listen(0, "127.0.0.1"), "listening");
  const tunnel = await call("forwardOut", "127.0.0.1", 1, "127.0.0.1", web.address().port);
  tunnel.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const forwarded = String(await collect(tunnel));
  web.close();
  client.end();
  await once(client, "close");
  const stored = bytes.equals(readFileSync(far)) && bytes.equals(readFileSync(back));
  await server.close();
  return {
    said,
    code,
    returned: bytes.equals(returned),
    stored,
    forwarded: forwarded.endsWith("through ssh\n"),
  };
}
