/** What differs over IPv6: addresses and their table, listeners on both families, sources, sizes. TCP itself is the matrix's. */
import { describe, expect, test } from "vitest";
import type { SynFlow } from "../../../src/stack/events.ts";
import { Peer } from "../tcp/peer.ts";
import {
  App,
  accepted,
  listen,
  MS,
  opened,
  opening,
  PEER,
  PEER6,
  Rig,
  SECOND,
  STACK,
  STACK6,
} from "../tcp/rig.ts";

const V6 = { family: 6 } as const;
const BOTH = { family: 6, addresses: [STACK, STACK6] } as const;

/** A rig with both families, and how many addresses its table holds of itself. */
function dual(tcp = {}): { rig: Rig; own: number } {
  const rig = new Rig({ ...BOTH, addresses: [...BOTH.addresses], tcp });
  return { rig, own: rig.stack.addresses.size };
}

describe("a connection over IPv6", () => {
  test("RFC 9293 3.7.1: the MSS offered is the MTU less 60; a SYN without one means 1,220", () => {
    const { syn, peer, connection } = opening({}, V6);
    expect(syn.mss).toBe(1_440);
    peer.send("S.", 0, 1);
    expect(connection.info()).toMatchObject({ snd_mss: 1_220, pmtu: 1_500 });
    const passive = accepted({ timestamps: true }, V6);
    expect(passive.connection.info().snd_mss).toBe(1_208);
    expect(passive.connection).toMatchObject({
      family: 6,
      localAddress: STACK6,
      remoteAddress: PEER6,
    });
  });

  test("RFC 6437 3: every packet of a connection has the same flow label, not 0, and others another", () => {
    const labels = (peerPort: number): Set<number> => {
      const { rig, peer, connection } = opened({ port: peerPort }, V6);
      connection.send(new Uint8Array(3_000));
      const sent = peer.mine(rig.run());
      expect(sent.length).toBeGreaterThan(2);
      return new Set(sent.map((s) => new DataView(s.raw.buffer).getUint32(0) & 0xfffff));
    };
    const [one, two] = [labels(9_000), labels(9_001)];
    expect([one.size, two.size]).toEqual([1, 1]);
    expect(one.has(0)).toBe(false);
    expect([...one]).not.toEqual([...two]);
  });

  test("its addresses can be told after it is over, and the table holds none of them", () => {
    const { rig, peer, app, connection } = accepted({}, V6);
    const held = rig.stack.addresses.size;
    connection.end();
    rig.run();
    peer.send("F.", 1, 2);
    expect(app.take()).toEqual(["end", "finish", "close"]);
    expect(connection.state).toBe("TIME-WAIT");
    expect(rig.stack.addresses.size).toBe(held);
    rig.advance(61 * SECOND);
    expect(connection.state).toBe("CLOSED");
    expect(connection.remoteAddress).toBe(PEER6);
    expect(rig.stack.addresses.size).toBe(held - 1);
  });

  test("the RST of an abort reaches its peer though the address's id was handed out again before the flush", () => {
    const { rig, peer, connection } = accepted({}, V6);
    connection.abort();
    const stranger = new Peer(rig, { address: "fd77::99", port: 1 });
    const sent = rig.input(stranger.segment("S", 0));
    expect(peer.lines(sent)).toEqual(["R. 1:1(0) ack 1"]);
    expect(stranger.lines(sent)).toEqual(["S. 0:1(0) ack 1"]);
  });

  test("to its own addresses and to ::1 the stack speaks inside", () => {
    for (const host of [STACK6, "::1"]) {
      const rig = new Rig(V6);
      const app = new App();
      const mine = new App();
      listen(rig, app);
      const connection = rig.stack.connect({ host, port: 7 }, mine.handler);
      expect(rig.run()).toEqual([]);
      expect(mine.take()).toEqual(["connect"]);
      connection.send(new Uint8Array(100_000));
      rig.run();
      expect(app.received).toBe(100_000);
      expect(app.connection!.remoteAddress).toBe(host);
    }
  });

  test("TIME-WAIT makes way for a newer connection (RFC 6191) of the same address", () => {
    const { rig, peer, connection } = accepted({}, V6);
    connection.end();
    rig.run();
    peer.send("F.", 1, 2);
    expect(peer.says("S", 70_000)).toEqual([expect.stringMatching(/^S\. .* ack 70001$/)]);
    rig.stack.listeners.all.next().value!.close();
    expect(rig.stack.addresses.size).toBe(2);
  });
});

