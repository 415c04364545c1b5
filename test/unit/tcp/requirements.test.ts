/** Requirements of RFC 9293's appendix B that no other file is about: small ones, each shown once. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import type { ConnectionHandler } from "../../../src/stack/events.ts";
import { DEFAULT_CONFIG } from "../../../src/tcp/config.ts";
import { Peer } from "./peer.ts";
import {
  App,
  accepted,
  listen,
  MS,
  opened,
  opening,
  PEER,
  PEER6,
  Rig,
  SECOND,
  type Sent,
  STACK,
} from "./rig.ts";

/** The TCP options of a packet over IPv4, as bytes. */
const optionsOf = (sent: Sent): number[] => [...sent.raw.subarray(40, 20 + 4 * (sent.raw[32]! >> 4))];

/** The kinds among them, by walking as RFC 9293 3.1 says. */
function kindsOf(sent: Sent): number[] {
  const bytes = optionsOf(sent);
  const kinds: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const kind = bytes[at]!;
    if (kind === 0) {
      expect(bytes.slice(at).every((byte) => byte === 0)).toBe(true);
      break;
    }
    if (kind !== 1) kinds.push(kind);
    at += kind === 1 ? 1 : Math.max(2, bytes[at + 1]!);
  }
  return kinds;
}

/** Writes down what troubles the connection, beside what `App` does. */
function withTrouble(app: App): { handler: ConnectionHandler; troubles: string[] } {
  const troubles: string[] = [];
  return { troubles, handler: { ...app.handler, onTrouble: (_c, error) => void troubles.push(error.code) } };
}

describe("windows", () => {
  test("RFC 9293 3.1 MUST-1: the window is unsigned, REC-1: and kept in more than 16 bits", () => {
    const plain = accepted({ mss: 1_460, wnd: 0xffff });
    expect(plain.connection.info().snd_wnd).toBe(0xffff);
    const scaled = accepted({ mss: 1_460, wscale: 14, wnd: 0xffff });
    expect(scaled.connection.info().snd_wnd).toBe(0xffff * 2 ** 14);
  });

  test("RFC 9293 3.8.6 SHLD-17, MAY-7: text beyond a window that shrank to nothing is no reason to give up while the peer answers", () => {
    const { rig, peer, connection, app } = accepted({ mss: 1_000 }, { tcp: { r2: 3 } });
    connection.send(new Uint8Array(3_000));
    rig.run();
    peer.send(".", 1, 1_001, { wnd: 0 });
    // MAY-7: beyond the edge one octet of the old text is sent, as the probe.
    const [probe] = peer.mine(rig.advance(SECOND));
    expect(peer.line(probe!)).toBe(". 1001:1002(1) ack 1");
    peer.send(".", 1, 1_001, { wnd: 0 });
    for (let i = 0; i < 2_000; i++) {
      for (const _ of peer.mine(rig.advance(100 * MS))) peer.send(".", 1, 1_001, { wnd: 0 });
    }
    expect(connection.state).toBe("ESTABLISHED");
    app.take();
    peer.send(".", 1, 1_001, { wnd: 10_000 });
    rig.advance(300 * SECOND);
    expect(connection.info().bytes_sent).toBeGreaterThanOrEqual(3_000);
  });

  test("RFC 9293 3.8.6 SHLD-16, MUST-34: into a window that shrank old text is sent again as far as it goes, and no further", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 });
    connection.send(new Uint8Array(8_000));
    rig.run();
    peer.send(".", 1, 1_001, { wnd: 500 });
    expect(peer.lines(rig.advance(SECOND))[0]).toBe(". 1001:1501(500) ack 1");
    // Slow start would let two whole segments go.
    expect(peer.says(".", 1, 1_501, { wnd: 1_200 })).toEqual([
      ". 1501:2001(500) ack 1",
      ". 2001:2701(700) ack 1",
    ]);
  });

  test("RFC 9293 3.8.6.1 MUST-35, SHLD-29: the first probe of a closed window leaves after RTO", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 });
    connection.send(new Uint8Array(1_000));
    rig.run();
    peer.send(".", 1, 1_001, { wnd: 0 });
    connection.send(new Uint8Array(1_000));
    rig.run();
    const { rto } = connection.info();
    expect(peer.lines(rig.advance(rto - 1))).toEqual([]);
    expect(peer.lines(rig.advance(1))).toEqual([". 1001:1002(1) ack 1"]);
  });

  test("RFC 9293 3.8.6 MUST-66: with our window closed an RST still resets", () => {
    const { peer, connection, app } = accepted({ mss: 1_000 }, { tcp: { receiveBuffer: 2_000 } });
    connection.pause();
    peer.send("P.", 1, 1, { text: 1_000 });
    peer.send("P.", 1_001, 1, { text: 1_000 });
    expect(connection.info().rcv_wnd).toBe(0);
    expect(peer.says("R", 2_001)).toEqual([]);
    expect([connection.state, connection.error]).toEqual(["CLOSED", "ECONNRESET"]);
    connection.resume();
    app.take();
  });
});

