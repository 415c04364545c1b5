/** The protocol switches of `tcp/protocol-config.ts`: what each changes, and that the default is the RFC's. */
import { describe, expect, test } from "vitest";
import type { TcpConfig } from "../../../src/tcp/config.ts";
import { Peer } from "./peer.ts";
import { App, accepted, listen, opening, Rig, SECOND } from "./rig.ts";
import { bring, type SetupName } from "./state-setup.ts";

const SYNCHRONIZED: SetupName[] = [
  "ESTABLISHED",
  "FIN-WAIT-1",
  "FIN-WAIT-2",
  "CLOSE-WAIT",
  "CLOSING",
  "LAST-ACK",
];

const places = (rcvNxt: number, edge: number): [string, number, boolean][] => [
  ["outside left", rcvNxt - 1, false],
  ["left edge", rcvNxt, true],
  ["middle", rcvNxt + 1_000, true],
  ["right edge", edge - 1, true],
  ["outside right", edge, false],
];

describe("insecureRst (RFC 793 3.9: any RST in the window resets)", () => {
  for (const state of [
    ...SYNCHRONIZED,
    "SYN-RECEIVED (simultaneous)",
    "SYN-RECEIVED (passive)",
  ] as SetupName[]) {
    test.each([0, 1, 2, 3, 4])(`${state}, place %i`, (i) => {
      for (const insecureRst of [true, false]) {
        const now = bring(state, "passive", false, { tcp: { insecureRst } });
        const before = now.state();
        const [place, at, inside] = places(now.vars.rcvNxt, now.vars.edge)[i]!;
        const said = now.peer.says("R", at);
        const resets = inside && (insecureRst || at === now.vars.rcvNxt);
        expect(now.state(), place).toBe(resets ? (state.includes("passive") ? "LISTEN" : "gone") : before);
        // RFC 5961 3.2: in the window, yet not at RCV.NXT: a challenge ACK.
        expect(said.length, place).toBe(inside && !resets ? 1 : 0);
      }
    });
  }

  test("TIME-WAIT: ignored by default (RFC 1337), accepted with timeWaitReset", () => {
    const outcome = (tcp: Partial<TcpConfig>, i: number): string => {
      const { peer, vars, state } = bring("TIME-WAIT", "active", false, { tcp });
      expect(peer.says("R", places(vars.rcvNxt, vars.edge)[i]![1])).toEqual([]);
      return state();
    };
    const all = (tcp: Partial<TcpConfig>): string[] => [0, 1, 2, 3, 4].map((i) => outcome(tcp, i));
    const stays = "TIME-WAIT";
    expect(all({ insecureRst: true })).toEqual([stays, stays, stays, stays, stays]);
    expect(all({ timeWaitReset: "accept" })).toEqual([stays, "gone", stays, stays, stays]);
    expect(all({ timeWaitReset: "accept", insecureRst: true })).toEqual([
      stays,
      "gone",
      "gone",
      "gone",
      stays,
    ]);
  });

  test("repeatFin: BSD's ACK of text carries the FIN that is not acknowledged; a challenge ACK does not", () => {
    for (const repeatFin of [false, true]) {
      const { peer, vars } = bring("FIN-WAIT-1", "passive", false, { tcp: { repeatFin } });
      const ack = repeatFin ? `F. ${vars.nxt - 1}:${vars.nxt}(0)` : `. ${vars.nxt}:${vars.nxt}(0)`;
      expect(peer.says(".", vars.rcvNxt - 1, vars.una)).toEqual([`${ack} ack ${vars.rcvNxt}`]);
      const challenged = bring("FIN-WAIT-1", "passive", false, { tcp: { repeatFin } });
      expect(challenged.peer.says("S", vars.rcvNxt)).toEqual([
        `. ${vars.nxt}:${vars.nxt}(0) ack ${vars.rcvNxt}`,
      ]);
    }
  });

  test("timeoutResets: Linux gives up silently, and resets after keepalives all the same", () => {
    const last = (tcp: Partial<TcpConfig>, isIdle: boolean): string => {
      const { rig, peer, app, connection } = accepted({}, { tcp: { r2: 2, ...tcp } });
      if (isIdle) connection.setKeepAlive(true, 1_000);
      else connection.send(new Uint8Array(5));
      const flags = peer.mine(rig.run()).map((segment) => segment.flags);
      for (let s = 0; s < 2_000; s++) flags.push(...peer.mine(rig.advance(SECOND)).map((sent) => sent.flags));
      expect(app.take()).toContain("close ETIMEDOUT");
      return flags.at(-1)!;
    };
    expect(last({}, false)).toBe("R.");
    expect(last({ timeoutResets: false }, false)).toMatch(/^P?\.$/);
    expect(last({ timeoutResets: false }, true)).toBe("R.");
  });

  test("takesOldAcks: the ACK of our FIN counts on a segment below the window", () => {
    const after = (takesOldAcks: boolean): [string, number] => {
      const { peer, vars, state } = bring("LAST-ACK", "passive", false, { tcp: { takesOldAcks } });
      const said = peer.says(".", vars.rcvNxt - 1, vars.nxt);
      return [state(), said.length];
    };
    expect(after(false)).toEqual(["LAST-ACK", 1]);
    expect(after(true)).toEqual(["gone", 0]);
  });

  test("closeUnread: BSD's close throws unread text away and sends a FIN", () => {
    const closes = (closeUnread: "reset" | "fin"): string[] => {
      const { rig, peer, vars, app } = bring("ESTABLISHED", "passive", false, { tcp: { closeUnread } });
      app.connection!.pause();
      peer.send("P.", vars.rcvNxt, vars.nxt, { text: 5 });
      rig.advance(SECOND);
      app.connection!.close();
      return peer.mine(rig.run()).map((segment) => segment.flags);
    };
    expect(closes("reset")).toEqual(["R."]);
    expect(closes("fin")).toEqual(["F."]);
  });

  test("resetErrors: what CLOSE-WAIT, CLOSING and LAST-ACK are told", () => {
    const told = (state: SetupName, resetErrors: "linux" | "bsd"): string[] => {
      const { peer, vars, app } = bring(state, "passive", false, { tcp: { resetErrors } });
      app.take();
      peer.send("R", vars.rcvNxt);
      return app.take();
    };
    expect(told("CLOSE-WAIT", "linux")).toEqual(["close EPIPE"]);
    expect(told("LAST-ACK", "linux")).toEqual(["close"]);
    for (const state of ["CLOSE-WAIT", "CLOSING", "LAST-ACK"] as const)
      expect(told(state, "bsd")).toEqual(["close ECONNRESET"]);
  });
});

