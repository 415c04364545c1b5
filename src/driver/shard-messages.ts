/**
 * What the main thread and its shards tell one another, over a port of their own beside the application's messages.
 * Shapes alone; errors go as plain objects, because cloning one loses its code.
 */
import type { MessagePort } from "node:worker_threads";
import type { StackSnapshot } from "../stack/inspect.ts";
import type { CreateStackOptions } from "./create-stack.ts";

/** What a worker finds as its `workerData`. */
export interface Seat {
  readonly usertcpShard: {
    readonly index: number;
    readonly count: number;
    readonly secret: Uint8Array;
    /** The ring of each shard, by index. */
    readonly rings: readonly SharedArrayBuffer[];
    readonly port: MessagePort;
    readonly workerData: unknown;
  };
}

/** From the main thread. */
export type ToShard =
  /** Open the queue; the last one also steers. */
  | { readonly type: "open"; readonly options: CreateStackOptions; readonly steer: boolean }
  | { readonly type: "snapshot"; readonly id: number; readonly info: boolean }
  /** Answers "ask". */
  | { readonly type: "merged"; readonly id: number; readonly snapshot: StackSnapshot }
  | { readonly type: "capture"; readonly on: boolean }
  /** So many captured bytes were seen to. */
  | { readonly type: "seen"; readonly bytes: number }
  | { readonly type: "close" };

/** From a shard. */
export type FromShard =
  | { readonly type: "joined" }
  | ({ readonly type: "up"; readonly unsteered: PlainError | null } & DeviceFacts)
  | { readonly type: "failed"; readonly error: PlainError }
  | { readonly type: "snapshot"; readonly id: number; readonly snapshot: StackSnapshot }
  /** Wants the snapshot of all shards. */
  | { readonly type: "ask"; readonly id: number; readonly info: boolean }
  | {
      readonly type: "captured";
      readonly direction: "in" | "out";
      readonly bytes: Uint8Array;
      readonly timeUs: number;
      /** Packets left out since the last one. */
      readonly left: number;
    }
  | { readonly type: "gone"; readonly error: PlainError | null };

/** What is known of an open device. */
export interface DeviceFacts {
  readonly name: string;
  readonly mtu: number;
  readonly offload: boolean;
}

/** An error's message and what Node's system errors have beside it. */
export interface PlainError {
  readonly message: string;
  readonly code?: unknown;
  readonly errno?: unknown;
  readonly syscall?: unknown;
  readonly path?: unknown;
}

/** To be sent. */
export function plainError(error: unknown): PlainError {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, code, errno, syscall, path } = error as Error & PlainError;
  return { message, code, errno, syscall, path };
}

/** As it was. */
export function errorOf({ message, ...rest }: PlainError): Error {
  const known = Object.entries(rest).filter(([, value]) => value !== undefined);
  return Object.assign(new Error(message), Object.fromEntries(known));
}
