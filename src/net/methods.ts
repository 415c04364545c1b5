/**
 * The few methods of the real net.Socket and net.Server that must know a handle of ours: which handle a socket gets, and
 * bytes written past Node's requests. They go onto prototypes derived from the real ones (native.ts), or onto the
 * real ones themselves (patch.ts). All else is Node's own code.
 */
import type net from "node:net";
import { listensBeside } from "./below.ts";
import type { Callback, Chunk } from "./chunk.ts";
import { listenError, streamError } from "./errors.ts";
import type { Name, Router } from "./handle.ts";
import type { Internals, KernelHandle } from "./internals.ts";
import { ServerHandle } from "./server-handle.ts";
import { byChoice, TcpHandle } from "./tcp-handle.ts";

/** A Router that says where servers listen, too. */
export interface NetRouter extends Router {
  /** Whose a server on `address` (null: any) is. */
  listens(address: string | null): "stack" | "kernel" | "both";
}

type Method = (this: NativeSocket, ...args: never[]) => unknown;

/** net.Socket with what it keeps to itself. */
interface NativeSocket extends net.Socket {
  _handle: (Partial<TcpHandle> & { _parent?: object }) | null;
  _parent: NativeSocket | null;
  _peername: unknown;
  _unrefTimer(): void;
  _reset(): unknown;
}

/** Has a socket take a handle, by Node's own name for it. */
type Reinitialize = (handle: object) => void;

/** net.Server with what it keeps to itself. */
interface NativeServer extends net.Server {
  _handle: object | null;
}

/** The kernel's listening handle. */
interface KernelServer {
  onconnection(error: number, client: object): void;
  getsockname(out: Name): number;
  close(...args: unknown[]): void;
  ref(...args: unknown[]): void;
  unref(...args: unknown[]): void;
}

/** Node's own. */
const BACKLOG = 511;
const PIPE = -1;
const IPV6_ONLY = 1;

type Methods = Record<string | symbol, Method>;
type Real = Record<string | symbol, (...args: unknown[]) => unknown>;

/** The overrides of net.Socket's methods, by name; `base` is the prototype with the real ones. */
export function socketMethods(internals: Internals, router: NetRouter, base: net.Socket): Methods {
  const real = base as unknown as Real;
  return { ...openingMethods(internals, router, real), ...dataMethods(real) };
}

/** Which handle a socket gets. */
function openingMethods({ reinitialize, Tcp, owner }: Internals, router: NetRouter, real: Real): Methods {
  const realConnect = real["connect"]!;
  const realReinitialize = real[reinitialize]!;

  function giveHandle(socket: NativeSocket): void {
    (socket as unknown as Record<symbol, Reinitialize>)[reinitialize]!(new TcpHandle(router));
  }

  /** Whether `handle` is of the kernel's TCP, and not because its address is the kernel's. */
  function isReplaceable(handle: object | undefined): boolean {
    return handle instanceof Tcp && !byChoice.has(handle);
  }

  return {
    connect(this: NativeSocket, ...args: unknown[]) {
      const [first] = args;
      const given = Array.isArray(first) ? first[0] : first;
      const options = (typeof given === "object" && given !== null ? given : { port: given }) as {
        path?: unknown;
        port?: unknown;
        handle?: unknown;
      };
      const isPipe = Boolean(options.path) || isPipeName(options.port);
      const waits = this._parent?.connecting;
      if (!isPipe && !waits && options.port !== undefined && wantsHandle(this)) {
        this._peername = null;
        giveHandle(this);
      }
      return realConnect.apply(this, args);
    },

    [reinitialize](this: NativeSocket, handle: object) {
      // Another attempt of one connect: Node brings a new handle of the kernel's.
      if (isReplaceable(handle)) {
        (handle as KernelHandle).close();
        realReinitialize.call(this, new TcpHandle(router));
        return;
      }
      const below = (handle as { _parent?: object })._parent;
      if (isReplaceable(below)) {
        giveHandle(this);
        (handle as KernelHandle).close();
        return;
      }
      realReinitialize.call(this, handle);
      if (!(below instanceof TcpHandle)) return;
      (below as unknown as Record<symbol, unknown>)[owner] = this;
      // Closing the handle before took it from the TLS socket.
      (this as unknown as { ssl: object }).ssl = handle;
    },
  } as unknown as Methods;

  /** Whether `connect` needs a handle first: there is none, or one that Node made for itself (under TLS). */
  function wantsHandle(socket: NativeSocket): boolean {
    if (socket.destroyed || !socket._handle) return true;
    return isReplaceable(socket._handle._parent) && !socket._parent;
  }
}

