/** `onread` of node:net: bytes into the application's own buffers, and how a handle finds those on the real net.Socket. */
import type { OnReadOptions } from "./arguments.ts";

/** `onread` of a socket: its callback and generator are fields of the socket, under names that Node keeps to itself. */
export function userBuffer(socket: object, buffer: Uint8Array, stop: () => void): OnReadOptions {
  const fields = socket as Record<symbol, unknown>;
  const names = Object.getOwnPropertySymbols(socket);
  const field = (name: string) => fields[names.find(({ description }) => description === name)!];
  const callback = field("kBufferCb") as (size: number, buffer: Uint8Array) => unknown;
  const generate = field("kBufferGen") as (() => Uint8Array) | null;
  let current = buffer;
  return {
    buffer: () => current,
    callback(size, into) {
      const wanted = callback.call(socket, size, into);
      if (generate !== null) current = generate();
      if (wanted === false) stop();
      return wanted;
    },
  };
}

/** Copies `bytes` into the buffers of `onread` for as long as `reader` reads. What is left is returned, in memory of its own. */
export function fill(
  onread: OnReadOptions,
  bytes: Uint8Array,
  reader: { readonly isReading: boolean; stopReading(): void },
): Uint8Array | null {
  for (let taken = 0; taken < bytes.length; ) {
    if (!reader.isReading) return new Uint8Array(bytes.subarray(taken));
    const target = typeof onread.buffer === "function" ? onread.buffer() : onread.buffer;
    const length = Math.min(target.length, bytes.length - taken);
    target.set(bytes.subarray(taken, taken + length));
    taken += length;
    if (onread.callback(length, target) === false) reader.stopReading();
  }
  return null;
}
