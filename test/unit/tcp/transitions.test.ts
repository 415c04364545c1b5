/**
 * Every transition of RFC 9293's figure 5 happens, by its own cause, for both openers where both can have it. The list is
 * `TRANSITIONS` itself: one that is added there without a way to it here fails.
 */
import { describe, expect, test } from "vitest";
import { STATE_NAMES, type StateName, TRANSITIONS } from "../../../src/tcp/state.ts";
import { listen, PEER, SECOND } from "./rig.ts";
import { bring, type Opener, type Setup, type SetupName } from "./state-setup.ts";

type Name = `${StateName} -> ${StateName}`;

interface Way {
  readonly on: string;
  readonly openers: readonly Opener[];
  readonly from?: SetupName;
  readonly act: (s: Setup) => unknown;
}

const BOTH: readonly Opener[] = ["passive", "active"];
const ACTIVE: readonly Opener[] = ["active"];
const PASSIVE: readonly Opener[] = ["passive"];

const way = (on: string, act: Way["act"], openers = BOTH, from?: SetupName): Way => ({
  on,
  act,
  openers,
  ...(from === undefined ? {} : { from }),
});
const user =
  (act: (s: Setup) => void) =>
  (s: Setup): void => {
    act(s);
    s.peer.mine(s.rig.run());
  };
const rst = way("RST", (s) => s.peer.send("R", s.vars.rcvNxt));
const aborts = way(
  "ABORT",
  user((s) => s.connection!.abort()),
);
const timeout = way("R2", (s) => s.rig.advance(3_600 * SECOND));
const simultaneous: SetupName = "SYN-RECEIVED (simultaneous)";
const passive: SetupName = "SYN-RECEIVED (passive)";

const WAYS: Partial<Record<Name, Way[]>> = {
  "CLOSED -> LISTEN": [way("passive OPEN", (s) => listen(s.rig, s.app), PASSIVE)],
  "CLOSED -> SYN-SENT": [
    way(
      "active OPEN",
      user((s) => {
        s.peer.stackPort = s.rig.stack.connect({ host: PEER, port: s.peer.port }, s.app.handler).localPort;
      }),
      ACTIVE,
    ),
  ],
  "LISTEN -> SYN-RECEIVED": [way("SYN", (s) => s.peer.send("S", 0), PASSIVE)],
  "LISTEN -> SYN-SENT": [
    way(
      "OPEN (RFC 9293 3.10.1)",
      user((s) => s.listener!.connect(PEER, s.peer.port, s.app.handler)),
      PASSIVE,
    ),
  ],
  "LISTEN -> CLOSED": [way("CLOSE", (s) => s.listener!.close(), PASSIVE)],
  "SYN-SENT -> ESTABLISHED": [way("SYN,ACK", (s) => s.peer.send("S.", 0, 1), ACTIVE)],
  "SYN-SENT -> SYN-RECEIVED": [way("SYN", (s) => s.peer.send("S", 0), ACTIVE)],
  "SYN-SENT -> CLOSED": [
    way("RST", (s) => s.peer.send("R.", 0, 1), ACTIVE),
    way(
      "CLOSE",
      user((s) => s.connection!.end()),
      ACTIVE,
    ),
    way("R2", (s) => s.rig.advance(300 * SECOND), ACTIVE),
  ],
  "SYN-RECEIVED -> ESTABLISHED": [
    way("ACK of SYN", (s) => s.peer.send(".", 1, 1), ACTIVE, simultaneous),
    way("ACK of SYN", (s) => s.peer.send(".", 1, 1), PASSIVE, passive),
  ],
  "SYN-RECEIVED -> FIN-WAIT-1": [
    way(
      "CLOSE",
      user((s) => s.connection!.end()),
      ACTIVE,
      simultaneous,
    ),
  ],
  "SYN-RECEIVED -> CLOSE-WAIT": [
    way("FIN with the ACK of SYN", (s) => s.peer.send("F.", 1, 1), ACTIVE, simultaneous),
    way("FIN with the ACK of SYN", (s) => s.peer.send("F.", 1, 1), PASSIVE, passive),
  ],
  "SYN-RECEIVED -> LISTEN": [
    way("RST", (s) => s.peer.send("R", 1), PASSIVE, passive),
    way("R2 of the SYN,ACK", (s) => s.rig.advance(200 * SECOND), PASSIVE, passive),
  ],
  "SYN-RECEIVED -> CLOSED": [
    way("RST", (s) => s.peer.send("R", 1), ACTIVE, simultaneous),
    way("R2", (s) => s.rig.advance(200 * SECOND), ACTIVE, simultaneous),
    way(
      "ABORT",
      user((s) => s.connection!.abort()),
      ACTIVE,
      simultaneous,
    ),
  ],
  "ESTABLISHED -> FIN-WAIT-1": [
    way(
      "CLOSE",
      user((s) => s.connection!.end()),
    ),
  ],
  "ESTABLISHED -> CLOSE-WAIT": [way("FIN", (s) => s.peer.send("F.", 11, 101))],
  "ESTABLISHED -> CLOSED": [rst, aborts, timeout],
  "FIN-WAIT-1 -> FIN-WAIT-2": [way("ACK of FIN", (s) => s.peer.send(".", 11, 152))],
  "FIN-WAIT-1 -> CLOSING": [way("FIN", (s) => s.peer.send("F.", 11, 101))],
  "FIN-WAIT-1 -> TIME-WAIT": [way("FIN with the ACK of FIN", (s) => s.peer.send("F.", 11, 152))],
  "FIN-WAIT-1 -> CLOSED": [rst, aborts, timeout],
  "FIN-WAIT-2 -> TIME-WAIT": [way("FIN", (s) => s.peer.send("F.", 11, 102))],
  "FIN-WAIT-2 -> CLOSED": [
    rst,
    aborts,
    way("time limit of an orphan", (s) => {
      s.connection!.close();
      s.rig.advance(61 * SECOND);
    }),
  ],
  "CLOSE-WAIT -> LAST-ACK": [
    way(
      "CLOSE",
      user((s) => s.connection!.end()),
    ),
  ],
  "CLOSE-WAIT -> CLOSED": [rst, aborts, timeout],
  "CLOSING -> TIME-WAIT": [way("ACK of FIN", (s) => s.peer.send(".", 12, 152))],
  "CLOSING -> CLOSED": [rst, aborts, timeout],
  "LAST-ACK -> CLOSED": [way("ACK of FIN", (s) => s.peer.send(".", 12, 152)), rst, aborts, timeout],
  "TIME-WAIT -> CLOSED": [
    way("2MSL", (s) => s.rig.advance(60 * SECOND)),
    way("reuse (RFC 6191): on to SYN-RECEIVED", (s) => s.peer.send("S", 1_000)),
  ],
};

