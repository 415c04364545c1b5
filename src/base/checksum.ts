/**
 * The Internet checksum (RFC 1071): one's complement sums of 16-bit words.
 *
 * A partial sum is a non-negative int32; what these functions return is folded to 16 bits, so partial sums
 * can be added thousands at a time. Knows no header, only ranges of bytes.
 */

/** Folds the carries of `sum` (its 32 bits taken as unsigned) back in: 16 bits, 0 only if `sum` is 0. */
export function fold(sum: number): number {
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16);
}

/** The checksum field's value for a complete sum. A range that carries its own checksum sums to 0xffff, so to 0. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** The sum of the two 16-bit words in the int32 `word`, at most 0x1fffe. */
export function halves(word: number): number {
  return (word >>> 16) + (word & 0xffff);
}

/** The partial sum of `length` bytes from `offset` added to `initial`; `bytes` and `view` show the same memory. */
export function sum(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  initial: number,
): number {
  const lanesEnd = offset + (length & ~3);
  let total = initial + swap(sumLanes(view, offset, lanesEnd));
  const tail = length & 3;
  if (tail !== 0) {
    total += bytes[lanesEnd]! << 8;
    if (tail > 1) total += bytes[lanesEnd + 1]!;
    if (tail > 2) total += bytes[lanesEnd + 2]! << 8;
  }
  return fold(total);
}

/**
 * `partial` continued over the next piece of scattered data. `odd`: the pieces before it hold an odd number of
 * bytes, so that its bytes stand in the other half of each word (RFC 1071 2 (B)).
 */
export function sumContinue(
  partial: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
  odd: boolean,
): number {
  const end = offset + length;
  const pairsEnd = end - 7;
  let total = 0;
  let at = offset;
  while (at < end) {
    let high = 0;
    let low = 0;
    // 4 bytes of each half a turn: both halves stay below 2^31 for 2^20 turns.
    const stop = pairsEnd - at > 1 << 20 ? at + (1 << 20) : pairsEnd;
    for (; at < stop; at += 8) {
      high += bytes[at]! + bytes[at + 2]! + bytes[at + 4]! + bytes[at + 6]!;
      low += bytes[at + 1]! + bytes[at + 3]! + bytes[at + 5]! + bytes[at + 7]!;
    }
    if (at >= pairsEnd) {
      for (; at + 1 < end; at += 2) {
        high += bytes[at]!;
        low += bytes[at + 1]!;
      }
      if (at < end) high += bytes[at++]!;
    }
    total += swap(fold(high)) + fold(low);
  }
  total = fold(total);
  return fold(partial + (odd ? swap(total) : total));
}

/** The partial sum of the pseudo-header (RFC 9293 3.1) over IPv4: addresses, protocol and transport length. */
export function pseudoHeader(
  _family: number,
  src: number,
  dst: number,
  protocol: number,
  length: number,
): number {
  return fold(halves(src) + halves(dst) + protocol + halves(length));
}

/** The same over IPv6 (RFC 8200 8.1); the addresses are the four words at `words[src]` and at `words[dst]`. */
export function pseudoHeaderV6(
  words: Int32Array,
  src: number,
  dst: number,
  protocol: number,
  length: number,
): number {
  let total = protocol + halves(length);
  for (let i = 0; i < 4; i++) total += halves(words[src + i]!) + halves(words[dst + i]!);
  return fold(total);
}

/** `sum` with its two bytes exchanged: the same bytes summed in the other byte order (RFC 1071 2 (B)). */
export function swap(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/**
 * The folded sum of the 32-bit lanes from `at` to `end`. Little-endian loads need no byte swap on the usual machine,
 * and the sum is swapped once instead (RFC 1071 2 (B)).
 */
function sumLanes(view: DataView, at: number, end: number): number {
  // Four float64 carry the sums exactly up to 2^53, so no carry is lost or tested for; they stay in registers, and
  // are a sixth faster than int32 halves (`npm run bench -- parse`, sum-1460).
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (const stop = end - 31; at < stop; at += 32) {
    a += view.getUint32(at, true) + view.getUint32(at + 4, true);
    b += view.getUint32(at + 8, true) + view.getUint32(at + 12, true);
    c += view.getUint32(at + 16, true) + view.getUint32(at + 20, true);
    d += view.getUint32(at + 24, true) + view.getUint32(at + 28, true);
  }
  for (; at < end; at += 4) a += view.getUint32(at, true);
  const total = a + b + c + d;
  // 2^32 is 1 modulo 2^16 - 1.
  return fold(fold(total / 2 ** 32) + fold(total));
}
