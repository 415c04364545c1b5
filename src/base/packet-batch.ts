/**
 * The two batches that stack and device exchange: packets received, packets to send. Both are flat
 * typed-array tables over one slab of bytes, so that a batch crosses into the addon in one call and
 * no object is made a packet. Neither side's protocol is known here.
 */

/** Columns of one row in `ReceiveBatch.table`. */
export const RX = { OFFSET: 0, LENGTH: 1, FLAGS: 2, GSO_SIZE: 3, COLUMNS: 4 } as const;

/** In the `FLAGS` column: the device vouches for the transport checksum (virtio NEEDS_CSUM or DATA_VALID). */
export const RX_CHECKSUM_OK = 1;
/** In the `FLAGS` column: another shard of the stack received the packet, counted it, and handed it over. */
export const RX_HANDED_OVER = 2;

/** Most packets in one `ReceiveBatch`. */
export const RX_BATCH = 32;

/** Packets as they came from a device, in arrival order, valid during `onPackets` unless retained. */
export interface ReceiveBatch {
  /** The slab the packets lie in; each starts with its IP header, 4-aligned. */
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly view: DataView;
  /** How many rows of `table` are filled. */
  readonly count: number;
  /** `RX.COLUMNS` int32 a packet. */
  readonly table: Int32Array;
  /** Set by the receiver when it kept a view of `bytes`, and cleared when it let go of all. While set, the device goes on in other memory. */
  retained: boolean;
}

/** Columns of one row in `TransmitBatch.table`. */
export const TX = {
  /** Where the packet's head (its headers, and its payload if it was copied) starts in `bytes`. */
  OFFSET: 0,
  /** Length of the head in bytes. */
  HEAD: 1,
  /** First of the packet's payload pieces, a row of `pieces`. */
  FIRST_PIECE: 2,
  PIECES: 3,
  /** Length of head and pieces together: the IP packet's length. */
  TOTAL: 4,
  /** Payload bytes of one segment when the packet is a super-segment, else 0. */
  GSO_SIZE: 5,
  /** Bytes from the packet's start to its TCP header where the checksum holds only the pseudo-header sum, else -1. */
  CSUM_START: 6,
  /** IP family, 4 or 6. */
  FAMILY: 7,
  COLUMNS: 8,
} as const;

/** Columns of one row in `TransmitBatch.pieces`. */
export const PIECE = {
  /** The array that the piece is of, an index into `chunks`. */
  CHUNK: 0,
  /** Where in it the piece starts, in bytes. */
  OFFSET: 1,
  LENGTH: 2,
  COLUMNS: 3,
} as const;

/** Room kept free before each head, for a device that prefixes packets (virtio-net: 12 bytes, which keeps IP 4-aligned). */
export const HEADROOM = 12;

const SLAB = 256 * 1024;
const ROWS = 256;
const PIECES = 1024;

/** Packets to send: heads in a slab, payload either behind its head or as references to the application's bytes. */
export class TransmitBatch {
  readonly bytes: Uint8Array = new Uint8Array(SLAB);
  readonly view: DataView = new DataView(this.bytes.buffer);
  readonly table: Int32Array = new Int32Array(ROWS * TX.COLUMNS);
  /** The application's chunks, and blocks of the stack's. Neighbouring pieces of one array share it: a device looks it up once. */
  readonly chunks: Uint8Array[] = [];
  /** `PIECE.COLUMNS` int32 a piece. */
  readonly pieces: Int32Array = new Int32Array(PIECES * PIECE.COLUMNS);
  count = 0;
  chunkCount = 0;
  pieceCount = 0;
  /** Bytes of the slab in use. */
  used = 0;

  /** Whether one more packet with up to `head` bytes of head and `pieces` pieces fits. */
  hasRoom(head: number, pieces: number): boolean {
    return this.count < ROWS && this.used + HEADROOM + head + 3 <= SLAB && this.pieceCount + pieces <= PIECES;
  }

  /** Whether `packets` more, each of up to `head` bytes without pieces, fit. */
  hasRooms(packets: number, head: number): boolean {
    return this.count + packets <= ROWS && this.used + packets * (HEADROOM + head + 3) <= SLAB;
  }

  /** Opens a row and returns the offset at which the caller writes the head (4-aligned). */
  open(): number {
    return this.used + HEADROOM;
  }

  /** Notes a range of the application's bytes as the next piece of the open packet. */
  addPiece(chunk: Uint8Array, offset: number, length: number): void {
    const { chunks } = this;
    if (this.chunkCount === 0 || chunks[this.chunkCount - 1] !== chunk) chunks[this.chunkCount++] = chunk;
    const row = this.pieceCount++ * PIECE.COLUMNS;
    const p = this.pieces;
    p[row + PIECE.CHUNK] = this.chunkCount - 1;
    p[row + PIECE.OFFSET] = offset;
    p[row + PIECE.LENGTH] = length;
  }

  /** Closes the row begun by `open`: the head's length, its pieces (the last `pieces` added), and its offload facts. */
  close(
    offset: number,
    head: number,
    pieces: number,
    total: number,
    gsoSize: number,
    csumStart: number,
    family: number,
  ): void {
    const row = this.count++ * TX.COLUMNS;
    const t = this.table;
    t[row + TX.OFFSET] = offset;
    t[row + TX.HEAD] = head;
    t[row + TX.FIRST_PIECE] = this.pieceCount - pieces;
    t[row + TX.PIECES] = pieces;
    t[row + TX.TOTAL] = total;
    t[row + TX.GSO_SIZE] = gsoSize;
    t[row + TX.CSUM_START] = csumStart;
    t[row + TX.FAMILY] = family;
    this.used = (offset + head + 3) & ~3;
  }

  /** The bytes of piece `i`. */
  pieceAt(i: number): Uint8Array {
    const p = this.pieces;
    const row = i * PIECE.COLUMNS;
    const offset = p[row + PIECE.OFFSET]!;
    return this.chunks[p[row + PIECE.CHUNK]!]!.subarray(offset, offset + p[row + PIECE.LENGTH]!);
  }

  /** Copies packet `i`, its head and its pieces in one, to `at` of `target`: `TX.TOTAL` bytes. */
  copyPacket(i: number, target: Uint8Array, at: number): void {
    const t = this.table;
    const row = i * TX.COLUMNS;
    const offset = t[row + TX.OFFSET]!;
    const head = t[row + TX.HEAD]!;
    target.set(this.bytes.subarray(offset, offset + head), at);
    at += head;
    const first = t[row + TX.FIRST_PIECE]!;
    for (let p = first; p < first + t[row + TX.PIECES]!; p++) {
      const piece = this.pieceAt(p);
      target.set(piece, at);
      at += piece.length;
    }
  }

  /** A copy of packet `i` in one piece. */
  packetAt(i: number): Uint8Array<ArrayBuffer> {
    const packet = new Uint8Array(this.table[i * TX.COLUMNS + TX.TOTAL]!);
    this.copyPacket(i, packet, 0);
    return packet;
  }

  /** Empties the batch and lets go of the application's bytes. */
  clear(): void {
    for (let i = 0; i < this.chunkCount; i++) this.chunks[i] = EMPTY;
    this.count = 0;
    this.chunkCount = 0;
    this.pieceCount = 0;
    this.used = 0;
  }
}

const EMPTY = new Uint8Array(0);
