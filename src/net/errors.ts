/**
 * The errors of node:net, as programs know them: the `ERR_*` codes of a programmer's mistake in Node's own words, and
 * the outcomes of the network as system errors (`read ECONNRESET`). It knows no socket.
 */
import { inspect } from "node:util";
import { ERRNO, type ErrorCode, NetworkError, type Syscall } from "../base/errors.ts";

/** `TypeError [CODE]: message`. */
export class NodeTypeError extends TypeError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }

  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

/** `RangeError [CODE]: message`. */
export class NodeRangeError extends RangeError {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }

  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

/** `Error [CODE]: message`. */
export class NodeError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }

  override toString(): string {
    return `${this.name} [${this.code}]: ${this.message}`;
  }
}

/** The socket was destroyed, or never connected, when it was used. */
export function socketClosed(): NodeError {
  return new NodeError("ERR_SOCKET_CLOSED", "Socket is closed");
}

/** A write waited for a connection that never came. */
export function closedBeforeConnection(): NodeError {
  return new NodeError(
    "ERR_SOCKET_CLOSED_BEFORE_CONNECTION",
    "Socket closed before the connection was established",
  );
}

/** `server.listen` on a server that listens. */
export function alreadyListening(): NodeError {
  return new NodeError(
    "ERR_SERVER_ALREADY_LISTEN",
    "Listen method has been called more than once without closing.",
  );
}

/** `server.close` on a server that does not listen. */
export function notRunning(): NodeError {
  return new NodeError("ERR_SERVER_NOT_RUNNING", "Server is not running.");
}

/** An argument of the wrong type; `takes` in Node's words (`of type number`, `an instance of AbortSignal`). */
export function invalidType(name: string, takes: string, got: unknown): NodeTypeError {
  return new NodeTypeError(
    "ERR_INVALID_ARG_TYPE",
    `The ${subject(name)} must be ${takes}. Received ${received(got)}`,
  );
}

/** An argument of the right type with a value that cannot be; `why` in Node's words (`must be one of: 0, 4, 6`). */
export function invalidValue(name: string, got: unknown, why = "is invalid"): NodeTypeError {
  const what = name.includes(".") ? `property '${name}'` : `argument '${name}'`;
  return new NodeTypeError("ERR_INVALID_ARG_VALUE", `The ${what} ${why}. Received ${inspect(got)}`);
}

/** A port that is not one. */
export function badPort(name: string, got: unknown): NodeRangeError {
  return new NodeRangeError(
    "ERR_SOCKET_BAD_PORT",
    `${name} should be >= 0 and < 65536. Received ${received(got)}.`,
  );
}

/** A number outside its range. */
export function outOfRange(name: string, range: string, got: unknown): NodeRangeError {
  return new NodeRangeError(
    "ERR_OUT_OF_RANGE",
    `The value of "${name}" is out of range. It must be ${range}. Received ${inspect(got)}`,
  );
}

/** Neither a port nor a path. */
export function missingPort(): NodeTypeError {
  return new NodeTypeError(
    "ERR_MISSING_ARGS",
    'The "options" or "port" or "path" argument must be specified',
  );
}

/** `localAddress` is no IP address. */
export function invalidAddress(address: unknown): NodeTypeError {
  return new NodeTypeError("ERR_INVALID_IP_ADDRESS", `Invalid IP address: ${String(address)}`);
}

/** A look-up answered with neither IPv4 nor IPv6. */
export function invalidFamily(family: unknown, host: string, port: number): NodeRangeError {
  const error = new NodeRangeError(
    "ERR_INVALID_ADDRESS_FAMILY",
    `Invalid address family: ${String(family)} ${host}:${port}`,
  );
  return Object.assign(error, { host, port });
}

/** What node:net does and a TCP stack cannot: local sockets, file descriptors, other people's handles. */
export function notSupported(what: string): NodeTypeError {
  return new NodeTypeError(
    "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM",
    `${what} is not supported by usertcp: use a host and a port, or node:net`,
  );
}

/** A failed read or write: Node names no address there, and its class is Error itself. */
export function streamError(code: ErrorCode, syscall: Syscall): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { errno: -ERRNO[code], code, syscall });
}

/** A server could not listen; `status` is a negative errno. */
export function listenError(status: number, address: string, port: number): NetworkError {
  const code = (Object.keys(ERRNO) as ErrorCode[]).find((name) => ERRNO[name] === -status) ?? "EINVAL";
  return new NetworkError(code, "listen", address, port);
}

/** The other side has sent FIN and the socket is not half-open: Node's words differ from the system's EPIPE. */
export function endedByPeer(): NodeError {
  return new NodeError("EPIPE", "This socket has been ended by the other party");
}

/** A connection attempt that failed, with the local side where the caller chose one, as Node prints it. */
export function connectError(
  code: ErrorCode,
  address: string,
  port: number,
  localAddress: string | undefined,
  localPort: number | undefined,
): NetworkError {
  const error = new NetworkError(code, "connect", address, port);
  if (localAddress && localPort) {
    error.message += ` - Local (${localAddress}:${localPort})`;
    Object.assign(error, { localAddress, localPort });
  }
  return error;
}

/** Several addresses of one name, each failed: Node's AggregateError, with the first one's code. */
export function attemptsFailed(errors: readonly Error[]): Error {
  if (errors.length === 1) return errors[0]!;
  const first = errors[0] as NodeJS.ErrnoException | undefined;
  return Object.assign(new AggregateError(errors), { code: first?.code });
}

function subject(name: string): string {
  return name.includes(".") ? `"${name}" property` : `"${name}" argument`;
}

function received(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "function") return `function ${value.name}`;
  if (typeof value === "object") {
    const name = value.constructor?.name;
    return name ? `an instance of ${name}` : inspect(value, { depth: -1 });
  }
  let shown = inspect(value, { colors: false });
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
  return `type ${typeof value} (${shown})`;
}
