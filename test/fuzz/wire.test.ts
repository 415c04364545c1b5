/**
 * Parser totality: whatever bytes arrive, the wire layer neither throws nor reads outside the packet, and what it
 * says lies inside it. Fast-check prints the seed of a failure; replay with `fc.assert(..., { seed, path })`.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DROP_NAMES, OK } from "../../src/wire/drop.ts";
import { formatSegment } from "../../src/wire/format.ts";
import { emitUnreachable, IcmpMessage, parseIcmp } from "../../src/wire/icmp.ts";
import { parseIpv4 } from "../../src/wire/ipv4.ts";
import { Segment, SYN } from "../../src/wire/segment.ts";
import { writeSack, writeSynOptions, writeTimestamps } from "../../src/wire/tcp-options.ts";
import { parseTcp } from "../../src/wire/tcp-parse.ts";
import {
  DATA_HEX,
  ECHO_HEX,
  hex,
  IP_OPTIONS_HEX,
  parse,
  SACK_HEX,
  SYN_HEX,
  sealIpv4,
  segmentOver,
  tcpPacket,
  viewOf,
} from "../unit/wire/packets.ts";

const RUNS = { numRuns: 5000 };
const GUARD = 64;

/** A view that fails the test when read outside [start, end). */
class GuardedView extends DataView<ArrayBuffer> {
  start = 0;
  end = 0;

  check(at: number, length: number): number {
    if (at < this.start || at + length > this.end) {
      throw new Error(`read of ${length} at ${at}, the packet is ${this.start} to ${this.end}`);
    }
    return at;
  }

  override getUint8(at: number): number {
    return super.getUint8(this.check(at, 1));
  }
  override getUint16(at: number, little?: boolean): number {
    return super.getUint16(this.check(at, 2), little);
  }
  override getInt32(at: number, little?: boolean): number {
    return super.getInt32(this.check(at, 4), little);
  }
  override getUint32(at: number, little?: boolean): number {
    return super.getUint32(this.check(at, 4), little);
  }
}