describe("options", () => {
  test("RFC 9293 3.7.1 MUST-65: MSS stands on SYNs alone, MUST-14: and on each of them", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, sack: true, timestamps: true, wscale: 3 });
    connection.send(new Uint8Array(10));
    const sent = [...rig.run(), ...peer.send("P.", 11, 1, { text: 10 })];
    connection.end();
    sent.push(...rig.run());
    expect(sent.length).toBeGreaterThan(2);
    for (const s of sent) expect(kindsOf(s)).not.toContain(2);
    expect(kindsOf(opening().syn)).toContain(2);
  });

  test("RFC 9293 3.1 MUST-68, MUST-69: every option sent says its length, and nothing but zeros follows an end", () => {
    for (const sack of [false, true])
      for (const timestamps of [false, true]) {
        const { peer, syn } = opening({ mss: 1_000, sack, timestamps }, { tcp: { sack, timestamps } });
        const sent = [
          syn,
          ...peer.send("S.", 0, 1, peer.synOptions),
          ...peer.send("P.", 11, 1, { text: 10 }),
        ];
        for (const s of sent) {
          expect(optionsOf(s).length % 4).toBe(0);
          for (const kind of kindsOf(s)) expect([2, 3, 4, 5, 8]).toContain(kind);
        }
      }
  });
});

