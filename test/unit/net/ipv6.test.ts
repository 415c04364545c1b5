/** usertcp/net over both families, between two stacks in memory. */
import type { AddressInfo, Socket } from "node:net";
import { afterAll, expect, test } from "vitest";
import { createPipe } from "../../../src/device/pipe.ts";
import { createStack } from "../../../src/driver/create-stack.ts";
import { createNet } from "../../../src/net.ts";

const [near, far] = createPipe({ mtu: 1_500, offload: true, schedule: (deliver) => setImmediate(deliver) });
const here = createStack({ device: near, addresses: ["10.77.0.2/24", "fd77::2/64"] });
const there = createStack({ device: far, addresses: ["10.77.0.1/24", "fd77::1/64"] });
afterAll(async () => {
  await here.close();
  await there.close();
});

const ends = (socket: Socket) => [
  socket.remoteAddress,
  socket.remoteFamily,
  socket.localAddress,
  socket.localFamily,
];

test("without a host a server listens on both families, and shows IPv4 as Node does: as ::ffff:a.b.c.d", async () => {
  const server = createNet(here).createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { address, family, port } = server.address() as AddressInfo;
  expect([address, family]).toEqual(["::", "IPv6"]);
  for (const [host, client, accepted] of [
    [
      "10.77.0.2",
      ["10.77.0.2", "IPv4", "10.77.0.1", "IPv4"],
      ["::ffff:10.77.0.1", "IPv6", "::ffff:10.77.0.2", "IPv6"],
    ],
    ["fd77::2", ["fd77::2", "IPv6", "fd77::1", "IPv6"], ["fd77::1", "IPv6", "fd77::2", "IPv6"]],
  ] as const) {
    const came = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const socket = createNet(there).connect({ host, port });
    await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
    const other = await came;
    expect(ends(socket)).toEqual(client);
    expect(ends(other)).toEqual(accepted);
    socket.destroy();
    other.destroy();
  }
  server.close();
});

test("ipv6Only: IPv4 is refused", async () => {
  const server = createNet(here).createServer();
  await new Promise<void>((resolve) => server.listen({ port: 0, host: "::", ipv6Only: true }, resolve));
  const { port } = server.address() as AddressInfo;
  const socket = createNet(there).connect({ host: "10.77.0.2", port });
  const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
  expect(error).toMatchObject({ code: "ECONNREFUSED", address: "10.77.0.2", port });
  server.close();
});
