/**
 * SYN cookies at the listener: sent in place of a SYN-queue entry, taken back with the third segment (RFC 4987 3.6). The
 * arithmetic is in tcp/syn-cookie.ts.
 */
import { add } from "../base/seq.ts";
import { type Micros, SECOND } from "../base/time.ts";
import { defaultMss } from "../tcp/config.ts";
import { timestampClock } from "../tcp/context.ts";
import { fillFromCookie, fillHalfOpen, synAck } from "../tcp/half-open.ts";
import { cookieTimestamp, readCookieTimestamp } from "../tcp/syn-cookie.ts";
import * as drop from "../wire/drop.ts";
import { ECE, type Segment } from "../wire/segment.ts";
import { RECORD } from "./flow-table.ts";
import type { Listener } from "./listener.ts";
import type { Stack } from "./stack.ts";

/** Makes and redeems cookies for the listeners of a stack. */
export class CookieJar {
  /** The half-open connection that the last redeemed cookie stands for. */
  readonly record: Int32Array = new Int32Array(RECORD);
  readonly #stack: Stack;
  readonly #options: { mss: number; wscale: number; sackPermitted: boolean; ecn: boolean } = {
    mss: 0,
    wscale: -1,
    sackPermitted: false,
    ecn: false,
  };
  /** When the last cookie was sent: only for so long can an ACK be one. */
  #lastSent: Micros = -COOKIE_LIFE;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Answers a SYN by a SYN-ACK whose ISS is a cookie, and remembers nothing. */
  send(listener: Listener, seg: Segment): void {
    const stack = this.#stack;
    const { bare } = stack;
    fillHalfOpen(this.record, 0, seg, stack, stack.listeners.bufferOf(listener), null);
    synAck(this.record, 0, stack.listeners.mssTo(seg.family, seg.src, listener), stack, bare);
    const mss = seg.mss > 0 ? seg.mss : defaultMss(seg.family);
    bare.seq = stack.cookies.encode(
      seg.family,
      stack.identity(seg.family, seg.dst),
      stack.identity(seg.family, seg.src),
      seg.dstPort,
      seg.srcPort,
      seg.seq,
      mss,
      stack.now,
    );
    if (bare.timestamps) {
      const offset = stack.timestampOffset(seg.family, seg.dst, seg.src);
      const scale = bare.wscale >= 0 ? seg.wscale : -1;
      bare.tsval =
        (cookieTimestamp(timestampClock(stack.now, 0), scale, bare.sackPermitted, (bare.flags & ECE) !== 0) +
          offset) |
        0;
    } else {
      // Without timestamps nothing carries them.
      bare.wscale = -1;
      bare.sackPermitted = false;
      bare.flags &= ~ECE;
    }
    this.#lastSent = stack.now;
    stack.counters.SyncookiesSent++;
    listener.count("cookiesSent");
    stack.sendBare(seg, bare);
  }

  /** Whether an ACK without a flow brings a valid cookie; then `record` is the connection. */
  accepts(listener: Listener, seg: Segment): boolean {
    const stack = this.#stack;
    if (stack.now - this.#lastSent > COOKIE_LIFE) return false;
    const options = this.#options;
    options.mss = stack.cookies.decode(
      seg.family,
      stack.identity(seg.family, seg.dst),
      stack.identity(seg.family, seg.src),
      seg.dstPort,
      seg.srcPort,
      add(seg.seq, -1),
      add(seg.ack, -1),
      stack.now,
    );
    if (options.mss === 0) {
      stack.counters.SyncookiesFailed++;
      listener.count("cookiesFailed");
      stack.drop(drop.TCP_COOKIE_INVALID);
      return false;
    }
    options.wscale = -1;
    options.sackPermitted = false;
    options.ecn = false;
    if (seg.hasTimestamps) {
      const offset = stack.timestampOffset(seg.family, seg.dst, seg.src);
      readCookieTimestamp((seg.tsecr - offset) | 0, options);
    }
    fillFromCookie(this.record, 0, seg, options, stack, stack.listeners.bufferOf(listener));
    stack.counters.SyncookiesRecv++;
    listener.count("cookiesRecv");
    return true;
  }
}

/** A cookie is valid for less than two minutes (tcp/syn-cookie.ts). */
const COOKIE_LIFE: Micros = 120 * SECOND;
