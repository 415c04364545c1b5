/** A passive connection's TCB from the record of its half-open one: of the SYN queue, a cookie, or a Fast Open SYN. */
import { CONGESTION_CONTROLS } from "../tcp/congestion/congestion.ts";
import { complete } from "../tcp/half-open.ts";
import { Tcb } from "../tcp/tcb.ts";
import * as drop from "../wire/drop.ts";
import type { Segment } from "../wire/segment.ts";
import { Connection } from "./connection.ts";
import { KIND_SYN_RECEIVED } from "./flow-table.ts";
import type { Listener } from "./listener.ts";
import { applySettings } from "./settings.ts";
import { insertFlow } from "./slots.ts";
import type { Stack } from "./stack.ts";

/** The TCB, in SYN-RECEIVED, in `slot` or, -1, in a new one; null when there is no room for it. */
export function makePassive(
  stack: Stack,
  listener: Listener,
  slot: number,
  seg: Segment,
  record: Int32Array,
  at: number,
): Tcb | null {
  const { family } = seg;
  if (slot < 0) {
    slot = insertFlow(stack, family, seg.dst, seg.src, seg.dstPort, seg.srcPort, KIND_SYN_RECEIVED);
    if (slot < 0) {
      stack.drop(drop.TCP_FLOW_TABLE_FULL);
      return null;
    }
  }
  // The slot's own keys: those of the segment may be scratch.
  const local = stack.flows.local(slot);
  const remote = stack.flows.remote(slot);
  const link = stack.interfaces.route(family, remote) ?? stack.interfaces.loopback;
  const path = stack.interfaces.pathTo(family, remote, link);
  const congestion = CONGESTION_CONTROLS[listener.congestion];
  const tcb = new Tcb(family, local, remote, seg.dstPort, seg.srcPort, path, stack.config, congestion);
  complete(tcb, record, at, stack);
  stack.adopt(tcb, slot);
  applySettings(tcb, listener.settings, stack);
  tcb.owner = new Connection(stack, tcb, tcb.slot, {}, false);
  stack.counters.PassiveOpens++;
  return tcb;
}
