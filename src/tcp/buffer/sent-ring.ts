/**
 * What was sent and is not yet acknowledged, a record a segment, oldest first: the memory of loss recovery, of
 * round-trip samples and of the SACK scoreboard. Records are four int32 in a ring; a SACK block or a
 * retransmission that ends inside a record splits it. Sizes count sequence numbers, SYN and FIN included.
 */
import { add, diff, leq, type Seq, seq, toInt } from "../../base/seq.ts";
import { RateColumns } from "./rate-columns.ts";

/** The peer holds it (RFC 2018). */
export const SACKED = 1;
/** Recovery takes it for lost. */
export const LOST = 2;
/** A retransmission of it is in flight. */
export const RETRANSMITTED = 4;
/** It was sent more than once, so that its acknowledgment is ambiguous (Karn). */
export const EVER_RETRANSMITTED = 8;
/** Flags that have sums. */
const COUNTED: number = SACKED | LOST | RETRANSMITTED;

const SEQ = 0;
const LENGTH = 1;
const SENT_AT = 2;
const FLAGS = 3;
const COLUMNS = 4;
/** 64 bytes: V8 keeps so small an array in its own heap, where making one costs a tenth. */
const FIRST_CAPACITY = 4;

/** The retransmission queue's records of one connection. Indices count from the oldest record. */
export class SentRing {
  #table = NO_TABLE;
  #mask = -1;
  #head = 0;
  /** Records held. */
  count = 0;
  /** Sums over the records, in bytes: SACKed; lost; lost and sent again. A record is never both SACKED and LOST. */
  sacked = 0;
  lost = 0;
  retransmitted = 0;
  /** Bytes that are lost and not sent again; and how many records are SACKED. */
  toResend = 0;
  sackedCount = 0;
  /** What delivery-rate sampling needs of each record; null unless `trackRate` was called. */
  rate: RateColumns | null = null;

