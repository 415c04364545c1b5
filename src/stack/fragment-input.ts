/**
 * Fragments on their way up: counted by the names of /proc/net/snmp, put together, and given up after their time.
 */
import { SCRATCH_DST, SCRATCH_SRC } from "../base/address-table.ts";
import type { Micros } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { Fragment, readIpv4Fragment, readIpv6Fragment } from "../wire/fragment.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import { parseIpv6 } from "../wire/ipv6.ts";
import { skipExtensions } from "../wire/ipv6-extensions.ts";
import { Segment } from "../wire/segment.ts";
import { sendTimeExceeded } from "./icmp-output.ts";
import { sendTimeExceededV6 } from "./icmpv6-output.ts";
import { Reassembly, type ReassemblyOptions } from "./reassembly.ts";
import type { Stack } from "./stack.ts";

/** The fragments of a stack. */
export class FragmentInput {
  readonly reassembly: Reassembly;
  readonly #stack: Stack;
  readonly #fragment: Fragment = new Fragment();
  /** The fragment that an error quotes. */
  readonly #first: Segment = new Segment();

  constructor(stack: Stack, options: Partial<ReassemblyOptions> = {}) {
    this.#stack = stack;
    this.reassembly = new Reassembly(options);
  }

  /** Takes the fragment in `seg`. Returns the whole packet, in memory of its own, once nothing is missing. */
  take(seg: Segment): Uint8Array | null {
    if (seg.family === 4) readIpv4Fragment(seg, this.#fragment);
    else readIpv6Fragment(seg, this.#fragment);
    return this.#take();
  }

  #take(): Uint8Array | null {
    const stack = this.#stack;
    stack.ip.ReasmReqds++;
    const result = this.reassembly.take(this.#fragment, stack.now);
    if (typeof result !== "number") {
      stack.ip.ReasmOKs++;
      return result;
    }
    if (result !== drop.OK) {
      stack.ip.ReasmFails++;
      if (result === drop.IP_FRAGMENT_OVERLAP) stack.ip.ReasmOverlaps++;
      stack.drop(result);
    }
    return null;
  }

  nextDeadline(): Micros {
    return this.reassembly.nextDeadline();
  }

  /** Gives up what is overdue. */
  expire(): void {
    const stack = this.#stack;
    this.reassembly.expire(stack.now, (datagram) => {
      stack.ip.ReasmFails++;
      stack.ip.ReasmTimeout++;
      stack.drop(drop.IP_FRAGMENT_TIMEOUT);
      const first = datagram.firstFragment();
      if (first !== null) this.#tell(first, datagram.family);
    });
  }

  /** RFC 1122 3.3.2, RFC 8200 4.5: time exceeded in reassembly, to the source of the first fragment. */
  #tell(first: Uint8Array, family: 4 | 6): void {
    const stack = this.#stack;
    const seg = this.#first;
    seg.bytes = first;
    seg.view = new DataView(first.buffer);
    seg.family = family;
    if (family === 4) {
      if (parseIpv4(seg.view, 0, first.length, seg) === drop.IP_FRAGMENT) sendTimeExceeded(stack, seg);
    } else if (parseIpv6(seg.view, 0, first.length, seg) === drop.OK) {
      seg.src = stack.addresses.take(SCRATCH_SRC, seg.words, 0);
      seg.dst = stack.addresses.take(SCRATCH_DST, seg.words, 4);
      if (skipExtensions(seg.view, seg) === drop.IP_FRAGMENT) sendTimeExceededV6(stack, seg);
    }
  }
}
