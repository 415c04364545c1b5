/**
 * The target `node-net`: echo (7), discard (9) and chargen (19) with Node's own `net` on the kernel's TCP,
 * written as a careful user of `net` would write them.
 *
 * usage: node node-net.js ADDRESS      prints `ready {...}` once it listens; ends on SIGTERM or SIGINT.
 */
import { createServer, type Server, type Socket } from "node:net";

const CHUNK = 64 * 1024;

const address = process.argv[2];
if (address === undefined) {
  process.stderr.write("usage: node-net ADDRESS\n");
  process.exit(2);
}

const pattern = Buffer.alloc(CHUNK);
for (let i = 0; i < CHUNK; i++) pattern[i] = 32 + (i % 95);

const services = { echo: 7, discard: 9, chargen: 19 };
await Promise.all([
  listening(createServer({ noDelay: true }, echo), services.echo),
  listening(createServer(discard), services.discard),
  listening(createServer(chargen), services.chargen),
]);
// So that a profile (`node --cpu-prof`) is written: it is not when a signal ends the process.
process.once("SIGTERM", () => process.exit(0));
process.once("SIGINT", () => process.exit(0));
process.stdout.write(`ready ${JSON.stringify({ services, pid: process.pid })}\n`);

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, backlog: 4096 }, resolve);
  });
}

function echo(socket: Socket): void {
  socket.on("error", ignore);
  socket.on("data", (data) => {
    if (!socket.write(data)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
}

function discard(socket: Socket): void {
  socket.on("error", ignore);
  socket.on("data", ignore); // faster than resume(), which goes by way of the stream's buffer
}

function chargen(socket: Socket): void {
  const fill = (): void => {
    while (socket.write(pattern));
  };
  socket.on("error", ignore);
  socket.on("drain", fill);
  socket.resume(); // read the client's end-of-file, or it is never noticed
  fill();
}

// A client that leaves in mid-stream resets the connection: that is how every bulk run ends.
function ignore(): void {}
