/** TCP Fast Open (RFC 7413), client and server, against a scripted peer. */
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import type { Connection } from "../../../src/stack/connection.ts";
import { FastOpenKeys, INVALID, VALID, VALID_OLD } from "../../../src/tcp/fast-open-keys.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { type Extra, Peer } from "./peer.ts";
import { App, listen, MS, PEER, Rig, type RigOptions, SECOND, type Sent, STACK } from "./rig.ts";
import { stateOf } from "./state-setup.ts";

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

/** The Fast Open cookie of a sent segment in hexadecimal; null without the option. */
function cookieOf(sent: Sent): string | null {
  const at = 20;
  const end = at + (sent.raw[at + 12]! >> 4) * 4;
  for (let i = at + 20; i < end; ) {
    const kind = sent.raw[i]!;
    if (kind === 1) i++;
    else if (kind === 34) return hex(sent.raw.subarray(i + 2, i + sent.raw[i + 1]!));
    else i += sent.raw[i + 1]!;
  }
  return null;
}

/** Options with a Fast Open cookie; `experimental` in the form of RFC 6994. */
function fo(cookie: string, experimental = false, mss = 1_460): Extra {
  const bytes = cookie.match(/../g)?.map((b) => Number.parseInt(b, 16)) ?? [];
  const option = experimental
    ? [254, 4 + bytes.length, 0xf9, 0x89, ...bytes]
    : [34, 2 + bytes.length, ...bytes];
  return { mss, options: Uint8Array.from(option) };
}

interface Client {
  rig: Rig;
  app: App;
  connection: Connection;
  peer: Peer;
  syn: Sent | undefined;
}

const CLIENT: RigOptions = { tcp: { fastOpen: 1, timestamps: false } };

function connect(rig: Rig, fastOpen: Uint8Array | boolean, more: object = {}): Client {
  const app = new App();
  const connection = rig.stack.connect({ host: PEER, port: 80, fastOpen, ...more }, app.handler);
  const peer = new Peer(rig, { port: 80, stackPort: connection.localPort });
  const [syn] = peer.mine(rig.run());
  return { rig, app, connection, peer, syn };
}

/** A rig that has a cookie of the peer's. */
function warm(cookie = "0102030405060708", options: RigOptions = CLIENT, mss = 1_460): Rig {
  const rig = new Rig(options);
  const first = connect(rig, true);
  expect(cookieOf(first.syn!)).toBe("");
  first.peer.send("S.", 0, 1, fo(cookie, false, mss));
  expect(first.app.take()).toEqual(["connect"]);
  first.connection.abort();
  rig.run();
  return rig;
}

const text = (length: number): Uint8Array => new Uint8Array(length).fill(65);

