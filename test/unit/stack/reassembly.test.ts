/** Fragments of IPv4 into the stack (RFC 791 3.2, RFC 1858, RFC 3168 5.3, RFC 5722, RFC 6864, RFC 8200 4.5). */
import { describe, expect, test } from "vitest";
import type { ReassemblyOptions } from "../../../src/stack/reassembly.ts";
import { accepted, MS, Rig, SECOND } from "../tcp/rig.ts";
import { cut, echo, piece, sealed } from "./fragments.ts";

/** Replies that came for echo requests whole: their length. */
function answers(rig: Rig): number[] {
  const all = rig.others.splice(0).filter((p) => p[20] === 0 || (p[6]! & 0x3f) !== 0 || p[7] !== 0);
  return all.map((p) => p.length);
}

const rigOf = (reassembly: Partial<ReassemblyOptions> = {}): Rig => new Rig({ mtu: 9_000, reassembly });

test("RFC 4293: a reply in fragments that finds no room counts as one that was not fragmented", () => {
  const rig = new Rig();
  const pieces = cut(echo(5_000, 7), 1_500);
  rig.input(...pieces.slice(0, -1));
  rig.link.tx.used = 256 * 1_024 - 2_000;
  rig.input(pieces.at(-1)!);
  expect(rig.others).toEqual([]);
  expect(rig.stack.ip).toMatchObject({ ReasmOKs: 1, FragFails: 1, OutDiscards: 1, FragCreates: 0 });
});

