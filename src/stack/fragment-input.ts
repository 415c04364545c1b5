/**
 * Fragments on their way up: counted by the names of /proc/net/snmp and snmp6, put together, and given up after their time.
 */
import { SCRATCH_DST, SCRATCH_SRC } from "../base/address-table.ts";
import type { Micros } from "../base/time.ts";
import * as drop from "../wire/drop.ts";
import { Fragment, readIpv4Fragment, readIpv6Fragment } from "../wire/fragment.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import { parseIpv6 } from "../wire/ipv6.ts";
import { skipExtensions } from "../wire/ipv6-extensions.ts";
import { Segment } from "../wire/segment.ts";
import type { Ip6Counters, IpCounters } from "./counters.ts";
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
    const stack = this.#stack;
    const result = this.reassembly.take(this.#fragment, stack.now);
    const whole = typeof result === "number" ? null : result;
    const reason = typeof result === "number" ? result : drop.OK;
    if (seg.family === 4) countV4(stack.ip, whole !== null, reason);
    else countV6(stack.ip6, whole !== null, reason);
    if (reason !== drop.OK) stack.drop(reason);
    return whole;
  }

  nextDeadline(): Micros {
    return this.reassembly.nextDeadline();
  }

  /** Gives up what is overdue. */
  expire(): void {
    const stack = this.#stack;
    this.reassembly.expire(stack.now, (datagram) => {
      if (datagram.family === 4) {
        stack.ip.ReasmFails++;
        stack.ip.ReasmTimeout++;
      } else {
        stack.ip6.Ip6ReasmFails++;
        stack.ip6.Ip6ReasmTimeout++;
      }
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

function countV4(ip: IpCounters, isWhole: boolean, reason: drop.Drop): void {
  ip.ReasmReqds++;
  if (isWhole) ip.ReasmOKs++;
  if (reason !== drop.OK) ip.ReasmFails++;
  if (reason === drop.IP_FRAGMENT_OVERLAP) ip.ReasmOverlaps++;
}

function countV6(ip6: Ip6Counters, isWhole: boolean, reason: drop.Drop): void {
  ip6.Ip6ReasmReqds++;
  if (isWhole) ip6.Ip6ReasmOKs++;
  if (reason !== drop.OK) ip6.Ip6ReasmFails++;
}
