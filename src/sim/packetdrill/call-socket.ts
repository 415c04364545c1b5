/** The calls that make, name and end connections: socket, bind, listen, accept, connect, shutdown, close, fcntl. */
import { NetworkError } from "../../base/errors.ts";
import type { SystemCall } from "./ast.ts";
import {
  type Attempt,
  type CallContext,
  type CallOutcome,
  done,
  failed,
  newDescriptor,
  outcome,
  socketOf,
} from "./calls.ts";
import { constant } from "./constants.ts";
import { addressOf, complaintOf, nameOf, numberOf, Unsupported } from "./expression.ts";
import { optionContext } from "./option-context.ts";
import { PosixSocket } from "./posix-socket.ts";
import { adjustListener, settingsOf } from "./socket-options.ts";

/** The call's attempt; null: not one of these. */
export function socketCall(call: SystemCall, context: CallContext): Attempt | null {
  const handler = HANDLERS[call.name];
  return handler === undefined ? null : handler(call, context);
}

type Handler = (call: SystemCall, context: CallContext) => Attempt;

/** A call on the descriptor that is its first argument. */
const onSocket =
  (act: (socket: PosixSocket, call: SystemCall, context: CallContext) => CallOutcome | null): Handler =>
  (call, context) =>
  () => {
    const socket = socketOf(call.arguments[0], context);
    return socket === null ? failed("EBADF") : act(socket, call, context);
  };

const HANDLERS: Readonly<Record<string, Handler>> = {
  socket: (call, context) => () => socket(call, context),
  bind: onSocket(bind),
  listen: onSocket(listen),
  accept: onSocket(accept),
  accept4: onSocket(accept),
  connect: onSocket((found, call, context) => connectCall(found, call, context)),
  shutdown: onSocket(shutdown),
  close: (call, context) => close(call, context),
  fcntl: onSocket(fcntl),
  sockatmark: onSocket((found) => done(found.connection?.atMark === true ? 1 : 0)),
  getsockname: onSocket(() => done(0)),
  getpeername: onSocket((found) => (found.isAlive && found.isConnected ? done(0) : failed("ENOTCONN"))),
};

function socket(call: SystemCall, context: CallContext): CallOutcome {
  const type = numberOf(call.arguments[1], context.profile) ?? 1;
  if ((type & 0xf) !== 1) throw new Unsupported("a socket that is not SOCK_STREAM");
  const made = new PosixSocket(new Map(), context.closeWaitError);
  if ((type & constant("SOCK_NONBLOCK", context.profile)!) !== 0) made.nonBlocking = true;
  const fd = newDescriptor(call, context);
  context.descriptors.sockets.set(fd, made);
  return done(fd);
}

function bind(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  if (socket.boundPort !== null || socket.connection !== null) return failed("EINVAL");
  const { port, host } = addressOf(call.arguments[1], context.profile);
  socket.boundPort = port ?? context.network.bindPort;
  socket.boundHost = host === "0.0.0.0" || host === "::" ? null : host;
  context.underTest = socket;
  context.listening = null;
  // Before it listens or connects packets come from an ephemeral port of the peer.
  context.flows.open(socket.boundPort, nextRemotePort(context));
  return done(0);
}

function listen(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  const backlog = Math.max(0, numberOf(call.arguments[1], context.profile) ?? 128);
  if (socket.connection !== null) return failed("EINVAL");
  if (socket.listener !== null) return done(0);
  const { stack } = context.machine;
  const settings = settingsOf(socket.settings, optionContext(context));
  try {
    socket.listener = stack.listen(
      {
        host: socket.boundHost ?? (context.network.family === 6 ? "::" : "0.0.0.0"),
        port: socket.boundPort ?? 0,
        backlog,
        reuseAddr: socket.settings.get("SO_REUSEADDR") === 1,
        settings,
        ...fastOpenOf(socket),
      },
      {},
    );
  } catch (error) {
    return refused(error);
  }
  adjustListener(socket, optionContext(context));
  socket.boundPort = socket.listener.port;
  context.underTest = socket;
  context.listening = socket;
  return done(0);
}

/** TCP_FASTOPEN on a listener: how many connections may wait that a SYN alone opened. */
function fastOpenOf(socket: PosixSocket): { fastOpen?: number } {
  const most = socket.settings.get("TCP_FASTOPEN");
  return most === undefined ? {} : { fastOpen: most };
}

