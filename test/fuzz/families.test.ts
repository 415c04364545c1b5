/**
 * Hostile packets of both families at a stack with everything switched on: BBR, RACK-TLP, packetization-layer path MTU
 * discovery, ECN, Fast Open on both sides. No exception and no failed invariant, counters that add up, limits that hold,
 * and nothing left when it is over. The seed is in the failure; to replay it:
 * `USERTCP_FUZZ_SEED=N npx vitest run test/fuzz/families.test.ts`.
 */
import { describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import type { Connection } from "../../src/stack/connection.ts";
import type { TcpConfig } from "../../src/tcp/config.ts";
import { Peer } from "../unit/tcp/peer.ts";
import {
  App,
  listen,
  MS,
  opened,
  PEER,
  PEER6,
  Rig,
  SECOND,
  type Sent,
  STACK,
  STACK6,
} from "../unit/tcp/rig.ts";
import { stateOf } from "../unit/tcp/state-setup.ts";
import { chained, fragments, icmp, mutate, pick, segment } from "./forge.ts";

const PACKETS = 12_000;
const SEEDS = process.env["USERTCP_FUZZ_SEED"] ? [Number(process.env["USERTCP_FUZZ_SEED"])] : [1, 2, 3];
const REASSEMBLY = { bytes: 256 * 1024, bytesPerSource: 64 * 1024, datagrams: 64, datagramsPerSource: 16 };
const FLOWS = 200;
const ROUNDS = 64;

const configOf = (seed: number): Partial<TcpConfig> => ({
  ...{ flowsMax: FLOWS, synQueue: 32, timeWaitMax: 20, receiveBuffer: 65_536, receiveBufferMax: 65_536 },
  congestion: (["bbr", "cubic", "newreno"] as const)[seed % 3]!,
  ...{ mtuProbing: "always", ecn: "on", fastOpen: 0x603, fastOpenKey: "00112233-44556677-8899aabb-ccddeeff" },
});

/** Each kind of damage that was done, and what the rare paths count. */
const DAMAGE = [
  ...["ip-fragment-invalid", "ip-fragment-overlap", "ip-fragment-limit", "ip-fragment-timeout"],
  ...["ip6-no-next-header", "ip6-next-header", "ip6-option", "ip6-routing"],
  ...["icmp-malformed", "icmp-checksum", "icmp-unmatched"],
  ...["tcp-checksum", "tcp-sequence", "tcp-no-connection"],
];
const MUST_HAPPEN = [
  ...["ReasmOKs", "Ip6ReasmOKs", "Icmp6InPktTooBigs", "Icmp6OutParmProblems", "Ip6InCEPkts"],
  ...["TCPTimeouts", "TCPSACKDiscard", "OutOfWindowIcmps", "TCPFastOpenPassive", "TCPFastOpenCookieReqd"],
];

const IN_RECOVERY = [
  ...[
    "TCPSackRecovery",
    "TCPFastRetrans",
    "TCPLostRetransmit",
    "TCPLossProbes",
    "TCPTimeouts",
    "TCPDSACKRecv",
  ],
  ...["TCPSACKDiscard", "Icmp6InPktTooBigs"],
];

/** Every packet that came is in one of these; those put together of fragments come once more. */
function addsUp(rig: Rig, given: number): void {
  const { ip, ip6 } = rig.stack;
  expect(ip.InReceives + ip6.Ip6InReceives).toBe(given);
  expect(ip.InHdrErrors + ip.InAddrErrors + ip.InUnknownProtos + ip.InDelivers + ip.ReasmReqds).toBe(
    ip.InReceives + ip.ReasmOKs,
  );
  const refused = ip6.Ip6InHdrErrors + ip6.Ip6InAddrErrors + ip6.Ip6InUnknownProtos + ip6.Ip6InMcastPkts;
  expect(refused + ip6.Ip6InDelivers + ip6.Ip6ReasmReqds).toBe(ip6.Ip6InReceives + ip6.Ip6ReasmOKs);
  expect(rig.stack.counters.InSegs + ip.IcmpInMsgs + ip6.Icmp6InMsgs).toBe(ip.InDelivers + ip6.Ip6InDelivers);
}

function withinLimits(rig: Rig): void {
  const { size, charge } = rig.stack.fragments.reassembly;
  expect(size).toBeLessThanOrEqual(2 * REASSEMBLY.datagrams);
  expect(charge).toBeLessThanOrEqual(REASSEMBLY.bytes);
  const { sockets } = rig.stack.snapshot({ info: false });
  expect(sockets.length).toBeLessThanOrEqual(FLOWS + 1);
  for (const s of sockets) expect(s.recvQ).toBeLessThanOrEqual(65_536);
}

/** SYNs that ask for a cookie, and that carry text with one that is wrong, or none. */
function fastOpen(random: Random, peer: Peer): Uint8Array[] {
  const cookie = pick(random, [[], [1, 2, 3, 4, 5, 6, 7, 8]]);
  const options = Uint8Array.of(34, 2 + cookie.length, ...cookie);
  return [peer.segment("S", 0, 0, { mss: 1_440, options, text: random.below(2) * 100 })];
}

/** What a peer says of holes that are there, for the most part: acknowledged up to near what it said last, SACK above it. */
function inRecovery(random: Random, peer: Peer, rig: Rig, sent: Uint8Array[]): Uint8Array {
  const kind = random.below(8);
  if (kind === 0) return segment(random, peer);
  if (kind === 1) return icmp(random, peer, sent.length > 0 ? pick(random, sent) : undefined);
  const una = rig.stack.snapshot().sockets[0]?.info?.bytes_acked ?? 0;
  const from = 1 + una;
  const ack = random.below(3) === 0 ? from + 1_440 * random.below(4) : from;
  const sack = Array.from({ length: 1 + random.below(3) }, (): [number, number] => {
    const left = ack + 1_440 * (random.below(12) - (random.below(6) === 0 ? 4 : 0));
    return [left, left + 1_440 * (1 + random.below(3))];
  });
  const ecn = random.below(4);
  return peer.segment(pick(random, [".", ".", ".", ".E", ".U", "P."]), 1, ack, {
    sack,
    ecn,
    up: random.below(3),
  });
}

describe("packets of both families", () => {
  test.each(SEEDS)(
    `${PACKETS} of them, seed %d: no exception, counters add up, and nothing is left`,
    (seed) => {
      const random = new Random(seed);
      const rig = new Rig({ addresses: [STACK, STACK6], tcp: configOf(seed), reassembly: REASSEMBLY });
      const app = new App();
      const made = new Set<Connection>();
      listen(rig, app, { host: "::", backlog: 50, fastOpen: 16 });
      const addresses = rig.stack.addresses.size;
      const peers = Array.from({ length: 24 }, (_, i) => {
        const v6 = i % 3 !== 0;
        const address = v6 ? (i % 2 === 0 ? PEER6 : `fd77::${(i + 16).toString(16)}`) : PEER;
        const more = i % 2 === 0 ? { timestamps: true, sack: true, wscale: 7 } : { sack: true };
        const stackAddress = v6 ? STACK6 : STACK;
        return new Peer(rig, {
          address,
          stackAddress,
          port: 30_000 + i,
          iss: random.next(),
          mss: 1_440,
          ...more,
        });
      });
      let given = 0;
      let sent: Uint8Array[] = [];
      while (given < PACKETS) {
        const peer = pick(random, peers);
        const v6 = peer.address.includes(":");
        const batch: Uint8Array[] = [];
        if (random.below(3) === 0)
          batch.push(
            peer.segment("S", 0, 0, peer.synOptions),
            peer.segment(".", 1, 1),
            peer.segment(".", 1, 1),
          );
        if (random.below(16) === 0) batch.push(...fastOpen(random, peer));
        for (let n = 1 + random.below(8); n > 0; n--) {
          let one =
            random.below(4) === 0
              ? icmp(random, peer, pick(random, [undefined, ...sent]))
              : segment(random, peer);
          if (v6 && random.below(4) === 0) one = chained(random, one);
          if (random.below(6) === 0) one = mutate(random, one);
          if (one.length > 48 && random.below(5) === 0) batch.push(...fragments(random, one));
          else batch.push(one);
        }
        given += batch.length;
        const out = rig.input(...batch);
        peer.mine(out);
        if (out.length > 0) sent = out.slice(-8).map((s) => s.raw);
        const c = app.connection;
        if (c !== null) {
          made.add(c);
          if (random.below(2) === 0) c.send(new Uint8Array(random.below(40_000)));
          else if (random.below(12) === 0) pick(random, [() => c.end(), () => c.close(), () => c.abort()])();
        }
        rig.run();
        if (random.below(4) === 0)
          rig.advance(random.below(3) === 0 ? random.below(5) * SECOND : random.below(200) * MS);
        if (random.below(32) === 0) withinLimits(rig);
        app.log.length = 0;
        rig.others.length = 0;
      }
      addsUp(rig, given);
      // It still serves, and then has nothing left.
      rig.advance(400 * SECOND);
      expect(Object.keys(rig.drops())).toEqual(expect.arrayContaining(DAMAGE));
      const counted: Record<string, number> = rig.stack.snapshot({ info: false }).counters;
      expect(MUST_HAPPEN.filter((name) => !counted[name])).toEqual([]);
      for (const [address, stackAddress] of [
        [PEER, STACK],
        [PEER6, STACK6],
      ] as const) {
        const fresh = new Peer(rig, { port: 9, address, stackAddress, mss: 1_440 });
        fresh.send("S", 0, 0, fresh.synOptions);
        fresh.send("P.", 1, 1, { text: 100 });
        expect(stateOf(rig, fresh)).toBe("ESTABLISHED");
        made.add(app.connection!);
      }
      for (const connection of made) connection.abort();
      rig.run();
      rig.advance(4_000 * SECOND);
      expect(rig.stack.snapshot().sockets.map((s) => s.state)).toEqual(["LISTEN"]);
      expect(rig.stack.fragments.reassembly).toMatchObject({ size: 0, charge: 0 });
      expect(rig.stack.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
      expect(rig.stack.addresses.size).toBe(addresses);
    },
    60_000,
  );

  test(`${ROUNDS * 40} at connections in recovery: SACK and DSACK that fit nothing, ICMP, ECN, urgent data`, () => {
    const total: Record<string, number> = {};
    for (let round = 0; round < ROUNDS; round++) {
      const seed = SEEDS[0]! * 1_000 + round;
      const random = new Random(seed);
      const family = round % 2 === 0 ? 6 : 4;
      const tcp = { ...configOf(round), sendBuffer: 200_000 };
      const options = { sack: true, mss: 1_440, timestamps: round % 4 < 2, wscale: 7, iss: random.next() };
      const { rig, peer, connection } = opened(options, { family, tcp });
      const addresses = rig.stack.addresses.size;
      let sent: Uint8Array[] = [];
      const hear = (out: Sent[]): void => {
        const mine = peer.mine(out);
        if (mine.length > 0) sent = mine.map((s) => s.raw);
      };
      connection.send(new Uint8Array(150_000));
      hear(rig.run());
      for (let i = 0; i < 40; i++) {
        hear(rig.advance(random.below(6) === 0 ? random.below(2_000) * MS : random.below(60) * MS));
        hear(rig.input(inRecovery(random, peer, rig, sent)));
      }
      withinLimits(rig);
      for (const [name, n] of Object.entries(rig.stack.snapshot({ info: false }).counters))
        total[name] = (total[name] ?? 0) + n;
      connection.abort();
      rig.run();
      rig.advance(4_000 * SECOND);
      expect(rig.stack.snapshot().sockets, `seed ${seed}`).toEqual([]);
      expect(rig.stack.nextDeadline(), `seed ${seed}`).toBe(Number.POSITIVE_INFINITY);
      // The peer's address: held by what is remembered of its path, if that was learned, and by nobody else.
      expect(rig.stack.addresses.size, `seed ${seed}`).toBeLessThanOrEqual(addresses);
    }
    expect(IN_RECOVERY.filter((name) => !total[name])).toEqual([]);
  }, 60_000);
});
