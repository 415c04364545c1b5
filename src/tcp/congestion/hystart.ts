/**
 * HyStart++ (RFC 9406): ends the first slow start when round trips grow, before the queue overflows. A first sign leads to
 * conservative slow start (CSS), which either goes on for five rounds and ends in congestion avoidance, or finds the sign
 * false and resumes. Used by CUBIC and NewReno in the first slow start alone (4.3). It counts rounds and round-trip times;
 * cwnd is its caller's.
 */
import { geq, type Seq, seq } from "../../base/seq.ts";
import type { Tcb } from "../tcb.ts";

/** RFC 9406 4.2, 4.3; times in microseconds. */
const MIN_RTT_THRESH = 4_000;
const MAX_RTT_THRESH = 16_000;
const MIN_RTT_DIVISOR = 8;
const N_RTT_SAMPLE = 8;
const CSS_GROWTH_DIVISOR = 4;
const CSS_ROUNDS = 5;

const INFINITY = 0x7fffffff;

/** What HyStart++ remembers of a connection in its first slow start. */
export class HyStart {
  /** The round ends when this is acknowledged. */
  #windowEnd: Seq = seq(0);
  #started = false;
  #lastRoundMinRtt = INFINITY;
  #currentRoundMinRtt = INFINITY;
  #samples = 0;
  /** INFINITY outside of conservative slow start. */
  #cssBaselineMinRtt = INFINITY;
  #cssRounds = 0;

  get inConservativeSlowStart(): boolean {
    return this.#cssBaselineMinRtt !== INFINITY;
  }

  /**
   * An ACK of `acked` new bytes that brought `rttUs` (-1: none), in slow start. Returns by how many bytes cwnd may grow, or
   * -1 when slow start is over.
   */
  onAck(tcb: Tcb, acked: number, rttUs: number): number {
    if (!this.#started) {
      this.#started = true;
      this.#windowEnd = tcb.snd.nxt;
    }
    if (rttUs >= 0) {
      this.#currentRoundMinRtt = Math.min(this.#currentRoundMinRtt, rttUs);
      this.#samples++;
    }
    if (this.inConservativeSlowStart) this.#resumeIfSpurious();
    else this.#enterIfSlower();
    let growth = this.inConservativeSlowStart ? Math.floor(acked / CSS_GROWTH_DIVISOR) : acked;
    // The ACK of SND.NXT as it was ends the round; a partial round of CSS counts as one (4.2).
    if (geq(tcb.snd.una, this.#windowEnd)) {
      if (this.inConservativeSlowStart && ++this.#cssRounds >= CSS_ROUNDS) growth = -1;
      this.#beginRound(tcb);
    }
    return growth;
  }

  #beginRound(tcb: Tcb): void {
    this.#windowEnd = tcb.snd.nxt;
    this.#lastRoundMinRtt = this.#currentRoundMinRtt;
    this.#currentRoundMinRtt = INFINITY;
    this.#samples = 0;
  }

  #enterIfSlower(): void {
    if (this.#samples < N_RTT_SAMPLE) return;
    const last = this.#lastRoundMinRtt;
    const current = this.#currentRoundMinRtt;
    if (last === INFINITY || current === INFINITY) return;
    const threshold = Math.max(MIN_RTT_THRESH, Math.min(last / MIN_RTT_DIVISOR, MAX_RTT_THRESH));
    if (current < last + threshold) return;
    this.#cssBaselineMinRtt = current;
    this.#cssRounds = 0;
  }

  #resumeIfSpurious(): void {
    if (this.#samples < N_RTT_SAMPLE) return;
    if (this.#currentRoundMinRtt < this.#cssBaselineMinRtt) this.#cssBaselineMinRtt = INFINITY;
  }
}
