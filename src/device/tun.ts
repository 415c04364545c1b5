/**
 * A TUN device (Linux): IP packets to and from the kernel's network stack, read in batches into slabs of
 * 1 MiB, written by writev. With offload (virtio-net headers) it gives and takes super-segments of up to
 * 64 KiB and leaves payload checksums to the other side.
 */
import { isIP } from "node:net";
import { markAsUntransferable } from "node:worker_threads";
import { type ReceiveBatch, RX, RX_BATCH, type TransmitBatch } from "../base/packet-batch.ts";
import { type Addon, loadAddon, type TunHandle } from "./addon.ts";
import type { Device, DeviceReceiver } from "./device.ts";

export interface TunOptions {
  /** The interface's name, at most 15 bytes; `%d` becomes the first free number. Default `utcp%d`. */
  name?: string;
  /** Largest IP packet in bytes, 68 to 65535. Default: as the interface has it (a new one 1500). */
  mtu?: number;
  /** Addresses of the kernel's side, each with its prefix: `10.77.0.1/24`, `fd77::1/64`. */
  addresses?: readonly string[];
  /** Super-segments and partial checksums (IFF_VNET_HDR). Default true. */
  offload?: boolean;
  /** One of several queues of one interface; each `openTun` of the name adds one. Default false. */
  multiQueue?: boolean;
  /**
   * Microseconds to go on polling after a batch before sleeping, 0 to 10000: CPU for latency. Where packets don't come that
   * soon it is left off, but for a try now and then. Default 0.
   */
  spinUs?: number;
  /** Sets the interface up. Default true. */
  up?: boolean;
  /** Packets the kernel queues for us. Default 10000: without offload, 500 overflow at 700 KB in flight. */
  txQueueLength?: number;
}

/** What the addon counts, by slot of the memory it shares (`COUNT_*` in `native/src/tun.h`). */
export const COUNTER_NAMES = [
  "readPackets",
  "readBytes",
  "readEmpty",
  "batches",
  "writePackets",
  "writeBytes",
  "writeErrors",
  "spins",
  "yields",
] as const;

/** Counters of a device since it was opened. */
export type TunCounters = Record<(typeof COUNTER_NAMES)[number], number>;

const SLAB = 1024 * 1024;
/** The next read needs this much (65,535 and a virtio-net header), or the kernel would truncate silently. */
const LARGEST_READ = 65_547;
/** Cell of the table behind its last row: where the next batch is read to. */
const NEXT = RX_BATCH * RX.COLUMNS;
/** Cell behind it: how many rows are filled. */
const COUNT = NEXT + 1;

/**
 * Opens a TUN interface, creating it unless there is one of that name, and sets it up as told.
 * Throws Node's system errors: `code` EPERM or EACCES (not permitted), ENOENT (no /dev/net/tun), EBUSY (the
 * name is in use), with `syscall` and `path`; `ERR_OUT_OF_RANGE`, `ERR_INVALID_ARG_VALUE` for bad options.
 */
export function openTun(options: TunOptions = {}): TunDevice {
  return new TunDevice(options);
}

class Batch implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  count = 0;
  readonly table: Int32Array = new Int32Array(COUNT + 1);
  retained = false;

  useFreshSlab(): void {
    // Without zeroing. Not as a Buffer, whose subarray costs four times as much.
    const slab = Buffer.allocUnsafeSlow(SLAB);
    // Views of it are given away: transferring one would pull the memory from under all others.
    markAsUntransferable(slab.buffer);
    this.bytes = new Uint8Array(slab.buffer, slab.byteOffset, SLAB);
    this.view = new DataView(slab.buffer, slab.byteOffset, SLAB);
    this.table[NEXT] = 0;
  }
}

