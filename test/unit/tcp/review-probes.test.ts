/** Found in review: what probes, FINs and keepalives do where a window is closed or tiny (RFC 9293 3.8.4, 3.8.6.1, 3.8.6.2.1). */
import { expect, test } from "vitest";
import { accepted, MS, SECOND } from "./rig.ts";

test("a FIN that a closed window cuts off is answered, or its sender takes us for dead (RFC 9293 3.8.6.1)", () => {
  const { peer, connection } = accepted(
    { mss: 1_460 },
    { tcp: { receiveBuffer: 4_000, receiveBufferMax: 4_000 } },
  );
  connection.pause();
  for (let at = 1; at < 4_001; at += 1_000) peer.send(".", at, 1, { text: 1_000 });
  expect(peer.says("F.", 4_001, 1)).toEqual([". 1:1(0) ack 4001"]);
  expect(connection.state).toBe("ESTABLISHED");
});

test("a keepalive probe is not urgent (RFC 9293 3.8.4, 3.8.5)", () => {
  const { peer, connection, rig } = accepted();
  connection.send(new Uint8Array(10));
  rig.run();
  peer.send(".", 1, 11);
  connection.setKeepAlive(true, 1_000, 1_000, 3);
  expect(peer.lines(rig.advance(1_500 * MS))).toEqual([". 10:10(0) ack 1"]);
});

test("a window too small to be worth a segment is used after the same wait each time (RFC 9293 3.8.6.2.1: 0.1 to 1 s)", () => {
  const { peer, connection, rig } = accepted({ mss: 1_460 });
  peer.send(".", 1, 1, { wnd: 100 });
  connection.send(new Uint8Array(1_000));
  rig.run();
  const times: number[] = [];
  for (let una = 1; una < 901; una += 100) {
    const sent = peer.mine(rig.advance(1 * SECOND)).filter((s) => s.text.length > 0);
    times.push(sent[0]!.at / SECOND);
    peer.send(".", 1, una + 100, { wnd: 100 });
  }
  expect(times).toHaveLength(9);
  expect(connection.sendQueue).toBe(100);
});

test("probes end with what they were for, though the window stays closed", () => {
  const { peer, connection, rig } = accepted({ mss: 1_460 });
  peer.send(".", 1, 1, { wnd: 0 });
  connection.send(new Uint8Array(1));
  rig.run();
  expect(peer.lines(rig.advance(300 * MS))).toEqual([". 1:2(1) ack 1"]);
  peer.send(".", 1, 2, { wnd: 0 });
  expect(peer.lines(rig.advance(300 * SECOND))).toEqual([]);
});

test("a connection that nobody holds is not kept by a peer that answers probes and never opens its window (RFC 6429)", () => {
  const { peer, connection, rig } = accepted({ mss: 1_460 });
  peer.send(".", 1, 1, { wnd: 0 });
  connection.send(new Uint8Array(1_000));
  connection.close();
  rig.run();
  for (let s = 0; s < 1_000; s++) {
    if (peer.mine(rig.advance(1 * SECOND)).length > 0) peer.send(".", 1, 1, { wnd: 0 });
  }
  expect(connection.state).toBe("CLOSED");
  expect(rig.stack.flows.size).toBe(0);
});

test("one that somebody holds is (RFC 9293 3.8.6.1 MUST-37)", () => {
  const { peer, connection, rig } = accepted({ mss: 1_460 });
  peer.send(".", 1, 1, { wnd: 0 });
  connection.send(new Uint8Array(1_000));
  rig.run();
  for (let s = 0; s < 5_000; s++) {
    if (peer.mine(rig.advance(1 * SECOND)).length > 0) peer.send(".", 1, 1, { wnd: 0 });
  }
  expect(connection.state).toBe("ESTABLISHED");
});
