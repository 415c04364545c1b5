/**
 * net.Socket copies its options by a spread. V8 before Node 24's gives each such copy a hidden class of its own as long as
 * the place has met only one shape of options, as it has in a program with one server: whatever then reads the copy misses
 * its cache, and a socket costs 17 µs in place of 2 (`node --log-ic`). A place that has met many shapes makes copies of one
 * class. So it meets some at the first `createNet`; that takes four milliseconds once.
 */

/** V8 counts what a function met only from its tenth call or so on; 20 were too few. */
const SHAPES = 40;

let isTaught = false;

/** Teaches the constructor of sockets, on the versions of Node that need it. */
export function teachShapes(Socket: new (options: object) => unknown): void {
  if (isTaught || Number.parseInt(process.versions.node, 10) >= 24) return;
  isTaught = true;
  for (let i = 0; i < SHAPES; i++) new Socket({ [`shape${i}`]: i });
}
