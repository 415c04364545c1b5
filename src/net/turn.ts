/**
 * Which callbacks share a turn: libuv lets `process.nextTick` and promises run between one event of a socket and the next, a
 * batch of packets has them all in one. Whoever must not come in the same turn as something before asks here.
 */

let current = 0;
let isArmed = false;

/** The number of this turn; all that runs before the next ticks do has the same one. */
export function markTurn(): number {
  if (!isArmed) {
    isArmed = true;
    process.nextTick(next);
  }
  return current;
}

/** Whether the turn of that mark goes on. */
export function isThisTurn(mark: number): boolean {
  return mark === current;
}

function next(): void {
  isArmed = false;
  current++;
}
