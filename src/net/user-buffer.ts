/** `onread` of node:net, as a handle finds it on the real net.Socket. */
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
