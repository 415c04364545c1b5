import { describe, expect, test } from "vitest";
import { SipHash } from "../../../src/base/siphash.ts";

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i);

/** SipHash-2-4 in BigInt, written from the paper: the oracle for lengths without a published vector here. */
function oracle(key: Uint8Array, message: Uint8Array): bigint {
  const mask = (1n << 64n) - 1n;
  const read = (b: Uint8Array, at: number): bigint =>
    new DataView(b.buffer, b.byteOffset).getBigUint64(at, true);
  const rotl = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & mask;
  const k0 = read(key, 0);
  const k1 = read(key, 8);
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const rounds = (n: number): void => {
    for (let i = 0; i < n; i++) {
      v0 = (v0 + v1) & mask;
      v2 = (v2 + v3) & mask;
      v1 = rotl(v1, 13n) ^ v0;
      v3 = rotl(v3, 16n) ^ v2;
      v0 = rotl(v0, 32n);
      v2 = (v2 + v1) & mask;
      v0 = (v0 + v3) & mask;
      v1 = rotl(v1, 17n) ^ v2;
      v3 = rotl(v3, 21n) ^ v0;
      v2 = rotl(v2, 32n);
    }
  };
  const padded = new Uint8Array(message.length - (message.length % 8) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length & 255;
  for (let at = 0; at < padded.length; at += 8) {
    const m = read(padded, at);
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  }
  v2 ^= 0xffn;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

function ours(key: Uint8Array, message: Uint8Array): bigint {
  const sip = new SipHash(key);
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  sip.start();
  let at = 0;
  for (; at + 4 <= message.length; at += 4) sip.word(view.getInt32(at, true));
  let tail = 0;
  for (let i = 0; at + i < message.length; i++) tail |= message[at + i]! << (8 * i);
  sip.digest(tail, message.length - at);
  return (BigInt(sip.out[1]! >>> 0) << 32n) | BigInt(sip.out[0]! >>> 0);
}

describe("SipHash-2-4", () => {
  test("paper, appendix A: the 15-byte test vector", () => {
    expect(ours(KEY, KEY.subarray(0, 15))).toBe(0xa129ca6149be45e5n);
  });

  // From vectors.h of the reference implementation: message 00 01 02 ..., key 00..0f, lengths 0 to 8.
  test.each([
    [0, "310e0edd47db6f72"],
    [1, "fd67dc93c539f874"],
    [2, "5a4fa9d909806c0d"],
    [3, "2d7efbd796666785"],
    [4, "b7877127e09427cf"],
    [5, "8da699cd64557618"],
    [6, "cee3fe586e46c9cb"],
    [7, "37d1018bf50002ab"],
    [8, "6224939a79f5f593"],
  ])("reference vector of length %i", (length, hex) => {
    const little = Buffer.alloc(8);
    little.writeBigUInt64LE(ours(KEY, KEY.subarray(0, length)));
    expect(little.toString("hex")).toBe(hex);
  });

  test("agrees with a BigInt implementation at every length to 64, under keys with high bits set", () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => 255 - 13 * i);
    for (let length = 0; length <= 64; length++) {
      const message = Uint8Array.from({ length }, (_, i) => (i * 197 + 0x80) & 255);
      expect(ours(key, message)).toBe(oracle(key, message));
    }
  });

  test("hash5 is the hash of its five words", () => {
    const words = Int32Array.of(1, -1, 0x7fffffff, -0x80000000, 12345);
    const sip = new SipHash(KEY);
    const low = sip.hash5(words[0]!, words[1]!, words[2]!, words[3]!, words[4]!);
    const expected = ours(KEY, new Uint8Array(words.buffer));
    expect(low).toBe(Number(BigInt.asIntN(32, expected)));
    expect(sip.out[1]).toBe(Number(BigInt.asIntN(32, expected >> 32n)));
  });

  test("a secret of another length than 16 bytes is refused", () => {
    expect(() => new SipHash(new Uint8Array(8))).toThrow("16 bytes");
  });
});
