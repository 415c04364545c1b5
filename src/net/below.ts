/** What is below a net.Socket or net.Server, with all that Node has no name for: tcp_info, settings, queues. */
import type { Connection } from "../stack/connection.ts";
import type { Listener } from "../stack/listener.ts";
import { ServerHandle } from "./server-handle.ts";
import { TcpHandle } from "./tcp-handle.ts";

/**
 * The raw connection of a socket (or of a TLS socket): `info()`, `set()` with keepalive interval and count, user
 * timeout, linger, TOS, `setCongestion()`, `state`. Null before it connects, after it is closed, and for the kernel's.
 */
export function connectionOf(socket: object): Connection | null {
  const handle = (socket as { _handle?: { _parent?: object } | null })._handle;
  const ours = handle instanceof TcpHandle ? handle : handle?._parent;
  return ours instanceof TcpHandle ? ours.link.connection : null;
}

/** The raw listener of a server: `stats()` (queues, drops, cookies). Null when it does not listen on a stack alone. */
export function listenerOf(server: object): Listener | null {
  const handle = (server as { _handle?: object | null })._handle;
  return handle instanceof ServerHandle ? handle.listener : null;
}
