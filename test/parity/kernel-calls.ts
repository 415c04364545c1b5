/** A script's system call as one to the kernel, and the kernel's reply in the script's words. Knows no packets. */
import { constants } from "node:os";
import type { Expression, SystemCall } from "../../src/sim/packetdrill/ast.ts";
import type { CallOutcome } from "../../src/sim/packetdrill/calls.ts";
import {
  addressOf,
  complaintOf,
  fieldOf,
  nameOf,
  numberOf,
  Unsupported,
} from "../../src/sim/packetdrill/expression.ts";
import { addressBytes, type Network } from "../../src/sim/packetdrill/network.ts";
import type { Argument, Reply } from "./kernel-process.ts";
import { FCNTLS, IOCTLS, LEVELS, OPTIONS } from "./option-numbers.ts";
import { TCP_INFO_ROOM, tcpInfoField } from "./tcp-info.ts";

export interface KernelCall {
  readonly name: string;
  readonly given: readonly Argument[];
  readonly complain?: (reply: Reply) => string | null;
}

export interface CallStage {
  readonly network: Network;
  /** The kernel's descriptors by the script's. */
  readonly descriptors: ReadonlyMap<number, number>;
}

const PROFILE = "linux";
const ERRNO_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

/** The call; throws `Unsupported` for one that can't be made. */
export function kernelCall(call: SystemCall, stage: CallStage): KernelCall {
  const translate = CALLS[call.name];
  if (translate === undefined) throw new Unsupported(`the call ${call.name}() on the kernel`);
  return translate(call.arguments, stage, call);
}

/** What came of it, but for the descriptor that it made. */
export function outcomeOf(reply: Reply, made: KernelCall): CallOutcome {
  const error = reply.result < 0 ? (ERRNO_NAMES.get(reply.errno) ?? `errno ${reply.errno}`) : null;
  const complaint = error === null ? (made.complain?.(reply) ?? null) : null;
  return { result: error === null ? reply.result : -1, error, complaint };
}

/** The port in a sockaddr. */
export function portOf(sockaddr: Uint8Array | undefined): number {
  return sockaddr === undefined ? 0 : (sockaddr[2]! << 8) | sockaddr[3]!;
}

type Translate = (given: readonly Expression[], stage: CallStage, call: SystemCall) => KernelCall;

const number = (expression: Expression | undefined, otherwise = 0): number =>
  numberOf(expression, PROFILE) ?? otherwise;

const fd = (given: readonly Expression[], stage: CallStage, at = 0): number => {
  const script = number(given[at], -1);
  return stage.descriptors.get(script) ?? -1;
};

/** Room for text that nobody looks at, or the NULL that the script gives. */
const buffer = (given: readonly Expression[], length: number): Argument =>
  given[1]?.kind === "symbol" && given[1].name === "NULL" ? 0 : { scratch: length };

const SOCKADDR_ROOM = 28;
const sockaddrOut = (): Argument[] => [{ room: SOCKADDR_ROOM }, int(SOCKADDR_ROOM)];

const receive =
  (most: number, flags: number): Translate =>
  (given, stage) => ({ name: "recvfrom", given: [fd(given, stage), buffer(given, most), most, flags, 0, 0] });

const send =
  (count: number, flags: number, to?: Expression): Translate =>
  (given, stage) => {
    const address = to === undefined ? null : destination(to, stage.network);
    const name = address === null ? [0, 0] : [address, address.length];
    return { name: "sendto", given: [fd(given, stage), buffer(given, count), count, flags, ...name] };
  };

