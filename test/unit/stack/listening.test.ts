/** Listeners: SYN queue, accept queue, cookies, verdicts, prefixes (RFC 9293 3.10.1, RFC 4987; overflow policy as Linux's). */
import { describe, expect, test } from "vitest";
import { ArgumentError } from "../../../src/base/errors.ts";
import type { SynFlow } from "../../../src/stack/events.ts";
import { Peer } from "../tcp/peer.ts";
import { App, listen, PEER, Rig, SECOND, STACK } from "../tcp/rig.ts";
import { stateOf } from "../tcp/state-setup.ts";

const knock = (rig: Rig, n: number, from = 10_000): Peer[] =>
  Array.from({ length: n }, (_, i) => {
    const peer = new Peer(rig, { port: from + i, mss: 1_460 });
    peer.send("S", 0, 0, peer.synOptions);
    return peer;
  });

describe("SYN queue", () => {
  test("half-open connections are no connections: they cost a record, and are forgotten after the last SYN,ACK", () => {
    const rig = new Rig({ tcp: { synAckRetries: 2 } });
    const listener = listen(rig, new App());
    const [peer] = knock(rig, 1);
    expect(rig.stack.tcbs.filter((t) => t != null)).toHaveLength(0);
    expect(listener.stats().synQueue).toBe(1);
    const again = peer!.mine(rig.advance(60 * SECOND));
    expect(again.map((s) => [peer!.line(s), s.at / SECOND])).toEqual([
      ["S. 0:1(0) ack 1", 1],
      ["S. 0:1(0) ack 1", 3],
    ]);
    expect(listener.stats().synQueue).toBe(0);
    expect(stateOf(rig, peer!)).toBeNull();
  });

  test("full and without cookies: SYNs are dropped and counted", () => {
    const rig = new Rig({ tcp: { synQueue: 4, synCookies: "never" } });
    const listener = listen(rig, new App());
    knock(rig, 10);
    expect(listener.stats()).toMatchObject({ synQueue: 4, synQueueMax: 4, synDrops: 6 });
    expect(rig.drops()).toEqual({ "tcp-syn-queue-full": 6 });
    expect(rig.stack.counters.ListenDrops).toBe(6);
  });

  test("flowsMax bounds all flows together", () => {
    const rig = new Rig({ tcp: { flowsMax: 3 } });
    listen(rig, new App());
    knock(rig, 5);
    expect(rig.drops()).toEqual({ "tcp-flow-table-full": 2 });
    expect(() => rig.stack.connect({ host: PEER, port: 80 }, {})).toThrow(/ENOBUFS/);
  });

  test("text on the ACK is not lost to the way through the queue", () => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app);
    const [peer] = knock(rig, 1);
    peer!.send("P.", 1, 1, { text: 100 });
    expect(app.take()).toEqual(["data 100"]);
  });

  test("closing the listener forgets half-open connections; their ACK is then answered by RST", () => {
    const rig = new Rig();
    const listener = listen(rig, new App());
    const [peer] = knock(rig, 1);
    listener.close();
    expect(peer!.says(".", 1, 1)).toEqual(["R 1:1(0)"]);
  });
});

