/**
 * `usertcp/sim`: a network in virtual time. Hosts are real stacks; links lose, delay, reorder, duplicate and corrupt
 * as told; everything follows from one seed.
 */
export { type Conditions, type Fate, Link, LinkStatistics, PERFECT } from "./sim/link.ts";
export type { Packet, Sink } from "./sim/packet.ts";
export {
  type Expected,
  type PeerOptions,
  type PeerSegment,
  type Received,
  ScriptedPeer,
} from "./sim/peer.ts";
export { SimHost, type SimHostOptions } from "./sim/sim-host.ts";
export { Trace, type TraceOptions } from "./sim/trace.ts";
export { Router, type Wire, World, type WorldOptions } from "./sim/world.ts";
