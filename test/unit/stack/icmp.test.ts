/** ICMP about our segments (RFC 5461, RFC 5927, RFC 1191) and ICMP of our own (RFC 1122 3.2.2). */
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { accepted, MS, opening, PEER, Rig, SECOND, type Sent, STACK } from "../tcp/rig.ts";

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
    ["protocol unreachable", 2, "ECONNREFUSED"],
    ["port unreachable", 3, "ECONNREFUSED"],
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
