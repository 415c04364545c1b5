/** Options of the handshake and timestamps (RFC 9293 3.2, 3.7.1, RFC 7323, RFC 2018). */
import { describe, expect, test } from "vitest";
import { Peer } from "./peer.ts";
import { App, accepted, listen, MS, opened, opening, Rig, SECOND } from "./rig.ts";

const DAY = 86_400 * SECOND;

describe("options of the SYN", () => {
  test("active: MSS from the MTU, SACK-permitted, timestamps, window scale, the window unscaled", () => {
    const { syn } = opening({}, { mtu: 1_400 });
    expect(syn).toMatchObject({ flags: "S", mss: 1_360, sackPermitted: true, wnd: 65_535 });
    // 6 MiB of receive buffer need a shift of 7 (RFC 7323 2.3).
    expect(syn.wscale).toBe(7);
    expect(syn.ts!.ecr).toBe(0);
  });

  test("RFC 7323 1.3, RFC 2018 2: passive: only what the SYN offered comes back", () => {
    const rig = new Rig();
    listen(rig, new App());
    const [bare] = new Peer(rig, { port: 1 }).send("S", 0);
    expect(bare).toMatchObject({ mss: 1_460, wscale: -1, sackPermitted: false, ts: null });
    const [scaled] = new Peer(rig, { port: 2 }).send("S", 0, 0, { wscale: 0 });
    expect(scaled).toMatchObject({ wscale: 7, sackPermitted: false, ts: null });
    const [all] = new Peer(rig, { port: 3 }).send("S", 0, 0, { wscale: 5, sackPermitted: true, ts: [77, 0] });
    expect(all).toMatchObject({ wscale: 7, sackPermitted: true });
    expect(all!.ts!.ecr).toBe(77);
  });

  test("settings switch the offers off", () => {
    const { syn } = opening({}, { tcp: { timestamps: false, sack: false, windowScale: false, mss: 1_000 } });
    expect(syn).toMatchObject({ mss: 1_000, wscale: -1, sackPermitted: false, ts: null });
  });

  test.each([
    ["missing: 536 (RFC 9293 3.7.1 MUST-15)", undefined, 536],
    ["of the peer", 1_000, 1_000],
    ["larger than ours: ours", 9_000, 1_460],
    ["tiny: not below the least (Linux: tcp_min_snd_mss)", 1, 36],
    ["0 is no MSS: 536", 0, 536],
  ])("send MSS, %s", (_name, mss, full) => {
    for (const pair of [
      accepted(mss === undefined ? {} : { mss }),
      opened(mss === undefined ? {} : { mss }),
    ]) {
      pair.connection.send(new Uint8Array(3_000));
      expect(pair.peer.mine(pair.rig.run())[0]!.text.length).toBe(full);
    }
  });

  test("RFC 9293 3.7.1, RFC 6691: timestamps take 12 bytes of each segment", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, timestamps: true });
    connection.send(new Uint8Array(3_000));
    const [first] = peer.mine(rig.run());
    expect(first!.text.length).toBe(1_448);
    expect(first!.raw.length).toBe(1_500);
  });

  test("RFC 7323 2.3: a shift above 14 counts as 14", () => {
    const { rig, peer, connection } = accepted({ mss: 1_460, wscale: 15 });
    peer.send(".", 1, 1, { wnd: 1 });
    expect(connection.info().snd_wscale).toBe(14);
    expect(connection.info().snd_wnd).toBe(16_384);
    expect(rig.drops()).toEqual({});
  });

  test("RFC 7323 2.2: the window of a SYN is not scaled, those after it are", () => {
    const { peer, connection } = opening({ wscale: 4, wnd: 1_000 });
    peer.send("S.", 0, 1, { wscale: 4 });
    expect(connection.info().snd_wnd).toBe(1_000);
    peer.send(".", 1, 1, { wnd: 1_000 });
    expect(connection.info().snd_wnd).toBe(16_000);
  });

  test("RFC 7323 2.2: an offer without an echo means no scale either way", () => {
    const { rig, peer, connection } = opened({ mss: 1_460 });
    expect(connection.info()).toMatchObject({ wscale_ok: false, snd_wscale: 0, rcv_wscale: 0 });
    peer.send("P.", 1, 1, { text: 10 });
    const [ack] = peer.mine(rig.advance(40 * MS));
    expect(ack === undefined || ack.wnd <= 65_535).toBe(true);
  });

  test("RFC 9293 3.1: unknown options are skipped, malformed ones do no harm", () => {
    const rig = new Rig();
    listen(rig, new App());
    let port = 100;
    for (const options of [
      [254, 4, 1, 2],
      [2, 0],
      [2, 1],
      [2, 60, 5],
      [3, 2],
      [8, 3, 1],
      [1, 1, 1, 0, 2, 4, 0, 1],
      [255],
    ]) {
      const peer = new Peer(rig, { port: port++ });
      expect(peer.says("S", 0, 0, { options: Uint8Array.from(options) })).toEqual(["S. 0:1(0) ack 1"]);
    }
  });
});