/** Without SIGPIPE, which would end the program. */
const CALLS: Readonly<Record<string, Translate>> = {
  socket: (given, { network }) => {
    const family = network.sockets6 ? 10 : 2;
    return { name: "socket", given: [family, number(given[1], 1), number(given[2])] };
  },
  bind: (given, stage) => {
    const { host, port } = addressOf(given[1], PROFILE);
    const address = sockaddr(stage.network, host, port ?? stage.network.bindPort);
    return { name: "bind", given: [fd(given, stage), address, address.length] };
  },
  listen: (given, stage) => ({ name: "listen", given: [fd(given, stage), number(given[1], 128)] }),
  accept: (given, stage) => ({ name: "accept4", given: [fd(given, stage), ...sockaddrOut(), 0] }),
  accept4: (given, stage) => ({
    name: "accept4",
    given: [fd(given, stage), ...sockaddrOut(), number(given[3])],
  }),
  connect: (given, stage) => {
    const address = destination(given[1], stage.network);
    return { name: "connect", given: [fd(given, stage), address, address.length] };
  },
  shutdown: (given, stage) => ({ name: "shutdown", given: [fd(given, stage), number(given[1])] }),
  close: (given, stage) => ({ name: "close", given: [fd(given, stage)] }),
  getsockname: (given, stage) => ({ name: "getsockname", given: [fd(given, stage), ...sockaddrOut()] }),
  getpeername: (given, stage) => ({ name: "getpeername", given: [fd(given, stage), ...sockaddrOut()] }),
  fcntl: (given, stage) => ({
    name: "fcntl",
    given: [fd(given, stage), numbered(FCNTLS, given[1]), number(given[2])],
  }),
  read: (given, stage, call) => receive(number(given[2]), 0)(given, stage, call),
  recv: (given, stage, call) => receive(number(given[2]), number(given[3]))(given, stage, call),
  recvfrom: (given, stage, call) => receive(number(given[2]), number(given[3]))(given, stage, call),
  readv: (given, stage, call) => receive(vectorLength(given[1]), 0)(given, stage, call),
  recvmsg: (given, stage, call) =>
    receive(vectorLength(fieldOf(given[1], "msg_iov")), number(given[2]))(given, stage, call),
  write: (given, stage) => ({
    name: "write",
    given: [fd(given, stage), buffer(given, number(given[2])), number(given[2])],
  }),
  writev: (given, stage, call) => send(vectorLength(given[1]), 0)(given, stage, call),
  send: (given, stage, call) => send(number(given[2]), number(given[3]))(given, stage, call),
  sendto: (given, stage, call) => send(number(given[2]), number(given[3]), given[4])(given, stage, call),
  sendmsg: (given, stage, call) => {
    const to = fieldOf(given[1], "msg_name");
    return send(vectorLength(fieldOf(given[1], "msg_iov")), number(given[2]), to)(given, stage, call);
  },
  setsockopt,
  getsockopt,
  ioctl,
  poll,
  epoll_create: () => ({ name: "epoll_create1", given: [0] }),
  epoll_create1: (given) => ({ name: "epoll_create1", given: [number(given[0])] }),
  epoll_ctl: (given, stage) => {
    const event = Buffer.alloc(EPOLL_EVENT);
    event.writeUInt32LE(number(fieldOf(given[3], "events")) >>> 0, 0);
    event.writeInt32LE(number(fieldOf(given[3], "fd", "ptr", "u32", "u64") ?? given[2]), EPOLL_EVENT - 8);
    return { name: "epoll_ctl", given: [fd(given, stage), number(given[1]), fd(given, stage, 2), event] };
  },
  epoll_wait: epollWait,
};

function numbered(table: Readonly<Record<string, number>>, expression: Expression | undefined): number {
  const name = nameOf(expression);
  const value = table[name] ?? (/^\d+$/.test(name) ? Number(name) : undefined);
  if (value === undefined) throw new Unsupported(`${name} on the kernel`);
  return value;
}

function int(...values: readonly number[]): Uint8Array {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => {
    bytes.writeInt32LE(value | 0, 4 * i);
  });
  return bytes;
}

const intAt = (bytes: Uint8Array | undefined, at = 0): number =>
  bytes === undefined || bytes.length < at + 4
    ? 0
    : new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(at, true);

function sockaddr(network: Network, host: string | null, port: number): Uint8Array {
  const ip = host === null || host === "::" ? null : addressBytes(network.family, host);
  const bytes = Buffer.alloc(network.sockets6 ? 28 : 16);
  bytes.writeUInt16LE(network.sockets6 ? 10 : 2, 0);
  bytes.writeUInt16BE(port, 2);
  if (ip === null) return bytes;
  if (network.sockets6 && ip.length === 4) bytes.writeUInt16BE(0xffff, 18);
  bytes.set(ip, network.sockets6 ? 24 - ip.length : 4);
  return bytes;
}

function destination(expression: Expression | undefined, network: Network): Uint8Array {
  const { host, port } = addressOf(expression, PROFILE);
  return sockaddr(network, host ?? network.remote, port ?? network.connectPort);
}

function vectorLength(expression: Expression | undefined): number {
  if (expression?.kind !== "array") return 0;
  return expression.items.reduce((total, item) => {
    const length = fieldOf(item, "iov_len") ?? (item.kind === "struct" ? item.fields[1]?.value : undefined);
    return total + number(length);
  }, 0);
}

function setsockopt(given: readonly Expression[], stage: CallStage): KernelCall {
  const head = [fd(given, stage), numbered(LEVELS, given[1]), numbered(OPTIONS, given[2])];
  const value = given[3];
  let bytes: Uint8Array;
  if (value?.kind === "string") bytes = Buffer.from(value.value);
  else {
    const inner = value?.kind === "array" && value.items.length === 1 ? value.items[0] : value;
    if (inner?.kind === "struct") bytes = int(...inner.fields.map((field) => number(field.value)));
    else bytes = int(number(value));
  }
  return {
    name: "setsockopt",
    given: [...head, bytes, Math.min(bytes.length, number(given[4], bytes.length))],
  };
}

