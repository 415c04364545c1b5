/** The end of a stack, orderly or because its device is gone. */
import type { ErrorCode } from "../base/errors.ts";
import type { Connection } from "./connection.ts";
import type { Stack } from "./stack.ts";

/** Closes every listener, and resets every connection or, with `error`, ends each with it. */
export function shutdown(stack: Stack, error: ErrorCode | null): void {
  stack.tick();
  stack.isDown = true;
  for (const listener of [...stack.listeners.all]) {
    listener.close();
    listener.handler.onClose?.(listener);
  }
  for (const tcb of stack.tcbs) {
    if (tcb === null || tcb === undefined) continue;
    if (error === null) (tcb.owner as Connection).abort();
    else stack.release(tcb, error);
  }
}
