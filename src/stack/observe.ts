/**
 * Those who watch packets go by: captures, traces. They hang on the stack, not on a device, and cost one test of a
 * flag when there are none.
 */
import { type ReceiveBatch, RX, RX_HANDED_OVER, type TransmitBatch, TX } from "../base/packet-batch.ts";
import type { Micros } from "../base/time.ts";
import type { StackInterface } from "./interface.ts";
import { countReceived } from "./packet-counts.ts";
import type { Stack } from "./stack.ts";

/** Sees each packet as it comes in or leaves; the bytes are valid during the call only. */
export type PacketTap = (
  direction: "in" | "out",
  time: Micros,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => void;

/** The taps of a stack. */
export class Observers {
  readonly #taps: Set<PacketTap> = new Set();
  active = false;

  /** Adds a tap; returns what removes it. */
  add(tap: PacketTap): () => void {
    this.#taps.add(tap);
    this.active = true;
    return () => {
      this.#taps.delete(tap);
      this.active = this.#taps.size > 0;
    };
  }

  packet(direction: "in" | "out", time: Micros, bytes: Uint8Array, offset: number, length: number): void {
    for (const tap of this.#taps) tap(direction, time, bytes, offset, length);
  }

  batch(time: Micros, batch: TransmitBatch): void {
    for (let i = 0; i < batch.count; i++) {
      const bytes = batch.packetAt(i);
      this.packet("out", time, bytes, 0, bytes.length);
    }
  }
}

/** For each packet from a device: counts it, and shows it to the observers; another shard did so for what it handed over. */
export function arriving(stack: Stack, { bytes, table }: ReceiveBatch, row: number): void {
  if ((table[row + RX.FLAGS]! & RX_HANDED_OVER) !== 0) {
    stack.ip.TakenOver++;
    return;
  }
  const offset = table[row + RX.OFFSET]!;
  const length = table[row + RX.LENGTH]!;
  countReceived(stack.ip, stack.ip6, bytes, offset, length);
  if (stack.observers.active) stack.observers.packet("in", stack.now, bytes, offset, length);
}

/** For each batch of `link` about to be sent: counts it, and shows it to the observers. */
export function leaving(stack: Stack, link: StackInterface): void {
  const { tx } = link;
  const { ip, ip6 } = stack;
  for (let row = 0; row < tx.count * TX.COLUMNS; row += TX.COLUMNS) {
    const total = tx.table[row + TX.TOTAL]!;
    if (tx.table[row + TX.FAMILY] === 4) {
      ip.OutRequests++;
      ip.OutOctets += total;
    } else {
      ip6.Ip6OutRequests++;
      ip6.Ip6OutOctets += total;
    }
  }
  if (stack.observers.active) stack.observers.batch(stack.now, tx);
}