function getsockopt(given: readonly Expression[], stage: CallStage): KernelCall {
  const name = nameOf(given[2]);
  const expected = given[3];
  const head = [fd(given, stage), numbered(LEVELS, given[1]), numbered(OPTIONS, given[2])];
  const room =
    name === "TCP_INFO" ? TCP_INFO_ROOM : name === "SO_LINGER" ? 8 : name === "TCP_CONGESTION" ? 16 : 4;
  return {
    name: "getsockopt",
    given: [...head, { room }, int(room)],
    complain: ({ buffers: [value] }) => optionComplaint(name, expected, value ?? new Uint8Array(0)),
  };
}

function optionComplaint(name: string, expected: Expression | undefined, value: Uint8Array): string | null {
  if (name === "SO_ERROR") {
    const wanted = expected?.kind === "array" ? expected.items[0] : expected;
    if (wanted?.kind !== "symbol") return complaintOf(name, expected, intAt(value), PROFILE);
    const seen = ERRNO_NAMES.get(intAt(value)) ?? String(intAt(value));
    return seen === wanted.name ? null : `SO_ERROR: expected ${wanted.name}, got ${seen}`;
  }
  if (name === "TCP_CONGESTION") {
    const seen = Buffer.from(value).toString().replace(/\0.*$/s, "");
    if (expected?.kind !== "string" || expected.value === seen) return null;
    return `${name}: expected ${expected.value}, got ${seen}`;
  }
  if (name === "SO_LINGER" && expected?.kind === "struct") {
    const off = (at: number, ...names: string[]) =>
      complaintOf(names[0]!, fieldOf(expected, ...names), intAt(value, at), PROFILE);
    return off(0, "l_onoff", "onoff") ?? off(4, "l_linger", "linger");
  }
  if (name === "TCP_INFO") {
    if (expected?.kind !== "struct") return null;
    for (const field of expected.fields) {
      const seen = field.name === null ? undefined : tcpInfoField(value, field.name);
      if (seen === undefined) continue;
      const complaint = complaintOf(field.name!, field.value, seen, PROFILE);
      if (complaint !== null) return complaint;
    }
    return null;
  }
  return complaintOf(name, expected, intAt(value), PROFILE);
}

function ioctl(given: readonly Expression[], stage: CallStage): KernelCall {
  const name = nameOf(given[1]);
  const sets = name === "FIONBIO";
  return {
    name: "ioctl",
    given: [fd(given, stage), numbered(IOCTLS, given[1]), int(sets ? number(given[2]) : 0)],
    complain: ({ buffers: [value] }) => (sets ? null : complaintOf(name, given[2], intAt(value), PROFILE)),
  };
}

function poll(given: readonly Expression[], stage: CallStage): KernelCall {
  const list = given[0];
  if (list?.kind !== "array") throw new Unsupported("poll without a list");
  const bytes = Buffer.alloc(8 * list.items.length);
  list.items.forEach((item, i) => {
    bytes.writeInt32LE(stage.descriptors.get(number(fieldOf(item, "fd"), -1)) ?? -1, 8 * i);
    bytes.writeUInt16LE(number(fieldOf(item, "events")) & 0xffff, 8 * i + 4);
  });
  const ms = number(given[2], -1);
  const time = Buffer.alloc(16);
  time.writeBigInt64LE(BigInt(Math.floor(Math.max(0, ms) / 1000)), 0);
  time.writeBigInt64LE(BigInt((Math.max(0, ms) % 1000) * 1_000_000), 8);
  return {
    name: "ppoll",
    given: [bytes, list.items.length, ms < 0 ? 0 : time, 0, 0],
    complain: ({ buffers: [seen] }) => {
      for (const [i, item] of list.items.entries()) {
        const revents = (seen![8 * i + 7]! << 8) | seen![8 * i + 6]!;
        const complaint = complaintOf("revents", fieldOf(item, "revents"), revents, PROFILE);
        if (complaint !== null) return complaint;
      }
      return null;
    },
  };
}

/** struct epoll_event is packed on x86-64. */
const EPOLL_EVENT = process.arch === "x64" ? 12 : 16;

function epollWait(given: readonly Expression[], stage: CallStage): KernelCall {
  const expected = given[1];
  const wanted = expected?.kind === "array" ? expected.items : expected === undefined ? [] : [expected];
  const most = Math.max(1, number(given[2], 1));
  return {
    name: "epoll_pwait",
    given: [fd(given, stage), { room: EPOLL_EVENT * most }, most, number(given[3], -1), 0, 0],
    complain: ({ result, buffers: [seen] }) => {
      for (let i = 0; i < result; i++) {
        const at = EPOLL_EVENT * i;
        const data = fieldOf(wanted[i], "fd", "ptr", "u32", "u64");
        const events = numberOf(fieldOf(wanted[i], "events"), PROFILE);
        if (events !== null && (events | 0) !== intAt(seen, at)) {
          return `events: expected 0x${(events >>> 0).toString(16)}, got 0x${(intAt(seen, at) >>> 0).toString(16)}`;
        }
        const complaint = complaintOf("data", data, intAt(seen, at + EPOLL_EVENT - 8), PROFILE);
        if (complaint !== null) return complaint;
      }
      return null;
    },
  };
}
