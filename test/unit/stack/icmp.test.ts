/** ICMP about our segments (RFC 5461, RFC 5927, RFC 1191) and ICMP of our own (RFC 1122 3.2.2). */
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { Peer } from "../tcp/peer.ts";
import { App, accepted, listen, MS, opening, PEER, Rig, SECOND, type Sent, STACK } from "../tcp/rig.ts";

/** An ICMP message of a router about `quoted`, of which the first 28 bytes come back. */
function icmp(type: number, code: number, quoted: Uint8Array, mtu = 0): Uint8Array {
  const bytes = new Uint8Array(20 + 8 + 28);
  const view = new DataView(bytes.buffer);
  emitIpv4(
    view,
    0,
    bytes.length,
    1,
    false,
    64,
    1,
    parseIpv4Address("10.77.0.254")!,
    parseIpv4Address(STACK)!,
    0,
  );
  view.setUint8(20, type);
  view.setUint8(21, code);
  view.setUint16(26, mtu);
  bytes.set(quoted.subarray(0, 28), 28);
  view.setUint16(22, finish(sum(bytes, view, 20, bytes.length - 20, 0)));
  return bytes;
}

describe("ICMP errors", () => {
  test.each([
    ["net unreachable", 0, "ENETUNREACH"],
    ["host unreachable", 1, "EHOSTUNREACH"],
    ["protocol unreachable", 2, "ENOPROTOOPT"],
    ["port unreachable", 3, "ECONNREFUSED"],
    ["source route failed", 5, "EOPNOTSUPP"],
    ["network prohibited", 9, "ENETUNREACH"],
    ["net unreachable for this service", 11, "ENETUNREACH"],
    ["host unreachable for this service", 12, "EHOSTUNREACH"],
    ["filtered", 13, "EHOSTUNREACH"],
    ["precedence cutoff", 15, "EHOSTUNREACH"],
  ])("RFC 5461 4.1: %s ends a connection that is being opened", (_name, code, error) => {
    const { rig, app, syn } = opening();
    rig.input(icmp(3, code, syn.raw));
    expect(app.take()).toEqual([`close ${error}`]);
  });

  test.each([
    [0, "ENETUNREACH"],
    [1, "EHOSTUNREACH"],
    [3, "EHOSTUNREACH"],
  ])(
    "RFC 9293 3.9.2.2 (MUST-56), RFC 5927 5.2: code %d is soft once synchronized: it only explains a timeout",
    (code, error) => {
      const { rig, peer, connection, app } = accepted({ mss: 1_460 }, { tcp: { r2: 2 } });
      connection.send(new Uint8Array(10));
      const [data] = peer.mine(rig.run());
      rig.input(icmp(3, code, data!.raw));
      expect(connection.state).toBe("ESTABLISHED");
      rig.advance(60 * SECOND);
      expect(app.take().filter((e) => e.startsWith("close"))).toEqual([`close ${error}`]);
    },
  );

  test("RFC 9293 3.9.2.2 SHLD-25, MUST-54: unreachable 0, 1 and 5, time exceeded and parameter problem are told by onTrouble", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    const troubles: string[] = [];
    connection.handler = { onTrouble: (_c, error) => void troubles.push(error.code) };
    connection.send(new Uint8Array(10));
    const [data] = peer.mine(rig.run());
    const kinds: [number, number][] = [
      [3, 0],
      [3, 1],
      [3, 5],
      [11, 0],
      [11, 1],
      [12, 0],
    ];
    for (const [type, code] of kinds) rig.input(icmp(type, code, data!.raw));
    expect(troubles).toEqual(["ENETUNREACH", ...Array(5).fill("EHOSTUNREACH")]);
    expect(connection.state).toBe("ESTABLISHED");
  });

  test("RFC 5461: an ACK of new data forgets the soft error", () => {
    const { rig, peer, connection, app } = accepted({ mss: 1_460 }, { tcp: { r2: 2 } });
    connection.send(new Uint8Array(10));
    const [data] = peer.mine(rig.run());
    rig.input(icmp(3, 1, data!.raw));
    peer.send(".", 1, 11);
    connection.send(new Uint8Array(10));
    rig.run();
    rig.advance(60 * SECOND);
    expect(app.take().at(-1)).toBe("close ETIMEDOUT");
  });

  test("RFC 5927 4.1: a quoted sequence number that is not in flight is ignored, and counted", () => {
    const { rig, syn, connection } = opening();
    for (const by of [-1, 2, 0x4000_0000]) {
      const forged = syn.raw.slice();
      new DataView(forged.buffer).setUint32(24, (syn.seq + by) >>> 0);
      rig.input(icmp(3, 3, forged));
    }
    const other = syn.raw.slice();
    other[21] = other[21]! ^ 1;
    rig.input(icmp(3, 3, other));
    expect(connection.state).toBe("SYN-SENT");
    expect(rig.drops()).toEqual({ "icmp-unmatched": 4 });
  });

  test("RFC 1191 6.3: fragmentation needed: segments shrink, and what was too large goes again at once", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(4_000));
    const sent = peer.mine(rig.run());
    const again = peer.mine(rig.input(icmp(3, 4, sent[0]!.raw, 1_000)));
    expect(again[0]!.seq).toBe(sent[0]!.seq);
    for (const s of again) expect(s.raw.length).toBeLessThanOrEqual(1_000);
    expect(connection.info().pmtu).toBe(1_000);
    // Cached by destination: the next connection knows.
    const next = rig.stack.connect({ host: PEER, port: 81 }, {});
    const [syn] = rig.run().filter((s) => s.dstPort === 81) as Sent[];
    expect([syn!.mss, next.info().pmtu]).toEqual([960, 1_000]);
  });

  test("RFC 5927 7.1: an MTU below the least one that is believed, or above ours, is not taken at its word", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(4_000));
    const [first] = peer.mine(rig.run());
    rig.input(icmp(3, 4, first!.raw, 9_000));
    expect(connection.info().pmtu).toBe(1_500);
    rig.input(icmp(3, 4, first!.raw, 68));
    expect(connection.info().pmtu).toBe(552);
  });

  test("RFC 1191 7.1: a router that does not say how much: the next plateau", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(4_000));
    const [first] = peer.mine(rig.run());
    rig.input(icmp(3, 4, first!.raw, 0));
    expect(connection.info().pmtu).toBe(1_492);
  });

  test.each([
    ["hard", 13, "ECONNREFUSED"],
    ["hard", 3, "ECONNREFUSED"],
    ["hard", 1, null],
    ["never", 3, null],
  ] as const)("RFC 1122 4.2.3.9, icmpMayReset %s: code %d in SYN-SENT: %s", (icmpMayReset, code, error) => {
    const { rig, app, syn, connection } = opening({}, { tcp: { icmpMayReset } });
    rig.input(icmp(3, code, syn.raw));
    expect(app.take()).toEqual(error === null ? [] : [`close ${error}`]);
    expect(connection.state).toBe(error === null ? "SYN-SENT" : "CLOSED");
  });

  test("RFC 5927 7.2: less than what was acknowledged before is believed only after a timeout of the quoted segment", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, sack: true });
    connection.send(new Uint8Array(1_460));
    rig.run();
    peer.send(".", 1, 1_461);
    connection.send(new Uint8Array(4_000));
    const [first] = peer.mine(rig.run());
    expect(rig.input(icmp(3, 4, first!.raw, 1_000))).toEqual([]);
    expect(connection.info().pmtu).toBe(1_500);
    const again = rig.advance(SECOND).find((s) => s.seq === first!.seq);
    expect(again!.text.length).toBe(960);
    expect(connection.info().pmtu).toBe(1_000);
  });

  test("RFC 5927 7.2: an ACK of the quoted segment disproves the claim", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, sack: true });
    connection.send(new Uint8Array(1_460));
    rig.run();
    peer.send(".", 1, 1_461);
    connection.send(new Uint8Array(2_920));
    const [first] = peer.mine(rig.run());
    rig.input(icmp(3, 4, first!.raw, 1_000));
    peer.send(".", 1, 2_921);
    const [again] = rig.advance(SECOND);
    expect([again!.text.length, connection.info().pmtu]).toEqual([1_460, 1_500]);
  });

  test("RFC 1191 6.4: cwnd and ssthresh stay as they are, also while the ACKs of the repair come", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, sack: true });
    connection.send(new Uint8Array(11_680));
    const sent = peer.mine(rig.run());
    const cwnd = 14_600;
    const again = peer.mine(rig.input(icmp(3, 4, sent[0]!.raw, 1_000)));
    expect(again.reduce((n, s) => n + s.text.length, 0)).toBe(11_680);
    for (let at = 1; at < 11_681; at += 1_920) peer.send(".", 1, Math.min(11_681, at + 1_920));
    const info = connection.info();
    expect(info.snd_cwnd * info.snd_mss).toBeGreaterThanOrEqual(cwnd - info.snd_mss);
    expect([info.ca_state, info.snd_ssthresh]).toEqual([0, 0x7fffffff]);
  });

  test("RFC 5461, Linux: an error about our SYN-ACK forgets the half-open connection, if it knows the sequence number", () => {
    const rig = new Rig();
    listen(rig, new App());
    const peer = new Peer(rig, { mss: 1_460 });
    const [synAck] = peer.send("S", 0, 0, peer.synOptions);
    const forged = synAck!.raw.slice();
    forged[27]! ^= 1;
    rig.input(icmp(3, 1, forged));
    expect(rig.stack.flows.size).toBe(1);
    expect(rig.stack.counters.OutOfWindowIcmps).toBe(1);
    rig.input(icmp(3, 4, synAck!.raw, 600));
    expect(rig.stack.flows.size).toBe(1);
    rig.input(icmp(3, 1, synAck!.raw));
    expect(rig.stack.flows.size).toBe(0);
  });

  test("TIME-WAIT does not care", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.end();
    const [fin] = peer.mine(rig.run());
    peer.send("F.", 1, 2);
    expect(rig.stack.snapshot().sockets.at(-1)!.state).toBe("TIME-WAIT");
    rig.input(icmp(3, 3, fin!.raw));
    expect(rig.stack.flows.size).toBe(1);
    expect(rig.drops()).toEqual({ "icmp-unmatched": 1 });
  });

  test("RFC 4293: what arrives is counted by type; one that is not heeded is no error", () => {
    const { rig, syn } = opening();
    for (const type of [4, 5, 40, 11]) rig.input(icmp(type, 1, syn.raw));
    expect(rig.stack.ip).toMatchObject({
      IcmpInMsgs: 4,
      IcmpInErrors: 0,
      IcmpInSrcQuenchs: 1,
      IcmpInRedirects: 1,
      IcmpInTimeExcds: 1,
    });
  });

  test("RFC 6633: source quench is ignored", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.send(new Uint8Array(4_000));
    const [first] = peer.mine(rig.run());
    const before = connection.info().snd_cwnd;
    expect(rig.input(icmp(4, 0, first!.raw))).toEqual([]);
    expect([connection.info().snd_cwnd, connection.state]).toEqual([before, "ESTABLISHED"]);
    rig.advance(MS);
    const young = opening();
    young.rig.input(icmp(4, 0, young.syn.raw));
    young.rig.input(icmp(5, 1, young.syn.raw));
    expect(young.app.take()).toEqual([]);
  });

  test("icmpMayReset: hard errors alone, or none, end a connection that is being opened (RFC 1122 4.2.3.9)", () => {
    const told = (icmpMayReset: "hard" | "never", code: number): string[] => {
      const { rig, app, syn } = opening({}, { tcp: { icmpMayReset } });
      rig.input(icmp(3, code, syn.raw));
      return app.take();
    };
    for (const code of [2, 3, 9, 10, 13])
      expect(told("hard", code), `${code}`).toEqual(["close ECONNREFUSED"]);
    for (const code of [0, 1, 5]) expect(told("hard", code), `${code}`).toEqual([]);
    for (const code of [1, 3, 13]) expect(told("never", code), `${code}`).toEqual([]);
  });
});

