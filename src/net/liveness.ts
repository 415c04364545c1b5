/**
 * Keeps the process alive while a handle that is active is referenced, as libuv does: a listening server, a connection that
 * opens, reads or has a write to finish. The stack below may be unreferenced altogether.
 */

/** Node's longest timer. */
const LONG = 2 ** 31 - 1;

let holders = 0;
let timer: NodeJS.Timeout | null = null;

function hold(): void {
  if (holders++ === 0) {
    if (timer === null) timer = setInterval(() => {}, LONG);
    else timer.ref();
  }
}

function release(): void {
  if (--holders === 0) timer!.unref();
}

/** How many handles keep the process alive now. */
export function holderCount(): number {
  return holders;
}

/** One handle's part in that. */
export class Liveness {
  private isActive = false;
  private isReferenced = true;

  /** The handle has something to wait for, or nothing. */
  setActive(active: boolean): void {
    if (active === this.isActive) return;
    this.isActive = active;
    if (this.isReferenced) active ? hold() : release();
  }

  ref(): void {
    if (this.isReferenced) return;
    this.isReferenced = true;
    if (this.isActive) hold();
  }

  unref(): void {
    if (!this.isReferenced) return;
    this.isReferenced = false;
    if (this.isActive) release();
  }

  get hasRef(): boolean {
    return this.isReferenced;
  }
}
