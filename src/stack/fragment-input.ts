/**
 * Fragments on their way up: counted by the names of /proc/net/snmp, put together, and given up after their time.
 */
import type { Micros } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { Fragment, readIpv4Fragment, readIpv6Fragment } from "../wire/fragment.ts";
import type { Segment } from "../wire/segment.ts";
import { Reassembly, type ReassemblyOptions } from "./reassembly.ts";
import type { Stack } from "./stack.ts";

/** The fragments of a stack. */
export class FragmentInput {
  readonly reassembly: Reassembly;
  readonly #stack: Stack;
  readonly #fragment: Fragment = new Fragment();

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
    this.reassembly.expire(stack.now, () => {
      stack.ip.ReasmFails++;
      stack.ip.ReasmTimeout++;
      stack.drop(drop.IP_FRAGMENT_TIMEOUT);
    });
  }
}
