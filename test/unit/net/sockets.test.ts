/** `usertcp/sockets`: connections as WebStreams and async iterators, the same over usertcp/loopback and over the kernel. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import nodeNet, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loopbackNet } from "../../../src/net/loopback.ts";
import type { Net } from "../../../src/net/net.ts";
import { createSockets, type StreamListener } from "../../../src/net/sockets.ts";
import type { StreamSocket } from "../../../src/net/stream-socket.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

async function textOf(socket: StreamSocket): Promise<string> {
  let text = "";
  for await (const bytes of socket) text += Buffer.from(bytes);
  return text;
}

async function send(socket: StreamSocket, ...chunks: Uint8Array[]): Promise<void> {
  const writer = socket.writable.getWriter();
  for (const chunk of chunks) await writer.write(chunk);
  await writer.close();
}

describe.each([
  ["usertcp/loopback", loopbackNet],
  ["node:net", nodeNet as unknown as Net],
])("streams of connections over %s", (_name, net) => {
  const { connect, listen } = createSockets(net);
  const listeners: StreamListener[] = [];
  afterAll(() => {
    for (const listener of listeners) listener.close();
  });

  async function serve(play: (socket: StreamSocket) => unknown, allowHalfOpen = true): Promise<string> {
    const listener = listen({ port: 0, hostname: "127.0.0.1", allowHalfOpen });
    listeners.push(listener);
    void (async () => {
      for await (const socket of listener) void play(socket);
    })();
    const { hostname, port } = await listener.addr;
    return `${hostname}:${port}`;
  }

  it("an echo by pipeTo: opened tells both ends, the end goes both ways, closed resolves", async () => {
    const at = await serve((socket) => socket.readable.pipeTo(socket.writable));
    const socket = connect(at);
    expect(await socket.opened).toEqual({
      remoteAddress: at,
      localAddress: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      alpn: null,
    });
    await send(socket, encode("hello "), new Uint16Array([0x6f79, 0x2175]) as unknown as Uint8Array);
    expect(await textOf(socket)).toBe("hello you!");
    await socket.closed;
    expect([socket.secureTransport, socket.upgraded]).toEqual(["off", false]);
  });

  it("a reader that waits holds the writer back; every byte arrives", async () => {
    const size = 4_000_000;
    const at = await serve(async (socket) => {
      await send(socket, new Uint8Array(size).fill(7));
    });
    const socket = connect({ hostname: "127.0.0.1", port: Number(at.split(":")[1]) });
    await socket.opened;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(socket.socket.bytesRead).toBeLessThan(size);
    let seen = 0;
    for await (const bytes of socket) {
      seen += bytes.length;
      expect(bytes[0]).toBe(7);
    }
    expect(seen).toBe(size);
  });

  it("memory of the reader's own is filled (BYOB), and comes back empty at the end", async () => {
    const at = await serve((socket) => send(socket, encode("abcdef")));
    const reader = connect(at).readable.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(4));
    expect(Buffer.from(first.value!).toString()).toBe("abcd");
    expect(Buffer.from((await reader.read(new Uint8Array(4))).value!).toString()).toBe("ef");
    expect(await reader.read(new Uint8Array(4))).toMatchObject({ done: true });
  });

  it("a refused connection rejects opened, closed and both streams with Node's error", async () => {
    const refused = { code: "ECONNREFUSED", syscall: "connect", address: "127.0.0.1", port: 1 };
    const socket = connect("127.0.0.1:1");
    await expect(socket.opened).rejects.toMatchObject(refused);
    await expect(socket.closed).rejects.toMatchObject(refused);
    await expect(socket.readable.getReader().read()).rejects.toMatchObject(refused);
    await expect(socket.writable.getWriter().write(encode("x"))).rejects.toMatchObject(refused);
  });

  it("without allowHalfOpen the peer's end closes writing", async () => {
    const at = await serve((socket) => send(socket, encode("bye")));
    const socket = connect(at);
    expect(await textOf(socket)).toBe("bye");
    await socket.closed;
    await expect(socket.writable.getWriter().write(encode("late"))).rejects.toBeInstanceOf(Error);
  });

  it("with allowHalfOpen writing goes on after the peer's end", async () => {
    const said: Promise<string>[] = [];
    const at = await serve(async (socket) => {
      said.push(textOf(socket));
      await socket.writable.getWriter().close();
    });
    const socket = connect(at, { allowHalfOpen: true });
    expect(await textOf(socket)).toBe("");
    await send(socket, encode("still here"));
    expect(await said[0]).toBe("still here");
    await socket.closed;
  });

  it("close() sends what was written, ends both streams and resolves; so does leaving `await using`", async () => {
    const said: Promise<string>[] = [];
    const at = await serve((socket) => said.push(textOf(socket)));
    const socket = connect(at);
    await socket.opened;
    const writer = socket.writable.getWriter();
    await writer.write(encode("last words"));
    await socket.close();
    expect(await said[0]).toBe("last words");
    expect(await socket.readable.getReader().read()).toMatchObject({ done: true });
    await expect(writer.write(encode("x"))).rejects.toThrow(/closed/);
    await socket[Symbol.asyncDispose]();
  });

  it("abort of the writable resets", async () => {
    const ends: Promise<unknown>[] = [];
    const at = await serve((socket) => {
      ends.push(
        socket.closed.then(
          () => "closed",
          (error: NodeJS.ErrnoException) => error.code,
        ),
      );
      void socket.readable
        .getReader()
        .read()
        .catch(() => {});
    });
    const socket = connect(at);
    await socket.opened;
    while (ends.length === 0) await new Promise(setImmediate);
    await socket.writable.abort();
    expect(await ends[0]).toBe("ECONNRESET");
  });

  it("a loop over a listener ends with close(); an address that is taken rejects", async () => {
    const listener = listen({ port: 0, hostname: "127.0.0.1" });
    const { port } = await listener.addr;
    const other = listen({ port, hostname: "127.0.0.1" });
    await expect(other.addr).rejects.toMatchObject({ code: "EADDRINUSE", syscall: "listen", port });
    const loop = (async () => {
      for await (const socket of listener) await socket.close();
      return "over";
    })();
    expect(await textOf(connect(`127.0.0.1:${port}`))).toBe("");
    listener.close();
    expect(await loop).toBe("over");
  });

  it("what cannot be connected to is refused by name", () => {
    const invalid = expect.objectContaining({ code: "ERR_INVALID_ARG_VALUE" });
    const wrongType = expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" });
    expect(() => connect("127.0.0.1")).toThrow(invalid);
    expect(() => connect("::1:80")).toThrow(invalid);
    expect(() => connect("127.0.0.1:80", { secureTransport: "yes" as "on" })).toThrow(invalid);
    expect(() => connect(80 as unknown as string)).toThrow(wrongType);
    expect(() => connect({ hostname: "127.0.0.1" } as never)).toThrow(wrongType);
    expect(() => connect("127.0.0.1:65536")).toThrow(
      expect.objectContaining({ code: "ERR_SOCKET_BAD_PORT" }),
    );
    expect(() => connect("127.0.0.1:1").startTls()).toThrow(TypeError);
  });

  it("what is no bytes is refused", async () => {
    const at = await serve((socket) => textOf(socket));
    const socket = connect(at);
    await expect(socket.writable.getWriter().write("text" as never)).rejects.toThrow(TypeError);
    socket.socket.destroy();
  });

  describe("secureTransport", () => {
    const folder = mkdtempSync(join(tmpdir(), "usertcp-sockets-"));
    const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
    let server: nodeNet.Server;
    let options: tls.TlsOptions;
    beforeAll(async () => {
      const make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=peer";
      execFileSync("openssl", [...make.split(" "), "-keyout", files.key, "-out", files.cert], {
        stdio: "ignore",
      });
      options = { key: readFileSync(files.key), cert: readFileSync(files.cert), ALPNProtocols: ["echo"] };
      const secure = tls.createServer(options, (socket) => socket.pipe(socket));
      // With a line first, as SMTP has it, or without.
      server = net.createServer((socket) => {
        socket.once("data", (bytes) => {
          if (bytes.toString() !== "STARTTLS\n") {
            socket.pause();
            socket.unshift(bytes);
            secure.emit("connection", socket);
            return;
          }
          socket.pause();
          socket.write("go\n");
          secure.emit("connection", socket);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    });
    afterAll(() => {
      server.close();
      rmSync(folder, { recursive: true, force: true });
    });
    const at = (): string => `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const trust = () => ({ ca: readFileSync(files.cert), servername: "peer" });

    it("on: the handshake comes first, opened tells what ALPN agreed on", async () => {
      const direct = tls.createServer(options, (socket) => socket.pipe(socket));
      const plain = net.createServer((socket) => direct.emit("connection", socket));
      await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
      const { port } = plain.address() as AddressInfo;
      const secured = { secureTransport: "on", tls: { ...trust(), ALPNProtocols: ["echo"] } } as const;
      const socket = connect(`127.0.0.1:${port}`, secured);
      expect((await socket.opened).alpn).toBe("echo");
      await send(socket, encode("secret"));
      expect(await textOf(socket)).toBe("secret");
      const stranger = connect(`127.0.0.1:${port}`, { secureTransport: "on", tls: { servername: "peer" } });
      await expect(stranger.opened).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
      plain.close();
    });

    it("starttls: in clear first, then TLS on the same connection, by another object", async () => {
      const socket = connect(at(), { secureTransport: "starttls" });
      await socket.opened;
      const writer = socket.writable.getWriter();
      await writer.write(encode("STARTTLS\n"));
      const reader = socket.readable.getReader();
      expect(Buffer.from((await reader.read()).value!).toString()).toBe("go\n");
      const secured = socket.startTls(trust());
      expect([socket.upgraded, secured.secureTransport]).toEqual([true, "on"]);
      expect(() => socket.startTls()).toThrow(TypeError);
      await socket.closed;
      expect((await secured.opened).remoteAddress).toBe(at());
      await send(secured, encode("secret"));
      expect(await textOf(secured)).toBe("secret");
      await expect(writer.write(encode("x"))).rejects.toThrow(/startTls/);
    });
  });
});