describe("accept queue", () => {
  /** Without onConnection connections wait. */
  const waiting = (tcp = {}): { rig: Rig; listener: ReturnType<Rig["stack"]["listen"]> } => {
    const rig = new Rig({ tcp });
    return { rig, listener: rig.stack.listen({ port: 7, backlog: 1 }, {}) };
  };

  test("Linux: backlog + 1 fit; then the third ACK is dropped, and the SYN,ACK's timer asks again", () => {
    const { rig, listener } = waiting();
    const peers = knock(rig, 3);
    for (const peer of peers) peer.send(".", 1, 1);
    expect(listener.stats()).toMatchObject({ acceptQueue: 2, synQueue: 1, acceptOverflows: 1 });
    expect(rig.drops()).toEqual({ "tcp-accept-queue-full": 1 });
    expect(rig.stack.counters.ListenOverflows).toBe(1);
    expect(listener.accept()).not.toBeNull();
    expect(peers[2]!.lines(rig.advance(SECOND))).toEqual(["S. 0:1(0) ack 1"]);
    peers[2]!.send(".", 1, 1);
    expect(listener.stats().acceptQueue).toBe(2);
  });

  test("Linux: while it is full no SYN is answered either", () => {
    const { rig, listener } = waiting();
    for (const peer of knock(rig, 2)) peer.send(".", 1, 1);
    expect(knock(rig, 1, 20_000)[0]!.irs).toBe(0);
    expect(listener.stats().acceptOverflows).toBe(1);
  });

  test("tcp_abort_on_overflow: an RST instead", () => {
    const { rig } = waiting({ abortOnOverflow: true });
    const peers = knock(rig, 3);
    const answers = peers.map((peer) => peer.says(".", 1, 1));
    expect(answers).toEqual([[], [], ["R 1:1(0)"]]);
  });

  test("what happened before accept is told after it, in order", () => {
    const { rig, listener } = waiting();
    const [peer] = knock(rig, 1);
    peer!.send(".", 1, 1);
    peer!.send("P.", 1, 1, { text: 5 });
    peer!.send("F.", 6, 1);
    const app = new App();
    listener.accept()!.handler = app.handler;
    rig.run();
    expect(app.take()).toEqual(["data 5", "end"]);
  });

  test("closing the listener resets what waits, and leaves accepted connections alone", () => {
    const { rig, listener } = waiting();
    const [one, two] = knock(rig, 2);
    one!.send(".", 1, 1);
    two!.send(".", 1, 1);
    const kept = listener.accept()!;
    listener.close();
    expect(two!.lines(rig.run())).toEqual(["R. 1:1(0) ack 1"]);
    expect(kept.state).toBe("ESTABLISHED");
  });

  test("pause leaves connections in the queue, resume hands them out", () => {
    const rig = new Rig();
    const app = new App();
    const listener = listen(rig, app);
    listener.pause();
    knock(rig, 1)[0]!.send(".", 1, 1);
    expect(app.connection).toBeNull();
    listener.resume();
    rig.run();
    expect(app.connection).not.toBeNull();
  });
});

describe("SYN cookies (RFC 4987 3.6)", () => {
  test("end to end, with nothing remembered: MSS, window scale, SACK and timestamps come back with the ACK", () => {
    const rig = new Rig({ tcp: { synCookies: "always" } });
    const app = new App();
    const listener = listen(rig, app);
    const peer = new Peer(rig, { mss: 1_460, wscale: 9, sack: true, timestamps: true });
    const [synAck] = peer.send("S", 0, 0, peer.synOptions);
    expect(synAck).toMatchObject({ flags: "S.", wscale: 7, sackPermitted: true });
    expect(rig.stack.snapshot().sockets.filter((s) => s.state !== "LISTEN")).toEqual([]);
    peer.send(".", 1, 1);
    expect(stateOf(rig, peer)).toBe("ESTABLISHED");
    expect(app.connection!.info()).toMatchObject({ snd_wscale: 9, sack: true, timestamps: true });
    expect(listener.stats()).toMatchObject({ cookiesSent: 1, cookiesRecv: 1, cookiesFailed: 0 });
    app.connection!.send(new Uint8Array(3_000));
    const [first] = peer.mine(rig.run());
    expect(first!.text.length).toBeLessThanOrEqual(1_448);
    expect(first!.text.length).toBeGreaterThan(1_000);
    expect(peer.says("P.", 1, 1, { text: 10 }).join()).toMatch(/ack 11|^$/);
  });

  test("without timestamps nothing carries scale and SACK: they are not offered", () => {
    const rig = new Rig({ tcp: { synCookies: "always" } });
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { mss: 1_460, wscale: 9, sack: true });
    expect(peer.send("S", 0, 0, peer.synOptions)[0]).toMatchObject({
      wscale: -1,
      sackPermitted: false,
      ts: null,
    });
    peer.send("P.", 1, 1, { text: 10 });
    expect(app.take()).toEqual(["data 10"]);
    expect(app.connection!.info()).toMatchObject({ snd_wscale: 0, sack: false, timestamps: false });
  });

  test("only when the queue is full, by default", () => {
    const rig = new Rig({ tcp: { synQueue: 2 } });
    const app = new App();
    const listener = listen(rig, app);
    const peers = knock(rig, 4);
    expect(listener.stats()).toMatchObject({ synQueue: 2, cookiesSent: 2, synDrops: 0 });
    for (const peer of peers) peer.send(".", 1, 1);
    expect(listener.stats()).toMatchObject({ accepted: 4, cookiesRecv: 2 });
  });

  test("a guessed or an old cookie is answered by RST", () => {
    const rig = new Rig({ tcp: { synCookies: "always" } });
    const listener = listen(rig, new App());
    const [peer, late] = knock(rig, 2);
    expect(peer!.says(".", 1, 2)).toEqual(["R 2:2(0)"]);
    expect(listener.stats().cookiesFailed).toBe(1);
    rig.advance(119 * SECOND);
    new Peer(rig, { port: 5 }).send("S", 0);
    rig.advance(119 * SECOND);
    expect(late!.says(".", 1, 1)).toEqual(["R 1:1(0)"]);
    expect(stateOf(rig, late!)).toBeNull();
  });

  test("an ACK is no cookie when none was sent", () => {
    const rig = new Rig();
    const listener = listen(rig, new App());
    expect(new Peer(rig).says(".", 1, 1)).toHaveLength(1);
    expect(listener.stats().cookiesFailed).toBe(0);
  });
});

