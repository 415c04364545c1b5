/**
 * The part of a running stack that the commands use, as an interface: the driver's `RunningStack` fits it, and so
 * does a stand-in in a test.
 */
import type { NetStack } from "../net.ts";
import type { StackSnapshot } from "../stack/inspect.ts";

/** Called for each packet that crosses the device; the bytes are valid until it returns. */
export type PacketTap = (
  direction: "in" | "out",
  bytes: Uint8Array,
  offset: number,
  length: number,
  timeUs: number,
) => void;

/** Something that listens, as far as services care. */
export interface Listening {
  readonly port: number;
  close(): void;
}

/** A stack and its driver. */
export interface Running extends NetStack {
  readonly device: { readonly name: string; readonly mtu: number; readonly offload: boolean };
  snapshot(options?: { info?: boolean }): StackSnapshot;
  capture(tap: PacketTap): () => void;
  close(): Promise<void>;
  /** Resolves when the device is gone, with the reason. */
  readonly closed: Promise<Error | null>;
}