describe("ICMP that we send", () => {
  const packet = (protocol: number, payload: number[]): Uint8Array => {
    const bytes = new Uint8Array(20 + payload.length);
    bytes.set(payload, 20);
    const view = new DataView(bytes.buffer);
    emitIpv4(
      view,
      0,
      bytes.length,
      1,
      false,
      64,
      protocol,
      parseIpv4Address(PEER)!,
      parseIpv4Address(STACK)!,
      0,
    );
    if (protocol === 1) view.setUint16(22, finish(sum(bytes, view, 20, payload.length, 0)));
    return bytes;
  };

  test("RFC 1122 3.2.2.6: echo requests are answered with the same data", () => {
    const rig = new Rig();
    rig.input(packet(1, [8, 0, 0, 0, 0x12, 0x34, 0, 9, 1, 2, 3, 4, 5]));
    expect([...rig.others[0]!.subarray(20, 22)]).toEqual([0, 0]);
    expect([...rig.others[0]!.subarray(24)]).toEqual([0x12, 0x34, 0, 9, 1, 2, 3, 4, 5]);
  });

  test.each([
    ["UDP: port unreachable", 17, 3],
    ["an unknown protocol: protocol unreachable", 99, 2],
  ])("RFC 1122 3.2.2.1: %s", (_name, protocol, code) => {
    const rig = new Rig();
    rig.input(packet(protocol, [0, 1, 0, 2, 0, 8, 0, 0]));
    expect([...rig.others[0]!.subarray(20, 22)]).toEqual([3, code]);
    expect(rig.drops()).toEqual({ "protocol-unknown": 1 });
  });
});
