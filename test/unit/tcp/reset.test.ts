/** Resets that the stack sends of its own accord, and what ends a connection early. */
import { describe, expect, test } from "vitest";
import { Peer } from "./peer.ts";
import { accepted, opened, Rig, SECOND } from "./rig.ts";
import { bring } from "./state-setup.ts";

describe("RST", () => {
  test("RFC 9293 3.6.1, RFC 2525 2.17: close with unread text sends RST, so that the peer learns of the loss", () => {
    const { rig, peer, connection, app } = accepted();
    connection.handler = { onClose: (c, e) => app.handler.onClose!(c, e) };
    peer.send("P.", 1, 1, { text: 10 });
    connection.close();
    expect(peer.lines(rig.run())).toEqual(["R. 1:1(0) ack 11"]);
    expect(rig.stack.counters.TCPAbortOnClose).toBe(1);
    expect(app.take()).toEqual(["close ECONNABORTED"]);
  });

  test("close with everything read sends FIN", () => {
    const { rig, peer, connection } = accepted();
    peer.send("P.", 1, 1, { text: 10 });
    connection.close();
    expect(peer.lines(rig.run())).toEqual(["F. 1:2(0) ack 11"]);
  });

  test("RFC 1122 4.2.2.13: text that arrives after close is answered by RST", () => {
    const { rig, peer, connection } = accepted();
    connection.close();
    peer.mine(rig.run());
    peer.send(".", 1, 2);
    expect(peer.says("P.", 1, 2, { text: 5 })).toEqual(["R 2:2(0)"]);
    expect(rig.drops()).toEqual({ "tcp-after-close": 1 });
    expect(rig.stack.counters.TCPAbortOnData).toBe(1);
  });

  test("RFC 9293 3.6.1: text that arrives after end() alone is delivered (half-close)", () => {
    const { rig, peer, connection, app } = accepted();
    connection.end();
    peer.mine(rig.run());
    peer.send(".", 1, 2);
    app.take();
    peer.send("P.", 1, 2, { text: 5 });
    expect(app.take()).toEqual(["data 5"]);
    expect(connection.state).toBe("FIN-WAIT-2");
    expect(connection.send(new Uint8Array(1))).toBe(false);
    expect(peer.lines(rig.run())).toEqual([]);
  });

  test("RFC 9293 3.10.4: in CLOSE-WAIT sending goes on until CLOSE", () => {
    const { rig, peer, connection, app } = accepted();
    peer.send("F.", 1, 1);
    expect(app.take()).toEqual(["end"]);
    connection.send(new Uint8Array(100));
    expect(peer.lines(rig.run())).toEqual(["P. 1:101(100) ack 2"]);
    connection.end();
    expect(peer.lines(rig.run())).toEqual(["F. 101:102(0) ack 2"]);
    peer.send(".", 2, 102);
    expect(app.take()).toEqual(["finish", "close"]);
  });

  test("SO_LINGER with 0: close is an RST, whatever is queued", () => {
    const { rig, peer, connection, app } = accepted({ wnd: 1_000 });
    connection.send(new Uint8Array(5_000));
    peer.mine(rig.run());
    connection.setLinger(0);
    connection.close();
    expect(peer.lines(rig.run())).toEqual(["R. 537:537(0) ack 1"]);
    expect(app.take()).toEqual(["close"]);
  });

  test("SO_LINGER with a time: RST when it runs out before the last ACK, nothing when it does not", () => {
    const slow = accepted();
    slow.connection.send(new Uint8Array(10));
    slow.connection.setLinger(1_000);
    slow.connection.close();
    slow.peer.mine(slow.rig.run());
    const sent = slow.peer.lines(slow.rig.advance(2 * SECOND));
    expect(sent.at(-1)).toBe("R. 12:12(0) ack 1");
    expect(slow.app.take()).toEqual(["close ETIMEDOUT"]);
    const quick = accepted();
    quick.connection.setLinger(1_000);
    quick.connection.close();
    quick.peer.mine(quick.rig.run());
    quick.peer.send(".", 1, 2);
    expect(quick.peer.lines(quick.rig.advance(2 * SECOND))).toEqual([]);
    expect(quick.connection.state).toBe("FIN-WAIT-2");
  });

  test.each([
    ["ESTABLISHED", true],
    ["FIN-WAIT-1", true],
    ["FIN-WAIT-2", true],
    ["CLOSE-WAIT", true],
    ["SYN-RECEIVED (simultaneous)", true],
    ["SYN-SENT", false],
    ["CLOSING", false],
    ["LAST-ACK", false],
  ] as const)("RFC 9293 3.10.5: ABORT in %s, <SEQ=SND.NXT><CTL=RST>: %s", (state, sends) => {
    const { rig, peer, connection, vars, app } = bring(state, "active", false);
    connection!.abort();
    const sent = peer.lines(rig.run());
    expect(sent).toEqual(sends ? [`R. ${vars.nxt}:${vars.nxt}(0) ack ${vars.rcvNxt}`] : []);
    expect(app.take()).toEqual(["close ECONNABORTED"]);
    expect(connection!.state).toBe("CLOSED");
  });

  test("RFC 5961 7, RFC 9293 3.10.7.1: resets for segments without a connection are limited a second", () => {
    const rig = new Rig({ tcp: { resets: 10 } });
    let sent = 0;
    for (let i = 0; i < 100; i++) sent += new Peer(rig, { port: 10_000 + i }).send("S", 0).length;
    expect(sent).toBeGreaterThanOrEqual(5);
    expect(sent).toBeLessThanOrEqual(10);
    expect(rig.drops()["tcp-rst-limit"]).toBe(100 - sent);
    rig.advance(SECOND);
    expect(new Peer(rig, { port: 1 }).send("S", 0)).toHaveLength(1);
  });

  test("RFC 5961 7: challenge ACKs are limited a connection, and for the whole stack", () => {
    const { rig, peer } = accepted();
    expect(peer.says("R", 100)).toEqual([". 1:1(0) ack 1"]);
    expect(peer.says("R", 100)).toEqual([]);
    rig.advance(500_000);
    expect(peer.says("S", 100)).toEqual([". 1:1(0) ack 1"]);
    expect(rig.stack.counters.TCPChallengeACK).toBe(2);
    const few = new Rig({ tcp: { challengeAcks: 4 } });
    few.stack.listen({ port: 7 }, {});
    let sent = 0;
    for (let i = 0; i < 20; i++) {
      const one = new Peer(few, { port: 20_000 + i });
      one.send("S", 0);
      one.send(".", 1, 1);
      sent += one.send("R", 100).length;
    }
    expect(sent).toBeGreaterThanOrEqual(2);
    expect(sent).toBeLessThanOrEqual(4);
  });

  test("an RST is never answered, whatever it carries", () => {
    const rig = new Rig();
    const peer = new Peer(rig);
    for (const flags of ["R", "R.", "SR", "FR.", "SFRP.U"])
      expect(peer.says(flags, 5, 5, { text: 3 })).toEqual([]);
  });
});

