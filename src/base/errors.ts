/**
 * Network outcomes as errors: Node's codes with the errno numbers of Linux (errno(3)), formatted as Node
 * formats them (`connect ECONNREFUSED 10.77.0.9:81`), so that programs that look at `err.code` carry over.
 */

/** errno numbers of Linux, by Node's code. */
export const ERRNO = {
  EPERM: 1,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  EACCES: 13,
  EINVAL: 22,
  EMFILE: 24,
  EPIPE: 32,
  ENONET: 64,
  EPROTO: 71,
  EMSGSIZE: 90,
  ENOPROTOOPT: 92,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENETRESET: 102,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  EISCONN: 106,
  ENOTCONN: 107,
  ESHUTDOWN: 108,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTDOWN: 112,
  EHOSTUNREACH: 113,
  EALREADY: 114,
  EINPROGRESS: 115,
} as const;

/** A code in `ERRNO`. */
export type ErrorCode = keyof typeof ERRNO;

/** The user call an error belongs to, as Node names it. */
export type Syscall = "connect" | "listen" | "bind" | "accept" | "read" | "write" | "shutdown";

const EXPLAINED: Partial<Record<ErrorCode, string>> = {
  EADDRINUSE: "address already in use",
  EADDRNOTAVAIL: "address not available",
  EINVAL: "invalid argument",
};

/** An error of the network, in the shape of Node's system errors. */
export class NetworkError extends Error {
  readonly code: ErrorCode;
  /** Negative, as libuv and Node have it. */
  readonly errno: number;
  readonly syscall: Syscall;
  declare readonly address?: string;
  declare readonly port?: number;

  /** `address` and `port` are the remote ones for connect, the local ones for listen and bind. */
  constructor(code: ErrorCode, syscall: Syscall, address?: string, port?: number) {
    const where = address === undefined ? "" : ` ${address}${port === undefined ? "" : `:${port}`}`;
    const why = EXPLAINED[code];
    const explained = syscall === "listen" || syscall === "bind" ? (why === undefined ? "" : `: ${why}`) : "";
    super(`${syscall} ${code}${explained}${where}`);
    this.code = code;
    this.errno = -ERRNO[code];
    this.syscall = syscall;
    if (address !== undefined) this.address = address;
    if (port !== undefined) this.port = port;
  }
}

/** A programmer's mistake at the API's edge, with Node's `ERR_*` codes. */
export class ArgumentError extends RangeError {
  readonly code: string;

  /** `name` is the argument, `takes` what it takes in words, `got` what came. */
  constructor(name: string, takes: string, got: unknown, code = "ERR_INVALID_ARG_VALUE") {
    super(
      `The argument '${name}' takes ${takes}. Received ${typeof got === "string" ? `'${got}'` : String(got)}`,
    );
    this.code = code;
  }
}