describe("fragments", () => {
  test.each([
    ["in order", (p: Uint8Array[]) => p],
    ["backwards", (p: Uint8Array[]) => p.reverse()],
    ["each but the last twice", (p: Uint8Array[]) => [...p.slice(0, -1), ...p]],
    ["odd ones first", (p: Uint8Array[]) => [...p.filter((_, i) => i % 2), ...p.filter((_, i) => !(i % 2))]],
  ])("RFC 791 3.2: %s, they are one packet again", (_, order) => {
    const rig = rigOf();
    const packet = echo(5_000, 7);
    rig.input(...order(cut(packet, 576)));
    expect(rig.others).toHaveLength(1);
    expect(rig.others[0]!.subarray(28)).toEqual(packet.subarray(28));
    expect(rig.stack.ip).toMatchObject({ ReasmOKs: 1, ReasmFails: 0, InDelivers: 1 });
    expect(rig.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
    expect(rig.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
  });

  test("RFC 791 3.2: packets of another identification, source or protocol are others", () => {
    const rig = rigOf();
    const one = cut(echo(1_000, 1), 576);
    const others = [echo(1_000, 2), echo(1_000, 1, "10.77.0.9")].map((p) => cut(p, 576)[1]!);
    const protocol = one[1]!.slice();
    protocol[9] = 99;
    rig.input(one[0]!, ...others, sealed(protocol));
    expect(answers(rig)).toEqual([]);
    expect(rig.stack.fragments.reassembly.size).toBe(4);
    rig.input(one[1]!);
    expect(answers(rig)).toEqual([1_028]);
  });

  test("the reassembled text does not lie in the batch's memory: the slab may be used again", () => {
    const { rig, peer, app } = accepted({ mss: 1_460 }, { mtu: 9_000 });
    const kept: Uint8Array[] = [];
    app.connection!.handler = { onData: (_, bytes) => void kept.push(bytes) };
    const segment = peer.segment(".", 1, 1, { text: 4_000 });
    const fragments = cut(segment, 1_500);
    const retained = rig.retained(fragments);
    expect(retained).toBe(false);
    expect(kept).toEqual([segment.subarray(40)]);
  });

  test("RFC 1122 3.3.2: a packet that stays incomplete for 30 s is given up, and its memory with it", () => {
    const rig = rigOf();
    const [first] = cut(echo(3_000, 7), 1_500);
    rig.input(first!);
    rig.advance(30 * SECOND - MS);
    expect(rig.stack.fragments.reassembly.size).toBe(1);
    rig.advance(2 * MS);
    expect(rig.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
    expect(rig.stack.ip).toMatchObject({ ReasmTimeout: 1, ReasmFails: 1, IcmpOutTimeExcds: 1 });
    expect(rig.drops()).toEqual({ "ip-fragment-timeout": 1 });
    const [error] = rig.others;
    expect([...error!.subarray(20, 22)]).toEqual([11, 1]);
    expect(error!.subarray(28)).toEqual(first!.subarray(0, error!.length - 28));
  });

  test("RFC 792: no time exceeded where the first fragment never came", () => {
    const rig = rigOf();
    rig.input(cut(echo(3_000, 7), 1_500)[1]!);
    rig.advance(31 * SECOND);
    expect(rig.stack.ip).toMatchObject({ ReasmTimeout: 1, IcmpOutTimeExcds: 0 });
    expect(rig.others).toEqual([]);
  });

  test.each([
    ["the end of one before", 1_472, 2_960, true],
    ["the beginning of one behind", 1_480, 2_968, true],
    ["a part of another", 8, 16, true],
    ["the whole of another", 0, 1_496, true],
    ["the end of the packet", 3_000, 3_008, false],
  ])("RFC 5722 4: a fragment that overlaps %s: the packet is given up", (_, from, to, more) => {
    const rig = rigOf();
    const packet = echo(3_000, 7);
    const [a, , c] = cut(packet, 1_500);
    rig.input(a!, c!, piece(packet, from, to, more));
    expect(answers(rig)).toEqual([]);
    expect(rig.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
    expect(rig.stack.ip).toMatchObject({ ReasmFails: 1, ReasmOverlaps: 1 });
  });

  test("RFC 8200 4.5: exact duplicates are dropped alone; other bytes at the same place are an overlap", () => {
    const rig = rigOf();
    const packet = echo(3_000, 7);
    const [a, b, c] = cut(packet, 1_500);
    rig.input(a!, a!, b!, b!);
    const other = a!.slice();
    other[1_000]! ^= 1;
    rig.input(other);
    rig.input(c!);
    expect(answers(rig)).toEqual([]);
    expect(rig.stack.ip.ReasmOverlaps).toBe(1);
  });

  test.each([
    ["a second end, further off", [2_960, 3_008, false, 4_000]],
    ["more after the end", [0, 8, true, 4_000]],
    ["more that ends where the packet does", [0, 8, true, 3_000]],
  ] as const)("contradiction about the length: %s", (_, [from, to, more, at]) => {
    const rig = rigOf();
    const packet = echo(3_000, 7);
    const [a, b, c] = cut(packet, 1_500);
    rig.input(c!, piece(packet, from, to, more, at), a!, b!);
    expect(answers(rig)).toEqual([]);
    expect(rig.stack.ip.ReasmFails).toBe(1);
  });

  test("an end below what was received already contradicts it", () => {
    const rig = rigOf();
    const packet = echo(3_000, 7);
    const [, b] = cut(packet, 1_500);
    rig.input(b!, piece(packet, 8, 100, false));
    expect(rig.drops()).toEqual({ "ip-fragment-invalid": 1 });
  });

  test.each([
    ["beyond 65,535 bytes", piece(echo(3_000, 7), 0, 100, false, 65_528)],
    ["of no bytes", piece(echo(3_000, 7), 8, 8, true)],
    ["that is no last one and no multiple of 8 long", piece(echo(3_000, 7), 0, 100, true)],
  ])("a fragment %s is dropped and remembered nowhere", (_, fragment) => {
    const rig = rigOf();
    rig.input(fragment);
    expect(rig.drops()).toEqual({ "ip-fragment-invalid": 1 });
    expect(rig.stack.fragments.reassembly.size).toBe(0);
  });

  test("RFC 1858 3, RFC 3128: TCP headers cut in two, or written over from offset 8, are dropped", () => {
    const { rig, peer } = accepted({ mss: 1_460 });
    const segment = peer.segment(".", 1, 1, { text: 100, ts: [1, 2] });
    rig.input(piece(segment, 0, 16, true), piece(segment, 0, 24, true), piece(segment, 8, 132, false));
    expect(rig.drops()).toEqual({ "ip-fragment-invalid": 3 });
    rig.input(piece(segment, 0, 32, true), piece(segment, 32, 132, false));
    expect(rig.stack.ip.ReasmOKs).toBe(1);
  });

  test.each([
    ["CE on one of them is CE on the packet", [2, 3, 2], 3],
    ["ECT(0) and ECT(1) without CE: the first one's", [1, 2, 2], 1],
    ["not-ECT and CE: dropped", [0, 3, 0], -1],
    ["not-ECT and ECT: dropped", [2, 0, 2], -1],
  ] as const)("RFC 3168 5.3: %s", (_, ecn, expected) => {
    const rig = rigOf();
    const seen: number[] = [];
    const take = rig.stack.fragments.take.bind(rig.stack.fragments);
    rig.stack.fragments.take = (seg) => {
      const whole = take(seg);
      if (whole !== null) seen.push(whole[1]! & 3);
      return whole;
    };
    const fragments = cut(echo(3_000, 7), 1_500);
    fragments.forEach((f, i) => {
      f[1] = ecn[i]!;
      sealed(f);
    });
    rig.input(...fragments);
    expect(seen).toEqual(expected < 0 ? [] : [expected]);
    expect(answers(rig)).toHaveLength(seen.length);
  });

  test("fragments to an address that is not ours are not remembered", () => {
    const rig = rigOf();
    const [first] = cut(echo(3_000, 7), 1_500);
    first![19] = 77;
    rig.input(sealed(first!));
    expect(rig.drops()).toEqual({ "ip-not-ours": 1 });
    expect(rig.stack.ip.ReasmReqds).toBe(0);
  });
});

describe("limits", () => {
  test("RFC 791 3.2: as many fragments a packet as it may have, and no more", () => {
    const rig = rigOf({ fragments: 10 });
    rig.input(...cut(echo(8 * 12 - 8, 7), 28).slice(0, 11));
    expect(rig.drops()).toEqual({ "ip-fragment-limit": 1 });
    expect(rig.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
  });

  test("a source has its share; the oldest of its own packets gives way, those of others stay", () => {
    const rig = rigOf({ bytesPerSource: 20_000 });
    const other = cut(echo(3_000, 1, "10.77.0.9"), 1_500);
    rig.input(other[0]!, other[1]!);
    const mine = Array.from({ length: 40 }, (_, id) => cut(echo(3_000, id), 1_500));
    for (const fragments of mine) rig.input(fragments[0]!);
    const { reassembly } = rig.stack.fragments;
    expect(reassembly.charge).toBeLessThan(20_000 + 4_000);
    expect(reassembly.size).toBeLessThan(12);
    rig.input(other[2]!);
    expect(answers(rig)).toEqual([3_028]);
    rig.input(mine.at(-1)![1]!, mine.at(-1)![2]!);
    expect(answers(rig)).toEqual([3_028]);
    rig.input(mine[0]![1]!, mine[0]![2]!);
    expect(answers(rig)).toEqual([]);
  });

  test("a source has its share of the packets under way, too: many small ones crowd out nobody else", () => {
    const rig = rigOf({ datagrams: 16, datagramsPerSource: 4 });
    const other = cut(echo(3_000, 1, "10.77.0.9"), 1_500);
    rig.input(other[0]!, other[1]!);
    for (let id = 0; id < 40; id++) rig.input(cut(echo(100, id), 68)[0]!);
    expect(rig.stack.fragments.reassembly.size).toBe(5);
    rig.input(other[2]!);
    expect(answers(rig)).toEqual([3_028]);
  });

  test("all together have a limit: the oldest gives way, so that the newest still come together", () => {
    const rig = rigOf({ bytes: 50_000, datagrams: 16 });
    for (let i = 0; i < 400; i++) {
      const source = `10.77.1.${1 + (i % 250)}`;
      rig.input(cut(echo(3_000, i, source), 1_500)[0]!);
      expect(rig.stack.fragments.reassembly.charge).toBeLessThanOrEqual(50_000);
      expect(rig.stack.fragments.reassembly.size).toBeLessThanOrEqual(16);
    }
    rig.input(...cut(echo(3_000, 9_999), 1_500));
    expect(answers(rig)).toEqual([3_028]);
  });

  test("0 bytes: no fragment is taken", () => {
    const rig = rigOf({ bytes: 0 });
    rig.input(...cut(echo(3_000, 7), 1_500));
    expect(rig.drops()).toEqual({ "ip-fragment-limit": 3 });
  });
});

test("RFC 791 3.2, RFC 1122 3.3.3: a large echo reply leaves in fragments that fit the MTU", () => {
  const rig = new Rig({ mtu: 1_500 });
  const packet = echo(4_000, 7);
  rig.input(...cut(packet, 1_500));
  expect(rig.others.map((p) => p.length)).toEqual([1_500, 1_500, 1_068]);
  const back = new Rig({ addresses: ["10.77.0.1"], mtu: 9_000 });
  back.input(...rig.others);
  expect(back.stack.ip).toMatchObject({ ReasmOKs: 1, IcmpInMsgs: 1, IcmpInErrors: 0 });
  expect(rig.stack.ip).toMatchObject({ FragOKs: 1, FragCreates: 3 });
});
