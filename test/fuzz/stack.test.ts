/**
 * Random, mutated and well-formed packets into a stack with connections in every state: it never throws, remembers no
 * more than its limits, and serves as before when they stop. The seed is in the failure; to replay it:
 * `USERTCP_FUZZ_SEED=N npx vitest run test/fuzz/stack.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { STATE_NAMES } from "../../src/tcp/state.ts";
import { Peer } from "../unit/tcp/peer.ts";
import { App, listen, MS, opening, Rig, SECOND } from "../unit/tcp/rig.ts";
import { stateOf } from "../unit/tcp/state-setup.ts";

const PACKETS = 40_000;
const SEEDS = process.env["USERTCP_FUZZ_SEED"] ? [Number(process.env["USERTCP_FUZZ_SEED"])] : [1, 2, 3];
const LIMITS = {
  flowsMax: 300,
  synQueue: 32,
  timeWaitMax: 20,
  receiveBuffer: 64 * 1024,
  receiveBufferMax: 64 * 1024,
};

const FLAGS = ["", "S", ".", "S.", "F", "F.", "R", "R.", "SF", "P.", ".U", "FP.", "SR", "FSRP.UEC"];

/** A segment that hits: small offsets around where the connection stands, odd options, any control bits. */
function segment(random: Random, peer: Peer): Uint8Array {
  const pick = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
  const near = (): number =>
    pick([0, 1, 2, 11, 101, 1_000, 65_535, -1, -1_000, random.next()]) + random.below(3);
  const options = Uint8Array.from({ length: pick([0, 0, 0, 4, 12, 20]) }, () =>
    pick([0, 1, 2, 3, 4, 5, 8, 10, 30, random.below(256)]),
  );
  return peer.segment(pick(FLAGS), near(), near(), {
    text: pick([0, 0, 1, 10, 536, 1_460, 1_460, 40_000]),
    wnd: pick([0, 1, 500, 65_535]),
    up: random.below(4),
    ...(options.length > 0 ? { options } : {}),
    ...(random.below(4) === 0 ? { ts: [near(), near()] as [number, number] } : {}),
    ...(random.below(5) === 0 && options.length === 0
      ? { sack: [[near(), near()]] as [number, number][] }
      : {}),
  });
}

/** Turned bits, cut or lengthened ends, and plain noise. */
function mutate(random: Random, packet: Uint8Array): Uint8Array {
  switch (random.below(4)) {
    case 0:
      return packet.slice(0, random.below(packet.length + 1));
    case 1:
      return Uint8Array.from({ length: random.below(120) }, () => random.below(256));
    case 2: {
      const longer = new Uint8Array(packet.length + random.below(64));
      longer.set(packet);
      return longer;
    }
    default: {
      const turned = packet.slice();
      for (let i = 1 + random.below(8); i > 0; i--)
        turned[random.below(turned.length)]! ^= 1 << random.below(8);
      return turned;
    }
  }
}

/** What applications do meanwhile. */
function user(random: Random, app: App): void {
  const c = app.connection;
  if (c === null) return;
  switch (random.below(12)) {
    case 0:
      c.send(new Uint8Array(random.below(5_000)), random.below(2) === 0);
      break;
    case 1:
      c.end();
      break;
    case 2:
      c.close();
      break;
    case 3:
      c.abort();
      break;
    case 4:
      c.pause();
      break;
    case 5:
      c.resume();
      break;
    case 6:
      c.setKeepAlive(random.below(2) === 0, 1_000, 1_000, 2);
      break;
    default:
  }
}

/** Bytes that the stack holds for connections. */
function held(rig: Rig): number {
  let bytes = 0;
  for (const tcb of rig.stack.tcbs) {
    if (tcb == null) continue;
    bytes += tcb.queuedToRead + (tcb.hasGaps ? tcb.assembler.length : 0);
  }
  return bytes;
}

describe("packets of any kind", () => {
  test.each(SEEDS)(
    `${PACKETS} of them, seed %d: no exception, no more memory than allowed, and service after it`,
    (seed) => {
      const random = new Random(seed);
      const rig = new Rig({ tcp: { ...LIMITS, synCookies: seed % 2 === 0 ? "overflow" : "never" } });
      const app = new App();
      listen(rig, app, { backlog: 50 });
      const peers = Array.from(
        { length: 40 },
        (_, i) =>
          new Peer(rig, {
            port: 30_000 + i,
            iss: random.next(),
            mss: 1_460,
            ...(i % 2 === 0 ? { timestamps: true, sack: true, wscale: 7 } : {}),
          }),
      );
      const seen = new Set<string>();
      for (let i = 0; i < PACKETS; ) {
        const peer = peers[random.below(peers.length)]!;
        const batch: Uint8Array[] = [];
        if (random.below(3) === 0)
          batch.push(peer.segment("S", 0, 0, peer.synOptions), peer.segment(".", 1, 1));
        for (let n = 1 + random.below(8); n > 0; n--) {
          const one = segment(random, peer);
          batch.push(random.below(3) === 0 ? mutate(random, one) : one);
        }
        i += batch.length;
        peer.mine(rig.input(...batch));
        user(random, app);
        rig.run();
        if (random.below(4) === 0)
          rig.advance(random.below(2) === 0 ? random.below(200) * MS : random.below(20) * SECOND);
        if (random.below(16) === 0) {
          const snapshot = rig.stack.snapshot();
          for (const s of snapshot.sockets) seen.add(s.state);
          expect(snapshot.sockets.length).toBeLessThanOrEqual(LIMITS.flowsMax + 1);
          expect(held(rig)).toBeLessThanOrEqual(LIMITS.flowsMax * 2 * LIMITS.receiveBuffer);
          for (const s of snapshot.sockets) expect(s.recvQ).toBeLessThanOrEqual(LIMITS.receiveBuffer);
        }
        app.log.length = 0;
        rig.others.length = 0;
      }
      // Passive connections only: every state but SYN-SENT was there.
      expect(STATE_NAMES.filter((name) => !["CLOSED", "SYN-SENT"].includes(name) && !seen.has(name))).toEqual(
        [],
      );

      // It still serves.
      rig.advance(400 * SECOND);
      const fresh = new Peer(rig, { port: 9, address: "10.77.0.77", mss: 1_460 });
      fresh.send("S", 0, 0, fresh.synOptions);
      fresh.send("P.", 1, 1, { text: 100 });
      expect(stateOf(rig, fresh)).toBe("ESTABLISHED");
      app.connection!.send(new Uint8Array(100));
      expect(fresh.lines(rig.run()).at(-1)).toMatch(/1:101\(100\)/);
    },
    60_000,
  );

  test("20000 at active opens, whatever answers the SYN", () => {
    const random = new Random(SEEDS[0]!);
    for (let round = 0; round < 200; round++) {
      const { rig, peer, app, connection } = opening({
        mss: 1_460,
        sack: true,
        timestamps: round % 2 === 0,
        iss: random.next(),
      });
      app.connection = connection;
      for (let i = 0; i < 100; i++) {
        const one = segment(random, peer);
        peer.mine(rig.input(random.below(6) === 0 ? mutate(random, one) : one));
        user(random, app);
        rig.run();
        if (random.below(8) === 0) rig.advance(random.below(3_000) * MS);
      }
      rig.advance(3_600 * SECOND);
      connection.abort();
      rig.run();
      rig.advance(60 * SECOND);
      expect(rig.stack.snapshot().sockets, `seed ${SEEDS[0]}, round ${round}`).toEqual([]);
      expect(rig.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    }
  }, 60_000);
});