describe("Fast Open, client", () => {
  test("RFC 7413 4.2.1: off by default; an ordinary SYN, the text after the handshake", () => {
    const { syn, peer, rig } = connect(new Rig(), text(100));
    expect([cookieOf(syn!), syn!.text.length]).toEqual([null, 0]);
    expect(peer.says("S.", 0, 1)[0]).toBe("P. 1:101(100) ack 1");
    rig.run();
  });

  test("RFC 7413 4.1.3: without a cookie the SYN asks for one, and carries no text", () => {
    const { syn, peer, connection } = connect(new Rig(CLIENT), text(100));
    expect([cookieOf(syn!), syn!.text.length]).toEqual(["", 0]);
    expect(peer.says("S.", 0, 1, fo("a1a2a3a4"))).toEqual(["P. 1:101(100) ack 1"]);
    expect(connection.info().syn_data).toBe(false);
  });

  test("RFC 7413 4.2.1: with one the text rides on the SYN; acknowledged, it is not sent again", () => {
    const { syn, peer, connection, app, rig } = connect(warm(), text(100));
    expect([cookieOf(syn!), syn!.flags, syn!.text.length]).toEqual(["0102030405060708", "S", 100]);
    expect(peer.says("S.", 0, 101)).toEqual([". 101:101(0) ack 1"]);
    expect(app.take()).toEqual(["connect", "finish"]);
    const info = connection.info();
    expect([info.syn_data, info.bytes_acked]).toEqual([true, 100]);
    expect(rig.stack.counters.TCPFastOpenActive).toBe(1);
    connection.send(text(5));
    expect(peer.lines(rig.run())).toEqual(["P. 101:106(5) ack 1"]);
  });

  test("RFC 7413 4.2.2: not acknowledged, it is sent after the handshake, without a response of congestion control", () => {
    const { peer, connection, rig, app } = connect(warm(), text(100));
    expect(peer.says("S.", 0, 1, fo("1111111122222222"))).toEqual(["P. 1:101(100) ack 1"]);
    peer.send(".", 1, 101);
    const info = connection.info();
    expect([info.syn_data, info.ca_state, info.snd_ssthresh]).toEqual([false, 0, 0x7fffffff]);
    expect(app.take()).toEqual(["connect", "finish"]);
    expect(rig.stack.counters.TCPFastOpenActiveFail).toBe(1);
    expect(cookieOf(connect(rig, text(1)).syn!)).toBe("1111111122222222");
  });

  test("RFC 9293 3.10.7.3: acknowledged in part, the rest is sent again", () => {
    const { peer } = connect(warm(), text(100));
    expect(peer.says("S.", 0, 60)).toEqual(["P. 60:101(41) ack 1"]);
  });

  test("RFC 7413 4.1.3.1: a SYN that times out goes again without text and option; a late SYN-ACK may still acknowledge the text", () => {
    const { rig, peer, syn } = connect(warm(), text(100));
    expect(syn!.text.length).toBe(100);
    const [again] = peer.mine(rig.advance(SECOND));
    expect([again!.flags, again!.text.length, cookieOf(again!)]).toEqual(["S", 0, null]);
    expect(peer.says("S.", 0, 101)).toEqual([". 101:101(0) ack 1"]);
    const other = connect(warm(), text(100));
    other.peer.mine(other.rig.advance(SECOND));
    expect(other.peer.says("S.", 0, 1)).toEqual(["P. 1:101(100) ack 1"]);
  });

  test("RFC 7413 4.1.3.1: who gives no cookie, or refuses ours, is not asked for a while; Linux asks again", () => {
    const second = (fastOpenNegative: number): (string | null)[] => {
      const rig = new Rig({ tcp: { fastOpen: 1, timestamps: false, fastOpenNegative } });
      const first = connect(rig, text(10));
      first.peer.send("S.", 0, 1);
      const soon = cookieOf(connect(rig, text(10)).syn!);
      rig.advance(900 * SECOND);
      return [soon, cookieOf(connect(rig, text(10)).syn!)];
    };
    expect(second(900 * SECOND)).toEqual([null, ""]);
    expect(second(0)).toEqual(["", ""]);
    const rig = warm();
    connect(rig, text(10)).peer.send("S.", 0, 1);
    expect(cookieOf(connect(rig, text(10)).syn!)).toBe(null);
  });

  test.each([
    ["01", false],
    ["0102", false],
    ["01020304", true],
    ["0102030405060708090a0b0c0d0e0f", false],
    ["0102030405060708090a0b0c0d0e0f10", true],
    ["0102030405060708090a0b0c0d0e0f101112", false],
  ])("RFC 7413 4.1.1: 4 to 16 bytes, an even number: %s", (cookie, valid) => {
    const rig = warm("aabbccdd");
    const { peer } = connect(rig, text(10));
    peer.send("S.", 0, 11, fo(cookie));
    expect(cookieOf(connect(rig, text(10)).syn!)).toBe(valid ? cookie : "aabbccdd");
  });

  test("RFC 7413 4.1.1: the experimental form (RFC 6994, 0xF989) is understood", () => {
    const rig = new Rig(CLIENT);
    connect(rig, true).peer.send("S.", 0, 1, fo("aabbccddeeff", true));
    expect(cookieOf(connect(rig, text(1)).syn!)).toBe("aabbccddeeff");
  });

  test("RFC 7413 4.2.1: as much text as the MSS known, TCP_MAXSEG and the path leave beside the options", () => {
    const room = (mss: number, more = {}): number[] => {
      const { connection, rig, peer } = connect(warm("aabbccdd", CLIENT, mss), true, more);
      const { synRoom } = connection;
      connection.send(text(5_000));
      return [synRoom, peer.mine(rig.run())[0]!.text.length];
    };
    expect(room(940)).toEqual([900, 900]);
    expect(room(10_000)).toEqual([1_420, 1_420]);
    expect(room(1_460, { maxSegment: 1_040 })).toEqual([1_000, 1_000]);
  });

  test("TCP_FASTOPEN_CONNECT: with a cookie the SYN waits for the first send; without text it goes empty", () => {
    const waiting = connect(warm(), true);
    expect(waiting.syn).toBeUndefined();
    expect(waiting.peer.lines(waiting.rig.advance(30 * SECOND))).toEqual([]);
    waiting.connection.send(text(3));
    expect(waiting.peer.mine(waiting.rig.run())[0]!.text.length).toBe(3);
    const empty = connect(warm(), new Uint8Array(0));
    expect([cookieOf(empty.syn!), empty.syn!.text.length]).toEqual(["0102030405060708", 0]);
  });

  test("RFC 1191 6.3: a SYN that was too large for the path goes again at once, without text", () => {
    const { rig, peer, syn } = connect(warm(), text(1_000));
    const error = new Uint8Array(56);
    const view = new DataView(error.buffer);
    emitIpv4(view, 0, 56, 1, false, 64, 1, parseIpv4Address("10.77.0.254")!, parseIpv4Address(STACK)!, 0);
    error.set([3, 4, 0, 0, 0, 0, 840 >> 8, 840 & 255], 20);
    error.set(syn!.raw.subarray(0, 28), 28);
    view.setUint16(22, finish(sum(error, view, 20, 36, 0)));
    const [again] = peer.mine(rig.input(error));
    expect([again!.flags, again!.text.length, cookieOf(again!), again!.mss]).toEqual(["S", 0, null, 800]);
    expect(peer.lines(peer.send("S.", 0, 1, { mss: 1_040 }))).toEqual([
      ". 1:801(800) ack 1",
      "P. 801:1001(200) ack 1",
    ]);
  });

  test("0x4: text leaves in the SYN without a cookie", () => {
    const { syn } = connect(new Rig({ tcp: { fastOpen: 5 } }), text(100));
    expect([cookieOf(syn!), syn!.text.length]).toEqual([null, 100]);
  });

  test("RFC 9293 3.10.7.3: a SYN-ACK with text and FIN", () => {
    const { peer, app, connection } = connect(warm(), text(100));
    expect(peer.says("SF.", 0, 101, { text: 50 })).toEqual([". 101:101(0) ack 52"]);
    expect(app.take()).toEqual(["connect", "data 50", "end", "finish"]);
    expect(connection.state).toBe("CLOSE-WAIT");
  });

  test("RFC 9293 3.10.7.3: simultaneous open; the text is acknowledged, or sent again", () => {
    const took = connect(warm(), text(100));
    expect(took.peer.says("S", 0)).toEqual(["S. 0:1(0) ack 1"]);
    expect(took.peer.says("S.", 0, 101)).toEqual([]);
    expect([took.connection.state, took.connection.sendQueue]).toEqual(["ESTABLISHED", 0]);
    const lost = connect(warm(), text(100));
    lost.peer.send("S", 0);
    expect(lost.peer.says(".", 1, 1)).toEqual(["P. 1:101(100) ack 1"]);
  });

  test("a SYN-ACK that echoes a timestamp that was never sent is of an earlier connection: RST (Linux: PAWSActive)", () => {
    const rig = warm("aabbccdd", { tcp: { fastOpen: 1 } });
    const { peer, connection, syn } = connect(rig, text(100));
    expect(peer.says("S.", 0, 101, { ts: [7, syn!.ts!.val + 9_999] })).toEqual(["R 101:101(0)"]);
    expect(connection.state).toBe("SYN-SENT");
    expect(peer.says("S.", 0, 101, { ts: [7, syn!.ts!.val] })).toEqual([". 101:101(0) ack 1"]);
  });

  test("RFC 7413 6.1: Fast Open is paused for all after a connection timed out three times", () => {
    const rig = warm("aabbccdd", { tcp: { fastOpen: 1, fastOpenBlackhole: 3_600 * SECOND } });
    const { connection } = connect(rig, text(100));
    rig.advance(8 * SECOND);
    connection.abort();
    rig.run();
    expect(rig.stack.counters.TCPFastOpenBlackhole).toBe(1);
    expect(cookieOf(connect(rig, text(1)).syn!)).toBe(null);
    rig.advance(3_600 * SECOND);
    expect(cookieOf(connect(rig, text(1)).syn!)).toBe("aabbccdd");
  });
});

