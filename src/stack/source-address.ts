/**
 * Which of an interface's IPv6 addresses to speak from (RFC 6724 5): rules 1, 2, 6 and 8. No address here is deprecated (3),
 * a home address (4) or temporary (7), and the candidates are the outgoing interface's alone (5).
 */
import {
  isLinkLocalV6,
  isLoopbackV6,
  isMappedV4,
  isMulticastV6,
  type Prefix,
  samePrefixV6,
} from "../base/address.ts";
import type { AddressTable } from "../base/address-table.ts";

/** The id of the best source among `candidates` for the destination at `words[at]`; null when none is IPv6. */
export function chooseSourceV6(
  table: AddressTable,
  candidates: readonly Prefix[],
  words: Int32Array,
  at: number,
): number | null {
  let best: Prefix | null = null;
  for (const candidate of candidates) {
    if (candidate.family !== 6) continue;
    if (best === null || isBetter(candidate, best, words, at)) best = candidate;
  }
  return best === null ? null : table.find(best.words);
}

/** Whether `a` is the better source than `b`; on equal terms the earlier one stays. */
function isBetter(a: Prefix, b: Prefix, words: Int32Array, at: number): boolean {
  if (samePrefixV6(a.words, 0, b.words, 0, 128)) return false;
  // Rule 1: same address.
  if (samePrefixV6(a.words, 0, words, at, 128)) return true;
  if (samePrefixV6(b.words, 0, words, at, 128)) return false;
  // Rule 2: the smaller scope, unless it is smaller than the destination's.
  const scopeA = scopeOf(a.words, 0);
  const scopeB = scopeOf(b.words, 0);
  const scope = scopeOf(words, at);
  if (scopeA < scopeB) return scopeA >= scope;
  if (scopeB < scopeA) return scopeB < scope;
  // Rule 6: matching label.
  const label = labelOf(words, at);
  const labelled = labelOf(a.words, 0) === label;
  if (labelled !== (labelOf(b.words, 0) === label)) return labelled;
  // Rule 8: longest matching prefix, no longer than the source's own.
  return commonBits(a, words, at) > commonBits(b, words, at);
}

const LINK_LOCAL = 2;
const SITE_LOCAL = 5;
const GLOBAL = 14;

/** RFC 6724 3.1: scopes are numbered as those of multicast (RFC 4291 2.7). */
function scopeOf(words: Int32Array, at: number): number {
  if (isMulticastV6(words, at)) return (words[at]! >>> 16) & 15;
  if (isLinkLocalV6(words, at) || isLoopbackV6(words, at)) return LINK_LOCAL;
  // fec0::/10, deprecated by RFC 3879.
  return words[at]! >>> 22 === 0x3fb ? SITE_LOCAL : GLOBAL;
}

/** RFC 6724 2.1: the default policy table, longest prefix first. */
function labelOf(words: Int32Array, at: number): number {
  const first = words[at]! >>> 16;
  if (isLoopbackV6(words, at)) return 0;
  if (isMappedV4(words, at)) return 4;
  if ((words[at]! | words[at + 1]! | words[at + 2]!) === 0) return 3;
  if (words[at] === 0x20010000) return 5;
  if (first === 0x2002) return 2;
  if (first === 0x3ffe) return 12;
  if (first >>> 6 === 0x3fb) return 11;
  return first >>> 9 === 0x7e ? 13 : 1;
}

function commonBits(source: Prefix, words: Int32Array, at: number): number {
  let bits = 0;
  for (let i = 0; i < 4; i++) {
    const zeros = Math.clz32(source.words[i]! ^ words[at + i]!);
    bits += zeros;
    if (zeros < 32) break;
  }
  return Math.min(bits, source.bits);
}
