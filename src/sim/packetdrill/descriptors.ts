/** File descriptors of a script. Their numbers are the script's: what a call returns is registered under what it says. */
import type { PosixSocket } from "./posix-socket.ts";

/** One descriptor watched by an epoll instance. */
export interface Watch {
  events: number;
  data: number;
  /** `PosixSocket.news` when it was last reported, for EPOLLET. */
  seen: number;
  isDisabled: boolean;
}

/** The table. */
export class Descriptors {
  readonly sockets: Map<number, PosixSocket> = new Map();
  readonly polls: Map<number, Map<number, Watch>> = new Map();

  lowest(): number {
    let fd = 3;
    while (this.sockets.has(fd) || this.polls.has(fd)) fd++;
    return fd;
  }
}