describe("FIN", () => {
  test("RFC 9293 3.10.4: rides on the last text", () => {
    const { rig, peer, connection } = opened();
    connection.send(new Uint8Array(10));
    connection.end();
    expect(peer.lines(rig.run())).toEqual(["FP. 1:12(10) ack 1"]);
  });

  test("RFC 9293 3.10.7.4 eighth: FIN with text delivers the text, then the end", () => {
    const { peer, app } = accepted();
    expect(peer.says("FP.", 1, 1, { text: 5 })).toEqual([". 1:1(0) ack 7"]);
    expect(app.take()).toEqual(["data 5", "end"]);
  });

  test("RFC 9293 3.10.7.4 eighth: a FIN ahead of a gap counts when the gap is filled", () => {
    const { peer, app, connection } = accepted({ sack: true });
    expect(peer.says("F.", 11, 1, { text: 5 })).toEqual([". 1:1(0) ack 1 <11-17>"]);
    expect(app.take()).toEqual([]);
    expect(peer.says("P.", 1, 1, { text: 10 })).toEqual([". 1:1(0) ack 17"]);
    expect(app.take().at(-1)).toBe("end");
    expect(connection.state).toBe("CLOSE-WAIT");
  });

  test("RFC 9293 3.10.7.4 first: a FIN beyond the window is cut off with the text, and taken when sent again", () => {
    const { rig, peer, app, connection } = accepted(
      {},
      { tcp: { receiveBuffer: 1_000, receiveBufferMax: 1_000 } },
    );
    connection.pause();
    peer.send("F.", 1, 1, { text: 1_000 });
    expect(peer.lines(rig.advance(40_000))).toEqual([". 1:1(0) ack 1001"]);
    expect(connection.state).toBe("ESTABLISHED");
    connection.resume();
    peer.mine(rig.run());
    expect(app.take()).toEqual(["data 1000"]);
    peer.send("F.", 1_001, 1);
    expect(connection.state).toBe("CLOSE-WAIT");
  });

  test("RFC 9293 3.10.7.4: a retransmitted FIN is acknowledged again", () => {
    const { peer } = accepted();
    expect(peer.says("F.", 1, 1)).toEqual([". 1:1(0) ack 2"]);
    expect(peer.says("F.", 1, 1)).toEqual([". 1:1(0) ack 2"]);
  });

  test("RFC 9293 3.10.4: CLOSE in SYN-RECEIVED of a simultaneous open; a FIN that is lost is sent again", () => {
    const { rig, peer, connection } = bring("SYN-RECEIVED (simultaneous)", "active", false);
    connection!.end();
    expect(peer.lines(rig.run())).toEqual(["F. 1:2(0) ack 1"]);
    // The SYN,ACK was got, the FIN was not.
    peer.send(".", 1, 1);
    expect(connection!.state).toBe("FIN-WAIT-1");
    expect(peer.lines(rig.advance(2 * SECOND))[0]).toBe("F. 1:2(0) ack 1");
  });

  test("an orphan in FIN-WAIT-2 ends after its time limit; an owned one stays", () => {
    const orphan = bring("FIN-WAIT-2", "passive", false);
    orphan.connection!.close();
    orphan.rig.advance(60 * SECOND);
    expect(orphan.state()).toBe("gone");
    expect(orphan.app.take()).toEqual(["close"]);
    const owned = bring("FIN-WAIT-2", "passive", false);
    owned.rig.advance(3_600 * SECOND);
    expect(owned.state()).toBe("FIN-WAIT-2");
  });
});
