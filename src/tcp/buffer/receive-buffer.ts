/**
 * Bytes received in order that the application has not taken. Large payloads stay in the slab they arrived in
 * and pin it; small ones are copied to the arena.
 */
import type { Arena } from "./arena.ts";
import { ChunkQueue } from "./chunk-queue.ts";

/** Payloads below this are copied, so that a small one does not pin a slab of 1 MiB (design, section 5). */
export const COPY_BELOW = 2_048;
/** The same, of bytes that will stay for long. */
export const COPY_ALWAYS: number = 2 ** 30;

/** The receive buffer of one connection. */
export class ReceiveBuffer extends ChunkQueue {
  /**
   * Appends bytes of a packet, by reference unless they are fewer than `copyBelow`. Returns whether the packet's memory is
   * now referred to.
   */
  append(bytes: Uint8Array, offset: number, length: number, arena: Arena, copyBelow: number): boolean {
    if (length >= copyBelow) {
      this.push(bytes, offset, length);
      return true;
    }
    for (let at = 0; at < length; at += BLOCK) {
      this.pushCopy(bytes, offset + at, Math.min(length - at, BLOCK), arena);
    }
    return false;
  }
}

/** Longest single copy into the arena. */
const BLOCK = 64 * 1024;
