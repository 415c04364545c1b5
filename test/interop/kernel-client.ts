/**
 * The kernel's TCP as a client, in a process of its own inside the namespace: `node kernel-client.mjs SCENARIO JSON` prints
 * one JSON line. Knows nothing of usertcp: node:net and node:dgram on kernel sockets only.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

const BLOCK = 64 * 1024;

interface Target {
  host: string;
  port: number;
}

/** Bytes that differ from block to block, so that one in the wrong place shows; without computing each. */
function makeBlocks(): (index: number) => Buffer {
  const pool = Buffer.alloc(1 << 20);
  let state = 0x9e3779b9;
  for (let i = 0; i < pool.length; i += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    pool.writeInt32LE(state | 0, i);
  }
  return (index) => {
    const at = (index * 40_503) % (pool.length - BLOCK);
    return pool.subarray(at, at + BLOCK);
  };
}

async function open(to: Target): Promise<Socket> {
  const socket = connect({ ...to, allowHalfOpen: true });
  await once(socket, "connect");
  return socket;
}

/**
 * "end", or the code of the error. Where a write is told of the RST first, the kernel gives end-of-file to the read after it:
 * an error that comes with an end is what happened.
 */
function howItEnds(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on("end", () => setTimeout(() => resolve("end"), 200));
  });
}

/** Writes `bytes`, then FIN; what comes back is read from `readAfterMs` on. Both ways by SHA-256. */
async function echo(to: Target & { bytes: number; readAfterMs?: number }): Promise<object> {
  const socket = await open(to);
  const sent = createHash("sha256");
  const received = createHash("sha256");
  let count = 0;
  const started = performance.now();
  const ended = (async () => {
    if (to.readAfterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, to.readAfterMs));
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
      received.update(chunk);
      count += chunk.length;
    }
  })();
  const block = makeBlocks();
  for (let left = to.bytes, i = 0; left > 0; i++) {
    const bytes = block(i).subarray(0, Math.min(BLOCK, left));
    left -= bytes.length;
    sent.update(bytes);
    if (!socket.write(bytes)) await once(socket, "drain");
  }
  socket.end();
  await ended;
  return {
    count,
    sent: sent.digest("hex"),
    received: received.digest("hex"),
    ms: Math.round(performance.now() - started),
  };
}

/** Opens `count` connections at once, sends a line on each and waits for it; says "open", and closes at end of input. */
async function many(to: Target & { count: number }): Promise<object> {
  const sockets: Socket[] = [];
  const opened = await Promise.all(
    Array.from({ length: to.count }, async (_, i) => {
      const socket = await open(to);
      sockets.push(socket);
      const line = `connection ${i}\n`;
      socket.write(line);
      let text = "";
      while (text.length < line.length) text += String((await once(socket, "data"))[0]);
      return text === line;
    }),
  );
  process.stdout.write("open\n");
  process.stdin.resume();
  await once(process.stdin, "end");
  await Promise.all(
    sockets.map((socket) => {
      socket.end();
      return once(socket.resume(), "close");
    }),
  );
  return { echoed: opened.filter(Boolean).length };
}

