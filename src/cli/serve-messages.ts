/** What the main thread of `usertcp serve --queues N` and its workers tell one another, and what passes over the port of a connection opened through a shard. Shapes alone. */
import type { MessagePort } from "node:worker_threads";
import type { ServiceName } from "./serve-options.ts";

/** The main thread asks a shard. */
export type ShardOrder =
  | { readonly type: "serve" }
  | { readonly type: "dial"; readonly host: string; readonly port: number; readonly over: MessagePort };

/** Answers "serve". */
export type ShardReport =
  | {
      readonly type: "serving";
      readonly services: Partial<Record<ServiceName, number>>;
      /** The IPv6 address; null without. */
      readonly stack6: string | null;
    }
  | { readonly type: "refused"; readonly message: string };

/** Both ends of a connection. */
export interface Ends {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
}

/** To the shard. */
export type ToConnection =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "end" }
  | { readonly type: "abort" }
  /** So many received bytes were taken. */
  | { readonly type: "took"; readonly bytes: number };

/** From the shard. */
export type FromConnection =
  | { readonly type: "connected"; readonly ends: Ends }
  | { readonly type: "data"; readonly bytes: Uint8Array }
  /** So many bytes went into the send buffer, which has room again. */
  | { readonly type: "sent"; readonly bytes: number }
  | { readonly type: "ended" }
  | { readonly type: "closed"; readonly error: { readonly code: string; readonly message: string } | null };
