/**
 * The parsers that `bench parse` compares ours with, each the plain way to write one: the same checks, the same
 * fields and options, another way to get at the bytes.
 */

/** Fields every rival fills. */
export interface Parsed {
  src: number;
  dst: number;
  ttl: number;
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  flags: number;
  wnd: number;
  up: number;
  mss: number;
  wscale: number;
  sackPermitted: boolean;
  tsval: number;
  tsecr: number;
  sack: number[];
  textOffset: number;
  textLength: number;
}

export function emptyParsed(): Parsed {
  return {
    src: 0,
    dst: 0,
    ttl: 0,
    srcPort: 0,
    dstPort: 0,
    seq: 0,
    ack: 0,
    flags: 0,
    wnd: 0,
    up: 0,
    mss: 0,
    wscale: -1,
    sackPermitted: false,
    tsval: 0,
    tsecr: 0,
    sack: [],
    textOffset: 0,
    textLength: 0,
  };
}

/** One way to load big-endian numbers. Each rival gets its own copy of `parserOver`, so that none is megamorphic. */
interface Loads {
  u8: string;
  u16: string;
  u32: string;
}

/** A parser of the packet at `offset`: what it filled, or null when a check failed. */
export type Parser = (memory: Memory, offset: number, verify: boolean, into: Parsed) => Parsed | null;

/** The slab in the three guises that the loads need. */
export interface Memory {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly buffer: Buffer;
}

/** Byte loads and shifts into a reused object. */
export const byteLoads: Parser = parserOver({
  u8: "m.bytes[AT]",
  u16: "(m.bytes[AT] << 8 | m.bytes[AT + 1])",
  u32: "((m.bytes[AT] << 24 | m.bytes[AT + 1] << 16 | m.bytes[AT + 2] << 8 | m.bytes[AT + 3]) >>> 0)",
});

/** `Buffer.readUInt16BE` and its kin into a reused object. */
export const bufferReads: Parser = parserOver({
  u8: "m.buffer.readUInt8(AT)",
  u16: "m.buffer.readUInt16BE(AT)",
  u32: "m.buffer.readUInt32BE(AT)",
});

/** A DataView, field by field; with a fresh object each time it is the rival `fresh-object`. */
export const viewReads: Parser = parserOver({
  u8: "m.view.getUint8(AT)",
  u16: "m.view.getUint16(AT)",
  u32: "m.view.getUint32(AT)",
});

/** The parser with these loads written into its text: the same code for all, monomorphic in each. */
function parserOver(loads: Loads): Parser {
  const at = (template: string, offset: string): string => template.replaceAll("AT", offset);
  const u8 = (offset: string): string => at(loads.u8, offset);
  const u16 = (offset: string): string => at(loads.u16, offset);
  const u32 = (offset: string): string => at(loads.u32, offset);
  const source = `
    function words(m, at, end, sum) {
      for (; at + 1 < end; at += 2) sum += ${u16("at")};
      if (at < end) sum += ${u8("at")} << 8;
      while (sum > 0xffff) sum = sum % 65536 + Math.floor(sum / 65536);
      return sum;
    }
    return function parse(m, o, verify, p) {
      const first = ${u8("o")};
      if (first >> 4 !== 4) return null;
      const t = o + (first & 15) * 4;
      const end = o + ${u16("o + 2")};
      if (words(m, o, t, 0) !== 0xffff) return null;
      if ((${u16("o + 6")} & 0x3fff) !== 0) return null;
      p.ttl = ${u8("o + 8")};
      p.src = ${u32("o + 12")};
      p.dst = ${u32("o + 16")};
      if (verify) {
        if (words(m, t, end, words(m, o + 12, o + 20, 6 + end - t)) !== 0xffff) return null;
      }
      p.srcPort = ${u16("t")};
      p.dstPort = ${u16("t + 2")};
      p.seq = ${u32("t + 4")};
      p.ack = ${u32("t + 8")};
      const text = t + (${u8("t + 12")} >> 4) * 4;
      p.flags = ${u8("t + 13")};
      p.wnd = ${u16("t + 14")};
      p.up = ${u16("t + 18")};
      p.textOffset = text;
      p.textLength = end - text;
      p.mss = 0; p.wscale = -1; p.sackPermitted = false; p.tsval = 0; p.tsecr = 0; p.sack.length = 0;
      let a = t + 20;
      while (a < text) {
        const kind = ${u8("a")};
        if (kind === 0) break;
        if (kind === 1) { a++; continue; }
        const length = ${u8("a + 1")};
        if (length < 2 || a + length > text) break;
        if (kind === 2) p.mss = ${u16("a + 2")};
        else if (kind === 3) p.wscale = ${u8("a + 2")};
        else if (kind === 4) p.sackPermitted = true;
        else if (kind === 8) { p.tsval = ${u32("a + 2")}; p.tsecr = ${u32("a + 6")}; }
        else if (kind === 5) for (let e = a + 2; e < a + length; e += 4) p.sack.push(${u32("e")});
        a += length;
      }
      return p;
    }`;
  return new Function(source)() as Parser;
}