const KEY = "a1a1a1a1-b2b2b2b2-c3c3c3c3-d4d4d4d4";
const OLD = "00000001-00000002-00000003-00000004";

function server(
  tcp: RigOptions["tcp"] = {},
  fastOpen = 5,
): { rig: Rig; app: App; peer: Peer; cookie: string } {
  const rig = new Rig({ tcp: { fastOpen: 2, fastOpenKey: KEY, timestamps: false, ...tcp } });
  const app = new App();
  listen(rig, app, { fastOpen });
  const keys = new FastOpenKeys(KEY, new Uint8Array(16));
  const peer = new Peer(rig);
  return {
    rig,
    app,
    peer,
    cookie: hex(keys.cookie(Int32Array.of(parseIpv4Address(PEER)!, parseIpv4Address(STACK)!), 2)),
  };
}

describe("Fast Open, server", () => {
  test("cookies are those of Linux under the same key", () => {
    const keys = new FastOpenKeys(KEY, new Uint8Array(16));
    const cookie = keys.cookie(
      Int32Array.of(parseIpv4Address("192.0.2.1")!, parseIpv4Address("192.168.0.1")!),
      2,
    );
    expect(hex(cookie)).toBe("3021b9d889017eeb");
  });

  test("RFC 7413 4.1.2: keys are changed with the old one still taken", () => {
    const keys = new FastOpenKeys(OLD, new Uint8Array(16));
    const old = keys.cookie(Int32Array.of(1, 2), 2).slice();
    keys.set(`${KEY},${OLD}`);
    const current = keys.cookie(Int32Array.of(1, 2), 2).slice();
    expect(keys.check(Int32Array.of(1, 2), 2, old, 0, 8)).toBe(VALID_OLD);
    expect(keys.check(Int32Array.of(1, 2), 2, current, 0, 8)).toBe(VALID);
    expect(keys.check(Int32Array.of(3, 2), 2, current, 0, 8)).toBe(INVALID);
    expect(keys.check(Int32Array.of(1, 2), 2, current, 0, 4)).toBe(INVALID);
    expect(() => keys.set("xyz")).toThrow("fastOpenKey");
  });

  test("RFC 7413 4.2.2: a valid cookie: the text is delivered before the third segment, and may be answered", () => {
    const { rig, app, peer, cookie } = server();
    expect(peer.says("S", 0, 0, { text: 10, ...fo(cookie) })).toEqual(["S. 0:1(0) ack 11"]);
    expect(app.take()).toEqual(["data 10"]);
    expect(stateOf(rig, peer)).toBe("SYN-RECEIVED");
    expect(app.connection!.info().syn_data).toBe(true);
    app.connection!.send(text(100));
    expect(peer.lines(rig.run())).toEqual(["P. 1:101(100) ack 11"]);
    peer.send(".", 11, 101);
    expect(stateOf(rig, peer)).toBe("ESTABLISHED");
    expect(app.take()).toEqual(["finish"]);
    expect(rig.stack.counters.TCPFastOpenPassive).toBe(1);
  });

  test("RFC 7413 4.2.2: without text the connection is accepted all the same", () => {
    const { app, peer, cookie } = server();
    expect(peer.says("S", 0, 0, fo(cookie))).toEqual(["S. 0:1(0) ack 1"]);
    expect(app.connection!.info().syn_data).toBe(false);
  });

  test("RFC 7413 4.2.2: a request gets a cookie, a bad one a new one; the text is left to come again", () => {
    const { app, peer, cookie, rig } = server();
    for (const sent of ["", "0011223344556677"]) {
      const [synAck] = peer.send("S", 0, 0, { text: 10, ...fo(sent) });
      expect([peer.line(synAck!), cookieOf(synAck!)]).toEqual(["S. 0:1(0) ack 1", cookie]);
      peer.send("R", 1);
    }
    expect(app.connection).toBe(null);
    expect([rig.stack.counters.TCPFastOpenCookieReqd, rig.stack.counters.TCPFastOpenPassiveFail]).toEqual([
      1, 1,
    ]);
    const [experimental] = peer.send("S", 0, 0, fo(cookie, true));
    expect(peer.line(experimental!)).toBe("S. 0:1(0) ack 1");
    expect(app.connection).not.toBe(null);
  });

  test("a cookie of the key before is taken, and replaced", () => {
    const { rig, app, peer, cookie } = server();
    rig.stack.listeners.fastOpen.keys.set(`${OLD},${KEY}`);
    const [synAck] = peer.send("S", 0, 0, { text: 10, ...fo(cookie) });
    expect(app.received).toBe(10);
    expect(cookieOf(synAck!)).not.toBe(cookie);
    expect(cookieOf(synAck!)).toHaveLength(16);
  });

  test.each([
    ["the server's bit is not set", { fastOpen: 1 }, 5],
    ["the listener was not asked to", {}, -1],
    ["the listener was asked not to", { fastOpen: 0x402 }, 0],
  ])("an ordinary SYN-ACK where %s", (_, tcp, max) => {
    const { app, peer, cookie } = server(tcp, max);
    const [synAck] = peer.send("S", 0, 0, { text: 10, ...fo(cookie) });
    expect([peer.line(synAck!), cookieOf(synAck!)]).toEqual(["S. 0:1(0) ack 1", null]);
    expect(app.connection).toBe(null);
  });

  test("0x200: text is accepted without a cookie; 0x400: by every listener", () => {
    const bare = server({ fastOpen: 0x202 });
    bare.peer.send("S", 0, 0, { text: 10 });
    expect(bare.app.received).toBe(10);
    const all = server({ fastOpen: 0x402 }, -1);
    all.peer.send("S", 0, 0, { text: 10, ...fo(all.cookie) });
    expect(all.app.received).toBe(10);
    const plain = server({ fastOpen: 0x402 }, -1);
    expect(plain.peer.says("S", 0, 0, { text: 10 })).toEqual(["S. 0:1(0) ack 1"]);
  });

  test("RFC 7413 5.1: so many without a third segment, then ordinary handshakes; a reset frees its place after 60 s", () => {
    const { rig, peer, cookie } = server({}, 1);
    const accepts = (port: number): boolean => {
      const other = new Peer(rig, { port });
      return other.says("S", 0, 0, { text: 10, ...fo(cookie) })[0]!.endsWith("ack 11");
    };
    peer.send("S", 0, 0, { text: 10, ...fo(cookie) });
    expect(accepts(1_001)).toBe(false);
    expect(rig.stack.counters.TCPFastOpenListenOverflow).toBe(1);
    peer.send(".", 11, 1);
    const reset = new Peer(rig, { port: 1_002 });
    reset.send("S", 0, 0, { text: 10, ...fo(cookie) });
    reset.send("R", 11);
    expect(stateOf(rig, reset)).toBe(null);
    expect(accepts(1_003)).toBe(false);
    rig.advance(60 * SECOND);
    expect(accepts(1_004)).toBe(true);
  });

  test("RFC 7413 4.2.2: the SYN-ACK is sent again, by timer and for the SYN; text waits for it", () => {
    const { rig, app, peer, cookie } = server();
    peer.send("S", 0, 0, { text: 10, ...fo(cookie) });
    app.connection!.send(text(5));
    peer.mine(rig.run());
    expect(peer.lines(rig.advance(SECOND))).toEqual(["S. 0:1(0) ack 11"]);
    expect(peer.says("S", 0)).toEqual(["S. 0:1(0) ack 11"]);
    peer.send(".", 11, 1);
    expect(peer.lines(rig.advance(4 * SECOND)).filter((line) => line.includes("1:6(5)"))).not.toEqual([]);
    const gone = server({ synAckRetries: 2 });
    gone.peer.send("S", 0, 0, { text: 10, ...fo(gone.cookie) });
    gone.app.take();
    gone.rig.advance(20 * SECOND);
    expect(gone.app.take()).toEqual(["close ETIMEDOUT"]);
  });

  test("RFC 9293 3.10.7.4: RST in SYN-RECEIVED tells the application ECONNRESET; CLOSE there sends FIN", () => {
    const reset = server();
    reset.peer.send("S", 0, 0, { text: 10, ...fo(reset.cookie) });
    reset.app.take();
    reset.peer.send("R.", 11, 1);
    expect(reset.app.take()).toEqual(["close ECONNRESET"]);
    const closing = server();
    closing.peer.send("S", 0, 0, { text: 10, ...fo(closing.cookie) });
    const connection = closing.app.connection!;
    connection.end();
    expect(closing.peer.lines(closing.rig.run())).toEqual(["F. 1:2(0) ack 11"]);
    closing.peer.send(".", 11, 2);
    expect(connection.state).toBe("FIN-WAIT-2");
    closing.rig.advance(MS);
  });
});