describe("OPEN", () => {
  test("RFC 9293 3.9.1.1 MUST-41: a passive OPEN leaves the connections of its port alone", () => {
    const { rig, peer, app } = accepted({ mss: 1_460 }, { addresses: ["10.77.0.2", "10.77.0.3"] });
    rig.stack.listen({ host: "10.77.0.3", port: 7, reuseAddr: true }, {});
    peer.send("P.", 1, 1, { text: 10 });
    expect(app.take()).toEqual(["data 10"]);
  });

  test.each([4, 6] as const)(
    "TCP_NOOPT (FreeBSD): the SYN of an active open over IPv%i has no options",
    (family) => {
      const rig = new Rig({ family, tcp: { fastOpen: 1 } });
      const connection = rig.stack.connect(
        { host: family === 4 ? PEER : PEER6, port: 80, noOptions: true },
        new App().handler,
      );
      const peer = new Peer(rig, { port: 80, stackPort: connection.localPort });
      const [syn] = peer.mine(rig.run());
      expect([syn!.flags, syn!.raw.length]).toEqual(["S", family === 4 ? 40 : 60]);
      peer.send("S.", 0, 1, { mss: 1_400, wscale: 7, sackPermitted: true });
      expect(connection.info()).toMatchObject({ options: 0, snd_mss: 1_400 });
    },
  );

  test("RFC 9293 3.10.7.3: text on a SYN without ACK in SYN-SENT is not acknowledged, and taken when it is resent", () => {
    // "If there are other controls or text in the segment, queue them": we don't, as Linux doesn't. Nothing is lost by it, for
    // the SYN-ACK acknowledges IRS+1 alone, and the peer resends what is not acknowledged (3.8.1).
    const { peer, app, connection } = opening({ mss: 1_460 });
    expect(peer.says("S", 0, 0, { mss: 1_460, text: 10 })).toEqual(["S. 0:1(0) ack 1"]);
    expect(peer.says(".", 1, 1)).toEqual([]);
    expect(connection.state).toBe("ESTABLISHED");
    expect(app.take()).toEqual(["connect"]);
    peer.send("P.", 1, 1, { text: 10 });
    expect([app.take(), app.received]).toEqual([["data 10"], 10]);
  });

  test("RFC 9293 3.9.1.1 MUST-42: a port is listened on while a connection from it is in SYN-SENT", () => {
    const rig = new Rig();
    const connection = rig.stack.connect({ host: PEER, port: 9, localPort: 7 }, {});
    rig.run();
    expect(connection.state).toBe("SYN-SENT");
    const app = new App();
    listen(rig, app, { reuseAddr: true });
    const peer = new Peer(rig, { port: 10 });
    peer.send("S", 0);
    peer.send(".", 1, 1);
    expect(app.connection!.state).toBe("ESTABLISHED");
    expect(connection.state).toBe("SYN-SENT");
  });

  test("RFC 9293 3.9.1.1 MUST-43, MUST-44: the source is the one named, else the one that the route has", () => {
    const rig = new Rig({ addresses: [`${STACK}/24`, "10.78.0.2/24"] });
    const from = (options: { host: string; localAddress?: string }): string => {
      rig.stack.connect({ port: 9, ...options }, {});
      return rig.run()[0]!.src;
    };
    expect(from({ host: PEER })).toBe(STACK);
    expect(from({ host: "10.78.0.1" })).toBe("10.78.0.2");
    expect(from({ host: "10.78.0.1", localAddress: STACK })).toBe(STACK);
  });

  test("RFC 9293 3.9.1.1 MUST-45: later segments have the addresses of the first", () => {
    const rig = new Rig({ addresses: [`${STACK}/24`, "10.78.0.2/24"] });
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { stackAddress: "10.78.0.2" });
    const sent = [...peer.send("S", 0), ...peer.send(".", 1, 1)];
    app.connection!.send(new Uint8Array(10));
    sent.push(...rig.run());
    app.connection!.end();
    sent.push(...rig.run(), ...rig.advance(2 * SECOND));
    expect(sent.length).toBeGreaterThan(3);
    for (const s of sent) expect(s.src).toBe("10.78.0.2");
  });

  test("RFC 9293 3.10.7.4 second MUST-11: a reset in SYN-RECEIVED goes back to LISTEN, or tells the active opener", () => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig);
    peer.send("S", 0);
    expect(peer.says("R", 1)).toEqual([]);
    expect(peer.says("S", 0)).toEqual(["S. 0:1(0) ack 1"]);
    peer.send(".", 1, 1);
    expect(app.connection!.state).toBe("ESTABLISHED");
    const active = opening();
    active.peer.send("S", 0);
    expect(active.connection.state).toBe("SYN-RECEIVED");
    active.peer.send("R", 1);
    expect(active.app.take()).toEqual(["close ECONNREFUSED"]);
  });
});

describe("addresses of many", () => {
  test("RFC 9293 3.9.2.3 MUST-57: a SYN to a broadcast or multicast address is dropped without a word", () => {
    const rig = new Rig();
    listen(rig, new App());
    for (const stackAddress of ["10.77.0.255", "255.255.255.255", "224.0.0.1", "0.0.0.0"])
      expect(rig.input(new Peer(rig, { stackAddress }).segment("S", 0))).toEqual([]);
    expect(rig.others).toEqual([]);
    expect(rig.drops()).toEqual({ "ip-not-ours": 4 });
  });

  test("RFC 9293 3.9.2.3 MUST-57: the same over IPv6", () => {
    const rig = new Rig({ family: 6 });
    listen(rig, new App());
    expect(rig.input(new Peer(rig, { stackAddress: "ff02::1" }).segment("S", 0))).toEqual([]);
    expect(rig.others).toEqual([]);
  });
});

describe("PUSH", () => {
  test("RFC 9293 3.9.1.2 MUST-60, MUST-61, SHLD-27: what several SENDs left leaves without waiting for more, its last segment alone pushed", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 });
    for (let i = 0; i < 5; i++) connection.send(new Uint8Array(500));
    expect(peer.lines(rig.run())).toEqual([
      ". 1:1001(1000) ack 1",
      ". 1001:2001(1000) ack 1",
      "P. 2001:2501(500) ack 1",
    ]);
  });

  test("RFC 9293 3.9.1.2 MAY-16: corked text waits to be joined, and not for ever", () => {
    const { rig, peer, connection } = accepted({ mss: 1_000 });
    connection.set({ cork: true });
    for (let i = 0; i < 3; i++) {
      connection.send(new Uint8Array(100));
      expect(peer.lines(rig.run())).toEqual([]);
    }
    expect(peer.lines(rig.advance(2 * SECOND))[0]).toMatch(/ 1:301\(300\) ack 1$/);
  });
});

