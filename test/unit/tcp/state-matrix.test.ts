/**
 * Every state against every kind of segment, with what state-table.ts says from the RFCs. A cell's name is the state,
 * the segment, and the row that decides.
 */
import { describe, expect, test } from "vitest";
import type { Family } from "../../../src/base/address.ts";
import { type Cell, cellOf, FLAGS, kindsFor, openersFor, TEXTS, timestampsFor } from "./segment-kinds.ts";
import { bring, type Opener, type SetupName, type Variables } from "./state-setup.ts";
import { TABLE } from "./state-table.ts";

function check(c: Omit<Cell, keyof Variables>, opener: Opener, family: Family): void {
  const name = `${opener} opener, IPv${family}`;
  const { rig, peer, app, vars, state } = bring(c.state, opener, c.ts !== "none", { family });
  const cell = cellOf(c.state, c.flags, c.at, c.ackKind, c.text, c.ts, vars);
  const expected = TABLE[c.state].find((r) => r.when(cell))!.then(cell);
  rig.now += 2_000;
  const ts = c.ts === "missing" ? null : c.ts === "stale" ? peer.clock - 1_000 : undefined;
  const sent = peer.send(c.flags, cell.seq, cell.ack, {
    text: c.text,
    up: c.flags.includes("U") ? 1 : 0,
    ...(ts === undefined ? {} : { ts }),
  });
  if (expected.mayWait === true) sent.push(...peer.mine(rig.advance(40_000)));
  expect(
    { sent: sent.map((s) => peer.line(s)), state: state(), drops: rig.drops(), events: app.take() },
    name,
  ).toEqual({
    sent: expected.sent,
    state: expected.state,
    drops: expected.drop === undefined ? {} : { [expected.drop]: 1 },
    events: expected.events ?? [],
  });
}

for (const state of Object.keys(TABLE) as SetupName[]) {
  describe(`SEGMENT ARRIVES in ${state}`, () => {
    for (const ts of timestampsFor(state)) {
      const { sequences, acks } = kindsFor(state, ts);
      const v: Variables = variablesOf(state);
      for (const flags of FLAGS)
        for (const at of sequences)
          for (const text of TEXTS)
            for (const ackKind of flags.includes(".") ? acks : [null]) {
              // Text before RCV.NXT that reaches past it needs text; the FIN or SYN alone would be the `repeat`.
              if (at === "overlap" && text === 0) continue;
              const cell = cellOf(state, flags, at, ackKind, text, ts, v);
              const rule = TABLE[state].find((r) => r.when(cell))!;
              const what = `<CTL=${flags === "" ? "none" : flags}> ${at}${ackKind === null ? "" : `, ACK ${ackKind}`}${text > 0 ? ", text" : ""}${ts === "none" ? "" : `, timestamps ${ts}`}`;
              test(`${state}: ${what}: ${rule.rfc}`, () => {
                for (const opener of openersFor(state, at, ts))
                  for (const family of familiesFor(ts)) check(cell, opener, family);
              });
            }
    }
  });
}

/** Timestamps are the same above either; without them every cell is tried over both. */
function familiesFor(ts: Cell["ts"]): readonly Family[] {
  return ts === "none" ? [4, 6] : [4];
}

/** The variables of a state by construction (state-setup.ts), to name the cells; `check` uses the real ones. */
function variablesOf(state: SetupName): Variables {
  return bring(state, openersFor(state, "next", "none")[0]!, false).vars;
}
