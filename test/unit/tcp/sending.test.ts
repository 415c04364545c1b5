/** How much leaves and when: Nagle, silly-window avoidance, the peer's window, probes, keepalive. */
import { describe, expect, test } from "vitest";
import { accepted, MS, type Pair, SECOND } from "./rig.ts";

const write = ({ rig, peer, connection }: Pair, bytes: number): string[] => {
  connection.send(new Uint8Array(bytes));
  return peer.lines(rig.run());
};

describe("Nagle (RFC 9293 3.7.4)", () => {
  test("a small segment leaves at once when nothing is outstanding, the next waits for its ACK", () => {
    const pair = accepted({ mss: 1_000 });
    expect(write(pair, 10)).toEqual(["P. 1:11(10) ack 1"]);
    expect(write(pair, 10)).toEqual([]);
    expect(write(pair, 10)).toEqual([]);
    expect(pair.peer.says(".", 1, 11)).toEqual(["P. 11:31(20) ack 1"]);
  });

  test("full segments do not wait; the small end waits for an earlier small one only (Minshall)", () => {
    const pair = accepted({ mss: 1_000 });
    expect(write(pair, 2_500)).toEqual([
      "." + " 1:1001(1000) ack 1",
      ". 1001:2001(1000) ack 1",
      "P. 2001:2501(500) ack 1",
    ]);
    expect(write(pair, 1_200)).toEqual([". 2501:3501(1000) ack 1"]);
    expect(pair.peer.says(".", 1, 2_501)).toEqual(["P. 3501:3701(200) ack 1"]);
  });

  test("noDelay: nothing waits; switching it on lets go of what waits", () => {
    const pair = accepted({ mss: 1_000 });
    write(pair, 10);
    expect(write(pair, 10)).toEqual([]);
    pair.connection.setNoDelay(true);
    expect(pair.peer.lines(pair.rig.run())).toEqual(["P. 11:21(10) ack 1"]);
    expect(write(pair, 10)).toEqual(["P. 21:31(10) ack 1"]);
  });

  test("CLOSE lets the last small segment go, with the FIN", () => {
    const pair = accepted({ mss: 1_000 });
    write(pair, 10);
    write(pair, 10);
    pair.connection.end();
    expect(pair.peer.lines(pair.rig.run())).toEqual(["FP. 11:22(10) ack 1"]);
  });
});

