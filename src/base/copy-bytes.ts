/**
 * A copy of received bytes that outlives the batch. `bytes.slice()` won't do: a device's memory may be a Node Buffer, whose
 * `slice` is a view.
 */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
