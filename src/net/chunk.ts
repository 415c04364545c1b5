/** The bytes of writes and reads as Node's streams hand them over. It knows no connection. */
import { isLent, keep } from "../stack/loans.ts";

/** One write of several, as `_writev` hands them over. */
export interface Chunk {
  chunk: Uint8Array | string;
  encoding: BufferEncoding;
}

/** Ends a write or a final, as the streams of Node hand it over. */
export type Callback = (error?: Error | null) => void;

/** A write that came before the connection. */
export interface Waiting {
  chunks: readonly Chunk[];
  callback: Callback;
}

/**
 * A small Buffer kept for long (a parsed header, a queued message) must not hold the slab of 1 MiB that it arrived in
 * (design, section 5). The blocks in which the stack itself gathers small payloads may be held.
 */
const COPY_BELOW = 2048;
const BLOCK = 64 * 1024;

/** Bytes of the stack's, borrowed or not, as a Buffer that may be kept. */
export function asBuffer(bytes: Uint8Array): Buffer {
  const { buffer, length } = bytes;
  if (length >= COPY_BELOW || (buffer.byteLength <= BLOCK && !isLent(bytes))) {
    keep(bytes);
    return Buffer.from(buffer, bytes.byteOffset, length);
  }
  const copy = Buffer.allocUnsafe(length);
  copy.set(bytes);
  return copy;
}

/** Whether bytes pushed to `stream` would be read and thrown away: it flows, and nobody listens (`socket.resume()` alone). */
export function isIgnored(stream: Flowing): boolean {
  return stream.readableFlowing === true && stream.readableLength === 0 && stream.listenerCount("data") === 0;
}

interface Flowing {
  readonly readableFlowing: boolean | null;
  readonly readableLength: number;
  listenerCount(event: "data"): number;
}

/** Bytes of writes that wait, strings as they will be encoded. */
export function byteLength(chunks: readonly Chunk[]): number {
  let bytes = 0;
  for (const { chunk, encoding } of chunks) {
    bytes += typeof chunk === "string" ? Buffer.byteLength(chunk, encoding) : chunk.length;
  }
  return bytes;
}

/** One callback for two writes. */
export function both(first: Callback | null, second: Callback): Callback {
  if (first === null) return second;
  return (error) => {
    first(error);
    second(error);
  };
}