describe("insecureSyn (RFC 793 3.9: a SYN in the window is answered by RST)", () => {
  test.each(SYNCHRONIZED)("%s", (state) => {
    for (const i of [0, 1, 2, 3, 4]) {
      const { peer, vars, state: now, app } = bring(state, "passive", false, { tcp: { insecureSyn: true } });
      const before = now();
      app.take();
      const [place, at, inside] = places(vars.rcvNxt, vars.edge)[i]!;
      const said = peer.says("S", at);
      const line = `${vars.nxt}:${vars.nxt}(0) ack ${vars.rcvNxt}`;
      expect(said, place).toEqual([inside ? `R. ${line}` : `. ${line}`]);
      expect(now(), place).toBe(inside ? "gone" : before);
      if (inside) expect(app.take()).toEqual(["close ECONNRESET"]);
    }
  });
});

describe("receiveWindow", () => {
  test("the acceptability tests know the buffer where the header could not say it; text does not", () => {
    const tcp = {
      receiveBuffer: 65_536,
      receiveBufferMax: 65_536,
      receiveWindow: "buffer",
      receiveBufferRounded: true,
    } as const;
    const { peer } = accepted({ mss: 1_460 }, { tcp });
    // 45 * 1460 = 65700 from 1 on: the last number is 65700.
    expect(peer.says("R", 65_701)).toEqual([]);
    expect(peer.says("R", 65_700)).toEqual([". 1:1(0) ack 1"]);
    const strict = accepted({ mss: 1_460 }, { tcp: { ...tcp, receiveWindow: "advertised" } });
    expect(strict.peer.says("R", 65_536)).toEqual([]);
    expect(strict.peer.says("R", 65_535)).toEqual([". 1:1(0) ack 1"]);
  });
});

