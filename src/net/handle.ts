/** What is above and below a handle: requests and sockets of Node's, and where a connection goes. No code. */
import type { NetStack } from "./arguments.ts";

/** As `getsockname` fills it. */
export interface Name {
  address?: string;
  family?: string;
  port?: number;
}

/** A request of Node's: told once how it ended. */
export interface ConnectRequest {
  oncomplete?: (
    status: number,
    handle: unknown,
    request: ConnectRequest,
    readable: boolean,
    writable: boolean,
  ) => void;
}

/** The net.Socket above, as far as a handle looks at it. */
export interface HandleSocket {
  readonly connecting: boolean;
  _handle: unknown;
  readonly readableFlowing: boolean | null;
  readonly readableLength: number;
  listenerCount(event: "data"): number;
  push(bytes: Buffer | null): boolean;
  read(size: number): unknown;
  destroy(error?: Error): unknown;
  _unrefTimer(): void;
}

/** What may be between a handle and the stack: addresses that are the kernel's. */
export interface Router {
  readonly stack: NetStack;
  /** Whether the stack carries connections to `address`. */
  connects(address: string): boolean;
}
