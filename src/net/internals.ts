/**
 * What the net layer needs of Node beyond its documentation, found by looking at live objects: the class of the handle that
 * Node itself puts under a TLS socket over a plain stream (`JSStream`), and the method by which a socket is given
 * another handle. Never by `process.binding`. Where something is missing there is no native way, and node:net is
 * built on stream.Duplex instead (docs/decisions/0010-net-over-handles.md).
 */
import net from "node:net";
import { Duplex } from "node:stream";
import tls from "node:tls";

/** The native base of a handle: a stream that C++ (TLS, HTTP/2, the HTTP parser) can stand on. */
export interface NativeStream {
  /** To whoever consumes natively, or to `onread`. */
  readBuffer(bytes: Uint8Array): void;
  emitEOF(): void;
  /** Ends a write that `onwrite` was given; `status` is 0 or a negative errno. */
  finishWrite(request: object, status: number): void;
  finishShutdown(request: object, status: number): void;
  getAsyncId(): number;
}

/** A handle of libuv's, as far as the net layer touches it. */
export interface KernelHandle {
  bind?(address: string, port: number, flags?: number): number;
  bind6?(address: string, port: number, flags?: number): number;
  connect(request: object, address: string, port?: number): number;
  connect6?(request: object, address: string, port: number): number;
  close(callback?: () => void): void;
}

/** The undocumented parts of this Node. */
export interface Internals {
  readonly JSStream: new () => NativeStream;
  /** Name of the method of net.Socket that takes a handle. */
  readonly reinitialize: symbol;
  /** Name of the field by which a handle knows its socket. */
  readonly owner: symbol;
  /** The kernel's TCP handle; 0 makes that of a client. */
  readonly Tcp: new (
    type: number,
  ) => KernelHandle;
}

// The real ones, as they were when this module loaded: they may be patched in place later.
const Socket = net.Socket;
const { TLSSocket } = tls;

let found: Internals | null | undefined;

/** What this Node has; null where it lacks something, or does not behave as it should. */
export function findInternals(): Internals | null {
  if (found === undefined) {
    try {
      found = look();
    } catch {
      found = null;
    }
  }
  return found;
}

function look(): Internals | null {
  const JSStream = findStream();
  const reinitialize = symbolNamed(Socket.prototype, "kReinitializeHandle");
  const Tcp = findTcp();
  if (JSStream === null || reinitialize === null || Tcp === null) return null;
  const socket = new Socket();
  const handle = Object.assign(new JSStream(), { close: () => {}, readStop: () => 0 });
  (socket as unknown as Record<symbol, (handle: object) => void>)[reinitialize]!(handle);
  const owner = symbolNamed(handle, "owner_symbol");
  const takes = (socket as unknown as { _handle: unknown })._handle === handle;
  socket.destroy();
  return owner === null || !takes ? null : { JSStream, reinitialize, owner, Tcp };
}

/** Behind a TLS socket over what is no net.Socket there stands Node's own wrapper with such a handle. */
function findStream(): (new () => NativeStream) | null {
  const plain = new Duplex({ read: () => {}, write: (_chunk, _encoding, callback) => callback() });
  const socket = new TLSSocket(plain);
  const wrap = (socket as unknown as { _handle: { _parentWrap: { _handle: object } } })._handle._parentWrap;
  const handle = wrap._handle as Partial<NativeStream>;
  socket.destroy();
  const methods = ["readBuffer", "emitEOF", "finishWrite", "finishShutdown", "getAsyncId"] as const;
  if (!methods.every((name) => typeof handle[name] === "function")) return null;
  return handle.constructor as new () => NativeStream;
}

/** A connecting socket has a handle at once, and opens nothing before the next tick. */
function findTcp(): (new (type: number) => KernelHandle) | null {
  const socket = new Socket();
  socket.connect({ host: "127.0.0.1", port: 1 });
  const handle = (socket as unknown as { _handle: object | null })._handle;
  socket.destroy();
  return handle === null ? null : (handle.constructor as new (type: number) => KernelHandle);
}

function symbolNamed(object: object, name: string): symbol | null {
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    const symbol = Object.getOwnPropertySymbols(at).find(({ description }) => description === name);
    if (symbol !== undefined) return symbol;
  }
  return null;
}
