/**
 * F-RTO (RFC 5682, basic and SACK-enhanced): whether a retransmission timeout was spurious, by sending new text before more
 * is sent again, and looking at what is acknowledged next. It judges; `recovery.ts` acts.
 */
import { add, gt } from "../../base/seq.ts";
import type { AckSample } from "../congestion/congestion.ts";
import { unsent } from "../send-policy.ts";
import type { Tcb } from "../tcb.ts";

/** The answers of `judgeTimeout`. */
export const FRTO_UNDECIDED = 0;
export const FRTO_SPURIOUS = 1;

/** RFC 5682 2.1 and 3.1, steps 2 and 3, for an ACK while F-RTO is under way. */
export function judgeTimeout(tcb: Tcb, sample: AckSample, duplicate: boolean): number {
  const rec = tcb.recovery;
  const { snd } = tcb;
  // Step 3 b: something was delivered that was sent before the timeout and never again. Without SACK, a cumulative ACK that
  // covers a retransmission as well proves nothing.
  const isOriginal = rec.sawOriginal && (tcb.sackPermitted || !rec.sawResent);
  if (isOriginal) return FRTO_SPURIOUS;
  if (gt(snd.nxt, tcb.recover)) {
    // Step 3 a: new text came through, and what was sent before it did not.
    if (sample.sacked > 0 || duplicate) rec.frto = false;
  } else if (sample.acked > 0 && gt(tcb.recover, snd.una)) {
    // Step 2 b: new text, if there is some and the window has room for it, else the conventional recovery.
    tcb.recover = snd.nxt;
    if (unsent(tcb) > 0 && gt(add(snd.una, snd.wnd), snd.nxt)) rec.newFirst = true;
    else rec.frto = false;
  }
  return FRTO_UNDECIDED;
}
