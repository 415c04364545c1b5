/**
 * Initial sequence numbers (RFC 9293 3.4.1, RFC 6528 3) and timestamp offsets (RFC 7323 5.4).
 * Addresses are IPv4 keys, or digests of IPv6 ones (`AddressTable.digest`). Knows nothing of connections.
 */
import { type Seq, seq } from "../base/seq.ts";
import { derivedSipHash, PURPOSE_ISN, PURPOSE_TIMESTAMP, type SipHash } from "../base/siphash.ts";
import type { Micros } from "../base/time.ts";

/** The ISN clock ticks every 4 microseconds (RFC 9293 3.4.1), and so comes round in 4.77 hours. */
const ISN_TICK: Micros = 4;

/** Chooses initial sequence numbers under a secret. */
export class IsnGenerator {
  private readonly sequence: SipHash;
  private readonly timestamp: SipHash;

  /** `secret` is 16 bytes, as in `Host`. */
  constructor(secret: Uint8Array) {
    this.sequence = derivedSipHash(secret, PURPOSE_ISN);
    this.timestamp = derivedSipHash(secret, PURPOSE_TIMESTAMP);
  }

  /**
   * ISN = M + F(local, remote, ports, secret) (RFC 6528 3): the clock makes successive incarnations of one
   * connection ascend, the keyed function makes other connections' numbers say nothing about this one's.
   */
  isn(
    family: number,
    local: number,
    remote: number,
    localPort: number,
    remotePort: number,
    now: Micros,
  ): Seq {
    const f = this.sequence.hash5(local, remote, (localPort << 16) | remotePort, family, 0);
    return seq(Math.floor(now / ISN_TICK) + f);
  }

  /**
   * What to add to the timestamp clock, an int32. By the pair of hosts, ports left out, as Linux does: the
   * timestamps of successive connections between two hosts ascend, on which the reuse of TIME-WAIT (RFC 6191)
   * and per-host caches (RFC 7323 B.2) rely, and uptime is not shown.
   */
  timestampOffset(family: number, local: number, remote: number): number {
    return this.timestamp.hash5(local, remote, family, 0, 0);
  }
}