describe("dropSynFin", () => {
  const said = (dropSynFin: TcpConfig["dropSynFin"], listens: boolean): string[] => {
    const rig = new Rig({ tcp: { dropSynFin } });
    if (listens) listen(rig, new App());
    return new Peer(rig).says("SF", 17);
  };

  test("LISTEN drops it, or takes it for a SYN without acknowledging the FIN", () => {
    expect(said("listen", true)).toEqual([]);
    expect(said("always", true)).toEqual([]);
    expect(said("never", true)).toEqual(["S. 0:1(0) ack 18"]);
  });

  test("RFC 9293 3.10.7.1: CLOSED answers by RST, but for `always`", () => {
    expect(said("listen", false)).toEqual(["R. 0:0(0) ack 19"]);
    expect(said("never", false)).toEqual(["R. 0:0(0) ack 19"]);
    expect(said("always", false)).toEqual([]);
  });

  test("SYN-SENT: the FIN is left to come again, or taken with the SYN", () => {
    const rfc = opening({ mss: 1_460 });
    expect(rfc.peer.says("SF", 0)).toEqual(["S. 0:1(0) ack 1"]);
    expect(rfc.connection.state).toBe("SYN-RECEIVED");
    const bsd = opening({ mss: 1_460 }, { tcp: { dropSynFin: "never" } });
    expect(bsd.peer.says("SF", 0)).toEqual(["S. 0:1(0) ack 2"]);
    expect(bsd.connection.state).toBe("CLOSE-WAIT");
    bsd.peer.send(".", 2, 1);
    bsd.connection.end();
    expect(bsd.peer.lines(bsd.rig.run())).toEqual(["F. 1:2(0) ack 2"]);
    bsd.peer.send(".", 2, 2);
    expect(bsd.connection.state).toBe("CLOSED");
  });

  test("TIME-WAIT: above RCV.NXT a new connection (RFC 6191) where it counts as a SYN", () => {
    const { peer, vars } = bring("TIME-WAIT", "passive", false, { tcp: { dropSynFin: "never" } });
    expect(peer.send("SF", vars.rcvNxt + 100)[0]!.flags).toBe("S.");
    const now = bring("TIME-WAIT", "passive", false);
    expect(now.peer.says("SF", now.vars.rcvNxt + 100)).toEqual([
      `. ${now.vars.nxt}:${now.vars.nxt}(0) ack ${now.vars.rcvNxt}`,
    ]);
  });
});

test("blackhole: a closed port says nothing to a SYN, or to anything", () => {
  const answers = (blackhole: 0 | 1 | 2): number[] => {
    const peer = new Peer(new Rig({ tcp: { blackhole } }));
    return [peer.send("S", 0), peer.send(".", 0, 5), peer.send("F", 0)].map((sent) => sent.length);
  };
  expect(answers(0)).toEqual([1, 1, 1]);
  expect(answers(1)).toEqual([0, 1, 1]);
  expect(answers(2)).toEqual([0, 0, 0]);
});

test("timestampsRequired: RFC 7323 3.2, a segment without the agreed timestamps is dropped, or taken", () => {
  const strict = accepted({ timestamps: true });
  strict.peer.send("P.", 1, 1, { text: 5, ts: null });
  expect(strict.app.received).toBe(0);
  const tolerant = accepted({ timestamps: true }, { tcp: { timestampsRequired: false } });
  tolerant.peer.send("P.", 1, 1, { text: 5, ts: null });
  expect(tolerant.app.received).toBe(5);
});

test("rexmitDropOptions: from that retransmission on the SYN carries MSS alone", () => {
  const { rig, peer } = opening({}, { tcp: { rexmitDropOptions: 2 } });
  const syns = peer.mine(rig.advance(10 * SECOND));
  expect(syns.map((s) => [s.mss, s.wscale >= 0, s.sackPermitted, s.ts !== null])).toEqual([
    [1_460, true, true, true],
    [1_460, false, false, false],
    [1_460, false, false, false],
  ]);
});

