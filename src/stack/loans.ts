/**
 * Memory of a batch that is lent, not given: a handler with `borrowsData` reads its bytes during `onData` and has no claim
 * on them after. When all that the stack kept of a batch came back so, the device reads the next one to the same memory,
 * warm in the cache, instead of leaving a slab to the garbage collector for each MiB received.
 */
import type { ReceiveBatch } from "../base/packet-batch.ts";

/** What the running callback was lent, by whatever stack; null outside of such a callback. */
let lent: Uint8Array | null = null;
let isKept = false;

/** A borrower's callback begins. */
export function lend(bytes: Uint8Array): void {
  lent = bytes;
  isKept = false;
}

/** It ended. Returns whether the bytes are free again: nobody kept them. */
export function giveBack(): boolean {
  lent = null;
  return !isKept;
}

/** Whether `bytes` are what the running callback was lent, or of the same memory. */
export function isLent(bytes: Uint8Array): boolean {
  // `buffer` is asked for last: its getter calls out of compiled code, 40 ns each.
  return lent !== null && (bytes === lent || bytes.buffer === lent.buffer);
}

/** `bytes` are about to be kept by reference, by a send buffer or by who was lent them: they are a loan no more. */
export function keep(bytes: Uint8Array): void {
  if (isLent(bytes)) isKept = true;
}

/** The batch that a stack works on, and how many of its bytes the stack or an application may still look at. */
export class Loans {
  #batch: ReceiveBatch | null = null;
  #from = 0;
  #kept = 0;

  /** Packets of `batch` are about to be taken; the first one starts at byte `from` of its memory. */
  begin(batch: ReceiveBatch, from: number): void {
    this.#batch = batch;
    this.#from = from;
    this.#kept = 0;
  }

  /** `length` bytes of the batch went into a receive buffer by reference. */
  pin(length: number): void {
    this.#kept += length;
    this.#batch!.retained = true;
  }

  /** A view of `of`, which a receive buffer gave away, is free. Of an earlier batch's memory, which its device left for good, nothing follows. */
  free(view: Uint8Array, of: Uint8Array): void {
    const batch = this.#batch;
    if (batch === null || of !== batch.bytes) return;
    if (view.byteOffset - batch.bytes.byteOffset < this.#from) return;
    this.#kept -= view.length;
    if (this.#kept === 0) batch.retained = false;
  }
}