function accept(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome | null {
  const { listener } = socket;
  if (listener === null) return failed("EINVAL");
  const connection = listener.accept();
  if (connection === null) return outcome(null, socket.nonBlocking);
  const made = new PosixSocket(new Map(socket.settings), context.closeWaitError);
  const flags = call.name === "accept4" ? (numberOf(call.arguments[3], context.profile) ?? 0) : 0;
  // FreeBSD's accepted sockets inherit O_NONBLOCK, Linux's do not.
  const inherits = context.profile === "freebsd" && call.name === "accept" && socket.nonBlocking;
  made.nonBlocking = inherits || (flags & constant("SOCK_NONBLOCK", context.profile)!) !== 0;
  made.attach(connection, context.machine.stack);
  made.isConnected = true;
  const fd = newDescriptor(call, context);
  context.descriptors.sockets.set(fd, made);
  const flow = context.flows.find(connection.localPort, connection.remotePort);
  if (flow !== null && flow !== context.flows.current) context.flows.current = flow;
  context.underTest = made;
  return done(fd);
}

/** Where a connection goes. */
export function destinationOf(
  argument: SystemCall["arguments"][number] | undefined,
  context: CallContext,
): { host: string; port: number } {
  const { host, port } = addressOf(argument, context.profile);
  return { host: host ?? context.network.remote, port: port ?? context.network.connectPort };
}

/** Starts the handshake: null, or the errno that prevents it. */
export function open(
  socket: PosixSocket,
  to: { host: string; port: number },
  context: CallContext,
  fastOpen: Uint8Array | boolean = false,
): CallOutcome | null {
  const { stack } = context.machine;
  const settings = settingsOf(socket.settings, optionContext(context));
  try {
    const connection = stack.connect(
      { ...settings, ...to, localPort: socket.boundPort ?? 0, localAddress: context.network.local, fastOpen },
      {},
    );
    socket.error = null;
    socket.isOver = false;
    socket.isConnecting = true;
    socket.attach(connection, stack);
    context.flows.open(connection.localPort, to.port);
    context.underTest = socket;
    context.listening = null;
    return null;
  } catch (error) {
    return refused(error);
  }
}

function connectCall(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome | null {
  if (socket.listener !== null) return failed(context.profile === "linux" ? "EISCONN" : "EOPNOTSUPP");
  if (socket.isConnected) {
    const first = !socket.isConnectTold;
    socket.isConnectTold = true;
    // Linux tells the first who asks after a non-blocking connect.
    return first && (context.profile === "linux" || !socket.nonBlocking) ? done(0) : failed("EISCONN");
  }
  if (socket.connection === null) {
    const defers = socket.settings.get("TCP_FASTOPEN_CONNECT") === 1;
    const failure = open(socket, destinationOf(call.arguments[1], context), context, defers);
    if (failure !== null) return failure;
    // The SYN waits for the first write, and the application is told that it may write.
    if (socket.connection!.synRoom > 0) return done(0);
    context.machine.settle();
    if (socket.nonBlocking && socket.isConnecting) return failed("EINPROGRESS");
    return null;
  }
  const error = socket.takeError();
  if (error !== null) {
    socket.connection = null;
    return failed(error);
  }
  if (!socket.isConnecting) return failed("ECONNABORTED");
  return socket.nonBlocking ? failed("EALREADY") : null;
}

function shutdown(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome | null {
  const how = numberOf(call.arguments[1], context.profile) ?? 0;
  if (how < 0 || how > 2) return failed("EINVAL");
  if (socket.listener !== null && context.profile === "linux") {
    // It stops listening (inet_shutdown).
    if (how !== 1) socket.listener.close();
    return done(0);
  }
  return outcome(socket.shutdown(how !== 1, how !== 0), true);
}

/** Lingering close waits until all is acknowledged, or the time is over. */
function close(call: SystemCall, context: CallContext): Attempt {
  let closing: PosixSocket | null = null;
  return () => {
    if (closing !== null) return closing.isOver || lingerIsOver(closing) ? done(0) : null;
    const fd = numberOf(call.arguments[0], context.profile) ?? -1;
    if (context.descriptors.polls.delete(fd)) return done(0);
    const socket = context.descriptors.sockets.get(fd);
    if (socket === undefined) return failed("EBADF");
    context.descriptors.sockets.delete(fd);
    socket.close();
    context.machine.settle();
    if (context.listening === socket) context.listening = null;
    const lingers = (socket.settings.get("SO_LINGER") ?? -1) > 0 && !socket.nonBlocking;
    if (!lingers || socket.connection === null || socket.isOver) return done(0);
    closing = socket;
    return lingerIsOver(socket) ? done(0) : null;
  };
}

/** All that was sent is acknowledged, FIN included. */
function lingerIsOver(socket: PosixSocket): boolean {
  const tcb = socket.tcb;
  return tcb === null || tcb.slot < 0 || (tcb.finSent && tcb.snd.una === tcb.snd.nxt);
}

function fcntl(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  const command = nameOf(call.arguments[1]);
  const nonBlock = constant("O_NONBLOCK", context.profile)!;
  if (command === "F_SETFL") {
    socket.nonBlocking = ((numberOf(call.arguments[2], context.profile) ?? 0) & nonBlock) !== 0;
    return done(0);
  }
  if (command === "F_GETFL") {
    const flags = 2 | (socket.nonBlocking ? nonBlock : 0);
    return done(flags, complaintOf("flags", call.result, flags, context.profile));
  }
  if (command === "F_GETFD" || command === "F_SETFD") return done(0);
  throw new Unsupported(`fcntl ${command}`);
}

function refused(error: unknown): CallOutcome {
  if (error instanceof NetworkError) return failed(error.code);
  throw error;
}

/** The peer's next port (RFC 6335's dynamic ones). */
export function nextRemotePort(context: CallContext): number {
  return 49_152 + context.flows.all.length;
}
