/**
 * The character generator's text (RFC 864): lines of 72 printable characters, each beginning one character
 * later in the alphabet. One chunk of whole periods, shared by every connection and never written to.
 */

const FIRST = 0x20;
const CHARACTERS = 95;
const LINE = 72;
/** A period: each of the 95 lines once, with CR and LF. */
const PERIOD = CHARACTERS * (LINE + 2);

/** Ten periods, 70,300 bytes: more than a super-segment, so that one is cut from it without a copy. */
export const PATTERN: Uint8Array = makePattern(10);

function makePattern(periods: number): Uint8Array {
  const bytes = new Uint8Array(periods * PERIOD);
  for (let i = 0; i < PERIOD; i++) {
    const line = Math.floor(i / (LINE + 2));
    const column = i % (LINE + 2);
    const printable = FIRST + ((line + column) % CHARACTERS);
    bytes[i] = column < LINE ? printable : column === LINE ? 0x0d : 0x0a;
  }
  for (let i = 1; i < periods; i++) bytes.copyWithin(i * PERIOD, 0, PERIOD);
  return bytes;
}
