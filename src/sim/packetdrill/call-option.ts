/** setsockopt, getsockopt and ioctl. */
import type { Expression, SystemCall } from "./ast.ts";
import { type Attempt, type CallContext, type CallOutcome, done, failed, socketOf } from "./calls.ts";
import { complaintOf, fieldOf, nameOf, numberOf, Unsupported } from "./expression.ts";
import { infoOf } from "./inspect-info.ts";
import { optionContext } from "./option-context.ts";
import type { PosixSocket } from "./posix-socket.ts";
import { getOption, isOption, setOption } from "./socket-options.ts";

/** The call's attempt; null: not one of these. */
export function optionCall(call: SystemCall, context: CallContext): Attempt | null {
  const act = CALLS[call.name];
  if (act === undefined) return null;
  return () => {
    const socket = socketOf(call.arguments[0], context);
    return socket === null ? failed("EBADF") : act(socket, call, context);
  };
}

type Act = (socket: PosixSocket, call: SystemCall, context: CallContext) => CallOutcome;

const CALLS: Readonly<Record<string, Act>> = { setsockopt, getsockopt, ioctl };

function setsockopt(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  const name = nameOf(call.arguments[2]);
  const value = call.arguments[3];
  if (name === "TCP_CONGESTION") return setCongestion(socket, value);
  if (!isOption(name)) throw new Unsupported(`the option ${name}`);
  const length = numberOf(call.arguments[4], context.profile);
  if (length !== null && length < INT_SIZE && !BYTE_OPTIONS.has(name)) return failed("EINVAL");
  const error = setOption(socket, name, optionValue(name, value, context), optionContext(context));
  context.machine.settle();
  return error === null ? done(0) : failed(error);
}

/** An option's value is an int at least, but for some of IP's. */
const INT_SIZE = 4;
const BYTE_OPTIONS: ReadonlySet<string> = new Set(["IP_TOS", "IP_TTL"]);

/** The number in `[1]`, or what a structure stands for: SO_LINGER's time, -1 for off. */
function optionValue(name: string, expression: Expression | undefined, context: CallContext): number {
  const inner =
    expression?.kind === "array" && expression.items.length === 1 ? expression.items[0] : expression;
  if (inner?.kind !== "struct") return numberOf(expression, context.profile) ?? 0;
  if (name === "SO_LINGER") {
    const on = numberOf(fieldOf(inner, "onoff", "l_onoff") ?? inner.fields[0]?.value, context.profile) ?? 0;
    const time =
      numberOf(fieldOf(inner, "linger", "l_linger") ?? inner.fields[1]?.value, context.profile) ?? 0;
    return on === 0 ? -1 : time;
  }
  if (name === "TCP_FASTOPEN") {
    return numberOf(fieldOf(inner, "enable") ?? inner.fields[0]?.value, context.profile) ?? 0;
  }
  throw new Unsupported(`the option ${name} with a structure`);
}

function setCongestion(socket: PosixSocket, value: Expression | undefined): CallOutcome {
  const text = value?.kind === "string" ? value.value : "";
  const name = text === "reno" ? "newreno" : text;
  try {
    socket.connection?.setCongestion(name as never);
  } catch {
    return failed("ENOENT");
  }
  return done(0);
}

function getsockopt(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  const name = nameOf(call.arguments[2]);
  const expected = call.arguments[3];
  if (name === "SO_ERROR") return socketError(socket, expected);
  if (name === "TCP_INFO") return tcpInfo(socket, expected, context);
  if (name === "SO_TYPE") return done(0, complaintOf(name, expected, 1, context.profile));
  if (name === "SO_ACCEPTCONN") {
    return done(0, complaintOf(name, expected, socket.listener === null ? 0 : 1, context.profile));
  }
  if (name === "TCP_CONGESTION") return congestionName(socket, expected, context);
  if (name === "SO_LINGER" && expected?.kind === "struct") return linger(socket, expected, context);
  if (!isOption(name)) throw new Unsupported(`the option ${name}`);
  const value = getOption(socket, name, optionContext(context));
  return done(0, complaintOf(name, expected, value, context.profile));
}

function socketError(socket: PosixSocket, expected: Expression | undefined): CallOutcome {
  const error = socket.takeError();
  const wanted = expected?.kind === "array" ? expected.items[0] : expected;
  if (wanted === undefined || wanted.kind === "ellipsis") return done(0);
  const text =
    wanted.kind === "symbol" ? wanted.name : wanted.kind === "integer" && wanted.value === 0 ? "0" : null;
  if (text === null) throw new Unsupported("SO_ERROR by number");
  const seen = error ?? "0";
  return done(0, seen === text ? null : `SO_ERROR: expected ${text}, got ${seen}`);
}

function congestionName(
  socket: PosixSocket,
  expected: Expression | undefined,
  context: CallContext,
): CallOutcome {
  const name = socket.tcb?.congestion.name ?? context.machine.stack.config.congestion;
  const seen = name === "newreno" && context.profile === "linux" ? "reno" : name;
  if (expected?.kind !== "string") return done(0);
  return done(0, expected.value === seen ? null : `TCP_CONGESTION: expected ${expected.value}, got ${seen}`);
}

function linger(socket: PosixSocket, expected: Expression, context: CallContext): CallOutcome {
  const value = socket.settings.get("SO_LINGER") ?? -1;
  const on = fieldOf(expected, "onoff", "l_onoff");
  const time = fieldOf(expected, "linger", "l_linger");
  const complaint =
    complaintOf("l_onoff", on, value < 0 ? 0 : 1, context.profile) ??
    complaintOf("l_linger", time, Math.max(0, value), context.profile);
  return done(0, complaint);
}

/** Fields of struct tcp_info that the script names, against what they are. */
function tcpInfo(socket: PosixSocket, expected: Expression | undefined, context: CallContext): CallOutcome {
  if (expected?.kind !== "struct") return done(0);
  const info = infoOf(socket.tcb, context);
  for (const field of expected.fields) {
    if (field.name === null) continue;
    const value = info(field.name);
    if (typeof value !== "number") throw new Unsupported(`${field.name} of TCP_INFO`);
    const complaint = complaintOf(field.name, field.value, value, context.profile);
    if (complaint !== null) return done(0, complaint);
  }
  return done(0);
}

function ioctl(socket: PosixSocket, call: SystemCall, context: CallContext): CallOutcome {
  const request = nameOf(call.arguments[1]);
  const expected = call.arguments[2];
  const answer = (value: number): CallOutcome =>
    done(0, complaintOf(request, expected, value, context.profile));
  const tcb = socket.tcb;
  switch (request) {
    case "SIOCINQ":
    case "FIONREAD":
    case "TIOCINQ":
      if (socket.listener !== null) return failed("EINVAL");
      return answer(socket.connection?.receiveQueue ?? 0);
    case "SIOCOUTQ":
    case "FIONWRITE":
    case "TIOCOUTQ":
      if (socket.listener !== null) return failed("EINVAL");
      return answer(tcb === null || tcb.slot < 0 ? 0 : tcb.queuedToSend + (tcb.finQueued ? 1 : 0));
    case "SIOCATMARK":
      return answer(socket.connection?.atMark === true ? 1 : 0);
    case "SIOCOUTQNSD":
      return answer(tcb === null ? 0 : (infoOf(tcb, context)("tcpi_notsent_bytes") as number));
    case "FIONSPACE":
      return answer(socket.room);
    case "FIONBIO":
      socket.nonBlocking = (numberOf(expected, context.profile) ?? 0) !== 0;
      return done(0);
    default:
      throw new Unsupported(`ioctl ${request}`);
  }
}