describe("what is remembered of strangers", () => {
  test("100,000 SYNs from as many addresses leave the table as it was, answered by cookies or forgotten", () => {
    const { rig, own } = dual({ synQueue: 64 });
    listen(rig, new App());
    const at = (i: number): string => `2001:db8:${(i >>> 16).toString(16)}::${(i & 0xffff).toString(16)}`;
    let answers = 0;
    for (let i = 0; i < 100_000; i += 50) {
      const packets = Array.from({ length: 50 }, (_, j) =>
        new Peer(rig, { address: at(i + j + 1), port: 1_000 }).segment("S", 0),
      );
      answers += rig.input(...packets).length;
      expect(rig.stack.addresses.size).toBeLessThanOrEqual(own + 128);
    }
    expect(answers).toBe(100_000);
    rig.advance(120 * SECOND);
    expect(rig.stack.addresses.size).toBe(own);
  });

  test("segments without a connection are reset, and nothing is remembered", () => {
    const { rig, own } = dual();
    const peer = new Peer(rig, { address: "2001:db8::5", stackPort: 99 });
    expect(peer.says("S", 0)).toEqual(["R. 0:0(0) ack 1"]);
    expect(rig.stack.addresses.size).toBe(own);
  });

  test("RFC 4987 3.6: a cookie over IPv6 makes a connection with what the SYN offered", () => {
    const { rig } = dual({ synCookies: "always" });
    const app = new App();
    listen(rig, app);
    const peer = new Peer(rig, { mss: 1_440, wscale: 7, sack: true, timestamps: true });
    expect(peer.says("S", 0, 0, peer.synOptions)).toEqual(["S. 0:1(0) ack 1"]);
    peer.send(".", 1, 1);
    expect(app.connection!.info()).toMatchObject({ sack: true, snd_wscale: 7, snd_mss: 1_428 });
    const forger = new Peer(rig, { address: "fd77::3" });
    forger.irs = peer.irs;
    expect(forger.says(".", 1, 1)).toEqual(["R 1:1(0)"]);
  });

  test("a held SYN over IPv6 can be accepted later, or refused, and not after its slot has gone", () => {
    const { rig, own } = dual();
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
    const [one, two, three] = [1, 2, 3].map((i) => new Peer(rig, { address: `fd77::1:${i}` })) as [
      Peer,
      Peer,
      Peer,
    ];
    for (const peer of [one, two]) expect(peer.says("S", 0)).toEqual([]);
    expect(flows.map((flow) => flow.remoteAddress)).toEqual(["fd77::1:1", "fd77::1:2"]);
    expect(flows[0]!.accept()).toBe(true);
    expect(one.lines(rig.run())).toEqual(["S. 0:1(0) ack 1"]);
    expect(flows[1]!.refuse()).toBe(true);
    expect(two.lines(rig.run())).toEqual(["R. 0:0(0) ack 1"]);
    three.send("S", 0);
    rig.advance(200 * SECOND);
    expect(flows[2]!.accept()).toBe(false);
    expect(rig.stack.addresses.size).toBe(own);
  });
});

