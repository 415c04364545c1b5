/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) over int32 words: the keyed function behind initial sequence
 * numbers (RFC 6528 3), port choice (RFC 6056 3.3.4) and SYN cookies (RFC 4987 3.6). Each 64-bit lane is
 * two int32 halves; no BigInt, no allocation a call. Knows not what is hashed.
 */

/** A key and the state of the hash under it. Words are taken as the little-endian bytes of the message. */
export class SipHash {
  /** The 64-bit result of the last `digest`: low word, high word. */
  readonly out: Int32Array;
  private readonly key: Int32Array;
  /** v0 to v3, low word before high word. */
  private readonly v: Int32Array;
  /** A first word waiting for the second that completes its 64-bit block. */
  private pending: number;
  private words: number;

  /** `secret` is 16 bytes. */
  constructor(secret: Uint8Array) {
    if (secret.length !== 16) throw new RangeError(`secret: 16 bytes needed, got ${secret.length}`);
    const view = new DataView(secret.buffer, secret.byteOffset, 16);
    this.out = new Int32Array(2);
    this.key = new Int32Array(4);
    for (let i = 0; i < 4; i++) this.key[i] = view.getInt32(4 * i, true);
    this.v = new Int32Array(8);
    this.pending = 0;
    this.words = 0;
    this.start();
  }

  /** Begins a message. */
  start(): void {
    const { key, v } = this;
    v[0] = key[0]! ^ 0x70736575;
    v[1] = key[1]! ^ 0x736f6d65;
    v[2] = key[2]! ^ 0x6e646f6d;
    v[3] = key[3]! ^ 0x646f7261;
    v[4] = key[0]! ^ 0x6e657261;
    v[5] = key[1]! ^ 0x6c796765;
    v[6] = key[2]! ^ 0x79746573;
    v[7] = key[3]! ^ 0x74656462;
    this.words = 0;
  }

  /** Adds one word, four bytes of the message. */
  word(word: number): void {
    if ((this.words++ & 1) === 0) this.pending = word;
    else this.block(this.pending, word);
  }

  /** Ends the message with `tail`, its last `tailBytes` (0 to 3) bytes. Answers the low 32 bits of `out`. */
  digest(tail = 0, tailBytes = 0): number {
    const length = (4 * this.words + tailBytes) << 24;
    if ((this.words & 1) === 0) this.block(tail, length);
    else this.block(this.pending, length | tail);
    const { v, out } = this;
    v[4]! ^= 0xff;
    sipRounds(v, 4);
    out[0] = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
    out[1] = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
    return out[0]!;
  }

  /** The low 32 bits of the hash of five words; all 64 are in `out`. */
  hash5(w0: number, w1: number, w2: number, w3: number, w4: number): number {
    this.start();
    this.block(w0, w1);
    this.block(w2, w3);
    this.pending = w4;
    this.words = 5;
    return this.digest();
  }

  private block(low: number, high: number): void {
    const v = this.v;
    v[6]! ^= low;
    v[7]! ^= high;
    sipRounds(v, 2);
    v[0]! ^= low;
    v[1]! ^= high;
  }
}

/**
 * `count` words made from a secret for one use, so that what one use gives away tells nothing of another.
 * `purpose` is any number that no other use of the same secret has (`PURPOSE_*`).
 */
export function deriveWords(secret: Uint8Array, purpose: number, count: number): Int32Array {
  const sip = new SipHash(secret);
  const words = new Int32Array(count);
  for (let i = 0; i < count; i++) words[i] = sip.hash5(purpose, i, 0, 0, 0);
  return words;
}

/** A SipHash whose key is made from `secret` for one `purpose`. */
export function derivedSipHash(secret: Uint8Array, purpose: number): SipHash {
  return new SipHash(new Uint8Array(deriveWords(secret, purpose, 4).buffer));
}

/** The uses of a stack's one secret. */
export const PURPOSE_ISN = 1 as const;
export const PURPOSE_TIMESTAMP = 2 as const;
export const PURPOSE_PORT_OFFSET = 3 as const;
export const PURPOSE_PORT_TABLE = 4 as const;
export const PURPOSE_PORT_COUNTERS = 5 as const;
export const PURPOSE_COOKIE = 6 as const;
export const PURPOSE_FLOW_TABLE = 7 as const;
export const PURPOSE_RATE_LIMITS = 20 as const;
export const PURPOSE_FAST_OPEN = 21 as const;
export const PURPOSE_ADDRESS_TABLE = 22 as const;
export const PURPOSE_ADDRESS_DIGEST = 23 as const;
export const PURPOSE_FLOW_LABEL = 24 as const;
export const PURPOSE_SHARD = 25 as const;

/** `count` SipRounds. The carry of each 64-bit addition is an unsigned comparison of low halves. */
function sipRounds(v: Int32Array, count: number): void {
  let a = v[0]!;
  let A = v[1]!;
  let b = v[2]!;
  let B = v[3]!;
  let c = v[4]!;
  let C = v[5]!;
  let d = v[6]!;
  let D = v[7]!;
  let t = 0;
  for (; count > 0; count--) {
    // v0 += v1; v1 = rotl(v1, 13) ^ v0; v0 = rotl(v0, 32)
    a = (a + b) | 0;
    A = (A + B + (a >>> 0 < b >>> 0 ? 1 : 0)) | 0;
    t = (b << 13) | (B >>> 19);
    B = ((B << 13) | (b >>> 19)) ^ A;
    b = t ^ a;
    t = a;
    a = A;
    A = t;
    // v2 += v3; v3 = rotl(v3, 16) ^ v2
    c = (c + d) | 0;
    C = (C + D + (c >>> 0 < d >>> 0 ? 1 : 0)) | 0;
    t = (d << 16) | (D >>> 16);
    D = ((D << 16) | (d >>> 16)) ^ C;
    d = t ^ c;
    // v0 += v3; v3 = rotl(v3, 21) ^ v0
    a = (a + d) | 0;
    A = (A + D + (a >>> 0 < d >>> 0 ? 1 : 0)) | 0;
    t = (d << 21) | (D >>> 11);
    D = ((D << 21) | (d >>> 11)) ^ A;
    d = t ^ a;
    // v2 += v1; v1 = rotl(v1, 17) ^ v2; v2 = rotl(v2, 32)
    c = (c + b) | 0;
    C = (C + B + (c >>> 0 < b >>> 0 ? 1 : 0)) | 0;
    t = (b << 17) | (B >>> 15);
    B = ((B << 17) | (b >>> 15)) ^ C;
    b = t ^ c;
    t = c;
    c = C;
    C = t;
  }
  v[0] = a;
  v[1] = A;
  v[2] = b;
  v[3] = B;
  v[4] = c;
  v[5] = C;
  v[6] = d;
  v[7] = D;
}
