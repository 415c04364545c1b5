import { describe, expect, it, vi } from "vitest";
import { PATTERN } from "../../../src/cli/pattern.ts";
import { RAW_SERVICES, type RawService } from "../../../src/cli/services-raw.ts";
import type { Listener } from "../../../src/stack/listener.ts";
import { FakeConnection } from "./fake-running.ts";

/** A connection that a service accepted; `sends` is how often the peer's window takes a chunk. */
function accepted(service: RawService, sends = Number.POSITIVE_INFINITY): FakeConnection {
  const connection = new FakeConnection(40_000);
  let left = sends;
  const send = connection.send.bind(connection);
  connection.send = (bytes) => {
    send(bytes);
    return --left > 0;
  };
  RAW_SERVICES[service].onConnection?.(connection.as, {} as Listener);
  return connection;
}

describe("echo (RFC 862)", () => {
  it("sends back what comes, and FIN after the peer's", () => {
    const connection = accepted("echo");
    connection.handler.onData?.(connection.as, Buffer.from("hello"));
    connection.handler.onEnd?.(connection.as);
    expect(connection.text).toBe("hello");
    expect(connection.calls).toEqual(["end"]);
  });

  it("stops reading while the peer does not", () => {
    const connection = accepted("echo", 1);
    connection.handler.onData?.(connection.as, Buffer.from("hello"));
    expect(connection.calls).toEqual(["pause"]);
    connection.handler.onDrain?.(connection.as);
    expect(connection.calls).toEqual(["pause", "resume"]);
  });
});

describe("discard (RFC 863)", () => {
  it("sends nothing, and FIN after the peer's", () => {
    const connection = accepted("discard");
    connection.handler.onData?.(connection.as, Buffer.from("hello"));
    connection.handler.onEnd?.(connection.as);
    expect(connection.sent).toEqual([]);
    expect(connection.calls).toEqual(["end"]);
  });
});

describe("chargen (RFC 864)", () => {
  it("fills the send buffer, then waits for it to drain, always with the one shared chunk", () => {
    const connection = accepted("chargen", 3);
    const send = vi.spyOn(connection, "send");
    expect(connection.sent).toHaveLength(3);
    connection.handler.onDrain?.(connection.as);
    expect(connection.sent).toHaveLength(4);
    expect(send.mock.calls[0]![0]).toBe(PATTERN);
  });

  it("goes on after the peer's FIN", () => {
    const connection = accepted("chargen", 1);
    connection.handler.onEnd?.(connection.as);
    expect(connection.calls).toEqual([]);
  });

  it("has lines of 72 printable characters that each begin one later, and repeats without a seam", () => {
    const lines = Buffer.from(PATTERN).toString("latin1").split("\r\n");
    expect(lines.pop()).toBe("");
    expect(lines).toHaveLength(950);
    expect(lines[0]).toBe(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefg");
    for (let i = 1; i < lines.length; i++) {
      expect(lines[i]).toHaveLength(72);
      expect(lines[i]!.slice(0, 71)).toBe(lines[i - 1]!.slice(1));
    }
    expect(lines[949]!.charAt(1)).toBe(lines[0]!.charAt(0));
  });
});

describe("keep", () => {
  it("reads end-of-file and never closes: a CLOSE-WAIT on purpose", () => {
    const connection = accepted("keep");
    connection.handler.onData?.(connection.as, Buffer.from("hello"));
    connection.handler.onEnd?.(connection.as);
    expect(connection.calls).toEqual([]);
  });
});
