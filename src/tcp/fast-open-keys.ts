/**
 * The cookies of a Fast Open server (RFC 7413 4.1.2): 8 bytes, SipHash-2-4 of the two addresses as they stand on the
 * wire, under a key in use or the one before it. Same key, same cookie as Linux: servers behind one address share keys.
 */
import { derivedSipHash, PURPOSE_FAST_OPEN, SipHash } from "../base/siphash.ts";

/** Bytes of a cookie. */
const COOKIE = 8;

/** How a cookie fared. */
export const INVALID = 0;
export const VALID = 1;
/** Made with the key before: valid, and to be replaced. */
export const VALID_OLD = 2;

/** The keys of one stack. */
export class FastOpenKeys {
  #current: SipHash;
  #previous: SipHash | null = null;
  readonly #cookie: Uint8Array = new Uint8Array(COOKIE);

  /** `text` as in `FastOpenConfig.fastOpenKey`; "" derives a key from `secret`. Throws RangeError. */
  constructor(text: string, secret: Uint8Array) {
    this.#current = derivedSipHash(secret, PURPOSE_FAST_OPEN);
    if (text !== "") this.set(text);
  }

  /** Takes new keys: one, or two joined by a comma, the second for cookies that are still out. Throws RangeError. */
  set(text: string): void {
    const [current, previous] = text.split(",").map(parseKey);
    this.#current = current!;
    this.#previous = previous ?? null;
  }

  /** The cookie for the flow of `addresses`, until the next call: the client's words, then the server's. */
  cookie(addresses: Int32Array, count: number): Uint8Array {
    this.#make(this.#current, addresses, count);
    return this.#cookie;
  }

  /** What the `length` bytes at `at` are as a cookie for the flow: INVALID to VALID_OLD. */
  check(addresses: Int32Array, count: number, bytes: Uint8Array, at: number, length: number): number {
    if (length !== COOKIE) return INVALID;
    if (this.#matches(this.#current, addresses, count, bytes, at)) return VALID;
    return this.#previous !== null && this.#matches(this.#previous, addresses, count, bytes, at)
      ? VALID_OLD
      : INVALID;
  }

  #matches(key: SipHash, addresses: Int32Array, count: number, bytes: Uint8Array, at: number): boolean {
    this.#make(key, addresses, count);
    // No early end: the time taken tells nothing of the cookie.
    let difference = 0;
    for (let i = 0; i < COOKIE; i++) difference |= this.#cookie[i]! ^ bytes[at + i]!;
    return difference === 0;
  }

  #make(key: SipHash, addresses: Int32Array, count: number): void {
    key.start();
    for (let i = 0; i < count; i++) key.word(swap(addresses[i]!));
    key.digest();
    for (let i = 0; i < COOKIE; i++) this.#cookie[i] = key.out[i >> 2]! >>> (8 * (i & 3));
  }
}

/** The other byte order: SipHash takes words as little-endian, addresses are big-endian. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}

function parseKey(text: string): SipHash {
  const groups = text.trim().split("-");
  if (groups.length !== 4 || groups.some((group) => !/^[0-9a-f]{1,8}$/i.test(group))) {
    throw new RangeError(`fastOpenKey: four groups of up to 8 hexadecimal digits needed, got "${text}"`);
  }
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  groups.forEach((group, i) => {
    view.setUint32(4 * i, Number.parseInt(group, 16), true);
  });
  return new SipHash(bytes);
}
