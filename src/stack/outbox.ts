/**
 * The connections that may have something to send, and the flush that asks each until it has nothing more.
 */

import { noteCondition } from "../tcp/chrono.ts";
import { nextSegment } from "../tcp/output.ts";
import { SegmentOut } from "../tcp/segment-out.ts";
import { hasDrained } from "../tcp/send-policy.ts";
import type { Tcb } from "../tcp/tcb.ts";
import { EVENT_DRAIN } from "../tcp/tcb.ts";
import { emitSegment, hasRoom } from "./ip-output.ts";
import type { LocalPackets } from "./local-packets.ts";
import { renewPath } from "./path-age.ts";
import type { StackPath } from "./path-cache.ts";
import type { Stack } from "./stack.ts";

/** What waits for a flush. */
export class Outbox {
  readonly #dirty: Tcb[] = [];
  #at = 0;
  readonly #out: SegmentOut = new SegmentOut();

  get isBusy(): boolean {
    return this.#dirty.length > 0;
  }

  add(stack: Stack, tcb: Tcb): void {
    tcb.dirty = true;
    this.#dirty.push(tcb);
    // A last RST leaves after the slot is gone.
    if (tcb.family === 6) stack.addresses.hold(tcb.remote);
  }

  /** Writes segments into the interfaces' batches. False: a batch is full, send it and call again. */
  flush(stack: Stack, local: LocalPackets): boolean {
    const dirty = this.#dirty;
    while (this.#at < dirty.length) {
      const tcb = dirty[this.#at]!;
      if (!this.#drain(stack, tcb)) {
        if ((tcb.path as StackPath).link !== stack.interfaces.loopback) return false;
        // The loopback is full: go on in its second batch, or, that one waiting too, after `inputLocal`.
        if (local.collect(stack)) continue;
        return true;
      }
      this.#at++;
      tcb.dirty = false;
      if (tcb.family === 6) stack.addresses.release(tcb.remote);
    }
    dirty.length = 0;
    this.#at = 0;
    local.collect(stack);
    return true;
  }

  /** Sends what `tcb` owes before the rest of the batch is looked at, as far as there is room; it stays in the list. */
  sendNow(stack: Stack, tcb: Tcb): void {
    this.#drain(stack, tcb);
  }

  /** Sends everything that `tcb` may send now; false when the batch is full. */
  #drain(stack: Stack, tcb: Tcb): boolean {
    const out = this.#out;
    if (stack.now >= (tcb.path as StackPath).expiresAt) renewPath(stack, tcb);
    const { link } = tcb.path as StackPath;
    for (;;) {
      const buffer = tcb.queuedToSend > 0 ? tcb.sendBuffer : null;
      if (!hasRoom(link, buffer)) return false;
      if (!nextSegment(tcb, stack, out)) {
        noteCondition(tcb, stack.now);
        if (hasDrained(tcb)) {
          tcb.wantsDrain = false;
          stack.note(tcb, EVENT_DRAIN);
        }
        return true;
      }
      stack.counters.OutSegs++;
      out.dscp = tcb.dscp;
      out.ttl = tcb.ttl;
      emitSegment(stack, link, tcb.family, tcb.local, tcb.remote, tcb.localPort, tcb.remotePort, out, buffer);
    }
  }
}