/** Cheaper than `expect`, which would take most of the time of a run. */
function must(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Runs every parser over `packet` in a slab of `filler`, checks that nothing strays, and returns all that was made of it. */
function verdictOf(packet: Uint8Array, filler: number, checksumOk: boolean, gsoSize: number): string {
  const slab = new Uint8Array(packet.length + 2 * GUARD).fill(filler);
  slab.set(packet, GUARD);
  const before = slab.slice();
  const view = new GuardedView(slab.buffer);
  view.start = GUARD;
  view.end = GUARD + packet.length;
  const seg = new Segment();
  Object.assign(seg, { bytes: slab, view, checksumOk, gsoSize });
  const icmp = new IcmpMessage();
  let transport = -1;
  let echo = -1;
  let line = "";
  const drop = parseIpv4(view, GUARD, packet.length, seg);
  if (drop === OK) {
    must(seg.ipPayload >= GUARD + 20 && seg.ipPayloadLength >= 0, "the payload starts behind the header");
    must(seg.ipPayload + seg.ipPayloadLength <= view.end, "the payload ends within the packet");
    view.start = seg.ipPayload;
    view.end = seg.ipPayload + seg.ipPayloadLength;
    echo = parseIcmp(view, seg, icmp);
    transport = parseTcp(view, seg);
    if (transport === OK) {
      must(seg.textOffset >= seg.ipPayload + 20, "the text starts behind the header");
      must(seg.textOffset + seg.textLength === view.end, "the text ends with the packet");
      must(seg.sackCount <= 4 && seg.wscale <= 14, "options within their bounds");
      line = formatSegment(seg);
    }
  }
  must(DROP_NAMES[drop] !== undefined, `drop reason ${drop}`);
  must(
    drop !== OK || (DROP_NAMES[transport] !== undefined && DROP_NAMES[echo] !== undefined),
    "a drop reason",
  );
  must(Buffer.compare(slab, before) === 0, "nothing is written");
  const { bytes: _bytes, view: _view, ...rest } = seg;
  return JSON.stringify([drop, transport, echo, line, rest, icmp]);
}

/** The verdict on a packet may not depend on the bytes around it: reads through `bytes` are caught so. */
function holds(packet: Uint8Array, checksumOk: boolean, gsoSize: number): void {
  const [zeros, ones] = [0x00, 0xff].map((filler) => verdictOf(packet, filler, checksumOk, gsoSize));
  must(zeros === ones, `the bytes around the packet matter: ${zeros} against ${ones}`);
}

/** One change to a packet: a byte overwritten, a cut, or bytes appended. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant("byte" as const), at: fc.nat(79), value: fc.nat(255) }),
  fc.record({ kind: fc.constant("cut" as const), at: fc.nat(79), value: fc.constant(0) }),
  fc.record({ kind: fc.constant("grow" as const), at: fc.nat(79), value: fc.nat(255) }),
);

function mutate(
  packet: Uint8Array,
  changes: readonly { kind: string; at: number; value: number }[],
): Uint8Array {
  let bytes = packet;
  for (const { kind, at, value } of changes) {
    if (kind === "cut") bytes = bytes.slice(0, at);
    else if (kind === "grow") bytes = Uint8Array.of(...bytes, ...new Uint8Array(at).fill(value));
    else if (at < bytes.length) bytes[at] = value;
  }
  return bytes;
}

describe("totality: never a throw, never a read outside the packet", () => {
  const gso = fc.constantFrom(0, 1448);

  test("random bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.boolean(), gso, holds), RUNS);
  });

  test("random TCP headers and options behind a sound IP header", () => {
    const body = fc.uint8Array({ minLength: 0, maxLength: 80 });
    fc.assert(
      fc.property(body, fc.boolean(), gso, (tcp, checksumOk, gsoSize) => {
        const packet = new Uint8Array(20 + tcp.length);
        packet.set(hex(DATA_HEX).subarray(0, 20));
        packet.set(tcp, 20);
        packet[3] = packet.length;
        sealIpv4(packet);
        holds(packet, checksumOk, gsoSize);
      }),
      RUNS,
    );
  });

  test("random options in a sound TCP header", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 40 }), fc.nat(255), (options, flags) => {
        holds(tcpPacket({ options, flags }), false, 0);
      }),
      RUNS,
    );
  });

  test("sound packets, mutated, with checksums made right or left wrong", () => {
    const sound = [SYN_HEX, DATA_HEX, SACK_HEX, IP_OPTIONS_HEX, ECHO_HEX];
    fc.assert(
      fc.property(
        fc.constantFrom(...sound),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        fc.boolean(),
        (digits, changes, seal, checksumOk) => {
          const packet = mutate(hex(digits), changes);
          if (seal && packet.length >= Math.max(20, (packet[0]! & 15) * 4)) sealIpv4(packet);
          holds(packet, checksumOk, 0);
        },
      ),
      RUNS,
    );
  });

  test("random quotes in ICMP errors", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(3, 11, 12), (quoted, type) => {
        const packet = new Uint8Array(28 + quoted.length);
        packet.set(hex(ECHO_HEX).subarray(0, 20));
        emitUnreachable(viewOf(packet), 20, 1, 0, viewOf(quoted), 0, quoted.length);
        // The type changes from 3, and the checksum by as much.
        packet[20] = type;
        viewOf(packet).setUint16(22, (viewOf(packet).getUint16(22) - ((type - 3) << 8) + 0xffff) % 0xffff);
        packet[3] = packet.length;
        sealIpv4(packet);
        holds(packet, false, 0);
      }),
      RUNS,
    );
  });
});

describe("what is written is read back", () => {
  const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
  const fields = fc.record({
    srcPort: fc.integer({ min: 1, max: 65535 }),
    dstPort: fc.integer({ min: 1, max: 65535 }),
    seq: int32,
    ack: int32,
    flags: fc.nat(255),
    wnd: fc.nat(65535),
    up: fc.nat(65535),
    text: fc.uint8Array({ maxLength: 50 }),
  });

  test("a segment with the options of a SYN", () => {
    fc.assert(
      fc.property(
        fields,
        fc.nat(65535),
        fc.integer({ min: -1, max: 14 }),
        fc.boolean(),
        fc.boolean(),
        int32,
        int32,
        (given, mss, wscale, sackPermitted, timestamps, tsval, tsecr) => {
          const room = new Uint8Array(40);
          const end = writeSynOptions(viewOf(room), 0, mss, wscale, sackPermitted, timestamps, tsval, tsecr);
          const { text, ...header } = given;
          const flags = header.flags | SYN;
          const seg = segmentOver(tcpPacket({ ...header, flags, text, options: room.subarray(0, end) }));
          expect(parse(seg)).toBe(OK);
          expect(seg).toMatchObject({
            ...header,
            flags,
            mss,
            wscale,
            sackPermitted,
            hasTimestamps: timestamps,
          });
          expect(seg).toMatchObject(timestamps ? { tsval, tsecr } : { tsval: 0, tsecr: 0 });
          expect(seg.bytes.subarray(seg.textOffset)).toEqual(text);
        },
      ),
    );
  });

  test("a segment with timestamps and SACK blocks", () => {
    fc.assert(
      fc.property(
        fields,
        fc.boolean(),
        fc.integer({ min: 0, max: 4 }),
        fc.int32Array({ minLength: 8, maxLength: 8 }),
        int32,
        (given, timestamps, blocks, edges, tsval) => {
          const room = new Uint8Array(64);
          const view = viewOf(room);
          const count = timestamps ? Math.min(blocks, 3) : blocks;
          let end = timestamps ? writeTimestamps(view, 0, tsval, ~tsval) : 0;
          if (count > 0) end = writeSack(view, end, edges, count);
          const { text, ...header } = given;
          const seg = segmentOver(tcpPacket({ ...header, text, options: room.subarray(0, end) }));
          expect(parse(seg)).toBe(OK);
          expect(seg).toMatchObject({ ...header, hasTimestamps: timestamps, sackCount: count });
          if (timestamps) expect(seg).toMatchObject({ tsval, tsecr: ~tsval });
          expect([...seg.sackEdges.subarray(0, 2 * count)]).toEqual([...edges.subarray(0, 2 * count)]);
          expect(seg.bytes.subarray(seg.textOffset)).toEqual(text);
        },
      ),
    );
  });

  test("any single bit flipped in the segment is caught by the checksum", () => {
    const sound = tcpPacket({ text: hex("00ff00ff01") });
    for (let bit = 20 * 8; bit < sound.length * 8; bit++) {
      const packet = sound.slice();
      packet[bit >> 3] = packet[bit >> 3]! ^ (1 << (bit & 7));
      expect(parse(segmentOver(packet)), `bit ${bit}`).not.toBe(OK);
    }
  });
});