describe("the peer's window (RFC 9293 3.8.6)", () => {
  test("nothing leaves beyond it; text is cut to it when it is half of the largest", () => {
    const pair = accepted({ mss: 1_000, wnd: 2_500 });
    const sent = write(pair, 10_000);
    expect(sent.at(-1)).toMatch(/^P?\. \d+:2[05]01/);
    expect(pair.peer.says(".", 1, 2_001, { wnd: 2_500 }).at(-1)).toMatch(/:4[05]01\(/);
  });

  test("3.8.6.2.1 (SWS): a window smaller than a segment and than half the largest is not used, until the timeout", () => {
    const pair = accepted({ mss: 1_000, wnd: 10_000 });
    write(pair, 10_000);
    expect(pair.peer.says(".", 1, 10_001, { wnd: 0 })).toEqual([]);
    expect(write(pair, 5_000)).toEqual([]);
    expect(pair.peer.says(".", 1, 10_001, { wnd: 300 })).toEqual([]);
    const override = pair.peer.lines(pair.rig.advance(2 * SECOND));
    expect(override[0]).toBe("P. 10001:10301(300) ack 1");
  });

  test("a window is taken only from a segment that is newer (SND.WL1, SND.WL2)", () => {
    const pair = accepted({ mss: 1_000 });
    pair.peer.send("P.", 1, 1, { text: 10, wnd: 5_000 });
    pair.peer.send(".", 11, 1, { wnd: 4_000 });
    pair.peer.send("P.", 1, 1, { text: 10, wnd: 60_000 });
    expect(pair.connection.info().snd_wnd).toBe(4_000);
  });

  test("SHLD-15: a window that shrinks below what is outstanding does no harm: it is sent again, no further", () => {
    const pair = accepted({ mss: 1_000, wnd: 5_000 });
    write(pair, 5_000);
    write(pair, 5_000);
    expect(pair.peer.says(".", 1, 1_001, { wnd: 1_000 })).toEqual([]);
    const again = pair.peer.lines(pair.rig.advance(SECOND));
    expect(again[0]).toBe(". 1001:2001(1000) ack 1");
    for (const line of again) expect(Number(/:(\d+)\(/.exec(line)![1])).toBeLessThanOrEqual(5_001);
  });
});

describe("zero window (RFC 9293 3.8.6.1)", () => {
  const closedWindow = (tcp = {}): Pair => {
    const pair = accepted({ mss: 1_000 }, { tcp });
    write(pair, 1_000);
    pair.peer.send(".", 1, 1_001, { wnd: 0 });
    expect(write(pair, 3_000)).toEqual([]);
    return pair;
  };

  test("MUST-36: the probe carries one byte, and is sent again after longer and longer waits (SHLD-29, SHLD-30)", () => {
    const pair = closedWindow();
    const probes = pair.peer.mine(pair.rig.advance(20 * SECOND));
    expect(probes.every((s) => pair.peer.line(s) === ". 1001:1002(1) ack 1")).toBe(true);
    const gaps = probes.map((s, i) => s.at - (i === 0 ? 0 : probes[i - 1]!.at)).slice(1);
    for (let i = 1; i < gaps.length; i++) expect(gaps[i]).toBe(2 * gaps[i - 1]!);
    expect(probes.length).toBeGreaterThan(3);
  });

  test("MUST-37: while the peer answers, the connection stays, however long", () => {
    const pair = closedWindow();
    let probes = 0;
    for (let hour = 0; hour < 200; hour++) {
      for (const s of pair.peer.mine(pair.rig.advance(120 * SECOND))) {
        probes++;
        expect(pair.peer.says(".", 1, (s.seq - pair.peer.irs) | 0, { wnd: 0 })).toEqual([]);
      }
    }
    expect(probes).toBeGreaterThan(150);
    expect(pair.connection.state).toBe("ESTABLISHED");
  });

  test("unanswered probes count against R2", () => {
    const pair = closedWindow({ r2: 5 });
    pair.rig.advance(3_600 * SECOND);
    expect(pair.app.take()).toContain("close ETIMEDOUT");
  });

  test("RFC 6429: an orphan that only probes ends by its own limit; the user timeout ends an owned one", () => {
    const orphan = closedWindow({ orphanRetries: 2 });
    orphan.connection.close();
    orphan.rig.advance(60 * SECOND);
    expect(orphan.connection.state).toBe("CLOSED");
    const owned = closedWindow();
    owned.connection.setUserTimeout(5_000);
    owned.rig.advance(60 * SECOND);
    expect(owned.app.take()).toContain("close ETIMEDOUT");
  });

  test("when it opens, text leaves at once in whole segments, the probe's byte with it", () => {
    const pair = closedWindow();
    pair.rig.advance(3 * SECOND);
    expect(pair.peer.says(".", 1, 1_001, { wnd: 3_000 })).toEqual([
      ". 1001:2001(1000) ack 1",
      ". 2001:3001(1000) ack 1",
      "P. 3001:4001(1000) ack 1",
    ]);
  });

  test("a probe's byte that was taken is not sent again", () => {
    const pair = closedWindow();
    pair.rig.advance(3 * SECOND);
    expect(pair.peer.says(".", 1, 1_002, { wnd: 3_000 })[0]).toBe(". 1002:2002(1000) ack 1");
  });

  test("a FIN alone waits for a window too, and a probe carries it", () => {
    const pair = accepted({ mss: 1_000 });
    write(pair, 1_000);
    pair.peer.send(".", 1, 1_001, { wnd: 0 });
    pair.connection.end();
    expect(pair.peer.lines(pair.rig.run())).toEqual([]);
    expect(pair.peer.lines(pair.rig.advance(3 * SECOND))[0]).toBe("F. 1001:1002(0) ack 1");
    pair.peer.send(".", 1, 1_002, { wnd: 0 });
    expect(pair.connection.state).toBe("FIN-WAIT-2");
  });
});

describe("keepalive (RFC 9293 3.8.4)", () => {
  test("MUST-25: off by default", () => {
    const pair = accepted();
    expect(pair.rig.advance(100_000 * SECOND)).toEqual([]);
  });

  test("MUST-28: after two hours, an empty segment below SND.NXT; an answer means alive, for two hours more", () => {
    const pair = accepted();
    pair.connection.setKeepAlive(true);
    const sent = pair.peer.mine(pair.rig.advance(7_200 * SECOND));
    expect(sent.map((s) => pair.peer.line(s))).toEqual([". 0:0(0) ack 1"]);
    pair.peer.send(".", 1, 1);
    expect(pair.peer.lines(pair.rig.advance(7_199 * SECOND))).toEqual([]);
    expect(pair.peer.lines(pair.rig.advance(SECOND))).toEqual([". 0:0(0) ack 1"]);
  });

  test("nine unanswered probes 75 s apart, then ETIMEDOUT with RST", () => {
    const pair = accepted();
    pair.connection.setKeepAlive(true);
    const sent = pair.peer.lines(pair.rig.advance((7_200 + 75 * 9) * SECOND));
    expect(sent).toEqual([...new Array<string>(9).fill(". 0:0(0) ack 1"), "R. 1:1(0) ack 1"]);
    expect(pair.app.take()).toEqual(["close ETIMEDOUT"]);
  });

  test("a peer that restarted answers with RST: ECONNRESET", () => {
    const pair = accepted();
    pair.connection.setKeepAlive(true, 1_000, 500, 3);
    pair.rig.advance(SECOND);
    pair.peer.send("R", 1);
    expect(pair.app.take()).toEqual(["close ECONNRESET"]);
  });

  test("MUST-26: anything received puts it off; idle, interval and count are settings of the connection", () => {
    const pair = accepted();
    pair.connection.setKeepAlive(true, 10_000, 1_000, 2);
    pair.rig.advance(9 * SECOND);
    pair.peer.send("P.", 1, 1, { text: 1 });
    expect(pair.peer.lines(pair.rig.advance(9 * SECOND)).filter((l) => l.startsWith(". 0:0"))).toEqual([]);
    const sent = pair.peer.lines(pair.rig.advance(4 * SECOND));
    expect(sent).toEqual([". 0:0(0) ack 2", ". 0:0(0) ack 2", "R. 1:1(0) ack 2"]);
  });

  test("switched off, it stays silent", () => {
    const pair = accepted();
    pair.connection.setKeepAlive(true, 1_000);
    pair.connection.setKeepAlive(false);
    expect(pair.rig.advance(3_600 * SECOND)).toEqual([]);
  });
});

const MIB = 1024 * 1024;

describe("the application's side", () => {
  test("send says false at the limit, and onDrain comes when half of it is acknowledged", () => {
    const pair = accepted({ mss: 1_000, wnd: 65_535 }, { tcp: { sendBuffer: 8_000, sendBufferMax: 8_000 } });
    expect(pair.connection.send(new Uint8Array(7_999))).toBe(true);
    expect(pair.connection.send(new Uint8Array(1))).toBe(false);
    pair.peer.mine(pair.rig.run());
    pair.peer.send(".", 1, 2_001);
    expect(pair.app.take()).toEqual([]);
    pair.peer.send(".", 1, 4_001);
    expect(pair.app.take()).toEqual(["drain"]);
    pair.rig.advance(MS);
    pair.peer.send(".", 1, 8_001);
    expect(pair.app.take()).toEqual(["finish"]);
  });

  test("copies fill 2 MiB over a path shorter than 0.25 ms, what a fast link carries over a longer one, and never more than others", () => {
    const tcp = { sendBuffer: 100_000, initialWindow: 5_000, sendBufferMax: 4 * MIB };
    const taken = (sendsCopies: boolean, rtt: number): number => {
      const { connection } = accepted({ mss: 1_000 }, { tcp }, rtt);
      connection.handler = { sendsCopies };
      const chunk = new Uint8Array(65_536);
      for (let bytes = chunk.length; ; bytes += chunk.length) if (!connection.send(chunk)) return bytes;
    };
    expect([taken(true, 0.1 * MS), taken(true, 0.384 * MS), taken(true, 20 * MS)]).toEqual([
      2 * MIB,
      3 * MIB,
      4 * MIB,
    ]);
    expect([taken(false, 0.1 * MS), taken(false, 20 * MS)]).toEqual([4 * MIB, 4 * MIB]);
  });

  test("a paused connection is told nothing, and everything in order when it goes on", () => {
    const pair = accepted();
    pair.connection.pause();
    pair.peer.send("P.", 1, 1, { text: 5 });
    pair.peer.send("F.", 6, 1);
    expect(pair.app.take()).toEqual([]);
    pair.connection.resume();
    pair.rig.run();
    expect(pair.app.take()).toEqual(["data 5", "end"]);
  });
});

describe("super-segments", () => {
  const sizes = (family: 4 | 6, bigTcp: boolean): number[] => {
    const pair = accepted(
      { mss: 1_000, wscale: 4, wnd: 65_535 },
      { family, offload: true, tcp: { initialWindow: 400 } },
    );
    pair.rig.link.bigTcp = bigTcp;
    pair.connection.send(new Uint8Array(400_000));
    return pair.peer.mine(pair.rig.run()).map(({ text }) => text.length);
  };

  test("hold as many whole segments as an IP packet can say", () => {
    expect(Math.max(...sizes(4, false))).toBe(65_000);
    expect(Math.max(...sizes(6, false))).toBe(65_000);
  });

  test("hold 128 KiB over IPv4 where the device takes BIG TCP", () => {
    expect(Math.max(...sizes(4, true))).toBe(131_000);
    expect(Math.max(...sizes(6, true))).toBe(65_000);
  });
});
