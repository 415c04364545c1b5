/**
 * Two devices in memory, back to back: what one sends, the other receives. Runtime-free, like the core: when
 * packets are handed over is the scheduler's choice, so that a simulator can drive it in virtual time.
 */
import {
  type ReceiveBatch,
  RX,
  RX_BATCH,
  RX_CHECKSUM_OK,
  type TransmitBatch,
  TX,
} from "../base/packet-batch.ts";
import type { Device, DeviceReceiver } from "./device.ts";

export interface PipeOptions {
  /** Largest IP packet in bytes. Default 1500. */
  mtu?: number;
  /** Super-segments and unfinished checksums pass as they are. Default false. */
  offload?: boolean;
  /** Runs a delivery later, never at once. Default `queueMicrotask`. */
  schedule?: (deliver: () => void) => void;
  /** Packets that wait on one side; what comes on top is refused. Default 10000, as TUN's transmit queue. */
  queueLength?: number;
}

/** What there is in every runtime with a job queue (HTML, Node), and in no ECMAScript type library. */
declare const queueMicrotask: (job: () => void) => void;

/** Two connected devices. Closing one ends the other, with no error. */
export function createPipe(options: PipeOptions = {}): [Device, Device] {
  const a = new PipeEnd("pipe0", options);
  const b = new PipeEnd("pipe1", options);
  a.peer = b;
  b.peer = a;
  return [a, b];
}

interface QueuedPacket {
  readonly bytes: Uint8Array;
  readonly flags: number;
  readonly gsoSize: number;
}

class PipeEnd implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload: boolean;
  peer: PipeEnd = this;
  readonly #schedule: (deliver: () => void) => void;
  readonly #queueLength: number;
  readonly #batch = new PipeBatch();
  /** Towards this end. */
  #queue: QueuedPacket[] = [];
  #scheduled = false;
  #receiver: DeviceReceiver | null = null;
  #closed = false;

  constructor(name: string, options: PipeOptions) {
    this.name = name;
    this.mtu = options.mtu ?? 1500;
    this.offload = options.offload ?? false;
    this.#queueLength = options.queueLength ?? 10_000;
    this.#schedule = options.schedule ?? queueMicrotask;
  }

  start(receiver: DeviceReceiver): void {
    this.#receiver = receiver;
    this.#arm();
  }

  send(batch: TransmitBatch): number {
    if (this.#closed) return 0;
    let taken = 0;
    for (let i = 0; i < batch.count; i++) {
      if (this.#fits(batch, i) && this.peer.#take(batch, i)) taken++;
    }
    this.peer.#arm();
    return taken;
  }

  ref(): void {}

  unref(): void {}

  close(): Promise<void> {
    this.#end();
    this.peer.#end();
    return Promise.resolve();
  }

  /** Refuses what a link of this MTU cannot carry, rather than deliver what no other device would. */
  #fits(batch: TransmitBatch, i: number): boolean {
    const row = i * TX.COLUMNS;
    const offloads = batch.table[row + TX.GSO_SIZE]! > 0;
    if (offloads || batch.table[row + TX.CSUM_START]! >= 0) {
      if (!this.offload) return false;
    }
    return offloads || batch.table[row + TX.TOTAL]! <= this.mtu;
  }

  #take(batch: TransmitBatch, i: number): boolean {
    if (this.#queue.length >= this.#queueLength) return false;
    this.#queue.push(copyPacket(batch, i));
    return true;
  }

  #arm(): void {
    if (this.#scheduled || this.#closed || this.#receiver === null || this.#queue.length === 0) return;
    this.#scheduled = true;
    this.#schedule(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  /** Hands over one batch; the rest gets a turn of its own. */
  #deliver(): void {
    if (this.#closed || this.#receiver === null) return;
    const packets = this.#queue.splice(0, RX_BATCH);
    this.#batch.fill(packets);
    this.#arm();
    this.#receiver.onPackets(this.#batch);
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#receiver?.onClose(null);
  }
}

/** Every batch lies in memory of its own, so retaining costs nothing here. */
class PipeBatch implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(this.bytes.buffer);
  count = 0;
  readonly table: Int32Array = new Int32Array(RX_BATCH * RX.COLUMNS);
  retained = false;

  fill(packets: readonly QueuedPacket[]): void {
    let size = 0;
    for (const { bytes } of packets) size += (bytes.length + 3) & ~3;
    this.bytes = new Uint8Array(size);
    this.view = new DataView(this.bytes.buffer);
    this.count = packets.length;
    this.retained = false;
    let at = 0;
    let row = 0;
    for (const { bytes, flags, gsoSize } of packets) {
      this.bytes.set(bytes, at);
      this.table[row + RX.OFFSET] = at;
      this.table[row + RX.LENGTH] = bytes.length;
      this.table[row + RX.FLAGS] = flags;
      this.table[row + RX.GSO_SIZE] = gsoSize;
      at += (bytes.length + 3) & ~3;
      row += RX.COLUMNS;
    }
  }
}

function copyPacket(batch: TransmitBatch, i: number): QueuedPacket {
  const t = batch.table;
  const row = i * TX.COLUMNS;
  const bytes = batch.packetAt(i);
  return {
    bytes,
    flags: t[row + TX.CSUM_START]! >= 0 ? RX_CHECKSUM_OK : 0,
    gsoSize: t[row + TX.GSO_SIZE]!,
  };
}