/** Connects, and says how long that took or why it failed. */
async function connectOnly(to: Target): Promise<object> {
  const started = performance.now();
  const socket = connect(to);
  const code = await new Promise<string>((resolve) => {
    socket.on("connect", () => resolve("connected"));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  socket.destroy();
  return { code, ms: performance.now() - started };
}

/** Ends in the middle of a transfer: by RST (SO_LINGER 0), or by close with unread data. */
async function leave(to: Target & { how: "reset" | "unread" }): Promise<object> {
  const socket = await open(to);
  if (to.how === "reset") {
    socket.write(makeBlocks()(0));
    await once(socket, "data");
    socket.resetAndDestroy();
  } else {
    // More echo than Node reads ahead: it is in the kernel's buffer, and nobody takes it.
    for (let i = 0; i < 8; i++) socket.write(makeBlocks()(i));
    await new Promise((resolve) => setTimeout(resolve, 100));
    socket.destroy();
  }
  await once(socket, "close");
  return {};
}

/** Echoes lines until the connection ends, `everyMs` apart, and tells how it ended. "up" after the first. */
async function hold(to: Target & { everyMs: number }): Promise<object> {
  const socket = await open(to);
  let echoed = 0;
  const ended = howItEnds(socket);
  socket.write("x");
  socket.on("data", (chunk) => {
    if (echoed === 0) process.stdout.write("up\n");
    echoed += chunk.length;
  });
  let sent = 1;
  const beat = setInterval(() => {
    socket.write("x");
    sent++;
  }, to.everyMs);
  process.stdin.resume();
  const how = await Promise.race([ended, once(process.stdin, "end").then(() => "asked")]);
  clearInterval(beat);
  if (how === "asked") {
    socket.end();
    await ended;
  }
  return { how, sent, echoed };
}

/** Writes more than the kernel buffers, and never reads: the other direction's window closes, this one's must not. */
async function deaf(to: Target & { bytes: number }): Promise<object> {
  const socket = await open(to);
  // Until the peer has filled every buffer of ours.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const block = makeBlocks()(0);
  const started = performance.now();
  for (let left = to.bytes; left > 0; left -= block.length) {
    if (!socket.write(block)) await once(socket, "drain");
  }
  const ms = Math.round(performance.now() - started);
  socket.resetAndDestroy();
  return { ms };
}

/** Listens for one connection and sends until nothing moves any more ("full"), then until the connection ends. */
async function pour(options: Target): Promise<object> {
  const server = createServer().listen(options.port, options.host);
  await once(server, "listening");
  process.stdout.write("up\n");
  const [socket] = (await once(server, "connection")) as [Socket];
  const ended = howItEnds(socket);
  const block = makeBlocks()(0);
  let moved = performance.now();
  const more = (): void => {
    moved = performance.now();
    while (!socket.destroyed && socket.write(block)) {
      // Until the kernel's buffer is full.
    }
  };
  socket.on("drain", more);
  more();
  const watch = setInterval(() => {
    if (performance.now() - moved < 500) return;
    process.stdout.write("full\n");
    clearInterval(watch);
  }, 50);
  return { how: await ended };
}

/** Listens for one connection, reads to its end, and only then answers. "up" when it listens. */
async function answerLate(options: Target & { answer: string }): Promise<object> {
  const server = createServer({ allowHalfOpen: true }).listen(options.port, options.host);
  await once(server, "listening");
  process.stdout.write("up\n");
  const [socket] = (await once(server, "connection")) as [Socket];
  let heard = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) heard += String(chunk);
  process.stdin.resume();
  await once(process.stdin, "end");
  socket.end(options.answer);
  await once(socket, "close");
  return { heard };
}

/** Writes as fast as it can and throws away what comes, until the connection ends. "up" after the first byte back. */
async function load(to: Target): Promise<object> {
  const socket = await open(to);
  const block = makeBlocks()(0);
  const ended = howItEnds(socket);
  socket.once("data", () => process.stdout.write("up\n"));
  socket.resume();
  const more = (): void => {
    while (!socket.destroyed && socket.write(block)) {
      // Until the kernel's buffer is full.
    }
  };
  socket.on("drain", more);
  more();
  return { how: await ended };
}

/** A datagram on a connected socket, and the error that the next one meets. */
async function datagram(to: Target): Promise<object> {
  const socket = createSocket("udp4");
  socket.connect(to.port, to.host);
  await once(socket, "connect");
  const failed = new Promise<string>((resolve) => {
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  socket.send("anybody?");
  const answer = await Promise.race([
    failed,
    new Promise<string>((resolve) => setTimeout(() => resolve("silence"), 2_000)),
  ]);
  socket.close();
  return { answer };
}

/** Listens on the loopback and joins each connection to a process of `command`: its input and its output. Until killed. */
async function forward(options: { port: number; command: string[] }): Promise<object> {
  const [program, ...args] = options.command;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const child = spawn(program!, args, { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.on("error", () => {});
    socket.on("error", () => child.kill());
    child.on("exit", () => socket.end().resume());
    socket.pipe(child.stdin);
    child.stdout.pipe(socket);
  });
  server.listen(options.port, "127.0.0.1", () => process.stdout.write("up\n"));
  await once(server, "close");
  return {};
}

const SCENARIOS: Record<string, (options: never) => Promise<object>> = {
  ...{ echo, many, connect: connectOnly, leave, hold, load, datagram, forward, answerLate, deaf, pour },
};

const [name, options] = process.argv.slice(2);
const result = await SCENARIOS[name!]!(JSON.parse(options!) as never);
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exit(0);
