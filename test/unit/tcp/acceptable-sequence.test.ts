/** The sequence number of a segment without text must lie in the peer's window, or its ACK is lost (RFC 9293 3.10.7.4). */
import { describe, expect, test } from "vitest";
import { accepted, MS, type Pair } from "./rig.ts";

/** The peer's window is full and closed, one byte more than it has was sent as a probe, and refused. */
function probed(): Pair {
  const pair = accepted({ mss: 1_460, wnd: 1_000 });
  const { rig, peer, connection } = pair;
  connection.send(new Uint8Array(3_000));
  peer.mine(rig.run());
  peer.send(".", 1, 1_001, { wnd: 0 });
  const probe = peer.lines(rig.advance(1_500 * MS));
  expect(probe[0]).toMatch(/1001:1002\(1\)/);
  peer.send(".", 1, 1_001, { wnd: 0 });
  return pair;
}

describe("segments without text while the peer's window is closed", () => {
  test("RFC 9293 3.10.7.4: an ACK stands where the window ends, not behind the probe that the peer refused", () => {
    const { rig, peer } = probed();
    peer.send("P.", 1, 1_001, { text: 1_000, wnd: 0 });
    expect(peer.lines(rig.advance(50 * MS))).toEqual([". 1001:1001(0) ack 1001"]);
  });

  test("RFC 5961 3.2: so does the RST of an abort, which the peer would only drop elsewhere", () => {
    const { rig, peer, connection } = probed();
    connection.abort();
    expect(peer.lines(rig.run())).toEqual(["R. 1001:1001(0) ack 1"]);
  });

  test("when the peer took the probe after all, SND.NXT is right again", () => {
    const { rig, peer } = probed();
    peer.send("P.", 1, 1_002, { text: 1_000, wnd: 0 });
    expect(peer.lines(rig.advance(50 * MS))).toEqual([". 1002:1002(0) ack 1001"]);
  });
});

describe("a window whose edge seems to move back", () => {
  /** Ten units of 2^7 bytes are out; the peer acknowledges `acked` bytes with a window of `wnd` units, and is due an ACK. */
  const answered = (acked: number, wnd: number): string[] => {
    const { rig, peer, connection } = accepted({ mss: 1_460, wscale: 7, wnd: 10 });
    connection.send(new Uint8Array(5_000));
    peer.mine(rig.run());
    peer.send(".", 1, 1 + acked, { wnd });
    peer.send("P.", 1, 1 + acked, { text: 1_000, wnd });
    return peer.lines(rig.advance(50 * MS));
  };

  test("by less than a unit of its scale was only rounded: SND.NXT stands (RFC 7323 2.4; Linux: tcp_acceptable_seq)", () => {
    expect(answered(100, 9)).toEqual([". 1281:1281(0) ack 1001"]);
  });

  test("by a unit or more was shrunk: the ACK stands at the edge", () => {
    expect(answered(100, 8)).toEqual([". 1125:1125(0) ack 1001"]);
  });

  test("a probe of one byte into a closed window is no rounding, whatever the scale", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, wscale: 7, wnd: 10 });
    connection.send(new Uint8Array(5_000));
    peer.mine(rig.run());
    peer.send(".", 1, 1_281, { wnd: 0 });
    expect(peer.lines(rig.advance(1_500 * MS))[0]).toMatch(/1281:1282\(1\)/);
    peer.send("P.", 1, 1_281, { text: 1_000, wnd: 0 });
    expect(peer.lines(rig.advance(50 * MS))).toEqual([". 1281:1281(0) ack 1001"]);
  });
});
