/**
 * The peers on a TUN device: what is built for each, how it is started, which version it is. A peer's program makes the
 * device it is told to and prints `ready {...}`; the sources here are ours, theirs come from Debian's packages.
 */
import { join } from "node:path";
import { Failure } from "../failure.ts";
import { BUILD } from "../paths.ts";
import { gvisor } from "./gvisor.ts";
import { LWIP } from "./lwip.ts";

export interface Peer {
  /** The command that serves on a device of that name. */
  readonly command: (device: string, mtu: number) => string[];
  /** What it takes besides to write segments above 64 KiB; undefined where it can't. */
  readonly big?: readonly string[];
  /** Builds it for that MTU, and gives its versions. Throws a `Failure` that says why it can't be had. */
  readonly build: (mtu: number, progress: (line: string) => void) => Readonly<Record<string, string>>;
}

/** By the target's name. */
export const PEERS: Readonly<Record<string, Peer>> = {
  lwip: LWIP,
  "gvisor-packet": gvisor("packet"),
  "gvisor-gso": gvisor("gso"),
  limit: {
    command: (device) => [join(BUILD, "peers", "limit"), device],
    big: ["big"],
    build: () => ({}), // with the client, by the Makefile
  },
};

const versions = new Map<Peer, Readonly<Record<string, string>>>();

/** Builds a peer. Gives why it can't be had here, or null. */
export function preparePeer(peer: Peer, mtu: number, progress: (line: string) => void): string | null {
  try {
    versions.set(peer, peer.build(mtu, progress));
    return null;
  } catch (error) {
    if (error instanceof Failure) return error.message;
    throw error;
  }
}

/** Of a peer that was built. */
export function peerVersions(peer: Peer): Readonly<Record<string, string>> {
  return versions.get(peer) ?? {};
}
