/** BBR's answer to loss and to its undoing, step by step (draft-ietf-ccwg-bbr 5.3.1.3, 5.5.10, 5.5.11). */
import { describe, expect, test } from "vitest";
import { DEFAULT_CONFIG } from "../../../../src/tcp/config.ts";
import { bbr } from "../../../../src/tcp/congestion/bbr.ts";
import { checkStartupHighLoss, handleLost, undoLoss } from "../../../../src/tcp/congestion/bbr-loss.ts";
import { inflightWithHeadroom } from "../../../../src/tcp/congestion/bbr-model.ts";
import {
  type BbrState,
  DRAIN,
  PROBE_BW_DOWN,
  PROBE_BW_REFILL,
  PROBE_BW_UP,
  STARTUP,
} from "../../../../src/tcp/congestion/bbr-state.ts";
import { startUp } from "../../../../src/tcp/congestion/bbr-states.ts";
import { CA_RECOVERY, Tcb } from "../../../../src/tcp/tcb.ts";

const MSS = 1_000;
const NOW = 5_000_000;

/** A connection of 100 segments' BDP: 10^6 bytes a second, 100 ms. */
function connection(): { tcb: Tcb; state: BbrState } {
  const tcb = new Tcb(
    4,
    1,
    2,
    80,
    90,
    { mtu: 1_500, mssClamp: 0, offload: false, bigTcp: false },
    DEFAULT_CONFIG,
    bbr,
  );
  tcb.snd.mss = MSS;
  bbr.init(tcb, 10);
  const state = tcb.ccState as BbrState;
  state.bwOfCycle = state.bw = 1e6;
  state.minRttUs = 100_000;
  tcb.cwnd = 200 * MSS;
  return { tcb, state };
}

function probing(): { tcb: Tcb; state: BbrState } {
  const both = connection();
  both.state.fullBwReached = true;
  startUp(both.tcb, both.state, 1e6);
  both.state.isBwProbeSample = true;
  return both;
}

describe("loss while probing (5.5.10.2)", () => {
  test("up to 2 % of what was in flight is borne", () => {
    const { tcb, state } = probing();
    handleLost(tcb, state, MSS, 120 * MSS, 2 * MSS, false, NOW);
    expect(state.state).toBe(PROBE_BW_UP);
    expect(state.inflightLongterm).toBe(Number.POSITIVE_INFINITY);
  });

  test("more than 2 % bounds the volume at the point where losses reached that, and ends the probe", () => {
    const { tcb, state } = probing();
    handleLost(tcb, state, MSS, 120 * MSS, 3 * MSS, false, NOW);
    expect(state.state).toBe(PROBE_BW_DOWN);
    // 119 before it, of which 2 lost: 0.02 x 119 - 2 = 0.38 more, over 0.98.
    expect(state.inflightLongterm / MSS).toBeCloseTo(119 + 0.38 / 0.98, 6);
    expect(inflightWithHeadroom(tcb, state)).toBeCloseTo(0.85 * state.inflightLongterm, 6);
    // Once a probe.
    handleLost(tcb, state, MSS, 80 * MSS, 9 * MSS, false, NOW);
    expect(state.inflightLongterm / MSS).toBeGreaterThan(119);
  });

  test("never below 0.7 of the target, and not at all by what the application limited", () => {
    const low = probing();
    handleLost(low.tcb, low.state, MSS, 20 * MSS, 3 * MSS, false, NOW);
    expect(low.state.inflightLongterm / MSS).toBeCloseTo(70, 6);
    const limited = probing();
    handleLost(limited.tcb, limited.state, MSS, 20 * MSS, 3 * MSS, true, NOW);
    expect(limited.state.inflightLongterm).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("losses that were none (5.5.11)", () => {
  test("a probe that they ended is taken up again by REFILL, with the bounds that were", () => {
    const { tcb, state } = probing();
    handleLost(tcb, state, MSS, 120 * MSS, 3 * MSS, false, NOW);
    state.bwShortterm = 1;
    undoLoss(tcb, state);
    expect(state.state).toBe(PROBE_BW_REFILL);
    expect(state.inflightLongterm).toBe(Number.POSITIVE_INFINITY);
    expect(state.bwShortterm).toBe(Number.POSITIVE_INFINITY);
  });

  test("5.3.1.3: Startup that six losses in a round ended goes on", () => {
    const { tcb, state } = connection();
    handleLost(tcb, state, MSS, 100 * MSS, 6 * MSS, false, NOW);
    tcb.caState = CA_RECOVERY;
    state.lossRoundStart = true;
    state.rate.txInFlight = 100 * MSS;
    state.inflightLatest = 90 * MSS;
    state.lossEvents = 5;
    checkStartupHighLoss(tcb, state, 6 * MSS);
    expect(state.fullBwReached).toBe(false);
    state.lossEvents = 6;
    checkStartupHighLoss(tcb, state, 6 * MSS);
    expect(state.fullBwReached).toBe(true);
    expect(state.inflightLongterm).toBe(100 * MSS);
    state.state = DRAIN;
    undoLoss(tcb, state);
    expect(state.state).toBe(STARTUP);
    expect(state.fullBwReached).toBe(false);
  });
});
