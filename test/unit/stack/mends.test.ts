/** Found in review, in stack and driver: each of these once went wrong. */
import { Duplex } from "node:stream";
import { describe, expect, test } from "vitest";
import { parseIpv4Address } from "../../../src/base/address.ts";
import { finish, sum } from "../../../src/base/checksum.ts";
import { duplexDevice } from "../../../src/device/duplex.ts";
import { createPipe } from "../../../src/device/pipe.ts";
import { createStack, type RunningStack } from "../../../src/driver/create-stack.ts";
import type { SynFlow, SynVerdict } from "../../../src/stack/events.ts";
import { KIND_SYN_RECEIVED } from "../../../src/stack/flow-table.ts";
import type { Listener } from "../../../src/stack/listener.ts";
import { emitIpv4 } from "../../../src/wire/ipv4.ts";
import { Peer } from "../tcp/peer.ts";
import { App, accepted, listen, opening, PEER, Rig, SECOND, STACK } from "../tcp/rig.ts";
import { stateOf } from "../tcp/state-setup.ts";

describe("a SYN that onSyn holds", () => {
  const hold = (): { peer: Peer; listener: Listener; flow: SynFlow } => {
    const rig = new Rig();
    const flows: SynFlow[] = [];
    const onSyn = (flow: SynFlow): SynVerdict => {
      flows.push(flow);
      return "hold";
    };
    const listener = listen(rig, new App(), {}, { onSyn });
    const peer = new Peer(rig);
    peer.send("S", 0);
    return { peer, listener, flow: flows[0]! };
  };

  test.each([0, 2, 1_000, 65_000, -1])(
    "RFC 5961 3.2: is not freed by an RST at IRS + %d, which a forger could send",
    (at) => {
      const { peer, listener, flow } = hold();
      expect(peer.says("R", at)).toEqual([]);
      expect(peer.says("R.", at, 1)).toEqual([]);
      expect(listener.stats().synQueue).toBe(1);
      expect(flow.accept()).toBe(true);
    },
  );

  test("RFC 5961 3.2: is freed by the RST at IRS+1", () => {
    const { peer, listener, flow } = hold();
    expect(peer.says("R", 1)).toEqual([]);
    expect(listener.stats().synQueue).toBe(0);
    expect(flow.accept()).toBe(false);
  });
});

describe("a listener that closes inside onSyn", () => {
  test.each<SynVerdict>(["accept", "hold", "refuse"])(
    "does not answer the SYN, whatever it says (%s), and leaves nothing in the tables",
    (verdict) => {
      const rig = new Rig();
      const onSyn = (): SynVerdict => {
        listener.close();
        return verdict;
      };
      const listener = listen(rig, new App(), {}, { onSyn });
      expect(new Peer(rig).says("S", 0)).toEqual([]);
      expect(rig.advance(10 * SECOND)).toEqual([]);
      expect(rig.stack.flows.countOfKind(KIND_SYN_RECEIVED)).toBe(0);
      expect(rig.stack.portUse.isHeld(7)).toBe(false);
      expect(listener.stats().synQueue).toBe(0);
      listen(rig, new App()).close();
    },
  );
});

describe("a handler that is set late", () => {
  test("is told what waited: text, end of text and the end, in order", () => {
    const { rig, peer, connection, app } = accepted();
    connection.handler = {};
    peer.send("P.", 1, 1, { text: 5 });
    peer.send("P.", 6, 1, { text: 5 });
    peer.send("F.", 11, 1);
    expect(connection.receiveQueue).toBe(10);
    connection.handler = { onData: app.handler.onData! };
    rig.run();
    expect(app.take()).toEqual(["data 10"]);
    connection.handler = app.handler;
    peer.send("R.", 12, 1);
    expect(app.take()).toEqual(["close EPIPE"]);
  });

  test("wakes the driver for it, and not while paused", () => {
    const { rig, peer, connection, app } = accepted();
    connection.handler = {};
    peer.send("P.", 1, 1, { text: 5 });
    connection.pause();
    connection.handler = app.handler;
    rig.run();
    expect(app.take()).toEqual([]);
    let wakes = 0;
    rig.stack.host.wake = () => void wakes++;
    connection.resume();
    rig.run();
    expect([app.take(), wakes > 0]).toEqual([["data 5"], true]);
  });
});