describe("reports", () => {
  test("RFC 9293 3.8.3 MUST-20, SHLD-9, MUST-47: at R1 the path is given up and the application told; at R2 the connection is", () => {
    const { rig, connection, app } = accepted({ mss: 1_460 }, { tcp: { r2: 6 } });
    const { handler, troubles } = withTrouble(app);
    connection.handler = handler;
    const { paths } = rig.stack.interfaces;
    const remote = parseIpv4Address(PEER)!;
    paths.learn(4, remote, rig.link, 1_000);
    connection.send(new Uint8Array(10));
    rig.run();
    expect(DEFAULT_CONFIG.r1).toBeGreaterThanOrEqual(3);
    for (let i = 0; i < 60 && troubles.length === 0; i++) rig.advance(100 * MS);
    expect(troubles).toEqual(["ETIMEDOUT"]);
    expect([connection.info().retransmits, connection.state]).toEqual([DEFAULT_CONFIG.r1, "ESTABLISHED"]);
    expect(paths.find(4, remote)).toBe(undefined);
    rig.advance(200 * SECOND);
    expect(app.take()).toEqual(["close ETIMEDOUT"]);
  });

  test("RFC 9293 3.9.1.8 SHLD-20: without onTrouble nothing is reported, and the connection goes on", () => {
    const { rig, connection, app } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(10));
    rig.run();
    rig.advance(5 * SECOND);
    expect(connection.info().retransmits).toBeGreaterThan(DEFAULT_CONFIG.r1);
    expect([connection.state, app.take()]).toEqual(["ESTABLISHED", []]);
  });

  test("RFC 9293 3.8.3 SHLD-10, SHLD-11: R1 is three retransmissions, R2 more than 100 seconds even on the fastest path", () => {
    const { rig, connection, app } = accepted({ mss: 1_460 });
    const began = rig.now;
    connection.send(new Uint8Array(10));
    rig.run();
    while (app.log.length === 0) rig.advance(SECOND);
    expect(rig.now - began).toBeGreaterThan(100 * SECOND);
  });
});

test("RFC 9293 3.5.2 SHLD-2: an RST that carries text, as an explanation, resets all the same", () => {
  const { peer, connection, app } = opened({ mss: 1_460 });
  peer.send("R.", 1, 1, { text: "no such user" });
  expect([connection.state, app.take()]).toEqual(["CLOSED", ["close ECONNRESET"]]);
});

test("RFC 9293 3.8.1 MAY-4, RFC 6864 4.1: an atomic datagram's ID means nothing: the same, 0, on a segment and its repetition", () => {
  const { rig, peer, connection } = accepted({ mss: 1_460 });
  connection.send(new Uint8Array(10));
  const sent = [...peer.mine(rig.run()), ...peer.mine(rig.advance(2 * SECOND))];
  expect(sent.length).toBeGreaterThan(1);
  for (const s of sent) expect([...s.raw.subarray(4, 8)]).toEqual([0, 0, 0x40, 0]);
});

test("RFC 9293 3.9.2 SHLD-23: the Diffserv field of a connection stays what it is, through text, repetition and end", () => {
  const { rig, peer, connection } = accepted({ mss: 1_000 });
  connection.set({ typeOfService: 0x28 });
  connection.send(new Uint8Array(5_000));
  const sent = [...rig.run(), ...rig.advance(SECOND), ...peer.send("P.", 1, 5_001, { text: 10 })];
  connection.end();
  sent.push(...rig.run(), ...rig.advance(SECOND));
  expect(sent.length).toBeGreaterThan(8);
  for (const s of sent) expect(s.raw[1]).toBe(0x28);
});

test("RFC 9293 3.8.5 SHLD-13: neither our node:net nor our commands send urgent data", () => {
  const root = new URL("../../../src/", import.meta.url);
  for (const layer of ["net", "cli", "driver"]) {
    for (const file of readdirSync(new URL(`${layer}/`, root)))
      expect(readFileSync(new URL(`${layer}/${file}`, root), "utf8"), file).not.toMatch(/sendUrgent/);
  }
});
