/** The send and receive sequence variables of one connection (RFC 9293 3.3.1), and the windows with them. */
import { type Seq, seq } from "../base/seq.ts";

/** No window is larger (RFC 7323 2.3); a small integer to V8, with which no arithmetic becomes one of doubles. */
export const WINDOW_MAX: number = 2 ** 30;

/** Send sequence variables. */
export class SendSequence {
  una: Seq = seq(0);
  /** The next new sequence number; retransmissions never pull it back. */
  nxt: Seq = seq(0);
  /** The peer's window in bytes, scale applied. */
  wnd = 0;
  up: Seq = seq(0);
  wl1: Seq = seq(0);
  wl2: Seq = seq(0);
  iss: Seq = seq(0);
  /** The largest window the peer ever offered (SWS avoidance, RFC 9293 3.8.6.2.1). */
  maxWnd = 0;
  /** Shift for windows received (RFC 7323 2.2). */
  scale = 0;
  /** Effective send MSS: payload of a full segment, options taken off (RFC 9293 3.7.1). */
  mss = 536;
  /** The MSS option received, 536 (IPv6: 1,220) without (MUST-15). */
  peerMss = 536;
  /** End of the last segment sent that was not full: Minshall's variant of Nagle holds the next one until it is acknowledged. */
  small: Seq = seq(0);
}

/** Receive sequence variables. */
export class ReceiveSequence {
  nxt: Seq = seq(0);
  /** The window last advertised, in bytes. */
  wnd = 0;
  up: Seq = seq(0);
  irs: Seq = seq(0);
  /** Right edge of everything ever advertised: never taken back (RFC 9293 3.8.6 SHLD-14). */
  edge: Seq = seq(0);
  /** Shift for windows sent. */
  scale = 0;
  /** Largest segment seen: what "full-sized" means for delayed ACKs. */
  mss = 536;
  /** Bytes the application may leave unread; grows (window.ts) unless the application has set it. */
  buffer = 0;
  isFixed = false;
  /** The window to offer at most (TCP_WINDOW_CLAMP). */
  clamp: number = WINDOW_MAX;
}