/** An ICMP message of a router about the packet `quoted`. */
function icmp(type: number, code: number, quoted: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + 8 + 28);
  const view = new DataView(bytes.buffer);
  const [router, stack] = [parseIpv4Address("10.77.0.254")!, parseIpv4Address(STACK)!];
  emitIpv4(view, 0, bytes.length, 1, false, 64, 1, router, stack, 0);
  view.setUint16(20, (type << 8) | code);
  bytes.set(quoted.subarray(0, 28), 28);
  view.setUint16(22, finish(sum(bytes, view, 20, bytes.length - 20, 0)));
  return bytes;
}

describe("ICMP about a SYN of ours", () => {
  test.each([
    ["RFC 6633 3: source quench", 4, 0],
    ["RFC 1122 3.2.2.2: a redirect", 5, 1],
  ])("%s does not end the opening", (_name, type, code) => {
    const { rig, peer, app, connection, syn } = opening();
    rig.input(icmp(type, code, syn.raw));
    expect([connection.state, app.take()]).toEqual(["SYN-SENT", []]);
    expect(rig.drops()).toEqual({ "icmp-unmatched": 1 });
    peer.send("S.", 0, 1);
    expect(app.take()).toEqual(["connect"]);
  });

  test("RFC 5927 4: an error that quotes SND.NXT quotes nothing that was sent", () => {
    const { rig, connection, syn } = opening();
    const next = syn.raw.slice();
    new DataView(next.buffer).setUint32(24, (syn.seq + 1) >>> 0);
    rig.input(icmp(3, 3, next));
    expect([connection.state, rig.drops()]).toEqual(["SYN-SENT", { "icmp-unmatched": 1 }]);
    rig.input(icmp(3, 3, syn.raw));
    expect(connection.state).toBe("CLOSED");
  });
});

describe("orphansMax", () => {
  const three = (): { rig: Rig; apps: App[]; peers: Peer[] } => {
    const rig = new Rig({ tcp: { orphansMax: 2 } });
    const apps: App[] = [];
    rig.stack.listen(
      { port: 7 },
      {
        onConnection: (connection) => {
          const app = new App();
          connection.handler = app.handler;
          app.connection = connection;
          apps.push(app);
        },
      },
    );
    const peers = [1_001, 1_002, 1_003].map((port) => new Peer(rig, { port }));
    for (const peer of peers) {
      peer.send("S", 0);
      peer.send(".", 1, 1);
    }
    return { rig, apps, peers };
  };

  test("Linux tcp_max_orphans: closing one connection more is a reset, counted", () => {
    const { rig, apps, peers } = three();
    for (const app of apps) app.connection!.close();
    const sent = rig.run();
    expect(peers.map((peer) => peer.lines(sent))).toEqual([
      ["F. 1:2(0) ack 1"],
      ["F. 1:2(0) ack 1"],
      ["R. 1:1(0) ack 1"],
    ]);
    expect(rig.stack.orphans).toBe(2);
    expect(rig.stack.counters.TCPAbortOnMemory).toBe(1);
    expect(apps.map((app) => app.take())).toEqual([[], [], ["close ECONNABORTED"]]);
  });

  test("close() twice counts once", () => {
    const { rig, apps } = three();
    apps[0]!.connection!.close();
    apps[0]!.connection!.close();
    expect(rig.stack.orphans).toBe(1);
  });

  test("orphans are counted down by TIME-WAIT, by an RST and by their timeout", () => {
    const { rig, apps, peers } = three();
    const [one, two, three_] = apps.map((app) => app.connection!);
    one!.close();
    two!.close();
    rig.run();
    peers[0]!.send("F.", 1, 2);
    expect(rig.stack.orphans).toBe(1);
    expect(stateOf(rig, peers[0]!)).toBe("TIME-WAIT");
    peers[1]!.send("R", 1);
    expect(rig.stack.orphans).toBe(0);
    three_!.close();
    expect([three_!.state, rig.stack.orphans]).toEqual(["FIN-WAIT-1", 1]);
    rig.run();
    rig.advance(3_600 * SECOND);
    expect(rig.stack.orphans).toBe(0);
    expect(rig.stack.counters.TCPAbortOnMemory).toBe(0);
  });
});