describe("listeners and addresses of both families", () => {
  test("RFC 3493 5.3: '::' takes IPv4 too, which shows as IPv4; with ipv6Only it does not", () => {
    for (const ipv6Only of [false, true]) {
      const { rig } = dual();
      const app = new App();
      listen(rig, app, { host: "::", ipv6Only });
      const v4 = new Peer(rig, { address: PEER, stackAddress: STACK });
      expect(v4.says("S", 0)).toEqual([ipv6Only ? "R. 0:0(0) ack 1" : "S. 0:1(0) ack 1"]);
      expect(new Peer(rig).says("S", 0)).toEqual(["S. 0:1(0) ack 1"]);
      if (ipv6Only) continue;
      v4.send(".", 1, 1);
      expect(app.connection).toMatchObject({ family: 4, localAddress: STACK, remoteAddress: PEER });
    }
  });

  test("without a host a stack with IPv6 listens on both families", () => {
    const { rig } = dual();
    expect(listen(rig, new App())).toMatchObject({ address: "::", family: 6 });
    expect(listen(new Rig(), new App())).toMatchObject({ address: "0.0.0.0", family: 4 });
  });

  test.each([
    ["::", "0.0.0.0", {}, true],
    ["0.0.0.0", "::", {}, true],
    ["::", "0.0.0.0", { ipv6Only: true }, false],
    ["::", "::", { ipv6Only: true }, true],
    ["::", STACK6, {}, false],
    [STACK6, STACK6, {}, true],
    ["::ffff:10.77.0.2", STACK, {}, true],
    ["fd77::/64", "fd77::/64", {}, true],
    ["fd77::/64", "fd78::/64", {}, false],
  ])("a listener on %s and one on %s (%o): conflict %s", (first, second, options, conflicts) => {
    const { rig } = dual();
    listen(rig, new App(), { host: first, ...options });
    const open = (): unknown => listen(rig, new App(), { host: second });
    if (conflicts) expect(open).toThrow(expect.objectContaining({ code: "EADDRINUSE" }));
    else open();
  });

  test("a listener on a prefix takes packets to addresses that are not the stack's own", () => {
    const { rig, own } = dual();
    const app = new App();
    const listener = listen(rig, app, { host: "2001:db8::/32", port: "any" });
    const peer = new Peer(rig, { stackAddress: "2001:db8:5::1", stackPort: 443 });
    peer.send("S", 0);
    peer.send(".", 1, 1);
    expect(app.connection).toMatchObject({ localAddress: "2001:db8:5::1", localPort: 443 });
    expect(new Peer(rig, { stackAddress: "2001:db9::1" }).send("S", 0)).toEqual([]);
    expect(rig.drops()).toEqual({ "ip-not-ours": 1 });
    app.connection!.abort();
    listener.close();
    rig.run();
    expect(rig.stack.addresses.size).toBe(own);
  });

  test("EADDRNOTAVAIL for an address that is not the stack's, whose table it does not enter", () => {
    const { rig, own } = dual();
    const code = (run: () => unknown): string => {
      try {
        run();
        return "none";
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const { handler } = new App();
    expect(code(() => listen(rig, new App(), { host: "fd77::9" }))).toBe("EADDRNOTAVAIL");
    expect(code(() => rig.stack.connect({ host: PEER6, port: 7, localAddress: "fd77::9" }, handler))).toBe(
      "EADDRNOTAVAIL",
    );
    expect(code(() => rig.stack.connect({ host: PEER6, port: 7, localAddress: STACK }, handler))).toBe(
      "EADDRNOTAVAIL",
    );
    expect(code(() => rig.stack.connect({ host: "ff02::1", port: 7 }, handler))).toBe("ENETUNREACH");
    expect(code(() => rig.stack.connect({ host: "::", port: 7 }, handler))).toBe("ENETUNREACH");
    expect(code(() => new Rig().stack.connect({ host: PEER6, port: 7 }, handler))).toBe("ENETUNREACH");
    expect(code(() => new Rig(V6).stack.connect({ host: PEER, port: 7 }, handler))).toBe("ENETUNREACH");
    expect(code(() => new Rig({ ...V6, mtu: 1_279 }))).toBe("ERR_OUT_OF_RANGE");
    expect(rig.stack.addresses.size).toBe(own);
  });

  test.each([
    ["fd77::1", "fd77::2", "rule 8: the longest matching prefix"],
    ["2001:db8::1", "2001:db8:ffff::2", "rule 6: the label of the destination"],
    ["fe80::9", "fe80::2", "rule 2: the scope of the destination"],
    ["fd77::1:5", "fd77::1:2", "rule 8, between two of one label"],
  ])("RFC 6724 5: to %s from %s by %s", (remote, local) => {
    const addresses = ["fe80::2/64", "2001:db8:ffff::2/64", "fd77::2/112", "fd77::1:2/112"];
    const rig = new Rig({ family: 6, addresses });
    const connection = rig.stack.connect({ host: remote, port: 7 }, new App().handler);
    expect(connection.localAddress).toBe(local);
  });

  test("a snapshot shows both families", () => {
    const { rig } = dual();
    listen(rig, new App(), { host: "::" });
    new Peer(rig).send("S", 0);
    const { interfaces, sockets } = rig.stack.snapshot();
    expect(interfaces[1]!.addresses).toEqual(["10.77.0.2/24", "fd77::2/64"]);
    expect(sockets).toMatchObject([
      { family: 6, state: "LISTEN", localAddress: "::", remoteAddress: "::" },
      { family: 6, state: "SYN-RECEIVED", localAddress: STACK6, remoteAddress: PEER6 },
    ]);
  });
});

describe("packets that are not for us", () => {
  test.each([
    ["::1", STACK6, "ip-source-invalid"],
    ["::", STACK6, "ip-source-invalid"],
    ["ff02::1", STACK6, "ip-source-invalid"],
    ["::ffff:10.77.0.1", STACK6, "ip-source-invalid"],
    [STACK6, STACK6, "ip-source-invalid"],
    [PEER6, "::1", "ip-not-ours"],
    [PEER6, "fd77::9", "ip-not-ours"],
    [PEER6, "ff02::1", "ip-not-ours"],
  ])("RFC 4291 2.5-2.7: from %s to %s: %s", (address, stackAddress, reason) => {
    const { rig } = dual();
    listen(rig, new App());
    expect(new Peer(rig, { address, stackAddress }).send("S", 0)).toEqual([]);
    expect(rig.drops()).toEqual({ [reason]: 1 });
  });

  test("text behind destination options arrives", () => {
    const { rig, peer, app } = accepted({}, V6);
    const plain = peer.segment("P.", 1, 1, { text: "hello" });
    const bytes = new Uint8Array(plain.length + 8);
    bytes.set(plain.subarray(0, 40));
    bytes.set([6, 0, 1, 4, 0, 0, 0, 0], 40);
    bytes.set(plain.subarray(40), 48);
    bytes[6] = 60;
    new DataView(bytes.buffer).setUint16(4, bytes.length - 40);
    rig.input(bytes);
    expect(app.take()).toEqual(["data 5"]);
    expect(peer.lines(rig.advance(40 * MS))).toEqual([". 1:1(0) ack 6"]);
  });
});
