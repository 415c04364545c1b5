/**
 * Ephemeral ports by double hashing (RFC 6056 3.3.4, Algorithm 4): ports to one remote end count up, from a
 * secret place each, and ports to others tell nothing of them.
 * Which ports are taken, and by whom, is the caller's business.
 */
import {
  derivedSipHash,
  deriveWords,
  PURPOSE_PORT_COUNTERS,
  PURPOSE_PORT_OFFSET,
  PURPOSE_PORT_TABLE,
  type SipHash,
} from "../base/siphash.ts";

/** The range Linux has (net.ipv4.ip_local_port_range). */
export const FIRST_EPHEMERAL = 32_768 as const;
export const LAST_EPHEMERAL = 60_999 as const;

/** Counters that remote ends share by the second hash: more of them, and less of one's activity shows in another. */
const TABLE = 256;

/** Chooses local ports. */
export class EphemeralPorts {
  private readonly first: number;
  private readonly count: number;
  private readonly offset: SipHash;
  private readonly index: SipHash;
  private readonly counters: Int32Array;

  /** `secret` is 16 bytes, as in `Host`; the range includes both ends. */
  constructor(secret: Uint8Array, first: number = FIRST_EPHEMERAL, last: number = LAST_EPHEMERAL) {
    if (!(first >= 1 && first <= last && last <= 65_535)) {
      throw new RangeError(`port range: 1 <= first <= last <= 65535 needed, got ${first}-${last}`);
    }
    this.first = first;
    this.count = last - first + 1;
    this.offset = derivedSipHash(secret, PURPOSE_PORT_OFFSET);
    this.index = derivedSipHash(secret, PURPOSE_PORT_TABLE);
    this.counters = deriveWords(secret, PURPOSE_PORT_COUNTERS, TABLE).map(
      (word) => (word >>> 0) % this.count,
    );
  }

  /**
   * A port for a connection to `remote`:`remotePort` that `inUse` does not hold against it, or -1 when the
   * whole range is in use (EADDRNOTAVAIL).
   */
  choose(
    family: number,
    local: number,
    remote: number,
    remotePort: number,
    inUse: (port: number) => boolean,
  ): number {
    const { first, count, counters } = this;
    const offset = this.offset.hash5(local, remote, remotePort, family, 0) >>> 0;
    const index = this.index.hash5(local, remote, remotePort, family, 1) & (TABLE - 1);
    for (let tries = 0; tries < count; tries++) {
      const counter = counters[index]!;
      counters[index] = counter + 1 === count ? 0 : counter + 1;
      const port = first + ((offset + counter) % count);
      if (!inUse(port)) return port;
    }
    return -1;
  }
}