describe("onSyn", () => {
  test("refuse: RST, as if nobody listened", () => {
    const rig = new Rig();
    listen(rig, new App(), {}, { onSyn: () => "refuse" });
    expect(new Peer(rig).says("S", 0)).toEqual(["R. 0:0(0) ack 1"]);
  });

  test("hold: nothing is answered, not even the SYN again, until accept", () => {
    const rig = new Rig();
    const app = new App();
    let held: SynFlow | null = null;
    listen(
      rig,
      app,
      {},
      {
        onSyn: (flow) => {
          held = flow;
          return "hold";
        },
      },
    );
    const peer = new Peer(rig);
    expect(peer.says("S", 0)).toEqual([]);
    rig.advance(5 * SECOND);
    expect(peer.says("S", 0)).toEqual([]);
    const flow = held as unknown as SynFlow;
    expect(flow).toMatchObject({
      localAddress: STACK,
      localPort: 7,
      remoteAddress: PEER,
      remotePort: 43_210,
    });
    expect(flow.accept()).toBe(true);
    expect(peer.lines(rig.run())).toEqual(["S. 0:1(0) ack 1"]);
    expect(flow.accept()).toBe(false);
    peer.send(".", 1, 1);
    expect(app.connection!.state).toBe("ESTABLISHED");
  });

  test.each([
    ["ECONNREFUSED", ["R. 0:0(0) ack 1"], 0],
    ["EHOSTUNREACH", [], 1],
    ["ENETUNREACH", [], 1],
  ] as const)("hold, then refuse with %s: RST or ICMP unreachable", (code, lines, icmp) => {
    const rig = new Rig();
    const flows: SynFlow[] = [];
    listen(
      rig,
      new App(),
      {},
      {
        onSyn: (flow) => {
          flows.push(flow);
          return "hold";
        },
      },
    );
    const peer = new Peer(rig);
    peer.send("S", 0);
    expect(flows[0]!.refuse(code)).toBe(true);
    expect(peer.lines(rig.run())).toEqual(lines);
    expect(rig.others).toHaveLength(icmp);
    if (icmp === 1)
      expect([...rig.others[0]!.subarray(20, 22)]).toEqual([3, code === "EHOSTUNREACH" ? 1 : 0]);
    expect(flows[0]!.refuse(code)).toBe(false);
  });

  test("a held SYN ends by the peer's RST, or after 63 seconds; then it can't be accepted", () => {
    for (const end of [(_r: Rig, p: Peer) => p.send("R", 1), (r: Rig) => r.advance(64 * SECOND)]) {
      const rig = new Rig();
      const flows: SynFlow[] = [];
      const listener = listen(
        rig,
        new App(),
        {},
        {
          onSyn: (flow) => {
            flows.push(flow);
            return "hold";
          },
        },
      );
      const peer = new Peer(rig);
      peer.send("S", 0);
      end(rig, peer);
      expect(flows[0]!.accept()).toBe(false);
      expect(listener.stats().synQueue).toBe(0);
    }
  });
});

