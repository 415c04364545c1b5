/** What is below a net.Socket or net.Server, with all that Node has no name for: tcp_info, settings, queues. */
import type { Connection } from "../stack/connection.ts";
import type { Listener } from "../stack/listener.ts";
import type { Link } from "./link.ts";
import { ServerHandle } from "./server-handle.ts";
import { TcpHandle } from "./tcp-handle.ts";

/** Sockets and servers, as far as one can look through them. */
interface Seen {
  _handle?: { _parent?: object } | null;
  /** On stream.Duplex. */
  _tcpLink?: Link;
  _tcpAttempt?: { connection: Connection | null } | null;
  _tcpListener?: Listener | null;
  destroyed?: boolean;
}

/** Servers that listen on a stack as well, by the kernel's handle. */
const besides = new WeakMap<object, ServerHandle>();

/**
 * The raw connection of a socket (or of a TLS socket): `info()`, `set()` with keepalive interval and count, user
 * timeout, linger, TOS, `setCongestion()`, `state`. Null before it connects, after it is closed, and for the kernel's.
 */
export function connectionOf(socket: object): Connection | null {
  const ours = handleOf(socket);
  if (ours !== null) return ours.connection;
  const { _tcpLink, _tcpAttempt, destroyed } = socket as Seen;
  if (_tcpLink === undefined || destroyed === true) return null;
  return _tcpLink.connection ?? _tcpAttempt?.connection ?? null;
}

/** Whether the socket has a connection that is not a stack's, or a pipe. */
export function isForeign(socket: object): boolean {
  return (socket as Seen)._handle != null && handleOf(socket) === null;
}

/** Our handle under a socket or a TLS socket. */
export function handleOf(socket: object): TcpHandle | null {
  const handle = (socket as Seen)._handle;
  const ours = handle instanceof TcpHandle ? handle : handle?._parent;
  return ours instanceof TcpHandle ? ours : null;
}

/**
 * The raw listener of a server: `stats()` (queues, drops, cookies). Null when no stack has one: before `listen`, after
 * `close`, and for the kernel's. Of a server on both, that of the stack.
 */
export function listenerOf(server: object): Listener | null {
  const handle = (server as Seen)._handle;
  if (handle instanceof ServerHandle) return handle.listener;
  const { _tcpListener } = server as Seen;
  if (_tcpListener !== undefined) return _tcpListener;
  return (handle != null && besides.get(handle)?.listener) || null;
}

/** A server of the kernel's listens on a stack as well. */
export function listensBeside(kernel: object, ours: ServerHandle): void {
  besides.set(kernel, ours);
}