  seqAt(i: number): Seq {
    return seq(this.#table[this.#row(i) + SEQ]!);
  }

  lengthAt(i: number): number {
    return this.#table[this.#row(i) + LENGTH]!;
  }

  endAt(i: number): Seq {
    const row = this.#row(i);
    return seq(this.#table[row + SEQ]! + this.#table[row + LENGTH]!);
  }

  /** When it was last sent: the low 32 bits of the microsecond clock. */
  sentAt(i: number): number {
    return this.#table[this.#row(i) + SENT_AT]!;
  }

  flagsAt(i: number): number {
    return this.#table[this.#row(i) + FLAGS]!;
  }

  /** Notes new data just sent behind everything else. */
  push(at: Seq, length: number, now: number): void {
    if (this.count > this.#mask) this.#grow();
    const row = this.#row(this.count++);
    const t = this.#table;
    t[row + SEQ] = toInt(at);
    t[row + LENGTH] = length;
    t[row + SENT_AT] = now | 0;
    t[row + FLAGS] = 0;
  }

  /** Keeps what delivery-rate sampling needs of each record from now on. */
  trackRate(): void {
    this.rate ??= new RateColumns(this.#mask + 1);
  }

  /** Row of record `i` in `rate`. */
  rateRow(i: number): number {
    return (this.#head + i) & this.#mask;
  }

  /** Forgets the oldest record. */
  shift(): void {
    if (this.rate !== null) this.#deliver(this.rate, 0);
    this.#uncount(0);
    this.#head = (this.#head + 1) & this.#mask;
    this.count--;
  }

  /** Cuts off what `una` acknowledges of the oldest record. */
  trimFirst(una: Seq): void {
    if (this.rate !== null) this.#deliver(this.rate, 0);
    this.#uncount(0);
    const row = this.#row(0);
    const t = this.#table;
    const cut = (toInt(una) - t[row + SEQ]!) | 0;
    t[row + SEQ] = toInt(una);
    t[row + LENGTH] = t[row + LENGTH]! - cut;
    this.#count(0);
  }

  /** Replaces the flags of record `i`, keeping the sums. */
  setFlags(i: number, flags: number): void {
    this.#uncount(i);
    this.#table[this.#row(i) + FLAGS] = flags;
    this.#count(i);
  }

  /** Notes that record `i` is sent again now; a probe adds nothing to what is taken to be in flight. */
  resent(i: number, now: number, isProbe = false): void {
    const flags = EVER_RETRANSMITTED | (isProbe ? 0 : RETRANSMITTED);
    this.setFlags(i, this.flagsAt(i) | flags);
    this.#table[this.#row(i) + SENT_AT] = now | 0;
  }

  /** Index of the record that holds `s`, or the first one after it; `count` when there is none. */
  find(s: Seq): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (leq(this.endAt(mid), s)) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  /** Splits record `i` so that a record begins at `at`, which must lie inside it. */
  split(i: number, at: Seq): void {
    if (this.count > this.#mask) this.#grow();
    const t = this.#table;
    this.#uncount(i);
    for (let k = this.count; k > i; k--) {
      const from = this.#row(k - 1);
      t.copyWithin(this.#row(k), from, from + COLUMNS);
      this.rate?.copy(this.rateRow(k), this.rateRow(k - 1));
    }
    this.count++;
    const first = this.#row(i);
    const second = this.#row(i + 1);
    const length = diff(at, seq(t[first + SEQ]!));
    t[second + SEQ] = toInt(at);
    t[second + LENGTH] = t[first + LENGTH]! - length;
    t[first + LENGTH] = length;
    this.#count(i);
    this.#count(i + 1);
  }

  /** The peer reports record `i` as SACKED; it was not before. */
  takeSacked(i: number): void {
    if (this.rate !== null) this.#deliver(this.rate, i);
    this.setFlags(i, (this.flagsAt(i) & EVER_RETRANSMITTED) | SACKED);
  }

  /** Forgets everything and gives the memory back. */
  clear(): void {
    this.#table = NO_TABLE;
    this.#mask = -1;
    this.#head = 0;
    this.count = this.sacked = this.lost = this.retransmitted = this.toResend = this.sackedCount = 0;
    this.rate?.grow(0, 0, 0, 0);
  }

  /** End of the newest record: what SND.NXT was when it was pushed. Only when `count` > 0. */
  get end(): Seq {
    return add(this.seqAt(this.count - 1), this.lengthAt(this.count - 1));
  }

  /** Record `i` is acknowledged; what was SACKed was delivered then. */
  #deliver(rate: RateColumns, i: number): void {
    const flags = this.flagsAt(i);
    if ((flags & SACKED) === 0) rate.deliver(this.rateRow(i), this.sentAt(i), toInt(this.endAt(i)), flags);
  }

  #row(i: number): number {
    return ((this.#head + i) & this.#mask) * COLUMNS;
  }

  #count(i: number): void {
    const row = this.#row(i);
    const flags = this.#table[row + FLAGS]!;
    const length = this.#table[row + LENGTH]!;
    if ((flags & COUNTED) === 0) return;
    if ((flags & SACKED) !== 0) {
      this.sacked += length;
      this.sackedCount++;
    }
    if ((flags & LOST) !== 0) this.lost += length;
    if ((flags & RETRANSMITTED) !== 0) this.retransmitted += length;
    else if ((flags & LOST) !== 0) this.toResend += length;
  }

  #uncount(i: number): void {
    const row = this.#row(i);
    const flags = this.#table[row + FLAGS]!;
    const length = this.#table[row + LENGTH]!;
    if ((flags & COUNTED) === 0) return;
    if ((flags & SACKED) !== 0) {
      this.sacked -= length;
      this.sackedCount--;
    }
    if ((flags & LOST) !== 0) this.lost -= length;
    if ((flags & RETRANSMITTED) !== 0) this.retransmitted -= length;
    else if ((flags & LOST) !== 0) this.toResend -= length;
  }

  #grow(): void {
    const capacity = this.#mask < 0 ? FIRST_CAPACITY : (this.#mask + 1) * 2;
    const table = new Int32Array(capacity * COLUMNS);
    for (let i = 0; i < this.count; i++) {
      const row = this.#row(i);
      for (let c = 0; c < COLUMNS; c++) table[i * COLUMNS + c] = this.#table[row + c]!;
    }
    this.rate?.grow(capacity, this.#head, this.#mask, this.count);
    this.#table = table;
    this.#head = 0;
    this.#mask = capacity - 1;
  }
}

const NO_TABLE = new Int32Array(0);
