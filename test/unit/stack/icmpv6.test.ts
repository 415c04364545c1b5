/** ICMPv6 (RFC 4443): what is answered, what is told, and what errors do to connections. */
import { describe, expect, test } from "vitest";
import { finish, sum } from "../../../src/base/checksum.ts";
import type { SynFlow } from "../../../src/stack/events.ts";
import { emitIp, ipHeader, pseudo } from "../tcp/ip.ts";
import { Peer } from "../tcp/peer.ts";
import { App, listen, opened, opening, PEER, PEER6, Rig, type Sent, STACK, STACK6 } from "../tcp/rig.ts";

const V6 = { family: 6 } as const;

/** An ICMPv6 message, of which `bad` spoils the checksum. */
function icmp(
  type: number,
  code: number,
  rest: number,
  body: Uint8Array,
  src = PEER6,
  bad = false,
): Uint8Array {
  const at = ipHeader(src);
  const packet = new Uint8Array(at + 8 + body.length);
  const view = new DataView(packet.buffer);
  emitIp(view, packet.length, 58, src, STACK6);
  view.setUint8(at, type);
  view.setUint8(at + 1, code);
  view.setUint32(at + 4, rest);
  packet.set(body, at + 8);
  const check = finish(
    sum(packet, view, at, packet.length - at, pseudo(src, STACK6, 58, packet.length - at)),
  );
  view.setUint16(at + 2, check ^ (bad ? 1 : 0));
  return packet;
}

/** A packet of another protocol, the payload as given. */
function packet(protocol: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(40 + payload.length);
  emitIp(new DataView(bytes.buffer), bytes.length, protocol, PEER6, STACK6);
  bytes.set(payload, 40);
  return bytes;
}

/** What the stack sent that was not TCP, with a checksum that holds; type, code, second word, and what follows. */
function answers(rig: Rig): { type: number; code: number; rest: number; body: Uint8Array }[] {
  return rig.others.splice(0).map((raw) => {
    const view = new DataView(raw.buffer);
    expect(raw.length).toBeLessThanOrEqual(1_500);
    expect([raw[6], raw[7]]).toEqual([58, 64]);
    expect(sum(raw, view, 40, raw.length - 40, pseudo(STACK6, PEER6, 58, raw.length - 40))).toBe(0xffff);
    return { type: raw[40]!, code: raw[41]!, rest: view.getUint32(44), body: raw.slice(48) };
  });
}

const noise = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7);

describe("echo", () => {
  test("RFC 4443 4.2: the reply has the request's identifier, sequence number and data", () => {
    const rig = new Rig(V6);
    rig.input(icmp(128, 0, 0x04d20009, noise(57)));
    expect(answers(rig)).toEqual([{ type: 129, code: 0, rest: 0x04d20009, body: noise(57) }]);
    rig.input(icmp(128, 0, 1, noise(57), PEER6, true));
    expect(rig.others).toEqual([]);
    expect(rig.drops()).toEqual({ "icmp-checksum": 1 });
  });

  test("RFC 8200 4.5: a request in fragments is put together, and its reply leaves in fragments of at most the MTU", () => {
    const rig = new Rig({ ...V6, mtu: 1_280 });
    const whole = icmp(128, 0, 7, noise(4_000));
    const pieces = [0, 1_600, 3_200].map((from) => {
      const data = whole.slice(40 + from, 40 + Math.min(from + 1_600, 4_008));
      const header = Uint8Array.of(58, 0, 0, 0, 1, 2, 3, 4);
      new DataView(header.buffer).setUint16(2, from | (from < 3_200 ? 1 : 0));
      return packet(44, Uint8Array.of(...header, ...data));
    });
    rig.input(pieces[2]!, pieces[0]!);
    expect(rig.others).toEqual([]);
    rig.input(pieces[1]!);
    const sent = rig.others.splice(0);
    expect(sent.map((raw) => [raw[6], raw.length])).toEqual([
      [44, 1_280],
      [44, 1_280],
      [44, 1_280],
      [44, 40 + 8 + 4_008 - 3 * 1_232],
    ]);
    const reply = Uint8Array.of(...sent.flatMap((raw) => [...raw.subarray(48)]));
    expect(reply.slice(8)).toEqual(noise(4_000));
    expect(new Set(sent.map((raw) => new DataView(raw.buffer).getUint32(44))).size).toBe(1);
    expect(
      sum(reply, new DataView(reply.buffer), 0, reply.length, pseudo(STACK6, PEER6, 58, reply.length)),
    ).toBe(0xffff);
  });

  test("neighbour and listener discovery are no matter, and no fault", () => {
    const rig = new Rig(V6);
    for (const type of [130, 133, 134, 135, 136, 137, 143]) rig.input(icmp(type, 0, 0, noise(16)));
    expect(rig.others).toEqual([]);
    expect(rig.drops()).toEqual({});
  });
});

