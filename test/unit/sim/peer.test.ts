import { expect, test } from "vitest";
import { ScriptedPeer } from "../../../src/sim/peer.ts";
import { World } from "../../../src/sim/world.ts";
import { ACK, FIN, RST, SYN } from "../../../src/wire/segment.ts";

test("a scripted peer opens, talks and closes; the host's segments come one by one", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  let text = "";
  host.stack.listen(
    { port: 80 },
    {
      onConnection(connection) {
        connection.handler = {
          onData(c, bytes) {
            text += String.fromCharCode(...bytes);
            c.send(bytes);
          },
          onEnd: (c) => c.end(),
        };
      },
    },
  );
  const peer = new ScriptedPeer(world, host, { hostPort: 80 });
  peer.handshake();
  peer.send({ text: "hello" });
  peer.expect({ text: "hello", ack: peer.seq });
  peer.send({ flags: FIN | ACK });
  peer.expect({ flags: FIN | ACK, ack: peer.seq });
  peer.send();
  peer.expectNothing();
  expect(text).toBe("hello");
  expect(host.stack.snapshot().sockets.filter((row) => row.listener === null)).toEqual([]);
});

test("a scripted peer answers an active open", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  const peer = new ScriptedPeer(world, host, { hostPort: 0, port: 9 });
  const connection = host.stack.connect({ host: peer.address, port: 9 }, {});
  world.settle();
  peer.accept();
  expect(connection.state).toBe("ESTABLISHED");
  peer.send({ flags: RST, seq: peer.seq });
  expect(connection.state).toBe("CLOSED");
});

test("what was not expected is said with what was sent", () => {
  const world = new World(1);
  const host = world.host({ addresses: ["10.0.0.1/24"] });
  const peer = new ScriptedPeer(world, host, { hostPort: 81 });
  peer.send({ flags: SYN });
  expect(() => peer.expect({ flags: SYN | ACK })).toThrow(
    /expected flags \[S\.\]: flags is 20\n {2}got IP 10\.0\.0\.1\.81/,
  );
  expect(() => peer.expect({ flags: RST })).toThrow("nothing was sent");
});