describe("the device goes away", () => {
  const quiet = (): Duplex => new Duplex({ objectMode: true, read() {}, write: (_c, _e, done) => done() });

  const netdown = (stack: RunningStack): void => {
    for (const [call, syscall] of [
      [() => stack.connect({ host: PEER, port: 9 }, {}), "connect"],
      [() => stack.listen({ port: 9 }, {}), "listen"],
    ] as const) {
      expect(call).toThrow(expect.objectContaining({ code: "ENETDOWN", syscall }));
    }
  };

  test("every connection is told ENETDOWN, nothing new begins, and `closed` says why", async () => {
    const duplex = quiet();
    const stack = createStack({ device: duplexDevice(duplex), addresses: [`${STACK}/24`] });
    const apps = [new App(), new App()];
    const connections = apps.map((app) => stack.connect({ host: PEER, port: 9 }, app.handler));
    const unplugged = new Error("unplugged");
    duplex.destroy(unplugged);
    expect(await stack.closed).toBe(unplugged);
    expect(apps.map((app) => app.take())).toEqual([["close ENETDOWN"], ["close ENETDOWN"]]);
    expect(connections.map((connection) => connection.state)).toEqual(["CLOSED", "CLOSED"]);
    netdown(stack);
    await stack.close();
  });

  test("connections that were accepted are told too, and listeners are closed", async () => {
    const [a, b] = createPipe();
    const server = createStack({ device: a, addresses: ["10.77.0.2/24"] });
    const client = createStack({ device: b, addresses: ["10.77.0.1/24"] });
    const accepting = new App();
    const listener = server.listen(
      { port: 7 },
      {
        onConnection: (connection) => {
          connection.handler = accepting.handler;
        },
      },
    );
    const asking = new App();
    await new Promise<void>((resolve) => {
      const onConnect = (): void => resolve();
      client.connect({ host: "10.77.0.2", port: 7 }, { ...asking.handler, onConnect });
    });
    await new Promise(setImmediate);
    await b.close();
    expect(await Promise.all([server.closed, client.closed])).toEqual([null, null]);
    expect([accepting.take(), asking.take()]).toEqual([["close ENETDOWN"], ["close ENETDOWN"]]);
    expect(listener.isClosed).toBe(true);
    netdown(server);
    netdown(client);
  });

  const boom = (): never => {
    throw new Error("boom");
  };

  test("an onClose that throws during close() keeps neither the device open nor others from their onClose", async () => {
    const duplex = quiet();
    const stack = createStack({ device: duplexDevice(duplex), addresses: [`${STACK}/24`] });
    const app = new App();
    stack.connect({ host: PEER, port: 9 }, { onClose: boom });
    stack.connect({ host: PEER, port: 9 }, app.handler);
    await expect(stack.close()).rejects.toThrow("boom");
    expect([duplex.destroyed, await stack.closed]).toEqual([true, null]);
    expect(app.take()).toEqual(["close ECONNABORTED"]);
  });

  test("an onClose that throws when the device is gone costs no other connection its own", async () => {
    const [a] = createPipe();
    const stack = createStack({ device: a, addresses: [`${STACK}/24`] });
    const app = new App();
    stack.connect({ host: PEER, port: 9 }, { onClose: boom });
    stack.connect({ host: PEER, port: 9 }, app.handler);
    expect(() => a.close()).toThrow("boom");
    expect(await stack.closed).toBeNull();
    expect(app.take()).toEqual(["close ENETDOWN"]);
  });
});
