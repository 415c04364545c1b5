/** Several stacks with one set of addresses: what comes in at the wrong one goes to the one it belongs to. */
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import { copyBytes } from "../../../src/base/copy-bytes.ts";
import { RX_HANDED_OVER } from "../../../src/base/packet-batch.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { Peer } from "../tcp/peer.ts";
import { App, listen, PEER, PEER6, Rig, type Sent, STACK, STACK6 } from "../tcp/rig.ts";
import { cut, echo } from "./fragments.ts";

interface Handed {
  readonly to: number;
  readonly bytes: Uint8Array;
  readonly checksumOk: boolean;
  readonly gsoSize: number;
}

/** `count` shards of one stack; what they hand over waits in `handed` until the test delivers it. */
class Shards {
  readonly handed: Handed[] = [];
  room = true;
  readonly rigs: Rig[];

  constructor(count: number, family: 4 | 6 = 4) {
    this.rigs = Array.from(
      { length: count },
      (_, index) =>
        new Rig({
          family,
          addresses: [STACK, STACK6],
          shard: {
            index,
            count,
            handOver: (to, bytes, offset, length, checksumOk, gsoSize) => {
              if (!this.room) return false;
              this.handed.push({ to, bytes: copyBytes(bytes, offset, offset + length), checksumOk, gsoSize });
              return true;
            },
          },
        }),
    );
  }

  /** Hands over what waits, and returns what is sent for it. */
  deliver(): Sent[] {
    const sent: Sent[] = [];
    for (let one = this.handed.shift(); one !== undefined; one = this.handed.shift()) {
      const { bytes, gsoSize } = one;
      sent.push(...this.rigs[one.to]!.batch([{ bytes, gsoSize, flags: RX_HANDED_OVER }]));
    }
    return sent;
  }
}

/** The shard that owns the flow of a peer at `port`. */
function ownerOf(rig: Rig, port: number, stackPort = 7): number {
  return rig.stack.shard!.hash.owner4(parseIpv4Address(PEER)!, port, parseIpv4Address(STACK)!, stackPort);
}

function portOf(rig: Rig, shard: number): number {
  for (let port = 40_000; ; port++) if (ownerOf(rig, port) === shard) return port;
}

describe.each([4, 6] as const)("IPv%d: a segment that came to another shard", (family) => {
  test("is handed to its own one whole, and answered there alone: no RST, no second answer", () => {
    const shards = new Shards(4, family);
    for (const rig of shards.rigs) listen(rig, new App());
    const [first] = shards.rigs as [Rig];
    let crossed = 0;
    for (let port = 41_000; port < 41_040; port++) {
      const peer = new Peer(first, { port, ...(family === 6 ? { address: PEER6 } : {}) });
      const here = peer.send("S", 0, 0);
      const there = shards.deliver();
      crossed += there.length;
      expect([...here, ...there].map(({ flags }) => flags)).toEqual(["S."]);
    }
    const halfOpen = shards.rigs.map(
      (rig) => rig.stack.snapshot().sockets.filter(({ state }) => state === "SYN-RECEIVED").length,
    );
    expect(halfOpen.reduce((all, one) => all + one)).toBe(40);
    expect(crossed).toBe(halfOpen.slice(1).reduce((all, one) => all + one));
    expect(crossed).toBeGreaterThan(20);
    // Each packet is received once, wherever it ends up.
    const counted = shards.rigs.map(({ stack: { ip, ip6 } }) => [
      ip.InReceives + ip6.Ip6InReceives,
      ip.InDelivers + ip6.Ip6InDelivers,
      ip.HandedOver,
      ip.TakenOver,
    ]);
    const sums = [0, 1, 2, 3].map((column) => counted.reduce((all, row) => all + row[column]!, 0));
    expect(sums).toEqual([40, 40, crossed, crossed]);
  });
});