describe("errors that the stack sends", () => {
  test("RFC 4443 3.1: UDP finds no port, code 4, quoting as much as 1,280 bytes hold", () => {
    const rig = new Rig(V6);
    const udp = packet(17, noise(1_400));
    rig.input(udp);
    const [answer] = answers(rig);
    expect(answer).toMatchObject({ type: 1, code: 4, rest: 0 });
    expect(answer!.body).toEqual(udp.slice(0, 1_232));
  });

  test.each([
    ["a next header that has no taker", 132, noise(20), 1, 6],
    ["an unknown option that asks for it", 60, Uint8Array.of(6, 0, 0x9e, 4, 0, 0, 0, 0), 2, 42],
    ["a routing header of type 0 (RFC 5095)", 43, Uint8Array.of(6, 0, 0, 1, 0, 0, 0, 0), 0, 42],
  ])("RFC 4443 3.4: %s is a parameter problem", (_name, next, payload, code, pointer) => {
    const rig = new Rig(V6);
    rig.input(packet(next, payload));
    expect(answers(rig)).toMatchObject([{ type: 4, code, rest: pointer }]);
  });

  /** A Fragment header, of the next header `next`, and data behind it. */
  const fragment = (next: number, offset: number, more: boolean, data: Uint8Array): Uint8Array =>
    packet(44, Uint8Array.of(next, 0, offset >> 8, (offset & 0xf8) | (more ? 1 : 0), 0, 0, 0, 9, ...data));

  test.each([
    ["RFC 8200 4.5: one in the middle whose length is no multiple of 8", 17, 0, true, noise(21), 0, 4],
    ["RFC 8200 4.5: one that ends beyond 65,535 bytes", 17, 65_528, false, noise(24), 0, 42],
    ["RFC 7112 5: a first one without the transport's header", 6, 0, true, noise(16), 3, 0],
    ["RFC 7112 5: a first one whose chain goes on", 60, 0, true, Uint8Array.of(6, 1, 1, 4, 0, 0, 0, 0), 3, 0],
  ])("fragments, %s: a parameter problem", (_name, next, offset, more, data, code, pointer) => {
    const rig = new Rig(V6);
    rig.input(fragment(next, offset, more, data));
    expect(answers(rig)).toMatchObject([{ type: 4, code, rest: pointer }]);
    expect(rig.drops()).toEqual({ "ip-fragment-invalid": 1 });
    expect(rig.stack.fragments.reassembly.size).toBe(0);
  });

  test("RFC 8200 4.5: time exceeded, code 1, once the first fragment has waited 60 s, quoting it; not without that one", () => {
    const rig = new Rig(V6);
    const first = fragment(17, 0, true, noise(48));
    rig.input(first);
    rig.input(packet(44, Uint8Array.of(17, 0, 0, 49, 0, 0, 0, 77, ...noise(48))));
    rig.advance(61_000_000);
    expect(answers(rig)).toEqual([{ type: 3, code: 1, rest: 0, body: first.slice() }]);
    expect(rig.stack.ip6).toMatchObject({ Ip6ReasmTimeout: 2, Icmp6OutTimeExcds: 1, Icmp6OutMsgs: 1 });
  });

  test("RFC 4443 2.4 (e.1): never about an error, RFC 4443 2.4 (f): never more than the limit", () => {
    const rig = new Rig({ ...V6, tcp: { resets: 10 } });
    const error = icmp(1, 0, 0, noise(60)).slice(40);
    rig.input(packet(60, Uint8Array.of(58, 0, 0x9e, 4, 0, 0, 0, 0, ...error)));
    expect(rig.others).toEqual([]);
    rig.input(...Array.from({ length: 50 }, () => packet(17, noise(8))));
    expect(rig.others.length).toBeLessThanOrEqual(10);
    expect(rig.others.length).toBeGreaterThan(0);
  });

  test("a held SYN refused with EHOSTUNREACH is told so, code 3, about the SYN", () => {
    const rig = new Rig(V6);
    let held: SynFlow | null = null;
    listen(
      rig,
      new App(),
      {},
      {
        onSyn: (flow) => {
          held = flow;
          return "hold";
        },
      },
    );
    const peer = new Peer(rig);
    peer.send("S", 0);
    held!.refuse("EHOSTUNREACH");
    rig.run();
    const [answer] = answers(rig);
    expect(answer).toMatchObject({ type: 1, code: 3 });
    const quoted = new DataView(answer!.body.buffer);
    expect([quoted.getUint16(40), quoted.getUint16(42), quoted.getUint32(44)]).toEqual([
      peer.port,
      7,
      peer.iss,
    ]);
  });
});

