/** A connection with segments of 1,000 bytes in flight, whose handshake took 100 ms; segment k begins at 1 + 1000 k. */
import type { TcpConfig } from "../../../../src/tcp/config.ts";
import type { Tcb } from "../../../../src/tcp/tcb.ts";
import { type Extra, type PeerOptions, pattern } from "../peer.ts";
import { accepted, MS, type Pair, type Rig, type RigOptions } from "../rig.ts";

export const MSS = 1_000;
export const RTT: number = 100 * MS;

export const at = (k: number): number => 1 + k * MSS;
/** Blocks of whole segments, from k up to but not including l. */
export const blocks = (...ranges: [k: number, l: number][]): Extra => ({
  sack: ranges.map(([k, l]): [number, number] => [at(k), at(l)]),
});
/** Which segments the lines are, in order. */
export const starts = (lines: string[]): number[] =>
  lines.map((l) => (Number(/ (\d+):/.exec(l)![1]) - 1) / MSS);

export interface Flight extends Pair {
  tcb: Tcb;
  /** The peer acknowledges up to segment `k`, and the stack answers with these segments. */
  ack(k: number, extra?: Extra): number[];
  /** Time passes; these segments are sent meanwhile. */
  wait(us: number): number[];
  info(): ReturnType<Pair["connection"]["info"]>;
}

/** `n` segments are written, the first window of them leaves. */
export function flight(
  n: number,
  options: PeerOptions = {},
  tcp: Partial<TcpConfig> = {},
  rigOptions: RigOptions = {},
): Flight {
  const pair = accepted(
    { mss: MSS + (options.timestamps === true ? 12 : 0), sack: true, wscale: 7, ...options },
    { ...rigOptions, tcp: { pacing: false, congestion: "newreno", ...tcp } },
    RTT,
  );
  const { rig, peer, connection } = pair;
  connection.send(Uint8Array.from({ length: n * MSS }, (_, i) => pattern(i)));
  peer.mine(rig.run());
  return {
    ...pair,
    tcb: tcbOf(rig),
    ack: (k, extra = {}) => starts(peer.says(".", 1, at(k), extra)),
    wait: (us) => starts(peer.lines(rig.advance(us))),
    info: () => connection.info(),
  };
}

function tcbOf(rig: Rig): Tcb {
  return rig.stack.tcbs.find((tcb) => tcb != null)!;
}

/** The clock at which the stack's ISS lies so that `bytes` fit before it wraps at `edge`: ISNs go with the clock (RFC 6528). */
export function startFor(edge: number, bytes: number, options: PeerOptions = {}): number {
  const first = accepted({ mss: MSS, sack: true, wscale: 7, ...options }, {}, RTT);
  const ahead = (edge - bytes - first.peer.irs) >>> 0;
  return first.rig.start + ahead * 4;
}
