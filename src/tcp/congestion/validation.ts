/**
 * Congestion window validation: a window that is not used tells nothing of the path, so it does not grow, and shrinks to
 * what is used. By RFC 2861 as Linux does it (tcp_cwnd_validate), with its criterion of RFC 7661's kind: in slow start a
 * window more than half used counts as used. RFC 7661, as experimental as the older one, would keep an unused window for
 * five minutes and ask for pacing when it is used again.
 */
import { diff, lt } from "../../base/seq.ts";
import type { TcpContext } from "../context.ts";
import { inFlight } from "../recovery/scoreboard.ts";
import { CA_OPEN, type Tcb } from "../tcb.ts";
import { initialBytes, keptThreshold } from "./growth.ts";

/** After text was sent, or because cwnd forbids it (`limited`). What is noted holds for one window of data. */
export function noteUsage(tcb: Tcb, limited: boolean, ctx: TcpContext): void {
  const { snd } = tcb;
  const out = diff(snd.nxt, snd.una);
  if (!limited) limited = inFlight(tcb) + snd.mss > tcb.cwnd;
  if (limited || !lt(snd.una, tcb.usageMark) || (!tcb.cwndLimited && out > tcb.maxOut)) {
    tcb.cwndLimited = limited;
    tcb.maxOut = out;
    tcb.usageMark = snd.nxt;
  }
  if (isWindowUsed(tcb)) {
    tcb.cwndUsed = 0;
    tcb.cwndStamp = ctx.now | 0;
    return;
  }
  if (out > tcb.cwndUsed) tcb.cwndUsed = out;
  if (ctx.config.slowStartAfterIdle && ((ctx.now | 0) - tcb.cwndStamp) >>> 0 >= tcb.rtoUs) shrink(tcb, ctx);
}

/**
 * Text is to be sent when nothing is outstanding, `idleUs` after the last: RFC 5681 4.1 asks for the first window after an
 * RTO; as RFC 2861 and Linux (tcp_cwnd_restart), half for each RTO, not below the first window, with ssthresh to find the
 * old one again.
 */
export function decayIdle(tcb: Tcb, idleUs: number, ctx: TcpContext): void {
  if (!ctx.config.slowStartAfterIdle || idleUs <= tcb.rtoUs || tcb.congestion.ownsWindow) return;
  const least = Math.min(initialBytes(tcb, ctx.config.initialWindow), tcb.cwnd);
  tcb.ssthresh = keptThreshold(tcb);
  let { cwnd } = tcb;
  for (let left = idleUs - tcb.rtoUs; left > 0 && cwnd > least; left -= tcb.rtoUs) cwnd /= 2;
  tcb.cwnd = Math.max(Math.floor(cwnd), least);
  tcb.cwndStamp = ctx.now | 0;
  tcb.cwndUsed = 0;
}

/** Whether an ACK may open the window. */
export function isWindowUsed(tcb: Tcb): boolean {
  return tcb.cwndLimited || (tcb.cwnd < tcb.ssthresh && tcb.cwnd < 2 * tcb.maxOut);
}

/** RFC 2861 3.2: an RTO long the application used less than cwnd: half of the rest goes. */
function shrink(tcb: Tcb, ctx: TcpContext): void {
  // An application that waits for room in the send buffer would send more; a model (BBR) knows better.
  if (tcb.caState === CA_OPEN && !tcb.wantsDrain && !tcb.congestion.ownsWindow) {
    const used = Math.max(tcb.cwndUsed, initialBytes(tcb, ctx.config.initialWindow));
    if (used < tcb.cwnd) {
      tcb.ssthresh = keptThreshold(tcb);
      tcb.cwnd = Math.floor((tcb.cwnd + used) / 2);
    }
    tcb.cwndUsed = 0;
  }
  tcb.cwndStamp = ctx.now | 0;
}
