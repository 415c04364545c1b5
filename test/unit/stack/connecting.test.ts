/** Active opens at the stack's edge (RFC 9293 3.10.1), and packets of the stack to itself. */
import { describe, expect, test } from "vitest";
import { NetworkError } from "../../../src/base/errors.ts";
import { Peer } from "../tcp/peer.ts";
import { App, listen, opening, PEER, Rig, SECOND, STACK } from "../tcp/rig.ts";

describe("connect", () => {
  test.each([
    [{ host: "name.example", port: 80 }, "ERR_INVALID_IP_ADDRESS"],
    [{ host: PEER, port: 0 }, "ERR_SOCKET_BAD_PORT"],
    [{ host: PEER, port: 70_000 }, "ERR_SOCKET_BAD_PORT"],
    [{ host: PEER, port: 80, localPort: -5 }, "ERR_SOCKET_BAD_PORT"],
    [{ host: "224.0.0.1", port: 80 }, "ENETUNREACH"],
    [{ host: "255.255.255.255", port: 80 }, "ENETUNREACH"],
    [{ host: "10.77.0.255", port: 80 }, "ENETUNREACH"],
    [{ host: "0.0.0.0", port: 80 }, "ENETUNREACH"],
    [{ host: PEER, port: 80, localAddress: "10.77.0.50" }, "EADDRNOTAVAIL"],
  ])("RFC 9293 3.10.1 (MUST-46): %j fails with %s", (options, code) => {
    expect(() => new Rig().stack.connect(options, {})).toThrow(expect.objectContaining({ code }));
  });

  test("a port that is listened on is EADDRINUSE, a 4-tuple in use EADDRNOTAVAIL", () => {
    const rig = new Rig();
    rig.stack.listen({ port: 500 }, {});
    const from = (localPort: number): unknown => rig.stack.connect({ host: PEER, port: 80, localPort }, {});
    expect(() => from(500)).toThrow(/EADDRINUSE/);
    from(600);
    expect(() => from(600)).toThrow(/EADDRNOTAVAIL/);
    rig.stack.connect({ host: PEER, port: 81, localPort: 600 }, {});
  });

  test("EADDRNOTAVAIL when every ephemeral port to one remote end is in use", () => {
    const rig = new Rig();
    const ports = new Set<number>();
    for (let i = 0; i < 28_232; i++) ports.add(rig.stack.connect({ host: PEER, port: 80 }, {}).localPort);
    expect(ports.size).toBe(28_232);
    expect(() => rig.stack.connect({ host: PEER, port: 80 }, {})).toThrow(NetworkError);
    expect(rig.stack.connect({ host: PEER, port: 81 }, {}).localPort).toBeGreaterThan(0);
  }, 30_000);

  test("RST to the SYN is ECONNREFUSED with address and port", () => {
    const { peer, connection } = opening();
    const errors: (NetworkError | null)[] = [];
    connection.handler = { onClose: (_c, error) => void errors.push(error) };
    peer.send("R.", 0, 1);
    expect(errors[0]).toMatchObject({
      code: "ECONNREFUSED",
      syscall: "connect",
      address: PEER,
      port: 9_000,
      errno: -111,
    });
  });
});

describe("packets to the stack itself", () => {
  test.each([["127.0.0.1"], ["127.9.9.9"], [STACK]])(
    "%s: a connection both of whose ends are here",
    (host) => {
      const rig = new Rig();
      const server = new App();
      const client = new App();
      listen(rig, server);
      const connection = rig.stack.connect({ host, port: 7 }, client.handler);
      expect(rig.run()).toEqual([]);
      expect([client.take(), server.connection!.state]).toEqual([["connect"], "ESTABLISHED"]);
      expect([connection.localAddress, server.connection!.remoteAddress]).toEqual([host, host]);
      connection.send(new Uint8Array(200_000));
      rig.run();
      rig.advance(SECOND);
      expect(server.received).toBe(200_000);
      connection.end();
      rig.run();
      server.connection!.end();
      rig.run();
      expect(client.take().at(-1)).toBe("close");
      expect(rig.drops()).toEqual({});
    },
  );

  test("RFC 1122 3.2.1.3 (g): 127/8 from outside is dropped", () => {
    const rig = new Rig();
    listen(rig, new App());
    expect(new Peer(rig, { stackAddress: "127.0.0.1" }).send("S", 0)).toEqual([]);
    expect(rig.drops()).toEqual({ "ip-not-ours": 1 });
  });

  test("RFC 9293 3.9.2.1 (MUST-63): sources that are no single other host are dropped", () => {
    const rig = new Rig();
    listen(rig, new App());
    for (const address of ["224.0.0.5", "255.255.255.255", "10.77.0.255", "0.0.0.0", STACK])
      expect(new Peer(rig, { address }).send("S", 0)).toEqual([]);
    expect(rig.drops()).toEqual({ "ip-source-invalid": 5 });
  });
});
