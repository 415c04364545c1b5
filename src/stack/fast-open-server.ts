/**
 * Fast Open at a listener (RFC 7413 4.2.2): which SYN is accepted at once, text and all, which is given a cookie, and how
 * many connections may wait for their third segment. The cookies' arithmetic is in tcp/fast-open-keys.ts.
 */
import { add } from "../base/seq.ts";
import { NEVER, SECOND } from "../base/time.ts";
import { updateMss } from "../tcp/calls.ts";
import { FastOpen } from "../tcp/fast-open.ts";
import { FAST_OPEN_ALL_LISTENERS, FAST_OPEN_SERVER, FAST_OPEN_SERVER_BARE } from "../tcp/fast-open-config.ts";
import { FastOpenKeys, INVALID, VALID_OLD } from "../tcp/fast-open-keys.ts";
import type { SegmentOut } from "../tcp/segment-out.ts";
import { ACK_NONE, type Tcb } from "../tcp/tcb.ts";
import { takeText, trimToWindow } from "../tcp/text.ts";
import { type Segment, SYN } from "../wire/segment.ts";
import type { Listener } from "./listener.ts";
import type { Stack } from "./stack.ts";

/** What to do with a SYN: answer it as any other, answer it with a cookie, or accept it with its text. */
export const ORDINARY = 0;
export const GIVE_COOKIE = 1;
export const ACCEPT = 2;
/** Accept it, and replace its cookie, which is of the key before. */
export const ACCEPT_RENEW = 3;

/** Fast Open for the listeners of a stack. */
export class FastOpenServer {
  readonly keys: FastOpenKeys;
  readonly #stack: Stack;
  readonly #addresses: Int32Array = new Int32Array(8);

  constructor(stack: Stack) {
    this.#stack = stack;
    this.keys = new FastOpenKeys(stack.config.fastOpenKey, stack.host.secret);
  }

  /** Judges a SYN for `listener` (Linux: tcp_try_fastopen): ORDINARY to ACCEPT_RENEW. */
  judge(listener: Listener, seg: Segment): number {
    const { config, counters } = this.#stack;
    const { fastOpen } = config;
    if (seg.fastOpenLength === 0) counters.TCPFastOpenCookieReqd++;
    if ((fastOpen & FAST_OPEN_SERVER) === 0 || (seg.fastOpenLength < 0 && seg.textLength === 0))
      return ORDINARY;
    if (!this.#hasRoom(listener)) return ORDINARY;
    if ((fastOpen & FAST_OPEN_SERVER_BARE) !== 0) return ACCEPT;
    if (seg.fastOpenLength < 0) return ORDINARY;
    if (seg.fastOpenLength === 0) return GIVE_COOKIE;
    const outcome = this.keys.check(
      this.#addresses,
      this.#take(seg),
      seg.bytes,
      seg.fastOpenAt,
      seg.fastOpenLength,
    );
    if (outcome === INVALID) {
      counters.TCPFastOpenPassiveFail++;
      return GIVE_COOKIE;
    }
    if (outcome === VALID_OLD) counters.TCPFastOpenPassiveAltKey++;
    return outcome === VALID_OLD ? ACCEPT_RENEW : ACCEPT;
  }

  /** Puts the addresses of `seg` into `#addresses`, and returns how many words they are. */
  #take(seg: Segment): number {
    const { words } = this.#stack.addresses;
    if (seg.family === 4) {
      this.#addresses[0] = seg.src;
      this.#addresses[1] = seg.dst;
      return 2;
    }
    for (let i = 0; i < 4; i++) {
      this.#addresses[i] = words[4 * seg.src + i]!;
      this.#addresses[4 + i] = words[4 * seg.dst + i]!;
    }
    return 8;
  }

  /** Adds a cookie for the sender of `seg` to the SYN-ACK in `out`. */
  offer(seg: Segment, out: SegmentOut): void {
    const cookie = this.keys.cookie(this.#addresses, this.#take(seg));
    out.fastOpen(cookie, cookie.length);
  }

  /** RFC 7413 5.1: a listener has so many connections without a third segment, and not more. */
  #hasRoom(listener: Listener): boolean {
    const { config, counters, now } = this.#stack;
    const isAsked = listener.fastOpenMax > 0;
    if (!isAsked && (listener.fastOpenMax === 0 || (config.fastOpen & FAST_OPEN_ALL_LISTENERS) === 0))
      return false;
    const most = isAsked ? listener.fastOpenMax : config.fastOpenQueue || Math.max(1, listener.backlog);
    const { fastOpenResets } = listener;
    while (fastOpenResets.length > 0 && fastOpenResets[0]! <= now) fastOpenResets.shift();
    if (listener.fastOpenPending + fastOpenResets.length < most) return true;
    counters.TCPFastOpenListenOverflow++;
    return false;
  }

  /** The SYN in `seg` made `tcb`, in SYN-RECEIVED: takes its text, and owes a SYN-ACK that acknowledges it. */
  accept(listener: Listener, tcb: Tcb, seg: Segment, renew: boolean): void {
    const stack = this.#stack;
    const attempt = new FastOpen();
    tcb.fastOpen = attempt;
    if (renew) attempt.cookie = this.keys.cookie(this.#addresses, this.#take(seg)).slice();
    listener.fastOpenPending++;
    attempt.onSettled = (reset) => {
      listener.fastOpenPending--;
      // RFC 7413 5.1: a reset frees the place late, or resets provoked by forged SYNs would make room for ever more of them.
      if (reset) listener.fastOpenResets.push(stack.now + RESET_HOLD);
    };
    stack.counters.TCPFastOpenPassive++;
    updateMss(tcb, stack);
    tcb.congestion.init(tcb, stack.config.initialWindow);
    tcb.lastSent = stack.now;
    tcb.synQueued = true;
    stack.markDirty(tcb);
    seg.seq = add(seg.seq, 1);
    seg.flags &= ~SYN;
    if (seg.textLength === 0 || !trimToWindow(tcb, seg, stack) || seg.textLength === 0) return;
    attempt.isAccepted = true;
    takeText(tcb, seg, stack);
    tcb.ack = ACK_NONE;
    tcb.delayedAckAt = NEVER;
  }
}

/** Linux: reqsk_fastopen_remove. */
const RESET_HOLD = 60 * SECOND;
