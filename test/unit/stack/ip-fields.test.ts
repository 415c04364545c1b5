/** What an application says of the packets that carry its connection: Diffserv, time to live; and the keepalive's octet. */
import { describe, expect, test } from "vitest";
import { accepted, opening, SECOND, type Sent } from "../tcp/rig.ts";

const octet = (sent: Sent): number => sent.raw[1]!;
const ttl = (sent: Sent): number => sent.raw[8]!;

describe("the IP header of what is sent", () => {
  test("RFC 9293 3.9.2 MUST-48, SHLD-21, SHLD-22: the Diffserv field goes to IP as given, and may be changed", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.set({ typeOfService: 0xb8 });
    connection.send(new Uint8Array(10));
    expect(peer.mine(rig.run()).map(octet)).toEqual([0xb8]);
    peer.send(".", 1, 11);
    connection.set({ typeOfService: 0x20 });
    connection.send(new Uint8Array(10));
    expect(peer.mine(rig.run()).map(octet)).toEqual([0x20]);
  });

  test("RFC 9293 3.9.2: the default of the stack reaches SYNs and resets too, and the ECN bits are not the application's", () => {
    const { syn } = opening({}, { tcp: { dscp: 0x28, ttl: 9 } });
    expect([octet(syn), ttl(syn)]).toEqual([0x28, 9]);
    const { rig, peer } = accepted({ mss: 1_460 }, { tcp: { dscp: 0x28, ttl: 9 } });
    const [reset] = rig.input(peer.segment("S", 0, 0, { text: 0 }));
    expect([octet(reset!), ttl(reset!)]).toEqual([0x28, 9]);
    const other = accepted({ mss: 1_460 });
    other.connection.set({ typeOfService: 0xff });
    other.connection.send(new Uint8Array(10));
    expect(other.peer.mine(other.rig.run()).map(octet)).toEqual([0xfc]);
  });

  test("RFC 9293 3.9.2 MUST-49: the time to live can be set", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    connection.set({ hopLimit: 3 });
    connection.send(new Uint8Array(10));
    expect(peer.mine(rig.run()).map(ttl)).toEqual([3]);
    expect(() => connection.set({ hopLimit: 256 })).toThrow(/hopLimit/);
    expect(() => connection.set({ typeOfService: -1 })).toThrow(/typeOfService/);
  });

  test("RFC 9293 3.8.4 SHLD-12, MAY-6: a keepalive carries nothing, or one octet where that is asked for", () => {
    for (const keepAliveOctet of [false, true]) {
      const { rig, peer, connection } = accepted({ mss: 1_460 }, { tcp: { keepAliveOctet } });
      connection.setKeepAlive(true, 1_000, 1_000, 3);
      const [probe] = peer.mine(rig.advance(1 * SECOND));
      expect(probe!.text).toEqual(new Uint8Array(keepAliveOctet ? 1 : 0));
      expect(peer.line(probe!)).toBe(keepAliveOctet ? ". 0:1(1) ack 1" : ". 0:0(0) ack 1");
      peer.send(".", 1, 1);
      rig.advance(900_000);
      expect(connection.info().probes).toBe(0);
    }
  });
});
