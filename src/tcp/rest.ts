/**
 * Idle connections stay small: what an exchange needed (buffers, records, what recovery and congestion control learned of an
 * undisturbed path) is let go of a while after it, and made anew by the next one. Nothing that a peer or an application could
 * tell from before is lost. There is no timer for it: the wheel's last entry, which an exchange leaves behind, comes up anyway.
 */
import { type Micros, MS, NEVER, SECOND } from "../base/time.ts";
import { CA_OPEN, type Tcb } from "./tcb.ts";

/** Longer than round trips are, so that none falls into an exchange. */
const AFTER: Micros = 5 * SECOND;

/** After the wheel's entry came up: an idle connection lets go of memory, or the time is returned at which it may. */
export function restWhenIdle(tcb: Tcb, now: Micros): Micros {
  if (!tcb.holdsMemory || tcb.snd.una !== tcb.snd.nxt || tcb.queuedToSend > 0) return NEVER;
  const at = Math.max(tcb.lastSent, tcb.lastAckReceived, tcb.lastDataReceived) + AFTER;
  if (at > now) return at;
  rest(tcb);
  return NEVER;
}

/** Lets go of what is empty or says nothing of the path. */
function rest(tcb: Tcb): void {
  tcb.freeEmpty();
  const rec = tcb.recoveryIfAny;
  if (rec?.isPlain && tcb.caState === CA_OPEN) tcb.freeRecovery();
  tcb.congestion.onRest?.(tcb);
  if (tcb.minRtt !== null) {
    tcb.minRttMs = Math.floor(tcb.minRtt.bestAt / MS);
    tcb.minRtt = null;
  }
}