test("RFC 4293: packets and messages of IPv6 are counted apart from those of IPv4, by the names of /proc/net/snmp6", () => {
  const rig = new Rig(V6);
  const broken = icmp(128, 0, 0, noise(8), PEER6, true);
  rig.input(
    icmp(128, 0, 0, noise(8)),
    icmp(129, 0, 0, noise(0)),
    icmp(2, 0, 1_280, noise(8)),
    icmp(200, 0, 0, noise(0)),
    broken,
  );
  expect(rig.stack.ip6).toMatchObject({
    ...{
      Ip6InReceives: 5,
      Ip6InOctets: 56 + 48 + 56 + 48 + 56,
      Ip6InDelivers: 5,
      Ip6OutRequests: 1,
      Ip6OutOctets: 56,
    },
    ...{ Icmp6InMsgs: 5, Icmp6InErrors: 2, Icmp6InCsumErrors: 1, Icmp6InEchos: 1, Icmp6InEchoReplies: 1 },
    ...{ Icmp6OutMsgs: 1, Icmp6OutEchoReplies: 1 },
  });
  expect(Object.values(rig.stack.ip).every((count) => count === 0)).toBe(true);
  const { syn, rig: other } = opening({}, V6);
  other.input(icmp(2, 0, 1_280, syn.raw.slice(0, 60)), icmp(4, 0, 0, syn.raw.slice(0, 60)));
  expect(other.stack.ip6).toMatchObject({
    Icmp6InPktTooBigs: 1,
    Icmp6InParmProblems: 1,
    Icmp6InDestUnreachs: 0,
  });
});

test.each([4, 6] as const)(
  "RFC 4293: an IPv%i packet of a protocol without a taker is unknown, not delivered",
  (family) => {
    const rig = new Rig({ family });
    const [src, dst] = family === 4 ? [PEER, STACK] : [PEER6, STACK6];
    const udp = new Uint8Array(ipHeader(src) + 8);
    emitIp(new DataView(udp.buffer), udp.length, 17, src, dst);
    rig.input(udp);
    const { ip, ip6 } = rig.stack;
    expect([ip.InDelivers, ip6.Ip6InDelivers]).toEqual([0, 0]);
    expect(ip.InUnknownProtos + ip6.Ip6InUnknownProtos).toBe(1);
  },
);

describe("errors about our segments", () => {
  const about = (sent: Sent): Uint8Array => sent.raw.slice(0, 100);

  test.each([
    [1, 0, "ENETUNREACH"],
    [1, 3, "EHOSTUNREACH"],
    [1, 4, "ECONNREFUSED"],
    [1, 1, "EACCES"],
    [3, 0, "EHOSTUNREACH"],
    [4, 1, "EPROTO"],
  ])("RFC 5461 4.1: type %i code %i ends a connection that is being opened with %s", (type, code, error) => {
    const { rig, app, syn } = opening({}, V6);
    rig.input(icmp(type, code, 0, about(syn)));
    expect(app.take()).toEqual([`close ${error}`]);
    expect(rig.stack.addresses.size).toBe(2);
  });

  test("RFC 5927 5.2: a synchronized connection goes on; RFC 5927 4: a stranger's guess counts for nothing", () => {
    const { rig, peer, app, connection } = opened({ mss: 1_440 }, V6);
    connection.send(noise(100));
    const [sent] = peer.mine(rig.run());
    rig.input(icmp(1, 4, 0, about(sent!)));
    expect(connection.state).toBe("ESTABLISHED");
    const guess = about(sent!);
    guess[44]! ^= 0x80;
    rig.input(icmp(2, 0, 1_280, guess));
    expect(connection.info().pmtu).toBe(1_500);
    expect(rig.drops()).toMatchObject({ "icmp-unmatched": 1 });
    expect(app.take()).toEqual([]);
  });

  test("RFC 8201 4: packet too big lowers the path's MTU, what was too big goes again; below 1,280 it is no message", () => {
    const { rig, peer, connection } = opened({ mss: 1_440 }, V6);
    connection.send(noise(5_000));
    const [sent] = peer.mine(rig.run());
    rig.input(icmp(2, 0, 1_279, about(sent!)));
    expect(connection.info().pmtu).toBe(1_500);
    const again = peer.mine(rig.input(icmp(2, 0, 1_300, about(sent!))));
    expect(connection.info()).toMatchObject({ pmtu: 1_300, snd_mss: 1_240 });
    expect(again[0]).toMatchObject({ seq: sent!.seq });
    expect(Math.max(...again.map((s) => s.text.length))).toBe(1_240);
    const next = rig.stack.connect({ host: PEER6, port: 8 }, new App().handler);
    expect(next.info().pmtu).toBe(1_300);
  });

  test("the quoted segment may stand behind extension headers", () => {
    const { rig, app, syn } = opening({}, V6);
    const quoted = Uint8Array.of(...syn.raw.slice(0, 40), 6, 0, 1, 4, 0, 0, 0, 0, ...syn.raw.slice(40));
    quoted[6] = 60;
    rig.input(icmp(1, 4, 0, quoted));
    expect(app.take()).toEqual(["close ECONNREFUSED"]);
  });
});
