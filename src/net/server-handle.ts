/**
 * A listener of the stack under the real net.Server: the methods of libuv's TCP handle that a server calls. What the
 * connections become is tcp-handle.ts.
 */
import { ERRNO, NetworkError } from "../base/errors.ts";
import type { Connection } from "../stack/connection.ts";
import type { ListenerHandler } from "../stack/events.ts";
import type { Listener } from "../stack/listener.ts";
import { whenClosed } from "./closing.ts";
import type { Name, Router } from "./handle.ts";
import { Liveness } from "./liveness.ts";
import { TcpHandle } from "./tcp-handle.ts";

/** Where to listen, as `net.Server` says it. */
export interface Place {
  /** Null: every address of both families. */
  readonly address: string | null;
  readonly port: number;
  readonly ipv6Only: boolean;
}

/** Listens once `listen` is called. */
export class ServerHandle implements ListenerHandler {
  /** Told of each connection; Node sets it. */
  onconnection: ((error: number, handle: TcpHandle) => void) | undefined;
  /** Null before `listen` and after `close`. */
  listener: Listener | null = null;
  private readonly router: Router;
  private readonly place: Place;
  private readonly liveness: Liveness = new Liveness();
  private isDual = false;

  constructor(router: Router, place: Place) {
    this.router = router;
    this.place = place;
  }

  listen(backlog: number): number {
    const { address, port, ipv6Only } = this.place;
    const options = { port, backlog, reuseAddr: true, ...(ipv6Only ? { ipv6Only } : {}) };
    try {
      const { stack } = this.router;
      this.listener = stack.listen(address === null ? options : { ...options, host: address }, this);
    } catch (error) {
      return error instanceof NetworkError ? error.errno : -ERRNO.EINVAL;
    }
    // On "::" IPv4 addresses show as IPv6 (RFC 4291 2.5.5.2).
    this.isDual = this.listener.address === "::" && !ipv6Only;
    this.liveness.setActive(true);
    return 0;
  }

  getsockname(out: Name): number {
    const { listener } = this;
    if (listener === null) return -ERRNO.EBADF;
    out.address = listener.address;
    out.family = listener.address.includes(":") ? "IPv6" : "IPv4";
    out.port = listener.port;
    return 0;
  }

  close(callback?: () => void): void {
    this.liveness.setActive(false);
    const { listener } = this;
    this.listener = null;
    listener?.close();
    if (callback !== undefined) whenClosed(callback);
  }

  ref(): void {
    this.liveness.ref();
  }

  unref(): void {
    this.liveness.unref();
  }

  hasRef(): boolean {
    return this.liveness.hasRef;
  }

  /** Nothing comes any more: a server on a stack that is closed keeps no process alive. */
  onClose(): void {
    this.liveness.setActive(false);
  }

  onConnection(connection: Connection): void {
    const handle = new TcpHandle(this.router, connection, this.isDual && connection.family === 4);
    this.onconnection!(0, handle);
  }
}
