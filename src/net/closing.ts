/**
 * The end of a turn of the event loop, where libuv calls back those who closed a handle: after the immediates, before the
 * next timers. Nothing in JavaScript runs there, so one handle of the kernel's, never opened, is closed for all.
 */
import { findInternals } from "./internals.ts";

const Tcp = findInternals()?.Tcp;

let waiting: (() => void)[] | null = null;

/** Calls back when handles that are closed now are gone. */
export function whenClosed(callback: () => void): void {
  if (waiting !== null) {
    waiting.push(callback);
    return;
  }
  waiting = [callback];
  new Tcp!(0).close(run);
}

function run(): void {
  const callbacks = waiting!;
  waiting = null;
  // Whatever one throws, the others are closed as well.
  for (const callback of callbacks) queueMicrotask(callback);
}
