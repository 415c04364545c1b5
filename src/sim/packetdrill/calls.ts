/**
 * System calls of a script: each becomes an attempt, which gives the call's outcome or says that the call would block. The
 * table of descriptors is here; what a socket can do is `posix-socket.ts`'s.
 */
import type { Expression, SystemCall } from "./ast.ts";
import { optionCall } from "./call-option.ts";
import { pollCall } from "./call-poll.ts";
import { socketCall } from "./call-socket.ts";
import { transferCall } from "./call-transfer.ts";
import { Descriptors } from "./descriptors.ts";
import { numberOf, Unsupported } from "./expression.ts";
import type { Flows } from "./flow.ts";
import type { Machine } from "./machine.ts";
import type { Network } from "./network.ts";
import type { ErrnoName, PosixSocket } from "./posix-socket.ts";
import type { Profile } from "./verdict.ts";

/** What a call gave: a result or an errno, and what of its other outputs is not as the script says. */
export interface CallOutcome {
  readonly result: number;
  readonly error: ErrnoName | null;
  readonly complaint: string | null;
}

/** Tries the call (again); null: it would block. */
export type Attempt = () => CallOutcome | null;

/** What calls act upon. */
export interface CallContext {
  readonly machine: Machine;
  readonly network: Network;
  readonly flows: Flows;
  readonly profile: Profile;
  readonly descriptors: Descriptors;
  /** The socket that the script deals with: the last one bound, listening, connected or accepted. */
  underTest: PosixSocket | null;
  /** The listener that the next inbound packet opens a flow to. */
  listening: PosixSocket | null;
  /** New sockets' errno for a reset in CLOSE-WAIT. */
  readonly closeWaitError: ErrnoName;
}

/** A context for a new run. */
export function callContext(machine: Machine, network: Network, flows: Flows, profile: Profile): CallContext {
  return {
    machine,
    network,
    flows,
    profile,
    descriptors: new Descriptors(),
    underTest: null,
    listening: null,
    closeWaitError: profile === "linux" ? "EPIPE" : "ECONNRESET",
  };
}

/** The call as an attempt. Throws `Unsupported` for one that we don't have. */
export function startCall(call: SystemCall, context: CallContext): Attempt {
  const attempt =
    socketCall(call, context) ??
    transferCall(call, context) ??
    optionCall(call, context) ??
    pollCall(call, context);
  if (attempt === null) throw new Unsupported(`the call ${call.name}()`);
  return attempt;
}

/** A call that is over at once. */
export function done(result: number, complaint: string | null = null): CallOutcome {
  return { result, error: null, complaint };
}

/** A call that failed. */
export function failed(error: ErrnoName): CallOutcome {
  return { result: -1, error, complaint: null };
}

/** An outcome of a socket's operation as that of a call. */
export function outcome(of: number | ErrnoName | null, nonBlocking: boolean): CallOutcome | null {
  if (of === null) return nonBlocking ? failed("EAGAIN") : null;
  return typeof of === "number" ? done(of) : failed(of);
}

/** The socket that an argument names; an errno's outcome when there is none. */
export function socketOf(argument: Expression | undefined, context: CallContext): PosixSocket | null {
  const fd = numberOf(argument, context.profile);
  return fd === null ? null : (context.descriptors.sockets.get(fd) ?? null);
}

/** The descriptor that the script gives to what a call makes. */
export function newDescriptor(call: SystemCall, context: CallContext): number {
  const wanted = numberOf(call.result, context.profile);
  return wanted !== null && wanted >= 0 ? wanted : context.descriptors.lowest();
}
