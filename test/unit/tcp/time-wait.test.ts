/** TIME-WAIT: 2MSL, what restarts it, what makes way for a new connection, and how many there may be. */
import { describe, expect, test } from "vitest";
import { NetworkError } from "../../../src/base/errors.ts";
import { Peer, type PeerOptions } from "./peer.ts";
import { App, accepted, listen, MS, Rig, SECOND } from "./rig.ts";
import { bring, stateOf } from "./state-setup.ts";

/** Closes a fresh connection of `rig` actively, into TIME-WAIT; both FINs are at 1. */
function waited(rig: Rig, app: App, options: PeerOptions): Peer {
  const peer = new Peer(rig, options);
  peer.send("S", 0, 0, peer.synOptions);
  peer.send(".", 1, 1);
  app.connection!.end();
  peer.mine(rig.run());
  peer.send("F.", 1, 2);
  expect(stateOf(rig, peer)).toBe("TIME-WAIT");
  return peer;
}

describe("TIME-WAIT", () => {
  test("RFC 9293 3.10.7.4: lasts 2MSL, to the microsecond", () => {
    const { rig, state } = bring("TIME-WAIT", "passive", false);
    rig.advance(60 * SECOND - 1);
    expect(state()).toBe("TIME-WAIT");
    rig.advance(1);
    expect(state()).toBe("gone");
    expect(rig.stack.counters.TWKilled).toBe(1);
  });

  test("RFC 9293 3.8.6 (SHLD-14): no answer takes back of the window what the ACK of the FIN promised", () => {
    const rig = new Rig({ tcp: { receiveWindow: "buffer", receiveBuffer: 65_536 } });
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig);
    peer.send("S", 0, 0, peer.synOptions);
    peer.send(".", 1, 1);
    app.connection!.end();
    peer.mine(rig.run());
    const [first] = peer.send("F.", 1, 2);
    rig.advance(SECOND);
    const [again] = peer.send("F.", 1, 2);
    expect(again!.wnd).toBe(first!.wnd);
  });

  test("MSL is a setting", () => {
    const { rig, state } = bring("TIME-WAIT", "passive", false, { tcp: { msl: 5 * SECOND } });
    rig.advance(10 * SECOND);
    expect(state()).toBe("gone");
  });

  test("RFC 9293 3.10.7.4 eighth: the peer's FIN again is acknowledged, and 2MSL starts anew", () => {
    const { rig, peer, vars, state } = bring("TIME-WAIT", "passive", false);
    rig.advance(40 * SECOND);
    expect(peer.says("F.", vars.rcvNxt - 1, vars.nxt)).toEqual([
      `. ${vars.nxt}:${vars.nxt}(0) ack ${vars.rcvNxt}`,
    ]);
    rig.advance(59 * SECOND);
    expect(state()).toBe("TIME-WAIT");
    rig.advance(SECOND);
    expect(state()).toBe("gone");
  });

  test("RFC 1337: neither RST nor old text ends or lengthens it", () => {
    const { rig, peer, vars, state } = bring("TIME-WAIT", "passive", false);
    rig.advance(30 * SECOND);
    expect(peer.says("R", vars.rcvNxt)).toEqual([]);
    expect(peer.says("R.", vars.rcvNxt, vars.nxt)).toEqual([]);
    peer.send("P.", vars.rcvNxt - 20, vars.nxt, { text: 5 });
    expect(state()).toBe("TIME-WAIT");
    rig.advance(30 * SECOND);
    expect(state()).toBe("gone");
  });

  test("RFC 6191 2: reuse by a SYN above RCV.NXT; our ISS starts above the old connection's last number", () => {
    const { rig, peer, vars, state } = bring("TIME-WAIT", "passive", false);
    const before = peer.irs;
    expect(peer.says("S", vars.rcvNxt)).toEqual([`. ${vars.nxt}:${vars.nxt}(0) ack ${vars.rcvNxt}`]);
    const [synAck] = peer.send("S", vars.rcvNxt + 1);
    expect(synAck!.flags).toBe("S.");
    expect((synAck!.seq - before) | 0).toBeGreaterThan(vars.nxt);
    expect(state()).toBe("SYN-RECEIVED");
    expect(rig.stack.counters.TWRecycled).toBe(1);
  });

  test.each([
    ["newer, lower sequence number", 1, -5_000, "SYN-RECEIVED"],
    ["older, higher sequence number", -1, 5_000, "TIME-WAIT"],
    ["the same, higher sequence number", 0, 5_000, "SYN-RECEIVED"],
    ["the same, lower sequence number", 0, -5_000, "TIME-WAIT"],
  ])("RFC 6191 2: a SYN whose timestamp is %s", (_name, newer, offset, expected) => {
    const { rig, peer, vars, state } = bring("TIME-WAIT", "passive", true);
    const last = peer.clock;
    rig.now += 5 * MS;
    peer.send("S", vars.rcvNxt + offset, 0, { ts: [last + newer, 0] });
    expect(state()).toBe(expected);
  });

  test("RFC 9293 3.4: without a listener there is nothing to reuse for: the SYN is answered by an ACK", () => {
    const { rig, app, connection, listener, peer } = accepted();
    listener!.close();
    connection.end();
    peer.mine(rig.run());
    peer.send("F.", 1, 2);
    expect(app.take()).toContain("close");
    expect(peer.says("S", 5_000)).toEqual([". 2:2(0) ack 2"]);
    expect(stateOf(rig, peer)).toBe("TIME-WAIT");
  });

  test("RFC 7323 5.3: the last ACK carries timestamps as agreed, also from the record", () => {
    const { rig, peer, vars } = bring("TIME-WAIT", "passive", true);
    rig.now += 3 * MS;
    const [ack] = peer.send("F.", vars.rcvNxt - 1, vars.nxt);
    expect(ack!.ts).not.toBeNull();
    expect(ack!.ts!.ecr).toBeLessThanOrEqual(peer.clock);
  });

  test("timeWaitMax: above it connections go straight to CLOSED, counted", () => {
    const rig = new Rig({ tcp: { timeWaitMax: 2 } });
    const app = new App();
    listen(rig, app);
    waited(rig, app, { port: 1_001 });
    waited(rig, app, { port: 1_002 });
    const third = new Peer(rig, { port: 1_003 });
    third.send("S", 0);
    third.send(".", 1, 1);
    app.connection!.end();
    third.mine(rig.run());
    expect(third.says("F.", 1, 2)).toEqual([". 2:2(0) ack 2"]);
    expect(stateOf(rig, third)).toBeNull();
    expect(rig.stack.counters.TWOverflow).toBe(1);
    expect(app.take().at(-1)).toBe("close");
  });

  test("a port held by TIME-WAIT is EADDRINUSE, unless reuseAddr (SO_REUSEADDR) says so", () => {
    const { rig, listener } = bring("TIME-WAIT", "passive", false);
    expect(listener).not.toBeNull();
    listener!.close();
    expect(() => rig.stack.listen({ port: 7 }, {})).toThrow(NetworkError);
    rig.stack.listen({ port: 7, reuseAddr: true }, {}).close();
    rig.advance(60 * SECOND);
    rig.stack.listen({ port: 7 }, {});
  });

  test("RFC 9293 3.4.3: in the quiet time after a start SYNs are not answered", () => {
    const rig = new Rig({ tcp: { quietTime: 10 * SECOND } });
    listen(rig, new App());
    const peer = new Peer(rig);
    expect(peer.says("S", 0)).toEqual([]);
    rig.advance(10 * SECOND);
    expect(peer.says("S", 0)).toEqual(["S. 0:1(0) ack 1"]);
  });
});
