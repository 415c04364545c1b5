/**
 * Packets of the stack to itself (127.0.0.0/8 and its own addresses; TUN would drop them). They leave through the
 * loopback interface's batch and come back as input in the driver's next round, never by recursion.
 */
import {
  HEADROOM,
  type ReceiveBatch,
  RX,
  RX_BATCH,
  RX_CHECKSUM_OK,
  type TransmitBatch,
  TX,
} from "../base/packet-batch.ts";
import { leaving } from "./observe.ts";
import type { Stack } from "./stack.ts";

/** Batches that wait at most; behind them packets wait in the interface's own batch. */
const WAITING_MAX = 16;

/** The queue between output and input of the loopback. Packets are copied when they leave, as on any link. */
export class LocalPackets {
  #waiting: ReceiveBatch[] = [];

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  /** Takes what the loopback's batch holds. False: too many were not delivered yet. */
  collect(stack: Stack): boolean {
    const { loopback } = stack.interfaces;
    const { tx } = loopback;
    if (tx.count === 0) return true;
    if (this.#waiting.length >= WAITING_MAX) return false;
    leaving(stack, loopback);
    for (let first = 0; first < tx.count; first += RX_BATCH)
      this.#waiting.push(copyOf(tx, first, Math.min(tx.count - first, RX_BATCH)));
    tx.clear();
    return true;
  }

  /** Hands everything collected to the stack as input. After an exception of the application's the rest is lost, or it would come again for ever. */
  deliver(stack: Stack): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const batch of waiting) stack.input(stack.interfaces.loopback, batch);
  }
}

function copyOf(from: TransmitBatch, first: number, count: number): ReceiveBatch {
  const table = new Int32Array(count * RX.COLUMNS);
  let size = 0;
  for (let i = 0; i < count; i++)
    size += (from.table[(first + i) * TX.COLUMNS + TX.TOTAL]! + HEADROOM + 3) & ~3;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = (first + i) * TX.COLUMNS;
    const total = from.table[row + TX.TOTAL]!;
    from.copyPacket(first + i, bytes, at);
    table.set([at, total, RX_CHECKSUM_OK, from.table[row + TX.GSO_SIZE]!], i * RX.COLUMNS);
    at += (total + 3) & ~3;
  }
  return { bytes, view: new DataView(bytes.buffer), count, table, retained: false };
}
