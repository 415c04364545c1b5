/**
 * TIME-WAIT in the flow table: what a segment or the end of 2MSL does to a record (tcp/time-wait.ts judges).
 */

import type { Tcb } from "../tcp/tcb.ts";
import {
  ANSWER,
  arrivesTimeWait,
  END,
  fillTimeWait,
  RESTART,
  REUSE,
  sendNext,
  timeWaitAck,
} from "../tcp/time-wait.ts";
import type { Segment } from "../wire/segment.ts";
import { KIND_TIME_WAIT, RECORD } from "./flow-table.ts";
import { forgetFlow } from "./slots.ts";
import type { Stack } from "./stack.ts";

/** Makes the slot that `tcb` left a record, or frees it where there are too many (Linux: tcp_max_tw_buckets). */
export function enterTimeWait(stack: Stack, slot: number, tcb: Tcb): void {
  const { flows, config, counters } = stack;
  if (flows.countOfKind(KIND_TIME_WAIT) >= config.timeWaitMax) {
    counters.TWOverflow++;
    forgetFlow(stack, slot);
    return;
  }
  counters.TW++;
  flows.setKind(slot, KIND_TIME_WAIT);
  fillTimeWait(flows.record, slot * RECORD, tcb, stack);
  stack.wheel.set(slot, stack.now + 2 * config.msl);
}

/** A segment for the record in `slot`. */
export function timeWaitArrives(stack: Stack, slot: number, seg: Segment): void {
  const at = slot * RECORD;
  const record = stack.flows.record;
  const outcome = arrivesTimeWait(record, at, seg, stack);
  switch (outcome) {
    case REUSE: {
      const least = sendNext(record, at);
      if (!stack.listeners.hasRoom(seg)) {
        answer(stack, slot);
        return;
      }
      stack.counters.TWRecycled++;
      // The segment's own key must outlive the slot's.
      if (seg.family === 6) stack.addresses.hold(seg.src);
      forgetFlow(stack, slot);
      stack.listeners.arrives(seg, least);
      if (seg.family === 6) stack.addresses.release(seg.src);
      return;
    }
    case RESTART:
      // RFC 9293 3.10.7.4: "Restart the 2 MSL time-wait timeout."
      stack.wheel.set(slot, stack.now + 2 * stack.config.msl);
      answer(stack, slot);
      return;
    case ANSWER:
      answer(stack, slot);
      return;
    case END:
      timeWaitExpires(stack, slot);
      return;
    default:
  }
}

/** 2MSL is over: the connection is CLOSED. */
export function timeWaitExpires(stack: Stack, slot: number): void {
  stack.counters.TWKilled++;
  forgetFlow(stack, slot);
}

function answer(stack: Stack, slot: number): void {
  const { flows, bare } = stack;
  timeWaitAck(flows.record, slot * RECORD, stack, bare);
  stack.sendBareTo(
    flows.family(slot),
    flows.local(slot),
    flows.remote(slot),
    flows.localPort(slot),
    flows.remotePort(slot),
    bare,
  );
}
