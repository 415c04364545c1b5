/** What `Connection.info()` says in Linux's terms, where counting it takes more than reading a variable. */
import { describe, expect, test } from "vitest";
import { accepted, MS } from "../tcp/rig.ts";

describe("tcp_info", () => {
  test("tcpi_busy_time runs while something is queued or outstanding, and only then", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 });
    rig.advance(100 * MS);
    expect(connection.info().busy_time).toBe(0);
    connection.send(new Uint8Array(1_000));
    rig.run();
    rig.advance(30 * MS);
    expect(connection.info().busy_time).toBe(30 * MS);
    peer.send(".", 1, 1_001);
    rig.advance(50 * MS);
    expect(connection.info()).toMatchObject({ busy_time: 30 * MS, rwnd_limited: 0, sndbuf_limited: 0 });
  });

  test("tcpi_rwnd_limited is the part of it that the peer's window stood in the way", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, wnd: 2_920 });
    connection.send(new Uint8Array(5_000));
    rig.run();
    rig.advance(20 * MS);
    expect(connection.info()).toMatchObject({ busy_time: 20 * MS, rwnd_limited: 20 * MS });
    peer.send(".", 1, 2_921, { wnd: 60_000 });
    rig.advance(10 * MS);
    expect(connection.info()).toMatchObject({ busy_time: 30 * MS, rwnd_limited: 20 * MS });
  });

  test("tcpi_sndbuf_limited is the part that the application waited for room in the send buffer", () => {
    const { rig, connection } = accepted(
      { mss: 1_460 },
      { tcp: { sendBuffer: 14_000, sendBufferMax: 14_000 } },
    );
    for (let i = 0; connection.send(new Uint8Array(1_000)); i++) expect(i).toBeLessThan(40);
    rig.run();
    rig.advance(15 * MS);
    expect(connection.info()).toMatchObject({ busy_time: 15 * MS, sndbuf_limited: 15 * MS });
  });

  test("tcpi_total_rto counts timeouts, their runs, and the time until an answer", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460 }, { tcp: { tlp: false } as object });
    connection.send(new Uint8Array(100));
    rig.run();
    const { rto } = connection.info();
    rig.advance(rto);
    rig.advance(2 * rto);
    rig.advance(7 * MS);
    expect(connection.info()).toMatchObject({ total_rto: 2, total_rto_recoveries: 1 });
    expect(connection.info().total_rto_time).toBe(Math.round((2 * rto + 7 * MS) / MS));
    peer.send(".", 1, 101);
    rig.advance(1_000 * MS);
    connection.send(new Uint8Array(100));
    rig.run();
    rig.advance(connection.info().rto);
    peer.send(".", 1, 201);
    expect(connection.info()).toMatchObject({ total_rto: 3, total_rto_recoveries: 2 });
    expect(connection.info().total_rto_time).toBe(Math.round((2 * rto + 7 * MS) / MS));
  });

  test("tcpi_rcv_rtt is what passes between our ACK and the text that echoes it", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, timestamps: true }, { tcp: { quickAcks: 16 } });
    rig.advance(80 * MS);
    peer.send(".", 1, 1, { text: 1_000 });
    expect(connection.info().rcv_rtt).toBe(80 * MS);
  });

  test("tcpi_options are the bits of include/uapi/linux/tcp.h", () => {
    expect(accepted({ mss: 1_460 }).connection.info().options).toBe(0);
    expect(accepted({ mss: 1_460, timestamps: true, sack: true, wscale: 3 }).connection.info().options).toBe(
      7,
    );
  });
});
