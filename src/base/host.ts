/**
 * What the core needs of the world: time and randomness, handed in. The same core runs in Node, in a
 * browser and in a deterministic simulator, because it reaches for neither by itself.
 */
import type { Micros } from "./time.ts";

/** The world as the core sees it. */
export interface Host {
  /** Monotonic time in microseconds. Called once a batch and once for a user call, never a segment. */
  clock(): Micros;
  /** 32 random bits as an int32; unpredictable to a peer except in a simulator. */
  random(): number;
  /** 16 secret bytes, the key of initial sequence numbers, cookies and port choice (RFC 6528, 6056). */
  readonly secret: Uint8Array;
  /** Asks for a `flush` soon (end of the current tick): a user call made something ready to send or tell. */
  wake(): void;
}
