/** The variables of a connection (RFC 9293 3.3.1) for a report: numbers relative to the ISNs, times in microseconds. */
import { diff } from "../../base/seq.ts";
import { type Micros, NEVER } from "../../base/time.ts";
import { unsent } from "../../tcp/send-policy.ts";
import { STATE_NAMES } from "../../tcp/state.ts";
import type { Tcb } from "../../tcp/tcb.ts";
import type { VariableView } from "./verdict.ts";

/** In the order in which one asks. */
export function connectionVariables(tcb: Tcb | null, now: Micros): VariableView[] {
  if (tcb === null) return [];
  const { snd, rcv } = tcb;
  const left = (at: Micros): string => (at === NEVER ? "-" : `${Math.round(at - now)}`);
  const texts: Readonly<Record<string, string | number>> = {
    state: STATE_NAMES[tcb.state]!,
    "snd.una": diff(snd.una, snd.iss),
    "snd.nxt": diff(snd.nxt, snd.iss),
    "snd.wnd": snd.wnd,
    "rcv.nxt": diff(rcv.nxt, rcv.irs),
    "rcv.wnd": diff(rcv.edge, rcv.nxt),
    mss: snd.mss,
    cwnd: tcb.cwnd,
    ssthresh: tcb.ssthresh,
    ca_state: tcb.caState,
    srtt: tcb.srttUs,
    rto: tcb.rtoUs,
    retries: tcb.retries,
    "retransmit in": left(tcb.retransmitAt),
    unsent: unsent(tcb),
    unread: tcb.queuedToRead,
  };
  return Object.entries(texts).map(([name, text]) => ({ name, text: String(text) }));
}
