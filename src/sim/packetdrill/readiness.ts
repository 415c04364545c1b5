/** What `poll` and `epoll` report of a socket (tcp_poll of Linux, sopoll of FreeBSD). */
import { unsent } from "../../tcp/send-policy.ts";
import { constant } from "./constants.ts";
import type { PosixSocket } from "./posix-socket.ts";
import type { Profile } from "./verdict.ts";

/** The events of `socket` at this moment, whether they were asked for or not. */
export function readiness(socket: PosixSocket, profile: Profile): number {
  const bit = (name: string): number => constant(name, profile)!;
  let events = 0;
  if (socket.listener !== null) {
    return socket.listener.acceptQueue.length > 0 ? bit("POLLIN") | bit("POLLRDNORM") : 0;
  }
  const writable = bit("POLLOUT") | bit("POLLWRNORM") | bit("POLLWRBAND");
  const readable = bit("POLLIN") | bit("POLLRDNORM");
  const { connection } = socket;
  if (connection === null) return bit("POLLOUT") | bit("POLLHUP");
  if (connection.synRoom > 0) return writable;
  if (socket.pendingError() !== null) events |= bit("POLLERR");
  if (socket.tcb?.urgent?.isHere === true) events |= bit("POLLPRI");
  const isOver = socket.isOver || connection.error !== null;
  if (isOver || (socket.writeShut && socket.isEnded)) events |= bit("POLLHUP");
  if (socket.isEnded) events |= readable | bit("POLLRDHUP");
  if (socket.isConnecting) return events;
  const { tcb } = socket;
  // The urgent byte, out of band, is not for `read`.
  const apart = tcb !== null && !tcb.oobInline && connection.atMark ? 1 : 0;
  if (connection.receiveQueue > apart) events |= readable;
  if (socket.writeShut || isOver || isWritable(socket, profile)) events |= writable;
  return events;
}

/** Linux reports room once what was not sent is below half of TCP_NOTSENT_LOWAT (tcp_stream_memory_free with `wake`). */
function isWritable({ room, tcb }: PosixSocket, profile: Profile): boolean {
  if (room === 0 || tcb === null || profile !== "linux") return room > 0;
  return 2 * unsent(tcb) < tcb.notSentLowat;
}

/** Events that are reported without being asked for. */
export function unaskedEvents(profile: Profile): number {
  return constant("POLLERR", profile)! | constant("POLLHUP", profile)!;
}
