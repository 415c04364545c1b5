/**
 * `createStack`: a stack, a device and the driver between them, in one call.
 */
import { type Prefix, parsePrefix } from "../base/address.ts";
import { ArgumentError } from "../base/errors.ts";
import type { Device } from "../device/device.ts";
import { openTun, type TunOptions } from "../device/tun.ts";
import type { ListenOptions } from "../stack/bindings.ts";
import type { ConnectOptions } from "../stack/connect.ts";
import type { Connection } from "../stack/connection.ts";
import type { ConnectionHandler, ListenerHandler } from "../stack/events.ts";
import type { StackSnapshot } from "../stack/inspect.ts";
import { StackInterface } from "../stack/interface.ts";
import type { Listener } from "../stack/listener.ts";
import type { ShardOptions } from "../stack/shard.ts";
import { Stack } from "../stack/stack.ts";
import type { TcpConfig } from "../tcp/config.ts";
import { Driver } from "./driver.ts";
import { NodeHost } from "./host-node.ts";

/** What to bring up. */
export interface CreateStackOptions {
  /** A TUN device: its name, or how to open it. Either this or `device`. */
  readonly tun?: string | TunOptions;
  /** Any other source of IP packets. */
  readonly device?: Device;
  /** The stack's own addresses with their prefixes, such as "10.77.0.2/24" or "fd77::2/64"; without a prefix, alone. At least one. */
  readonly addresses: readonly string[];
  /** MSS clamping: the largest segment either way, 64 to 65,495, whatever the MTU; default: the MTU decides. */
  readonly mssClamp?: number;
  /**
   * IPv4 super-segments of up to 128 KiB (BIG TCP, Linux 6.3 and newer) where the device takes super-segments: fewer system
   * calls for bulk to programs on this host. Their IP header says 0 for the length, which filters of older kernels drop. Default false.
   */
  readonly bigTcp?: boolean;
  /** Differences from the defaults of TCP (`TcpConfig`). */
  readonly tcp?: Partial<TcpConfig>;
  /** Each way of a packet takes a turn of the event loop, as between processes: for a stack that talks to itself. Default false. */
  readonly inTurns?: boolean;
}

/** A stack that is up. */
export interface RunningStack {
  readonly stack: Stack;
  readonly device: Device;
  /** Passive OPEN; see `Stack.listen`. */
  listen(options: ListenOptions, handler: ListenerHandler): Listener;
  /** Active OPEN; see `Stack.connect`. */
  connect(options: ConnectOptions, handler: ConnectionHandler): Connection;
  snapshot(options?: { info?: boolean }): StackSnapshot;
  /** Shows every packet to `tap` until the returned function is called; times are microseconds since 1970. */
  capture(tap: CaptureTap): () => void;
  /** Whether the device keeps the process alive (it does at first). */
  ref(): void;
  unref(): void;
  /** Resets what is open, closes the device; resolves when nothing is left. */
  close(): Promise<void>;
  /** Resolves when the device is gone: null after `close`, else why. */
  readonly closed: Promise<Error | null>;
}

/** Sees a packet; the bytes are valid during the call only. */
export type CaptureTap = (
  direction: "in" | "out",
  bytes: Uint8Array,
  offset: number,
  length: number,
  timeUs: number,
) => void;

/** Brings a stack up. Throws `ArgumentError`, or what opening the device throws (EPERM, EBUSY, ENOENT). */
export function createStack(options: CreateStackOptions): RunningStack {
  checkStackOptions(options);
  return runStack(
    options,
    options.device ?? openTun(typeof options.tun === "string" ? { name: options.tun } : (options.tun ?? {})),
  );
}

/** Throws `ArgumentError` for what `runStack` would not take. */
export function checkStackOptions({ addresses, mssClamp }: CreateStackOptions): void {
  addresses.forEach(parseAddress);
  if (addresses.length === 0) throw new ArgumentError("addresses", "at least one address", "none");
  if (mssClamp !== undefined && !(mssClamp >= 64 && mssClamp <= 65_495)) {
    throw new ArgumentError("mssClamp", "a number from 64 to 65495", mssClamp, "ERR_OUT_OF_RANGE");
  }
}

function parseAddress(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== null) return prefix;
  throw new ArgumentError("addresses", "IP addresses with prefixes such as 10.77.0.2/24, fd77::2/64", text);
}

/** A stack on `device`, alone or as one of several shards with one secret. */
export function runStack(
  options: CreateStackOptions,
  device: Device,
  sharing?: { readonly shard: ShardOptions; readonly secret: Uint8Array },
): RunningStack {
  const link = new StackInterface(
    device.name,
    device.mtu,
    device.offload,
    options.addresses.map(parseAddress),
  );
  link.mssClamp = options.mssClamp ?? 0;
  link.bigTcp = options.bigTcp === true && device.offload;
  const host = new NodeHost(() => driver.run(), options.inTurns === true, sharing?.secret);
  const stack = new Stack(
    {
      interfaces: [link],
      ...(options.tcp === undefined ? {} : { tcp: options.tcp }),
      ...(sharing === undefined ? {} : { shard: sharing.shard }),
    },
    host,
  );
  let gone: (error: Error | null) => void = () => {};
  const closed = new Promise<Error | null>((resolve) => {
    gone = resolve;
  });
  const driver = new Driver(
    stack,
    host,
    device,
    link,
    (error) => gone(error),
    options.inTurns === true ? 1 : undefined,
  );
  driver.start();
  let closing: Promise<void> | null = null;
  return {
    stack,
    device,
    closed,
    listen: (listen, handler) => stack.listen(listen, handler),
    connect: (connect, handler) => stack.connect(connect, handler),
    snapshot: (what) => stack.snapshot(what),
    capture(tap) {
      const epoch = performance.timeOrigin * 1_000;
      return stack.observers.add((direction, time, bytes, offset, length) => {
        tap(direction, bytes, offset, length, epoch + time);
      });
    },
    ref: () => driver.ref(),
    unref: () => driver.unref(),
    close() {
      closing ??= (async () => {
        try {
          stack.shutdown();
          driver.finish();
        } finally {
          driver.stop();
          // Whatever closing says: there is no device any more.
          await device.close().finally(() => gone(null));
        }
      })();
      return closing;
    },
  };
}
