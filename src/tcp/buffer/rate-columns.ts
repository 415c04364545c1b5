/**
 * What delivery-rate sampling keeps a sent record (draft-ietf-ccwg-bbr 4.1.2.1.2, "per-packet state"): six int32 beside the
 * four of `sent-ring.ts`, and only for connections whose congestion control asks. Rows are the ring's. Times and counts are
 * their low 32 bits, of which only differences count.
 */

/** C.delivered, C.delivered_time and C.first_send_time when it was sent. */
export const DELIVERED = 0;
export const DELIVERED_AT = 1;
export const FIRST_SENT_AT = 2;
/** Bytes in flight with it, and C.lost, when it was sent. */
export const IN_FLIGHT = 3;
export const LOST_BEFORE = 4;
/** 1: it was sent while the application held sending back. */
export const APP_LIMITED = 5;
/** Of the newest record delivered only: when it was last sent, where it ends, its flags. */
export const SENT_AT = 6;
export const END = 7;
export const FLAGS = 8;
const COLUMNS = 6;

/** The columns, and of what the present ACK delivered the record sent last. */
export class RateColumns {
  #table: Int32Array;
  /** Columns of the record sent last among those delivered since `hasNewest` was cleared. */
  readonly newest: Int32Array = new Int32Array(9);
  hasNewest = false;

  constructor(capacity: number) {
    this.#table = new Int32Array(capacity * COLUMNS);
  }

  /** Column `column` of the record in `row`. */
  at(row: number, column: number): number {
    return this.#table[row * COLUMNS + column]!;
  }

  /** Notes the state of the connection as the record in `row` is sent. */
  stamp(
    row: number,
    delivered: number,
    deliveredAt: number,
    firstSentAt: number,
    inFlight: number,
    lost: number,
    isAppLimited: boolean,
  ): void {
    const at = row * COLUMNS;
    const t = this.#table;
    t[at + DELIVERED] = delivered | 0;
    t[at + DELIVERED_AT] = deliveredAt | 0;
    t[at + FIRST_SENT_AT] = firstSentAt | 0;
    t[at + IN_FLIGHT] = inFlight;
    t[at + LOST_BEFORE] = lost | 0;
    t[at + APP_LIMITED] = isAppLimited ? 1 : 0;
  }

  /** The record in `row` is delivered (IsNewestPacket of 4.1.2.3: the one sent last counts, at one instant the higher). */
  deliver(row: number, sentAt: number, end: number, flags: number): void {
    const newest = this.newest;
    if (this.hasNewest) {
      const later = (sentAt - newest[SENT_AT]!) | 0;
      if (later < 0 || (later === 0 && ((end - newest[END]!) | 0) < 0)) return;
    }
    this.hasNewest = true;
    const at = row * COLUMNS;
    for (let c = 0; c < COLUMNS; c++) newest[c] = this.#table[at + c]!;
    newest[SENT_AT] = sentAt;
    newest[END] = end;
    newest[FLAGS] = flags;
  }

  /** The record in `from` is now in `to` (too). */
  copy(to: number, from: number): void {
    this.#table.copyWithin(to * COLUMNS, from * COLUMNS, (from + 1) * COLUMNS);
  }

  /** Room for `capacity` rows; what was in rows `head`, `head` + 1, ... is now in 0, 1, ... */
  grow(capacity: number, head: number, mask: number, count: number): void {
    const table = new Int32Array(capacity * COLUMNS);
    for (let i = 0; i < count; i++) {
      const from = ((head + i) & mask) * COLUMNS;
      for (let c = 0; c < COLUMNS; c++) table[i * COLUMNS + c] = this.#table[from + c]!;
    }
    this.#table = table;
  }
}
