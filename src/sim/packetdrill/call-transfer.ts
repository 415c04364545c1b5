/** The calls that move bytes: read, write and their kin. */
import { FAST_OPEN_CLIENT } from "../../tcp/fast-open-config.ts";
import type { Expression, SystemCall } from "./ast.ts";
import { destinationOf, open } from "./call-socket.ts";
import {
  type Attempt,
  type CallContext,
  type CallOutcome,
  done,
  failed,
  outcome,
  socketOf,
} from "./calls.ts";
import { constant } from "./constants.ts";
import { complaintOf, fieldOf, nameOf, numberOf, Unsupported } from "./expression.ts";
import type { PosixSocket } from "./posix-socket.ts";

/** The call's attempt; null: not one of these. */
export function transferCall(call: SystemCall, context: CallContext): Attempt | null {
  const { name } = call;
  const argument = (i: number): number => numberOf(call.arguments[i], context.profile) ?? 0;
  switch (name) {
    case "read":
      return receiving(call, context, argument(2), 0);
    case "readv":
      return receiving(call, context, vectorLength(call.arguments[1], context), 0);
    case "recv":
    case "recvfrom":
      return receiving(call, context, argument(2), argument(3));
    case "recvmsg":
      return withControl(
        receiving(call, context, messageLength(call.arguments[1], context), argument(2)),
        call,
        context,
      );
    case "write":
      return sending(call, context, argument(2), 0, undefined);
    case "writev":
      return sending(call, context, vectorLength(call.arguments[1], context), 0, undefined);
    case "send":
      return sending(call, context, argument(2), argument(3), undefined);
    case "sendto":
      return sending(call, context, argument(2), argument(3), call.arguments[4]);
    case "sendmsg": {
      const to = fieldOf(call.arguments[1], "msg_name");
      return sending(call, context, messageLength(call.arguments[1], context), argument(2), to);
    }
    default:
      return null;
  }
}

function receiving(call: SystemCall, context: CallContext, most: number, flags: number): Attempt {
  const has = (name: string): boolean => (flags & constant(name, context.profile)!) !== 0;
  return () => {
    const socket = socketOf(call.arguments[0], context);
    if (socket === null) return failed("EBADF");
    if (socket.listener !== null) return failed("ENOTCONN");
    if (has("MSG_ERRQUEUE")) throw new Unsupported("MSG_ERRQUEUE");
    if (has("MSG_OOB")) return outcome(socket.receiveUrgent(has("MSG_PEEK")), true);
    if (most > 0 && isBadBuffer(call) && (socket.connection?.receiveQueue ?? 0) > 0) return failed("EFAULT");
    const got = socket.receive(most, has("MSG_PEEK"), has("MSG_WAITALL"));
    return outcome(got, socket.nonBlocking || has("MSG_DONTWAIT"));
  };
}

/** recvmsg with control messages: TCP_CM_INQ is looked at, what is left to read; 1 behind a FIN (Linux: tcp_inq_hint). */
function withControl(attempt: Attempt, call: SystemCall, context: CallContext): Attempt {
  const control = fieldOf(call.arguments[1], "msg_control");
  if (control?.kind !== "array") return attempt;
  return () => {
    const got = attempt();
    const socket = socketOf(call.arguments[0], context);
    if (got === null || got.error !== null || socket === null) return got;
    let complaint = got.complaint;
    for (const message of control.items) {
      if (nameOf(fieldOf(message, "cmsg_type")) !== "TCP_CM_INQ") throw new Unsupported("a control message");
      if (socket.settings.get("TCP_INQ") !== 1) return { ...got, complaint: "TCP_CM_INQ: not asked for" };
      const left = socket.connection?.receiveQueue ?? 0;
      const hint = left === 0 && socket.isEnded ? 1 : left;
      complaint ??= complaintOf("TCP_CM_INQ", fieldOf(message, "cmsg_data"), hint, context.profile);
    }
    return { ...got, complaint };
  };
}

/** A buffer that is given as NULL or as a number is nobody's memory. */
function isBadBuffer(call: SystemCall): boolean {
  const buffer = call.arguments[1];
  return buffer?.kind === "integer" || (buffer?.kind === "symbol" && buffer.name === "NULL");
}

