/** What a process weighs, and what of it a connection takes. */

/** Bytes, after a collection, and what the stack held then. */
export interface Weight {
  /** V8's heap. */
  readonly heap: number;
  /** Backing stores of ArrayBuffers, which lie outside of it. */
  readonly buffers: number;
  /** Those and all else that the heap refers to outside. */
  readonly external: number;
  readonly rss: number;
  readonly established: number;
  readonly halfOpen: number;
  readonly timeWait: number;
}

/** Bytes a connection by kind of memory. */
export interface Share {
  readonly heap: number;
  readonly buffers: number;
  readonly rss: number;
}

/** What each of `count` connections weighs, opened between two weighings. */
export function shareOf(before: Weight, after: Weight, count: number): Share {
  const of = (what: keyof Share): number => (after[what] - before[what]) / count;
  return { heap: of("heap"), buffers: of("buffers"), rss: of("rss") };
}
