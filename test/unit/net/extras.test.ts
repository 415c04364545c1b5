/** What sockets and servers have beyond node:net's, on the real classes and on stream.Duplex. */
import { once } from "node:events";
import nodeNet, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectionOf } from "../../../src/net/below.ts";
import { extendSockets, type TcpServer, type TcpSocket } from "../../../src/net/extras.ts";
import { loopbackNet, loopbackStack } from "../../../src/net/loopback.ts";
import { duplexNet, type Net } from "../../../src/net/net.ts";

// Typed as Node's own, too.
const asNode: typeof nodeNet = loopbackNet;

describe.each([
  ["the real classes", loopbackNet],
  ["stream.Duplex", duplexNet(loopbackStack) as unknown as Net],
])("extras of sockets and servers, by %s", (_name, net) => {
  let server: TcpServer;
  const accepted: TcpSocket[] = [];
  beforeAll(async () => {
    server = net.createServer((socket) => accepted.push(socket.resume()));
    await once(server.listen(0, "127.0.0.1"), "listening");
  });
  afterAll(() => server.close());

  async function connected(prepare: (socket: TcpSocket) => void = () => {}): Promise<TcpSocket> {
    const socket = new net.Socket();
    prepare(socket);
    socket.connect((server.address() as AddressInfo).port, "127.0.0.1");
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    return socket;
  }

  it("state and info() follow the connection, and are there without one", async () => {
    const socket = new net.Socket();
    expect([socket.state, socket.info()]).toEqual(["CLOSED", null]);
    socket.connect((server.address() as AddressInfo).port, "127.0.0.1");
    await once(socket, "connectionAttempt");
    await new Promise(process.nextTick);
    expect(socket.state).toBe("SYN-SENT");
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    expect(socket.state).toBe("ESTABLISHED");
    expect(socket.info()).toMatchObject({ state: "ESTABLISHED", congestion: "cubic" });
    socket.destroy();
    expect([socket.state, socket.info()]).toEqual(["CLOSED", null]);
  });

  it("settings made before connect are the connection's from its SYN on", async () => {
    const socket = await connected((fresh) => {
      fresh.setMaxSegment(700).setUserTimeout(4_000).setLinger(0).setTypeOfService(0x28);
      fresh.congestion = "newreno";
      fresh.pacing = 1_000_000;
      expect([fresh.congestion, fresh.pacing, fresh.getTypeOfService()]).toEqual([
        "newreno",
        1_000_000,
        0x28,
      ]);
    });
    const peer = accepted.at(-1)!;
    expect(socket.info()).toMatchObject({ congestion: "reno", max_pacing_rate: 1_000_000 });
    expect(socket.congestion).toBe("newreno");
    expect(socket.info()!.snd_mss).toBeLessThanOrEqual(700);
    // The SYN offered no more.
    expect(peer.info()!.snd_mss).toBeLessThanOrEqual(700);
    // SO_LINGER 0: closing resets.
    const failed = once(peer, "error");
    socket.destroy();
    expect((await failed)[0]).toMatchObject({ code: "ECONNRESET", syscall: "read" });
  });

  it("settings of an open connection change at once", async () => {
    const socket = await connected();
    socket.congestion = "bbr";
    socket.pacing = 50_000;
    socket.setMaxSegment(600).setLinger(null).setUserTimeout(0);
    expect(socket.info()).toMatchObject({ congestion: "bbr", max_pacing_rate: 50_000 });
    expect(socket.info()!.snd_mss).toBeLessThanOrEqual(600);
    socket.pacing = 0;
    expect(socket.pacing).toBe(0);
    socket.destroy();
  });

  it("setKeepAlive takes an interval and a count, before connect and after", async () => {
    const calls: unknown[][] = [];
    const socket = await connected((fresh) => fresh.setKeepAlive(true, 5_000, 2_000, 3));
    const connection = connectionOf(socket)!;
    const real = connection.setKeepAlive.bind(connection);
    connection.setKeepAlive = (...args) => {
      calls.push(args);
      real(...args);
    };
    socket.setKeepAlive(true, 5_000, 3_000, 4);
    expect(calls.at(-1)!.slice(2)).toEqual([3_000, 4]);
    socket.destroy();
  });

  it("what cannot be set is refused with its name, and nothing changes", async () => {
    const socket = await connected();
    const outOfRange = expect.objectContaining({ code: "ERR_OUT_OF_RANGE" });
    const wrongType = expect.objectContaining({ code: "ERR_INVALID_ARG_TYPE" });
    expect(() => socket.setMaxSegment(20)).toThrow(outOfRange);
    expect(() => socket.setUserTimeout(-1)).toThrow(outOfRange);
    expect(() => socket.setLinger(-1)).toThrow(outOfRange);
    expect(() => socket.setTypeOfService(256)).toThrow(outOfRange);
    expect(() => socket.setKeepAlive(true, 1_000, 1_000, 200)).toThrow(outOfRange);
    expect(() => socket.setUserTimeout("1" as unknown as number)).toThrow(wrongType);
    expect(() => {
      socket.pacing = -1;
    }).toThrow(outOfRange);
    expect(() => {
      socket.congestion = "vegas" as "cubic";
    }).toThrow(/congestion.*newreno, cubic, bbr.*vegas/);
    expect(socket.congestion).toBe("cubic");
    socket.destroy();
  });

  it("server.stats() counts; null without a listener", async () => {
    const other = net.createServer();
    expect(other.stats()).toBeNull();
    const before = server.stats()!.accepted;
    (await connected()).destroy();
    expect(server.stats()).toMatchObject({
      accepted: before + 1,
      backlog: 511,
      acceptQueue: 0,
      synQueue: 0,
      acceptOverflows: 0,
      synDrops: 0,
      cookiesSent: 0,
    });
  });

  it("a field of a program's own called `state` stands before ours", () => {
    const socket = new net.Socket() as unknown as { state: string };
    socket.state = "mine";
    expect(socket.state).toBe("mine");
  });
});

it("a socket of the kernel's says that it has none of it", async () => {
  class Patched extends nodeNet.Socket {}
  extendSockets(Patched.prototype);
  const server = nodeNet.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = new Patched() as unknown as TcpSocket;
  socket.connect((server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  expect([socket.state, socket.info(), socket.congestion]).toEqual([null, null, null]);
  expect(() => socket.setUserTimeout(1)).toThrow(
    expect.objectContaining({ code: "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM" }),
  );
  socket.destroy();
  server.close();
  expect(asNode.isIP("::1")).toBe(6);
});
