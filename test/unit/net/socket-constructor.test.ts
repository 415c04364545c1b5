import nodeNet from "node:net";
import { Duplex } from "node:stream";
import { inherits } from "node:util";
import { describe, expect, it } from "vitest";
import { duplexNet } from "../../../src/net/net.ts";
import type { Socket } from "../../../src/net/socket.ts";
import { FakeConnection, FakeStack } from "./fake-stack.ts";
import { record } from "./puppets.ts";

describe("Socket as a constructor", () => {
  it("is a Duplex, and not of node:net's Socket: node:tls would wait for a 'connect' that was long ago", () => {
    const { Socket } = duplexNet(new FakeStack());
    const socket = new Socket();
    expect(socket).toBeInstanceOf(Socket);
    expect(socket).toBeInstanceOf(Duplex);
    expect(socket).not.toBeInstanceOf(nodeNet.Socket);
  });

  it("makes one without new, and by Socket.call on an inheritor of the old kind", async () => {
    const { Socket } = duplexNet(new FakeStack());
    expect((Socket as () => Socket)()).toBeInstanceOf(Socket);
    function Old(this: Socket, options: object) {
      (Socket as unknown as (this: Socket, options: object) => void).call(this, options);
    }
    inherits(Old, Socket);
    const connection = new FakeConnection();
    const socket = new (Old as unknown as new (options: object) => Socket)({
      handle: connection.asConnection,
    });
    const log = record(socket);
    connection.deliver("x");
    expect(log).toEqual(["data x"]);
  });

  it("can be extended by a class", () => {
    const { Socket } = duplexNet(new FakeStack());
    class Mine extends Socket {}
    expect(new Mine()).toBeInstanceOf(Mine);
    expect(new Mine()).toBeInstanceOf(Socket);
  });

  it("has each name that node:net's Socket has, but those of its handle", () => {
    const handles = ["_writeGeneric"];
    const { Socket } = duplexNet(new FakeStack());
    const missing = Object.getOwnPropertyNames(nodeNet.Socket.prototype).filter(
      (name) => !(name in Socket.prototype),
    );
    expect(missing).toEqual(handles);
  });

  it("leaves the real prototypes alone", () => {
    const before = Object.getOwnPropertyNames(nodeNet.Socket.prototype).length;
    duplexNet(new FakeStack());
    expect(Object.getOwnPropertyNames(nodeNet.Socket.prototype).length).toBe(before);
    expect(new nodeNet.Socket().readyState).toBe("open");
  });
});
