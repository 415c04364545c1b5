/**
 * The net API over a real TUN device with the kernel as peer: curl and node:net of the kernel on one side, ours on
 * the other. Run inside a network namespace by net-kernel.test.ts; prints what it saw as JSON.
 */
import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import nodeNet, { type AddressInfo } from "node:net";
import { promisify } from "node:util";
import { createStack, type RunningStack } from "../../src/driver/create-stack.ts";
import { createNet, type Net } from "../../src/net/net.ts";

const run = promisify(execFile);
const HOST = "10.77.0.1";
const STACK = "10.77.0.2";

function bringUp(offload: boolean): { stack: RunningStack; net: Net } {
  const stack = createStack({ tun: { addresses: [`${HOST}/24`], offload }, addresses: [`${STACK}/24`] });
  return { stack, net: createNet(stack) };
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const SCENARIOS: Record<string, () => Promise<unknown>> = {
  /** curl fetches twice over one connection, and posts a megabyte. */
  async curl() {
    const { stack, net } = bringUp(true);
    let accepted = 0;
    const web = http.createServer(async (request, response) => {
      if (request.method === "GET") response.end(`${request.method} ${request.url}\n`);
      else response.end(`${sha256(await collect(request))}\n`);
    });
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      accepted++;
      web.emit("connection", socket);
    });
    await once(server.listen(80, STACK), "listening");
    const url = `http://${STACK}`;
    const twice = await run("curl", ["-sS", "--max-time", "10", `${url}/one`, `${url}/two`]);
    const body = randomBytes(1_000_000);
    const posting = run("curl", ["-sS", "--max-time", "10", "-H", "Expect:", "--data-binary", "@-", url]);
    posting.child.stdin!.end(body);
    const posted = (await posting).stdout.trim();
    await stack.close();
    return { twice: twice.stdout, accepted, arrived: posted === sha256(body) };
  },

  /** Our client to the kernel's server: half-close, five megabytes each way, and back-pressure, with offload and without. */
  async client() {
    const results: unknown[] = [];
    for (const offload of [true, false]) {
      const { stack, net } = bringUp(offload);
      const server = nodeNet.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket));
      await once(server.listen(0, HOST), "listening");
      const socket = net.connect((server.address() as AddressInfo).port, HOST);
      const body = randomBytes(5_000_000);
      const answer = collect(socket as AsyncIterable<Buffer>);
      let waits = 0;
      for (let at = 0; at < body.length; at += 50_000) {
        if (socket.write(body.subarray(at, at + 50_000))) continue;
        waits++;
        await once(socket, "drain");
      }
      socket.end();
      const echoed = sha256(await answer) === sha256(body);
      results.push({ echoed, waited: waits > 0, read: socket.bytesRead, written: socket.bytesWritten });
      server.close();
      await stack.close();
    }
    return results;
  },

  /** The ends of a connection as the kernel tells them: refused, reset, and FIN. */
  async ends() {
    const { stack, net } = bringUp(true);
    const codes: unknown[] = [];
    const refused = net.connect(1, HOST);
    codes.push(String((await once(refused, "error"))[0]));
    const kernel = nodeNet.createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await once(kernel.listen(0, HOST), "listening");
    const reset = net.connect((kernel.address() as AddressInfo).port, HOST);
    reset.write("reset me");
    codes.push(String((await once(reset, "error"))[0]));
    kernel.close();
    const ours = net.createServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    await once(ours.listen(7, STACK), "listening");
    const victim = nodeNet.connect(7, STACK);
    victim.write("reset me");
    codes.push(String((await once(victim, "error"))[0]));
    codes.push(String((await once(nodeNet.connect(9, STACK), "error"))[0]));
    await stack.close();
    return codes;
  },
};

const scenario = SCENARIOS[process.argv[2] ?? ""];
if (scenario === undefined) throw new Error(`no scenario ${process.argv[2]}`);
process.stdout.write(JSON.stringify(await scenario()));
