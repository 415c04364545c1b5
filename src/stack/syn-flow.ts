/**
 * A SYN as `ListenerHandler.onSyn` sees it, and, when it is held, the handle to decide on it later.
 */
import { formatAddress } from "../base/address.ts";
import { add, type Seq, seq } from "../base/seq.ts";
import { HOST_UNREACHABLE, NET_UNREACHABLE } from "../wire/icmp.ts";
import { V6_ADDRESS_UNREACHABLE, V6_NO_ROUTE } from "../wire/icmpv6.ts";
import { ACK, RST, type Segment } from "../wire/segment.ts";
import type { SynFlow } from "./events.ts";
import { sendUnreachableFor } from "./icmp-output.ts";
import { sendUnreachableForV6 } from "./icmpv6-output.ts";
import type { Listeners } from "./listeners.ts";
import type { Stack } from "./stack.ts";

/** One SYN. */
export class HeldSyn implements SynFlow {
  readonly family: 4 | 6;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Its slot once it is held; -1 before, and after the decision. */
  slot = -1;
  readonly #listeners: Listeners;
  readonly #stack: Stack;
  #local: number;
  #remote: number;
  readonly #seq: Seq;

  constructor(listeners: Listeners, stack: Stack, seg: Segment) {
    this.#listeners = listeners;
    this.#stack = stack;
    this.#local = seg.dst;
    this.#remote = seg.src;
    this.#seq = seg.seq;
    this.family = seg.family === 6 ? 6 : 4;
    this.localAddress = formatAddress(seg.family, seg.dst, stack.addresses);
    this.localPort = seg.dstPort;
    this.remoteAddress = formatAddress(seg.family, seg.src, stack.addresses);
    this.remotePort = seg.srcPort;
  }

  /** It waits in `slot`. */
  hold(slot: number): void {
    this.slot = slot;
    this.#local = this.#stack.flows.local(slot);
    this.#remote = this.#stack.flows.remote(slot);
  }

  accept(): boolean {
    if (!this.#isWaiting()) return false;
    this.#stack.tick();
    this.#listeners.answerHeld(this.slot);
    this.slot = -1;
    return true;
  }

  refuse(code: "ECONNREFUSED" | "EHOSTUNREACH" | "ENETUNREACH" = "ECONNREFUSED"): boolean {
    if (!this.#isWaiting()) return false;
    this.#stack.tick();
    this.#refuse(code);
    this.#listeners.forgetHalfOpen(this.slot);
    this.slot = -1;
    return true;
  }

  #refuse(code: "ECONNREFUSED" | "EHOSTUNREACH" | "ENETUNREACH"): void {
    if (code === "ECONNREFUSED") {
      const out = this.#stack.bare;
      out.reset();
      out.seq = seq(0);
      out.ack = add(this.#seq, 1);
      out.flags = RST | ACK;
      this.#stack.counters.OutRsts++;
      this.#stack.sendBareTo(this.family, this.#local, this.#remote, this.localPort, this.remotePort, out);
    } else {
      if (this.family === 6) {
        sendUnreachableForV6(
          this.#stack,
          code === "EHOSTUNREACH" ? V6_ADDRESS_UNREACHABLE : V6_NO_ROUTE,
          this.#local,
          this.#remote,
          this.localPort,
          this.remotePort,
          this.#seq,
        );
        return;
      }
      const icmp = code === "EHOSTUNREACH" ? HOST_UNREACHABLE : NET_UNREACHABLE;
      sendUnreachableFor(
        this.#stack,
        icmp,
        this.#local,
        this.#remote,
        this.localPort,
        this.remotePort,
        this.#seq,
      );
    }
  }

  /** The slot may have been given to another flow since: the SYN timed out, or was reset. */
  #isWaiting(): boolean {
    const { addresses, flows } = this.#stack;
    return (
      this.slot >= 0 &&
      flows.find(this.family, this.#local, this.#remote, this.localPort, this.remotePort) === this.slot &&
      // An id of another address by now.
      formatAddress(this.family, this.#remote, addresses) === this.remoteAddress &&
      this.#listeners.isHeld(this.slot)
    );
  }
}