describe("timestamps (RFC 7323)", () => {
  test("4.3: TS.Recent is the TSval of the segment that holds the last ACK sent, not of later ones", () => {
    const { rig, peer } = accepted({ mss: 1_460, timestamps: true });
    const base = peer.clock;
    rig.now += 50 * MS;
    // Two segments in one go: with a delayed ACK the first one's TSval is echoed.
    peer.send("P.", 1, 1, { text: 1_000, ts: base + 10 });
    const sent = peer.send("P.", 1_001, 1, { text: 1_000, ts: base + 20 });
    const ack = [...sent, ...peer.mine(rig.advance(40 * MS))][0]!;
    expect(peer.line(ack)).toBe(". 1:1(0) ack 2001");
    expect([base + 10, base + 20]).toContain(ack.ts!.ecr);
  });

  test("4.3: a segment ahead of a gap does not move TS.Recent; the one that fills it does", () => {
    const { rig, peer } = accepted({ mss: 1_460, timestamps: true });
    const base = peer.clock;
    rig.now += 50 * MS;
    peer.send("P.", 1, 1, { text: 10, ts: base + 1 });
    peer.mine(rig.advance(40 * MS));
    const [duplicate] = peer.send("P.", 21, 1, { text: 10, ts: base + 30 });
    expect(duplicate!.ts!.ecr).toBe(base + 1);
    const [filled] = peer.send("P.", 11, 1, { text: 10, ts: base + 20 });
    expect(peer.line(filled!)).toBe(". 1:1(0) ack 31");
    expect(filled!.ts!.ecr).toBe(base + 20);
  });

  test("5.3 R1: PAWS drops an old duplicate inside the window, and answers", () => {
    const { rig, peer, app } = accepted({ timestamps: true });
    expect(peer.says("P.", 1, 1, { text: 5, ts: peer.clock - 1 })).toEqual([". 1:1(0) ack 1"]);
    expect(rig.drops()).toEqual({ "tcp-paws": 1 });
    expect(rig.stack.counters.PAWSEstab).toBe(1);
    expect(app.received).toBe(0);
  });

  test("5.3: PAWS works across the wrap of the timestamp clock", () => {
    const rig = new Rig();
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { timestamps: true });
    peer.tsOffset = (0x7fff_ffff - Math.floor(rig.now / MS)) | 0;
    peer.send("S", 0, 0, peer.synOptions);
    peer.send(".", 1, 1);
    rig.now += 5 * MS;
    peer.send("P.", 1, 1, { text: 5 });
    expect(app.received).toBe(5);
    peer.send("P.", 6, 1, { text: 5, ts: 0x7fff_ffff });
    expect(app.received).toBe(5);
    expect(rig.drops()).toEqual({ "tcp-paws": 1 });
  });

  test("5.5: after 24 days of silence TS.Recent proves nothing: any timestamp is taken, and echoed from then on", () => {
    const { rig, peer, app } = accepted({ timestamps: true });
    rig.advance(25 * DAY);
    const old = (peer.clock - 0x4000_0000 - 25 * 86_400_000) | 0;
    peer.send("P.", 1, 1, { text: 5, ts: old });
    const sent = peer.mine(rig.advance(40 * MS));
    expect(app.received).toBe(5);
    expect(rig.drops()).toEqual({});
    // TS.Recent is the new one: what is older than that is stale again.
    peer.send("P.", 6, 1, { text: 5, ts: old - 5 });
    expect(rig.drops()).toEqual({ "tcp-paws": 1 });
    for (const s of sent) expect(s.ts!.ecr).toBe(old);
  });

  test("5.2: an RST needs no timestamp, and an old one does not save the connection", () => {
    const { peer, app } = accepted({ timestamps: true });
    peer.send("R", 1, 0, { ts: [peer.clock - 10_000, 0] });
    expect(app.take()).toEqual(["close ECONNRESET"]);
  });

  test("3.2: a segment without the option that was agreed is dropped silently", () => {
    const { rig, peer, app } = accepted({ timestamps: true });
    expect(peer.says("P.", 1, 1, { text: 5, ts: null })).toEqual([]);
    expect([rig.drops(), app.received]).toEqual([{ "tcp-missing-timestamp": 1 }, 0]);
  });

  test("4.1: our clock ticks milliseconds, from a place of its own for each pair of hosts (5.4)", () => {
    const { rig, peer, connection } = accepted({ timestamps: true });
    connection.send(new Uint8Array(1));
    const first = peer.mine(rig.run())[0]!.ts!.val;
    peer.send(".", 1, 2);
    rig.advance(1_000 * MS);
    connection.send(new Uint8Array(1));
    expect((peer.mine(rig.run())[0]!.ts!.val - first) | 0).toBe(1_000);
    const other = accepted({ timestamps: true, address: "10.77.0.9" });
    other.connection.send(new Uint8Array(1));
    expect(other.peer.mine(other.rig.run())[0]!.ts!.val).not.toBe(first);
  });
});
