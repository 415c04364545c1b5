/** What writing to a socket of stream.Duplex means once the peer has ended it. */
import { Duplex } from "node:stream";
import type { Callback } from "./chunk.ts";
import { endedByPeer } from "./errors.ts";

/** On 'end', when not half-open: the stream ends too, and a write after that learns that it was the peer who ended. */
export function refuseWrites(this: Duplex): void {
  if (!this.allowHalfOpen) this.write = writeAfterFin as Duplex["write"];
}

function writeAfterFin(this: Duplex, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
  if (!this.writableEnded) {
    return Duplex.prototype.write.call(this, chunk, encoding as BufferEncoding, callback as Callback);
  }
  const done = typeof encoding === "function" ? encoding : callback;
  const error = endedByPeer();
  if (typeof done === "function") process.nextTick(done as Callback, error);
  this.destroy(error);
  return false;
}
