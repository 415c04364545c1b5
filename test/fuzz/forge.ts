/** Packets of both families as nobody ought to send them: extension chains, ICMP about anything, fragments of every cut. */
import { finish, sum } from "../../src/base/checksum.ts";
import type { Random } from "../../src/base/random.ts";
import { emitIp, ipHeader, pseudo } from "../unit/tcp/ip.ts";
import type { Peer } from "../unit/tcp/peer.ts";

const FLAGS = [
  "",
  "S",
  ".",
  ".",
  ".",
  "P.",
  "S.",
  "F.",
  "R",
  "R.",
  "SF",
  ".U",
  "P.EC",
  "SEC",
  "S.E",
  "FSRP.UEC",
];
const MTUS = [0, 1, 68, 296, 552, 576, 1_279, 1_280, 1_300, 1_400, 1_499, 1_500, 9_000, 65_535, 0xffff_ffff];

export function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.below(all.length)]!;
}

function bytesOf(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

/** A number near where `peer` or the stack stands, or anywhere. */
function near(random: Random): number {
  return (
    pick(random, [0, 1, 2, 101, 1_001, 1_461, 20_001, 65_535, -1, -1_000, random.next()]) + random.below(3)
  );
}

/** Options of a segment: SACK and DSACK that fit nothing, Fast Open cookies of any length, noise. */
function odd(random: Random): object {
  switch (random.below(6)) {
    case 0: {
      const sack = Array.from({ length: 1 + random.below(3) }, (): [number, number] => {
        const left = near(random);
        return [left, random.below(4) === 0 ? near(random) : left + 1_460 * random.below(5)];
      });
      return { sack };
    }
    case 1: {
      const cookie = bytesOf(random, random.below(18));
      return { options: Uint8Array.of(34, 2 + cookie.length, ...cookie) };
    }
    case 2: {
      const cookie = bytesOf(random, random.below(14));
      return { options: Uint8Array.of(254, 4 + cookie.length, 0xf9, 0x89, ...cookie) };
    }
    case 3:
      return { options: bytesOf(random, 4 * random.below(4)) };
    case 4:
      return { ts: [near(random), near(random)] };
    default:
      return {};
  }
}

/** A segment of `peer` with anything in it that a header can hold. */
export function segment(random: Random, peer: Peer): Uint8Array {
  return peer.segment(pick(random, FLAGS), near(random), near(random), {
    text: pick(random, [0, 0, 1, 100, 1_400, 1_460]),
    wnd: pick(random, [0, 1, 500, 65_535, 65_535]),
    up: pick(random, [0, 1, 2, 1_000, 65_535]),
    ecn: random.below(4),
    ...odd(random),
  });
}

/** An ICMP or ICMPv6 message of any type, about a segment that the stack sent if there is one. */
export function icmp(random: Random, peer: Peer, sent: Uint8Array | undefined): Uint8Array {
  const v6 = peer.address.includes(":");
  const at = ipHeader(peer.address);
  const size = pick(random, [8, 20, 28, 48, 60, 68, 1_200]);
  const quote = sent === undefined || random.below(4) === 0 ? bytesOf(random, size) : sent.slice(0, size);
  if (random.below(6) === 0 && quote.length > 0) quote[random.below(quote.length)]! ^= 1 << random.below(8);
  const bytes = new Uint8Array(at + 8 + quote.length);
  const view = new DataView(bytes.buffer);
  emitIp(view, bytes.length, v6 ? 58 : 1, peer.address, peer.stackAddress);
  const types = v6 ? [1, 2, 2, 2, 3, 4, 128, 129, 130, 135, 137, 143] : [3, 3, 3, 4, 5, 11, 12, 8, 0, 13];
  view.setUint8(at, random.below(8) === 0 ? random.below(256) : pick(random, types));
  view.setUint8(at + 1, random.below(16) === 0 ? random.below(256) : random.below(7));
  view.setUint32(at + 4, pick(random, MTUS));
  bytes.set(quote, at + 8);
  const text = bytes.length - at;
  const partial = v6 ? pseudo(peer.address, peer.stackAddress, 58, text) : 0;
  view.setUint16(at + 2, finish(sum(bytes, view, at, text, partial)) ^ (random.below(10) === 0 ? 1 : 0));
  return bytes;
}

/** Puts up to a dozen extension headers, right and wrong, before the payload of an IPv6 packet. */
export function chained(random: Random, packet: Uint8Array): Uint8Array {
  const headers: number[] = [];
  let next = packet[6]!;
  for (let n = 1 + random.below(random.below(8) === 0 ? 12 : 3); n > 0; n--) {
    const kind = pick(random, [0, 43, 44, 51, 59, 60, 60, 60, 135, 139, random.below(256)]);
    const units = kind === 44 ? 0 : random.below(3);
    const body = [...bytesOf(random, 6 + 8 * units)];
    // Options: as often as not padding alone; of a routing header no segments left; an atomic fragment.
    if ((kind === 0 || kind === 60) && random.below(2) === 0)
      body.splice(0, body.length, 1, body.length - 2, ...body.slice(2).fill(0));
    if (kind === 43 && random.below(2) === 0) body[1] = 0;
    if (kind === 44 && random.below(2) === 0) body[0] = body[1] = 0;
    headers.unshift(next, random.below(12) === 0 ? random.below(256) : units, ...body);
    next = kind;
  }
  const longer = Uint8Array.of(...packet.subarray(0, 40), ...headers, ...packet.subarray(40));
  longer[6] = next;
  new DataView(longer.buffer).setUint16(4, longer.length - 40);
  return longer;
}

/** `packet` in fragments: about half as they should be, else some missing, some twice, overlapping, backwards, or beyond 64 KiB. */
export function fragments(random: Random, packet: Uint8Array): Uint8Array[] {
  const v6 = packet[0]! >> 4 === 6;
  const head = v6 ? 40 : 20;
  const id = random.below(4) === 0 ? random.below(8) : random.next();
  const step = 8 * (1 + random.below(pick(random, [4, 30, 150])));
  const how = random.below(16);
  const all: Uint8Array[] = [];
  for (let from = 0; from < packet.length - head; from += step) {
    const shift = how === 1 && from > 0 ? -8 : how === 2 ? 65_400 & ~7 : 0;
    const data = packet.subarray(head + from, head + from + step + (how === 3 ? random.below(16) : 0));
    const more = head + from + step < packet.length || how === 4;
    all.push((v6 ? piece6 : piece4)(packet, data, from + shift, more, id));
  }
  if (how === 5) all.pop();
  if (how === 6) all.reverse();
  if (how === 7) all.splice(random.below(all.length), 0, all[random.below(all.length)]!);
  return all;
}

function piece4(packet: Uint8Array, data: Uint8Array, at: number, more: boolean, id: number): Uint8Array {
  const bytes = new Uint8Array(20 + data.length);
  bytes.set(packet.subarray(0, 20));
  bytes.set(data, 20);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, bytes.length);
  view.setUint16(4, id);
  view.setUint16(6, (more ? 0x2000 : 0) | ((at >> 3) & 0x1fff));
  view.setUint16(10, 0);
  view.setUint16(10, finish(sum(bytes, view, 0, 20, 0)));
  return bytes;
}

function piece6(packet: Uint8Array, data: Uint8Array, at: number, more: boolean, id: number): Uint8Array {
  const bytes = new Uint8Array(48 + data.length);
  bytes.set(packet.subarray(0, 40));
  bytes.set(data, 48);
  const view = new DataView(bytes.buffer);
  view.setUint16(4, 8 + data.length);
  bytes[40] = packet[6]!;
  bytes[6] = 44;
  view.setUint16(42, (at & 0xfff8) | (more ? 1 : 0));
  view.setUint32(44, id);
  return bytes;
}

/** Turned bits, a cut or a longer end. */
export function mutate(random: Random, packet: Uint8Array): Uint8Array {
  const kind = random.below(3);
  if (kind === 0) return packet.slice(0, random.below(packet.length + 1));
  const longer = new Uint8Array(packet.length + (kind === 1 ? random.below(64) : 0));
  longer.set(packet);
  if (kind === 2)
    for (let i = 1 + random.below(6); i > 0; i--)
      longer[random.below(longer.length)]! ^= 1 << random.below(8);
  return longer;
}