function sending(
  call: SystemCall,
  context: CallContext,
  count: number,
  flags: number,
  to: Expression | undefined,
): Attempt {
  const has = (name: string): boolean => (flags & constant(name, context.profile)!) !== 0;
  let left = count;
  let isOpened = false;
  let isQueued = false;
  return () => {
    const socket = socketOf(call.arguments[0], context);
    if (socket === null) return failed("EBADF");
    if (socket.listener !== null) return failed("EPIPE");
    const nonBlocking = socket.nonBlocking || has("MSG_DONTWAIT");
    if (socket.connection === null && !isOpened) {
      const opened = openBySending(socket, context, count, has("MSG_FASTOPEN"), to, nonBlocking);
      if (opened !== null) return opened;
      isOpened = true;
    }
    if (count > 0 && isBadBuffer(call)) return failed("EFAULT");
    const { connection } = socket;
    if (connection !== null && connection.synRoom > 0) return sendWithSyn(socket, count, nonBlocking);
    if (context.profile === "linux") {
      if (has("MSG_FASTOPEN") && !isOpened) {
        // It is a connect, too: the first behind the handshake tells of its success.
        if (socket.isConnecting) return failed("EALREADY");
        if (socket.isConnectTold) return failed("EISCONN");
        socket.isConnectTold = true;
      }
      if (socket.isConnecting) {
        // sk_write_pending: who waits for the connection has its text leave with the ACK of the SYN-ACK.
        const queued = nonBlocking || isQueued ? 0 : socket.transmit(left, has("MSG_OOB"), has("MSG_MORE"));
        if (typeof queued === "number") left -= queued;
        isQueued = true;
        return outcome(null, nonBlocking);
      }
    }
    const sent = socket.transmit(left, has("MSG_OOB"), has("MSG_MORE"));
    if (typeof sent === "string") return left < count && !isQueued ? done(count - left) : failed(sent);
    if (sent === null && left === count) return outcome(null, nonBlocking);
    left -= sent ?? 0;
    return left === 0 || nonBlocking ? done(count - left) : null;
  };
}

/** The SYN was waiting for this: as much as it has room for leaves with it. */
function sendWithSyn(socket: PosixSocket, count: number, nonBlocking: boolean): CallOutcome {
  const { connection } = socket;
  const length = nonBlocking ? Math.min(count, connection!.synRoom) : count;
  connection!.send(new Uint8Array(length));
  return done(length);
}

/** A first write that opens the connection: Linux's MSG_FASTOPEN, 4.4BSD's implied connect. Null: go on writing. */
function openBySending(
  socket: PosixSocket,
  context: CallContext,
  count: number,
  fastOpen: boolean,
  to: Expression | undefined,
  nonBlocking: boolean,
): CallOutcome | null {
  const linux = context.profile === "linux";
  if (to === undefined || (linux && !fastOpen)) return failed(linux ? "EPIPE" : "ENOTCONN");
  const allows = (context.machine.stack.config.fastOpen & FAST_OPEN_CLIENT) !== 0;
  if (linux && !allows) return failed("EOPNOTSUPP");
  const asks = linux || socket.settings.get("TCP_FASTOPEN") === 1;
  // Without text the SYN can't wait for any; BSD queues all of it behind the handshake.
  const text = linux ? (count === 0 ? new Uint8Array(0) : true) : new Uint8Array(Math.min(count, SEND_SPACE));
  const failure = open(socket, destinationOf(to, context), context, asks ? text : false);
  if (failure !== null) return failure;
  context.machine.settle();
  if (!linux) return asks ? done(count) : null;
  if (socket.connection!.synRoom > 0) return null;
  return nonBlocking && socket.isConnecting ? failed("EINPROGRESS") : null;
}

/** More than any script writes at once. */
const SEND_SPACE = 1 << 20;

/** The bytes that an iovec array holds: `[{..., 1000}, {..., 400}]`. */
function vectorLength(expression: Expression | undefined, context: CallContext): number {
  if (expression === undefined || expression.kind === "ellipsis") return 0;
  if (expression.kind !== "array") throw new Unsupported(`an iovec that is a ${expression.kind}`);
  let total = 0;
  for (const item of expression.items) {
    if (item.kind !== "struct") throw new Unsupported(`an iovec entry that is a ${item.kind}`);
    const length = fieldOf(item, "iov_len") ?? item.fields[1]?.value;
    total += numberOf(length, context.profile) ?? 0;
  }
  return total;
}

function messageLength(expression: Expression | undefined, context: CallContext): number {
  return vectorLength(fieldOf(expression, "msg_iov"), context);
}
