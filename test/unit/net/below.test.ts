import type { AddressInfo, Socket } from "node:net";
import nodeNet from "node:net";
import { expect, it } from "vitest";
import { connectionOf, listenerOf } from "../../../src/net/below.ts";
import { loopbackNet } from "../../../src/net/loopback.ts";

it("the raw connection and listener stand behind a socket and a server, until they are closed", async () => {
  const server = loopbackNet.createServer((socket) => socket.resume());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  expect(listenerOf(server)?.stats()).toMatchObject({ backlog: 511, accepted: 0 });
  const socket = await new Promise<Socket>((resolve) => {
    const client: Socket = loopbackNet.connect((server.address() as AddressInfo).port, "127.0.0.1", () =>
      resolve(client),
    );
  });
  const connection = connectionOf(socket)!;
  expect(connection.state).toBe("ESTABLISHED");
  connection.set({ userTimeoutMs: 5_000, typeOfService: 0x10 });
  expect(connection.info()).toMatchObject({ state: "ESTABLISHED" });
  await new Promise<void>((resolve) => {
    socket.on("close", () => resolve());
    socket.destroy();
  });
  expect(connectionOf(socket)).toBeNull();
  await new Promise((resolve) => server.close(resolve));
  expect(listenerOf(server)).toBeNull();
  expect(connectionOf(new nodeNet.Socket())).toBeNull();
});

it("sockets and servers are of the real classes, and answer as they do", () => {
  const server = loopbackNet.createServer();
  expect(server).toBeInstanceOf(nodeNet.Server);
  expect(new loopbackNet.Socket()).toBeInstanceOf(nodeNet.Socket);
  expect(() => loopbackNet.connect({ port: 65_536 })).toThrow(
    expect.objectContaining({ code: "ERR_SOCKET_BAD_PORT" }),
  );
});

it("what is outside of the process is unreachable on usertcp/loopback", async () => {
  const error = await new Promise((resolve) => loopbackNet.connect(80, "192.0.2.1").on("error", resolve));
  expect(error).toMatchObject({ code: "ENETUNREACH", syscall: "connect", address: "192.0.2.1", port: 80 });
});
