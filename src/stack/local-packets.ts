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
  TransmitBatch,
  TX,
} from "../base/packet-batch.ts";
import { linearize } from "./linearize.ts";
import { leaving } from "./observe.ts";
import type { Stack } from "./stack.ts";

/** The queue between output and input of the loopback. */
export class LocalPackets {
  #waiting: TransmitBatch = new TransmitBatch();

  get isBusy(): boolean {
    return this.#waiting.count > 0;
  }

  /** Takes what the loopback's batch holds. False: the last lot was not delivered yet. */
  collect(stack: Stack): boolean {
    const { loopback } = stack.interfaces;
    if (loopback.tx.count === 0) return true;
    if (this.#waiting.count > 0) return false;
    const { tx } = loopback;
    leaving(stack, loopback);
    loopback.tx = this.#waiting;
    this.#waiting = tx;
    return true;
  }

  /** Hands everything collected to the stack as input. */
  deliver(stack: Stack): void {
    const from = this.#waiting;
    if (from.count === 0) return;
    try {
      for (let first = 0; first < from.count; first += RX_BATCH)
        this.#deliverSome(stack, first, Math.min(from.count - first, RX_BATCH));
    } finally {
      // Also after an exception of the application's, or it would be thrown again for ever.
      from.clear();
    }
  }

  #deliverSome(stack: Stack, first: number, count: number): void {
    const from = this.#waiting;
    const table = new Int32Array(count * RX.COLUMNS);
    let size = 0;
    for (let i = 0; i < count; i++)
      size += (from.table[(first + i) * TX.COLUMNS + TX.TOTAL]! + HEADROOM + 3) & ~3;
    const bytes = new Uint8Array(size);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const row = (first + i) * TX.COLUMNS;
      const total = from.table[row + TX.TOTAL]!;
      linearize(from, first + i, bytes, at);
      table.set([at, total, RX_CHECKSUM_OK, from.table[row + TX.GSO_SIZE]!], i * RX.COLUMNS);
      at += (total + 3) & ~3;
    }
    const batch: ReceiveBatch = { bytes, view: new DataView(bytes.buffer), count, table, retained: false };
    stack.input(stack.interfaces.loopback, batch);
  }
}
