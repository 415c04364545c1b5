/**
 * The state of packetization layer path MTU discovery (RFC 4821 7): between which sizes the search is, and the probe in
 * flight. Sizes are of whole IP packets. `mtu-probe.ts` moves it.
 */
import { type Seq, seq } from "../base/seq.ts";
import type { Micros } from "../base/time.ts";

/** One connection's search. */
export class MtuSearch {
  /** The largest size known to work (search_low), which the MSS follows, and the largest that may (search_high). */
  low: number;
  high: number;
  /** Size of the probe in flight, 0 without; its sequence numbers; and whether it was lost, so that its text is being sent again. */
  size = 0;
  start: Seq = seq(0);
  end: Seq = seq(0);
  isLost = false;
  /** When a finished search begins anew (RFC 4821 7.2). */
  againAt: Micros;

  constructor(low: number, high: number, againAt: Micros) {
    this.low = low;
    this.high = high;
    this.againAt = againAt;
  }
}