/** "gone" is CLOSED; where a listener is left behind, as for a passive opener, the connection is still CLOSED. */
const closed = (state: StateName | "gone"): StateName => (state === "gone" ? "CLOSED" : state);

describe("transitions of RFC 9293 figure 5", () => {
  for (const name of new Set(
    TRANSITIONS.map((t) => `${STATE_NAMES[t.from]} -> ${STATE_NAMES[t.to]}` as Name),
  )) {
    const [from, to] = name.split(" -> ") as [StateName, StateName];
    test(`${name} is reached`, () => expect(WAYS[name]?.length ?? 0).toBeGreaterThan(0));
    for (const { on, openers, act, from: exact } of WAYS[name] ?? []) {
      for (const opener of openers) {
        test(`${name} on ${on}, ${opener} opener`, () => {
          const s = bring(exact ?? (from as SetupName), opener, false);
          expect(closed(s.state())).toBe(from);
          act(s);
          const after = closed(s.state());
          if (name === "LISTEN -> CLOSED") expect(s.rig.stack.snapshot().sockets).toEqual([]);
          else if (on.startsWith("reuse")) expect(after).toBe("SYN-RECEIVED");
          else if (name === "CLOSED -> LISTEN")
            expect(s.rig.stack.snapshot().sockets[0]!.state).toBe("LISTEN");
          else expect(after).toBe(to);
        });
      }
    }
  }

  test("nothing here that the table does not have", () => {
    const known = new Set(TRANSITIONS.map((t) => `${STATE_NAMES[t.from]} -> ${STATE_NAMES[t.to]}`));
    expect(Object.keys(WAYS).filter((name) => !known.has(name))).toEqual([]);
  });

  test("each is listed once", () => {
    const names = TRANSITIONS.map((t) => `${STATE_NAMES[t.from]} -> ${STATE_NAMES[t.to]}`);
    expect(names.filter((n, i) => names.indexOf(n) !== i)).toEqual([]);
  });
});