describe("where to listen", () => {
  test("the most specific listener gets the SYN: address before any, own port before every port", () => {
    const rig = new Rig({ addresses: [STACK, "10.77.0.3"] });
    const names: string[] = [];
    const open = (name: string, host: string, port: number | "any"): void => {
      const onSyn = (): "refuse" => {
        names.push(name);
        return "refuse";
      };
      rig.stack.listen({ host, port }, { onSyn });
    };
    open("any port", "0.0.0.0", "any");
    open("any address", "0.0.0.0", 7);
    open("address", STACK, 7);
    open("prefix", "10.77.0.0/24", 7);
    new Peer(rig, { stackAddress: STACK }).send("S", 0);
    new Peer(rig, { stackAddress: "10.77.0.3" }).send("S", 0);
    new Peer(rig, { stackAddress: "10.77.0.3", stackPort: 8 }).send("S", 0);
    expect(names).toEqual(["address", "prefix", "any port"]);
  });

  test("a prefix takes SYNs to addresses that are not the stack's, and answers from them", () => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app, { host: "0.0.0.0/0", port: "any" });
    const peer = new Peer(rig, { stackAddress: "93.184.216.34", stackPort: 443 });
    expect(peer.says("S", 0)).toEqual(["S. 0:1(0) ack 1"]);
    peer.send(".", 1, 1);
    expect([app.connection!.localAddress, app.connection!.localPort]).toEqual(["93.184.216.34", 443]);
    const outside = new Rig();
    listen(outside, new App());
    expect(new Peer(outside, { stackAddress: "93.184.216.34" }).send("S", 0)).toEqual([]);
    expect(outside.drops()).toEqual({ "ip-not-ours": 1 });
  });

  test("EADDRINUSE for the same address and port, not for a more specific one; port 0 chooses", () => {
    const rig = new Rig();
    rig.stack.listen({ port: 7 }, {});
    expect(() => rig.stack.listen({ port: 7 }, {})).toThrow(
      expect.objectContaining({ code: "EADDRINUSE", syscall: "listen", port: 7 }),
    );
    rig.stack.listen({ host: STACK, port: 7 }, {});
    const chosen = rig.stack.listen({ port: 0 }, {}).port;
    expect(chosen).toBeGreaterThanOrEqual(32_768);
    expect(chosen).toBeLessThanOrEqual(60_999);
  });

  test("EADDRNOTAVAIL for an address that is not the stack's", () => {
    expect(() => new Rig().stack.listen({ host: "10.77.0.99", port: 7 }, {})).toThrow(/EADDRNOTAVAIL/);
  });

  test.each([
    [{ port: -1 }],
    [{ port: 65_536 }],
    [{ port: 1.5 }],
    [{ port: 7, host: "nowhere" }],
    [{ port: 7, host: "10.0.0.0/33" }],
    [{ port: 7, backlog: -1 }],
    [{ port: 7, backlog: 70_000 }],
  ])("a mistake is told by name: %j", (options) => {
    expect(() => new Rig().stack.listen(options, {})).toThrow(ArgumentError);
  });
});

describe("TCP_DEFER_ACCEPT (as Linux)", () => {
  test("a bare third segment makes no connection and silences the SYN,ACK's timer; text makes it", () => {
    const rig = new Rig();
    const listener = listen(rig, new App());
    listener.deferAccept = 30;
    const [peer] = knock(rig, 1);
    peer!.send(".", 1, 1);
    expect(listener.stats()).toMatchObject({ synQueue: 1, accepted: 0 });
    expect(rig.stack.counters.TCPDeferAcceptDrop).toBe(1);
    expect(peer!.mine(rig.advance(6 * SECOND))).toEqual([]);
    peer!.send("P.", 1, 1, { text: "now" });
    expect(listener.stats()).toMatchObject({ synQueue: 0, accepted: 1 });
  });
});

describe("MSS clamping (StackInterface.mssClamp)", () => {
  test.each([4, 6] as const)("IPv%i: the SYN,ACK asks for no more, and no segment carries more", (family) => {
    const rig = new Rig({ family });
    rig.link.mssClamp = 1_000;
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { mss: 1_400 });
    const [answer] = peer.mine(peer.send("S", 0, 0, peer.synOptions));
    expect(answer!.mss).toBe(1_000);
    peer.send(".", 1, 1);
    app.connection!.send(new Uint8Array(5_000));
    const sizes = peer.mine(rig.run()).map(({ text }) => text.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(Math.max(...sizes)).toBeGreaterThan(900);
  });

  test("an active SYN asks for no more either", () => {
    const rig = new Rig();
    rig.link.mssClamp = 1_000;
    rig.stack.connect({ host: PEER, port: 80 }, {});
    expect(rig.run().map(({ mss }) => mss)).toEqual([1_000]);
  });
});
