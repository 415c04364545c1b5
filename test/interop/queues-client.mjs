/**
 * The kernel's TCP against a stack of several queues, many connections at once: `node queues-client.mjs SCENARIO JSON` prints one
 * JSON line. Knows nothing of usertcp.
 */
import { createHash } from "node:crypto";
import { connect } from "node:net";

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Bytes of connection `index`, which no other one sends. */
function bytesOf(index, size) {
  const bytes = Buffer.alloc(size);
  let state = (index + 1) * 0x9e3779b1;
  for (let i = 0; i + 4 <= size; i += 4) {
    state = (Math.imul(state ^ (state >>> 15), 0x85ebca6b) + index) | 0;
    bytes.writeInt32LE(state, i);
  }
  return bytes;
}

const digest = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** One connection that says something and reads as many bytes back, as often as asked. */
class Talker {
  constructor(host, port) {
    this.socket = connect({ host, port });
    this.socket.on("data", (chunk) => {
      this.received.push(chunk);
      this.length += chunk.length;
      if (this.length >= this.wanted) this.done?.(Buffer.concat(this.received));
    });
    this.failure = new Promise((_, reject) => {
      this.socket.on("error", reject);
      this.socket.on("close", () => reject(new Error("closed")));
    });
    this.failure.catch(() => {});
    this.connected = new Promise((resolve) => this.socket.once("connect", resolve));
  }

  async ask(bytes) {
    this.received = [];
    this.length = 0;
    this.wanted = bytes.length;
    const answer = new Promise((resolve) => {
      this.done = resolve;
    });
    this.socket.write(bytes);
    return Promise.race([answer, this.failure]);
  }
}

const scenarios = {
  /** Ping-pong over many connections, silence, ping-pong again. */
  async talk({ host, port, connections, rounds, silenceMs }) {
    const talkers = Array.from({ length: connections }, () => new Talker(host, port));
    await Promise.all(talkers.map(({ connected, failure }) => Promise.race([connected, failure])));
    let right = 0;
    const all = () =>
      Promise.all(
        talkers.map(async (talker, index) => {
          for (let round = 0; round < rounds; round++) {
            const bytes = bytesOf(index * 1000 + round, 64);
            if ((await talker.ask(bytes)).equals(bytes)) right++;
          }
        }),
      );
    await all();
    await wait(silenceMs);
    await all();
    for (const { socket } of talkers) socket.destroy();
    return { right };
  },

  /** Connect, a few bytes there and back, close: `count` times, `parallel` at a time. */
  async visit({ host, port, count, parallel }) {
    let next = 0;
    let right = 0;
    const errors = {};
    const worker = async () => {
      while (next < count) {
        const bytes = bytesOf(next++, 16);
        try {
          const talker = new Talker(host, port);
          if ((await talker.ask(bytes)).equals(bytes)) right++;
          talker.socket.end();
        } catch (error) {
          errors[error.code ?? error.message] = (errors[error.code ?? error.message] ?? 0) + 1;
        }
      }
    };
    await Promise.all(Array.from({ length: parallel }, worker));
    return { right, errors };
  },

  /** Megabytes through the echo service over a few connections at once, compared by their SHA-256. */
  async bulk({ host, port, connections, size }) {
    const rights = await Promise.all(
      Array.from({ length: connections }, async (_, index) => {
        const bytes = bytesOf(index, size);
        return digest(await new Talker(host, port).ask(bytes)) === digest(bytes);
      }),
    );
    return { right: rights.filter(Boolean).length };
  },
};

const [, , name, json] = process.argv;
console.log(JSON.stringify(await scenarios[name](JSON.parse(json))));
process.exit(0);