describe("what belongs to another shard", () => {
  test("is dropped under shard-ring-full where that one has no room", () => {
    const shards = new Shards(2);
    const [rig] = shards.rigs as [Rig];
    shards.room = false;
    new Peer(rig, { port: portOf(rig, 1) }).send("S", 0, 0);
    expect(rig.drops()).toEqual({ "shard-ring-full": 1 });
    expect(rig.stack.ip.HandedOver).toBe(0);
  });

  test("an ICMP error goes where the segment that it quotes belongs", () => {
    const shards = new Shards(2);
    const [zero, one] = shards.rigs as [Rig, Rig];
    const app = new App();
    one.stack.connect({ host: PEER, port: 9_000 }, app.handler);
    const [syn] = one.run();
    expect(zero.input(unreachable(syn!.raw))).toEqual([]);
    expect(app.take()).toEqual([]);
    shards.deliver();
    expect(app.take()).toEqual(["close EHOSTUNREACH"]);
    expect([zero.stack.ip.IcmpInMsgs, one.stack.ip.IcmpInMsgs]).toEqual([0, 1]);
    expect(zero.drops()).toEqual({});
  });

  test("an ICMP error about nothing of ours, and an echo request, stay where they came in", () => {
    const shards = new Shards(2);
    for (const rig of shards.rigs) {
      rig.input(echo(16, 1));
      expect(rig.others).toHaveLength(1);
    }
    expect(shards.handed).toEqual([]);
  });

  test("fragments of two addresses meet in one shard, wherever each came in", () => {
    const shards = new Shards(3);
    const pieces = cut(echo(4_000, 7), 1_500);
    expect(pieces).toHaveLength(3);
    for (const [i, piece] of pieces.entries()) shards.rigs[i]!.input(piece);
    shards.deliver();
    expect(shards.rigs.map((rig) => rig.others.length).reduce((all, n) => all + n)).toBeGreaterThan(0);
    expect(shards.rigs.map((rig) => rig.stack.ip.ReasmOKs).sort()).toEqual([0, 0, 1]);
    expect(shards.rigs.map((rig) => rig.stack.ip.ReasmReqds).sort()).toEqual([0, 0, 3]);
  });

  test("a segment that was put together of fragments goes on to the shard of its ports", () => {
    const shards = new Shards(4);
    const app = new App();
    for (const rig of shards.rigs) listen(rig, app);
    const [rig] = shards.rigs as [Rig];
    const meeting = rig.stack.shard!.hash.owner4(parseIpv4Address(PEER)!, 0, parseIpv4Address(STACK)!, 0);
    const owner = (meeting + 1) % 4;
    const peer = new Peer(rig, { port: portOf(rig, owner) });
    const syn = peer.segment("S", 0, 0, { text: 20, mss: 1_460 });
    for (const piece of cut(syn, 20 + 24)) shards.rigs[(meeting + 2) % 4]!.input(piece);
    const sent = shards.deliver();
    expect(sent.map(({ flags }) => flags)).toEqual(["S."]);
    expect(shards.rigs[owner]!.stack.snapshot().sockets.map(({ state }) => state)).toContain("SYN-RECEIVED");
  });
});

describe("opening from a shard", () => {
  test("takes ephemeral ports that make the flow its own, RFC 6056's order apart from that", () => {
    const shards = new Shards(4);
    shards.rigs.forEach((rig, index) => {
      for (let i = 0; i < 50; i++) {
        const { localPort } = rig.stack.connect({ host: PEER, port: 80 }, {});
        expect(ownerOf(rig, 80, localPort)).toBe(index);
      }
      rig.run();
    });
  });

  test("from a port that would make it another shard's is EADDRNOTAVAIL", () => {
    const shards = new Shards(2);
    const [rig] = shards.rigs as [Rig];
    const ports = Array.from({ length: 40 }, (_, i) => 2_000 + i);
    const outcomes = ports.map((localPort) => {
      try {
        rig.stack.connect({ host: PEER, port: 80, localPort }, {});
        return 0;
      } catch (error) {
        expect(error).toMatchObject({ code: "EADDRNOTAVAIL" });
        return 1;
      }
    });
    expect(outcomes).toEqual(ports.map((port) => ownerOf(rig, 80, port)));
  });

  test("to the stack's own address reaches the listener of the same shard", () => {
    for (const rig of new Shards(4).rigs) {
      const app = new App();
      listen(rig, new App());
      for (let i = 0; i < 8; i++) rig.stack.connect({ host: STACK, port: 7 }, app.handler);
      rig.run();
      expect(app.take()).toEqual(new Array(8).fill("connect"));
    }
  });

  test("a listener on port 0 is refused: the others could not know which port it got", () => {
    const [rig] = new Shards(2).rigs as [Rig];
    expect(() => rig.stack.listen({ port: 0 }, {})).toThrow(/'port' takes a fixed port/);
  });
});

/** ICMP host unreachable about `quoted`. */
function unreachable(quoted: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(56);
  const view = new DataView(bytes.buffer);
  const router = parseIpv4Address("10.77.0.254")!;
  emitIpv4(view, 0, bytes.length, 1, false, 64, 1, router, parseIpv4Address(STACK)!, 0);
  bytes.set([3, 1], 20);
  bytes.set(quoted.subarray(0, 28), 28);
  view.setUint16(22, finish(sum(bytes, view, 20, bytes.length - 20, 0)));
  return bytes;
}
