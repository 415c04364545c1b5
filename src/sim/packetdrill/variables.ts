/** The variables of a connection (RFC 9293 3.3.1) for a report, relative to the ISNs. */
import { diff } from "../../base/seq.ts";
import { NEVER } from "../../base/time.ts";
import { STATE_NAMES } from "../../tcp/state.ts";
import type { Tcb } from "../../tcp/tcb.ts";
import type { VariableView } from "./verdict.ts";

/** In the order in which one asks. */
export function connectionVariables(tcb: Tcb | null): VariableView[] {
  if (tcb === null) return [];
  const { snd, rcv } = tcb;
  const timer = (at: number): string => (at === NEVER ? "-" : `${at}`);
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
    "retransmit at": timer(tcb.retransmitAt),
    unsent: tcb.queuedToSend - Math.max(0, diff(snd.nxt, snd.una)),
    unread: tcb.queuedToRead,
  };
  return Object.entries(texts).map(([name, text]) => ({ name, text: String(text) }));
}
