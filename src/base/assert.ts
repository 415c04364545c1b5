/**
 * Invariants of the stack itself, never of input. On in tests and simulation; in production a broken
 * invariant must not take every connection down with it.
 */
let enabled = false;

/** Switches assertions on or off for the process. */
export function enableAssertions(on: boolean): void {
  enabled = on;
}

/** Throws when `condition` is false and assertions are on. */
export function assert(condition: boolean, message: string): void {
  if (enabled && !condition) throw new Error(`invariant: ${message}`);
}
