/**
 * Sequence numbers: 32-bit arithmetic modulo 2^32 (RFC 9293 3.4).
 *
 * A `Seq` is an int32 at run time, so that V8 keeps it as a small integer (uint32 values above 2^31 would
 * be boxed: `npm run bench -- parse` shows the difference). At compile time it is opaque: `a < b` and
 * `a - b` on sequence numbers do not compile. Only this file casts.
 */
declare const seqBrand: unique symbol;

/** A sequence number, an int32 at run time. */
export type Seq = symbol & { readonly [seqBrand]: true };

/** The sequence number with the low 32 bits of `n`. */
export function seq(n: number): Seq {
  return (n | 0) as unknown as Seq;
}

/** The int32 that carries `s`. */
export function toInt(s: Seq): number {
  return s as unknown as number;
}

/** `s` as people print it: 0 to 4294967295. */
export function toUint(s: Seq): number {
  return (s as unknown as number) >>> 0;
}

/** `s + n` modulo 2^32; `n` may be negative. */
export function add(s: Seq, n: number): Seq {
  return (((s as unknown as number) + n) | 0) as unknown as Seq;
}

/** The signed distance `a - b`, from -2^31 to 2^31 - 1. */
export function diff(a: Seq, b: Seq): number {
  return ((a as unknown as number) - (b as unknown as number)) | 0;
}

/** `a < b` */
export function lt(a: Seq, b: Seq): boolean {
  return (((a as unknown as number) - (b as unknown as number)) | 0) < 0;
}

/** `a =< b` */
export function leq(a: Seq, b: Seq): boolean {
  return (((a as unknown as number) - (b as unknown as number)) | 0) <= 0;
}

/** `a > b` */
export function gt(a: Seq, b: Seq): boolean {
  return (((a as unknown as number) - (b as unknown as number)) | 0) > 0;
}

/** `a >= b` */
export function geq(a: Seq, b: Seq): boolean {
  return (((a as unknown as number) - (b as unknown as number)) | 0) >= 0;
}

/** The later of two sequence numbers. */
export function max(a: Seq, b: Seq): Seq {
  return lt(a, b) ? b : a;
}

/** The earlier of two sequence numbers. */
export function min(a: Seq, b: Seq): Seq {
  return lt(a, b) ? a : b;
}
