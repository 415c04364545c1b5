/**
 * IPv6 flow labels (RFC 6437): constant for a connection, told by addresses and ports under a secret, so that routers spread
 * connections evenly and a label tells nothing.
 */
import { derivedSipHash, PURPOSE_FLOW_LABEL, type SipHash } from "../base/siphash.ts";

/** Makes labels under a secret. */
export class FlowLabels {
  readonly #sip: SipHash;

  /** `secret` is 16 bytes, as in `Host`. */
  constructor(secret: Uint8Array) {
    this.#sip = derivedSipHash(secret, PURPOSE_FLOW_LABEL);
  }

  /** The label, 20 bits and not 0 (which means none), of the flow between the addresses at `words[local]` and `words[remote]`. */
  of(words: Int32Array, local: number, remote: number, localPort: number, remotePort: number): number {
    const sip = this.#sip;
    sip.start();
    for (let i = 0; i < 4; i++) sip.word(words[local + i]!);
    for (let i = 0; i < 4; i++) sip.word(words[remote + i]!);
    sip.word((localPort << 16) | remotePort);
    return sip.digest() & 0xfffff || 1;
  }
}