export class TunDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload: boolean;
  readonly #addon: Addon;
  readonly #handle: TunHandle;
  readonly #spinUs: number;
  readonly #batch = new Batch();
  readonly #closed: Promise<void>;
  #receiver: DeviceReceiver | undefined;
  #sending: TransmitBatch | undefined;
  /** Where the batch being delivered was read to: where the next goes if nothing is retained. */
  #start = 0;

  /** Use `openTun`. */
  constructor(options: TunOptions) {
    const addresses = (options.addresses ?? []).map(parseAddress);
    const mtu = inRange("mtu", options.mtu ?? 0, options.mtu === undefined ? 0 : 68, 65_535);
    const queue = inRange("txQueueLength", options.txQueueLength ?? 10_000, 1, 1_000_000);
    this.#spinUs = inRange("spinUs", options.spinUs ?? 0, 0, 10_000);
    this.offload = options.offload ?? true;
    this.#addon = loadAddon();
    const { promise, resolve } = withResolvers();
    this.#closed = promise;
    this.#handle = this.#addon.open(
      options.name ?? "utcp%d",
      this.offload,
      options.multiQueue ?? false,
      (error) => {
        resolve();
        this.#receiver?.onClose(error);
      },
    );
    this.name = this.#handle.name;
    try {
      this.mtu = this.#addon.linkSet(this.name, mtu, queue, false);
      for (const { address, prefix } of addresses) this.#addon.linkAddAddress(this.name, address, prefix);
      if (options.up ?? true) this.#addon.linkSet(this.name, 0, 0, true);
    } catch (error) {
      this.#addon.close(this.#handle);
      throw error;
    }
  }

  /** What the device has done since it was opened. */
  get counters(): TunCounters {
    const cells = this.#handle.counters;
    return Object.fromEntries(COUNTER_NAMES.map((name, i) => [name, cells[i] ?? 0])) as TunCounters;
  }

  start(receiver: DeviceReceiver): void {
    if (this.#receiver !== undefined) {
      throw Object.assign(new Error(`${this.name} was started before`), { code: "ERR_INVALID_STATE" });
    }
    this.#batch.useFreshSlab();
    const onBatch = () => this.#deliver();
    this.#addon.start(this.#handle, this.#batch.bytes, this.#batch.table, onBatch, this.#spinUs);
    this.#receiver = receiver;
  }

  send(batch: TransmitBatch): number {
    if (batch !== this.#sending) this.#use(batch);
    return this.#handle.write(batch.count, batch.chunks);
  }

  /**
   * Has the kernel give each packet to the queue whose shard its flow belongs to (`ShardHash` with this key and multiplier),
   * the queues being numbered as they were opened. Throws EPERM where this process may load no BPF program.
   */
  steer(key: number, multiplier: number): void {
    this.#addon.steer(this.#handle, key, multiplier);
  }

  ref(): void {
    this.#addon.ref(this.#handle);
  }

  unref(): void {
    this.#addon.unref(this.#handle);
  }

  close(): Promise<void> {
    this.#addon.close(this.#handle);
    return this.#closed;
  }

  /** The stack goes on with the same batch: its memory is looked up once. */
  #use(batch: TransmitBatch): void {
    for (const { buffer } of [batch.table, batch.bytes, batch.pieces]) markAsUntransferable(buffer);
    this.#addon.useBatch(this.#handle, batch.table, batch.bytes, batch.pieces);
    this.#sending = batch;
  }

  #deliver(): void {
    const batch = this.#batch;
    batch.count = batch.table[COUNT]!;
    batch.retained = false;
    // Stays so when the receiver throws: it may have kept a view before it did.
    let retained = true;
    try {
      this.#receiver?.onPackets(batch);
      retained = batch.retained;
    } finally {
      this.#settle(retained);
    }
  }

  /** Decides where the next batch is read to; `table[NEXT]` holds the end of this one. */
  #settle(retained: boolean): void {
    const batch = this.#batch;
    if (!retained) {
      batch.table[NEXT] = this.#start;
      return;
    }
    if (batch.table[NEXT]! + LARGEST_READ > SLAB) {
      batch.useFreshSlab();
      this.#addon.setSlab(this.#handle, batch.bytes);
    }
    this.#start = batch.table[NEXT]!;
  }
}

function parseAddress(text: string): { address: string; prefix: number } {
  const [address = "", digits = ""] = text.split("/", 2);
  const family = isIP(address);
  const prefix = /^\d{1,3}$/.test(digits) ? Number(digits) : -1;
  if (family === 0 || prefix < 0 || prefix > (family === 4 ? 32 : 128)) {
    const message = `The value of "addresses" must be like '10.77.0.1/24' or 'fd77::1/64'. Received '${text}'`;
    throw Object.assign(new TypeError(message), { code: "ERR_INVALID_ARG_VALUE" });
  }
  return { address, prefix };
}

function inRange(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  const message = `The value of "${name}" must be an integer from ${least} to ${most}. Received ${value}`;
  throw Object.assign(new RangeError(message), { code: "ERR_OUT_OF_RANGE" });
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