describe("keepInit", () => {
  test("the handshake of an active open fails with ETIMEDOUT when it takes longer", () => {
    const { rig, app, connection } = opening({}, { tcp: { keepInit: 5 * SECOND } });
    rig.advance(5 * SECOND - 1);
    expect(app.take()).toEqual([]);
    rig.advance(1);
    expect(app.take()).toEqual(["close ETIMEDOUT"]);
    expect(connection.state).toBe("CLOSED");
  });

  test("it is a connection's own, and over with the handshake", () => {
    const { rig, peer, app, connection } = opening({});
    connection.set({ keepInitMs: 2_000 });
    peer.send("S.", 0, 1);
    rig.advance(10 * SECOND);
    expect(app.take()).toEqual(["connect"]);
    const late = opening({});
    late.connection.set({ keepInitMs: 2_000 });
    late.rig.advance(2 * SECOND);
    expect(late.app.take()).toEqual(["close ETIMEDOUT"]);
  });
});

describe("settings", () => {
  test("a listener's are inherited: keepalive and its times", () => {
    const rig = new Rig();
    const app = new App();
    const listener = listen(rig, app, {
      settings: { keepAlive: true, keepIdleMs: 1_000, keepIntervalMs: 500, keepCount: 2 },
    });
    const peer = new Peer(rig);
    peer.send("S", 0);
    peer.send(".", 1, 1);
    expect(peer.lines(rig.advance(SECOND))).toEqual([". 0:0(0) ack 1"]);
    rig.advance(SECOND);
    expect(app.take()).toEqual(["close ETIMEDOUT"]);
    expect(() => {
      listener.settings = { keepCount: 0 };
    }).toThrow("keepCount");
  });

  test("TCP_MAXSEG: offered in SYN and SYN-ACK, and the limit of what is sent", () => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app, { settings: { maxSegment: 1_100 } });
    const peer = new Peer(rig, { mss: 1_300 });
    expect(peer.send("S", 0, 0, peer.synOptions)[0]!.mss).toBe(1_100);
    peer.send(".", 1, 1);
    app.connection!.send(new Uint8Array(1_200));
    expect(peer.lines(rig.run())[0]).toBe(". 1:1101(1100) ack 1");
    expect(app.connection!.info().advmss).toBe(1_100);
    const connection = rig.stack.connect({ host: "10.77.0.1", port: 80, maxSegment: 900 }, {});
    expect(rig.run()[0]!.mss).toBe(900);
    connection.abort();
  });
});

describe("rate limits without a side channel (RFC 5961 7, CVE-2016-5696)", () => {
  test("challenge ACKs: what one connection was answered leaves what another is", () => {
    const rig = new Rig();
    rig.stack.listen({ port: 7, backlog: 5_000 }, {});
    let answered = 0;
    for (let i = 0; i < 3_000; i++) {
      const peer = new Peer(rig, { port: 10_000 + i });
      peer.send("S", 0);
      peer.send(".", 1, 1);
      answered += peer.send("R", 100).length;
    }
    expect(answered).toBe(3_000);
  });

  test("half-open and TIME-WAIT: one answer an interval for each of them", () => {
    for (const state of ["SYN-RECEIVED (passive)", "TIME-WAIT"] as const) {
      const { rig, peer, vars } = bring(state, "passive", false);
      expect(peer.send(".", vars.rcvNxt - 100, vars.nxt), state).toHaveLength(1);
      expect(peer.send(".", vars.rcvNxt - 100, vars.nxt), state).toHaveLength(0);
      rig.advance(SECOND / 2);
      expect(peer.send(".", vars.rcvNxt - 100, vars.nxt), state).toHaveLength(1);
    }
  });

  test("resets: what is left for one address says nothing of another's", () => {
    const rig = new Rig({ tcp: { resets: 4 } });
    const flood = new Peer(rig, { address: "10.77.0.99" });
    for (let i = 0; i < 100; i++) flood.send("S", i);
    let answered = 0;
    for (let i = 0; i < 32; i++) answered += new Peer(rig, { address: `10.77.1.${i}` }).send("S", 0).length;
    // One share of 16 is used up; a limit shared by all would leave none.
    expect(answered).toBeGreaterThan(24);
  });
});
