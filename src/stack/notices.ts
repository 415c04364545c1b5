/** The connections whose applications are to be told something, in the order in which it happened. */
import type { Tcb } from "../tcp/tcb.ts";
import type { Connection } from "./connection.ts";

/** What waits for a dispatch. */
export class Notices {
  readonly #noted: Tcb[] = [];
  #at = 0;

  get isBusy(): boolean {
    return this.#noted.length > 0;
  }

  /** Notes `events` for `tcb`. False when it waits already. */
  add(tcb: Tcb, events: number): boolean {
    tcb.events |= events;
    if (tcb.noted) return false;
    tcb.noted = true;
    this.#noted.push(tcb);
    return true;
  }

  /** Tells them. An exception of theirs comes through; the rest is told by the next call. */
  dispatch(): void {
    const noted = this.#noted;
    while (this.#at < noted.length) {
      const tcb = noted[this.#at++]!;
      tcb.noted = false;
      (tcb.owner as Connection).deliver();
    }
    noted.length = 0;
    this.#at = 0;
  }
}