/** Bytes and their end, past Node's requests. */
function dataMethods(real: Real): Methods {
  const realWrite = real["_writeGeneric"]!;
  const realTimeout = real["_onTimeout"]!;
  const realReset = real["resetAndDestroy"]!;
  return {
    _writeGeneric(
      this: NativeSocket,
      isMany: boolean,
      data: Uint8Array | string | Chunk[],
      encoding: BufferEncoding,
      callback: Callback,
    ) {
      const handle = this._handle;
      if (!(handle instanceof TcpHandle) || this.connecting) {
        return realWrite.call(this, isMany, data, encoding, callback);
      }
      const pending = this as unknown as { _pendingData: unknown; _pendingEncoding: string };
      if (pending._pendingData !== null) {
        pending._pendingData = null;
        pending._pendingEncoding = "";
      }
      if (handle.isClosed) {
        callback(streamError("EBADF", "write"));
        return undefined;
      }
      if (isMany) handle.link.writev(data as Chunk[], callback);
      else handle.link.write(data as Uint8Array | string, encoding, callback);
      if (handle.link.isBlocked) handle._updateLife();
      return undefined;
    },

    _onTimeout(this: NativeSocket) {
      const handle = this._handle;
      // A slow write that moves is activity.
      if (handle instanceof TcpHandle && handle.link.moved()) this._unrefTimer();
      else realTimeout.call(this);
    },

    resetAndDestroy(this: NativeSocket) {
      if (!(this._handle instanceof TcpHandle)) return realReset.call(this);
      if (this.connecting) this.once("connect", () => this._reset());
      else this._reset();
      return this;
    },
  } as unknown as Methods;
}

/** The overrides of net.Server's methods. `adopt` may see each handle before it listens. */
export function serverMethods(
  router: NetRouter,
  base: net.Server,
  adopt: (server: NativeServer, handle: ServerHandle) => void,
): Record<string, unknown> {
  const realListen = (base as unknown as { _listen2: (...args: unknown[]) => void })._listen2;
  return {
    _listen2(
      this: NativeServer,
      address: string | null,
      port: number,
      family: number,
      backlog: number,
      fd?: number,
      flags?: number,
    ) {
      const isPlain = !this._handle && typeof fd !== "number" && port !== PIPE;
      const whose = isPlain ? router.listens(address) : "kernel";
      const ipv6Only = ((flags ?? 0) & IPV6_ONLY) !== 0;
      if (whose !== "stack") {
        realListen.call(this, address, port, family, backlog, fd, flags);
        if (whose === "both" && this._handle) listenToo(this, router, address, backlog, ipv6Only);
        return;
      }
      const handle = new ServerHandle(router, { address, port, ipv6Only });
      this._handle = handle;
      // With a handle the real one only listens, and tells how that went.
      realListen.call(this, address ?? "::", port, address === null ? 6 : family, backlog, fd, flags);
      if (this._handle === handle) adopt(this, handle);
    },
  };
}

/** A server that the kernel has on any address listens on the stack as well, on the same port, for as long. */
function listenToo(
  server: NativeServer,
  router: NetRouter,
  address: string | null,
  backlog: number,
  ipv6Only: boolean,
): void {
  const kernel = server._handle as KernelServer;
  const name: Name = {};
  kernel.getsockname(name);
  const ours = new ServerHandle(router, { address, port: name.port!, ipv6Only });
  ours.onconnection = (error, client) => kernel.onconnection(error, client);
  const status = ours.listen(backlog || BACKLOG);
  if (status !== 0) {
    kernel.close();
    server._handle = null;
    process.nextTick(() => server.emit("error", listenError(status, address ?? "::", name.port!)));
    return;
  }
  listensBeside(kernel, ours);
  for (const method of ["close", "ref", "unref"] as const) {
    const real = kernel[method] as (...args: unknown[]) => void;
    kernel[method] = (...args: unknown[]): void => {
      ours[method]();
      real.apply(kernel, args);
    };
  }
}

/** As Node tells a path from a port. */
export function isPipeName(value: unknown): boolean {
  return typeof value === "string" && !(Number(value) >= 0);
}
