/**
 * SYN cookies (RFC 4987 3.6): a full SYN queue answers with a sequence number that carries what a half-open
 * connection has to remember, and remembers nothing.
 *
 *     31     27 26 24 23                     0
 *     | minutes | MSS | MAC of flow and rest |
 *
 * What else the SYN offered rides in the low 6 bits of our timestamp, which the peer echoes, laid out as
 * Linux does: window scale in bits 0-3 (15: none), SACK-permitted in bit 4, ECN in bit 5. These bits are not
 * authenticated; lying about them harms the liar's own connection alone.
 * Addresses are IPv4 keys, or digests of IPv6 ones (`AddressTable.digest`). This file keeps no state and knows no queue.
 */
import { type Seq, seq, toInt } from "../base/seq.ts";
import { derivedSipHash, PURPOSE_COOKIE, type SipHash } from "../base/siphash.ts";
import { type Micros, SECOND } from "../base/time.ts";

/** The MSS values that a cookie can name, ascending; a peer's MSS is rounded down to one of them. */
export const COOKIE_MSS: readonly number[] = [
  536, // RFC 9293 3.7.1: the default
  1220, // RFC 8200: IPv6's least MTU, 1280, less 60
  1300, // behind tunnels
  1400, // behind tunnels (WireGuard in IPv6 has 1420 of MTU)
  1440, // Ethernet, IPv6; PPPoE's 1452 rounds to it
  1460, // Ethernet, IPv4
  8940, // jumbo frames, 9000 less 60
  65_475, // TUN and loopback: 65,535 less 60
];

/** The minute that a cookie was made in, and the one after: it lives between one and two minutes. */
const PERIOD: Micros = 60 * SECOND;
const MAX_AGE = 2;
const MINUTE_BITS = 5;
const MAC_MASK = 0xffffff;

const TS_WSCALE = 0x0f;
const TS_SACK = 0x10;
const TS_ECN = 0x20;
const TS_BITS = 6;
const NO_WSCALE = 15;

/** What a SYN's options were, recovered from a timestamp. `wscale` is -1 when it had none. */
export interface CookieOptions {
  wscale: number;
  sackPermitted: boolean;
  ecn: boolean;
}

/** Makes and checks cookies under a secret. */
export class SynCookies {
  private readonly sip: SipHash;

  /** `secret` is 16 bytes, as in `Host`. */
  constructor(secret: Uint8Array) {
    this.sip = derivedSipHash(secret, PURPOSE_COOKIE);
  }

  /** Our ISN for a SYN with the sequence number `irs` that offered `mss`. */
  encode(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    irs: Seq,
    mss: number,
    now: Micros,
  ): Seq {
    const minute = Math.floor(now / PERIOD);
    const index = mssIndex(mss);
    const ports = (localPort << 16) | remotePort;
    const mac = this.mac(family, local, remote, ports, irs, minute, index);
    return seq((minute << (32 - MINUTE_BITS)) | (index << 24) | mac);
  }

  /**
   * The MSS that a cookie carries, or 0 when it is forged, expired or of another flow. Of the ACK that
   * completes a handshake, `irs` is SEG.SEQ - 1 and `cookie` is SEG.ACK - 1.
   */
  decode(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    irs: Seq,
    cookie: Seq,
    now: Micros,
  ): number {
    const bits = toInt(cookie);
    const current = Math.floor(now / PERIOD);
    const age = (current - (bits >>> (32 - MINUTE_BITS))) & ((1 << MINUTE_BITS) - 1);
    if (age >= MAX_AGE) return 0;
    const index = (bits >>> 24) & 7;
    const ports = (localPort << 16) | remotePort;
    const mac = this.mac(family, local, remote, ports, irs, current - age, index);
    return mac === (bits & MAC_MASK) ? COOKIE_MSS[index]! : 0;
  }

  private mac(
    family: number,
    local: number,
    remote: number,
    ports: number,
    irs: Seq,
    minute: number,
    index: number,
  ): number {
    // The whole minute, not its 5 bits: a cookie of 32 minutes ago is not valid again.
    const rest = (minute << 4) | (index << 1) | (family === 6 ? 1 : 0);
    return this.sip.hash5(local, remote, ports, toInt(irs), rest) & MAC_MASK;
  }
}

/**
 * The timestamp to send with a cookie, from the timestamp clock `tsNow` (int32): at most 64 + 63 ticks in the
 * past and never ahead, so that the connection's later timestamps do not go back.
 */
export function cookieTimestamp(tsNow: number, wscale: number, sackPermitted: boolean, ecn: boolean): number {
  const options =
    (wscale < 0 ? NO_WSCALE : wscale & TS_WSCALE) | (sackPermitted ? TS_SACK : 0) | (ecn ? TS_ECN : 0);
  const stamp = (tsNow & ~((1 << TS_BITS) - 1)) | options;
  return options > (tsNow & ((1 << TS_BITS) - 1)) ? (stamp - (1 << TS_BITS)) | 0 : stamp;
}

/** Reads the options out of `tsecr`, our timestamp less the connection's offset as the peer echoed it. */
export function readCookieTimestamp(tsecr: number, out: CookieOptions): void {
  const wscale = tsecr & TS_WSCALE;
  out.wscale = wscale === NO_WSCALE ? -1 : wscale;
  out.sackPermitted = (tsecr & TS_SACK) !== 0;
  out.ecn = (tsecr & TS_ECN) !== 0;
}

function mssIndex(mss: number): number {
  let index = COOKIE_MSS.length - 1;
  while (index > 0 && COOKIE_MSS[index]! > mss) index--;
  return index;
}
