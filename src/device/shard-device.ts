/**
 * One queue of a device that several threads share, and the ring by which the others hand over packets that belong here.
 * To its driver it is a device like any other; what comes by the ring is delivered like what comes by the queue, and before
 * it, as it came in earlier.
 */
import { markAsUntransferable } from "node:worker_threads";
import { type ReceiveBatch, RX, RX_BATCH, type TransmitBatch } from "../base/packet-batch.ts";
import type { Device, DeviceReceiver } from "./device.ts";
import { HandOverRing } from "./hand-over-ring.ts";

const SLAB = 1024 * 1024;
/** Where a batch needs a fresh slab: it might not have room for one packet, the largest being a whole one of IPv6 fragments. */
const SLAB_LEAST = 65_576;
/** Batches from the ring in a row before the event loop gets its turn: a busy ring must not starve the queue. */
const ROUNDS = 8;

class Batch implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  count = 0;
  readonly table: Int32Array = new Int32Array(RX_BATCH * RX.COLUMNS);
  retained = false;

  useFreshSlab(): void {
    const slab = Buffer.allocUnsafeSlow(SLAB);
    // Views of it are given away, as by the device itself.
    markAsUntransferable(slab.buffer);
    this.bytes = new Uint8Array(slab.buffer, slab.byteOffset, SLAB);
    this.view = new DataView(slab.buffer, slab.byteOffset, SLAB);
  }
}

/** The device of shard `index`. */
export class ShardDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload: boolean;
  readonly #device: Device;
  readonly #index: number;
  readonly #rings: readonly HandOverRing[];
  /** Those that were given packets since they were last woken. */
  readonly #given: boolean[];
  readonly #batch: Batch = new Batch();
  /** Where in the slab the next batch goes. */
  #at = SLAB;
  #receiver: DeviceReceiver | null = null;
  readonly #onWake: () => void = () => this.#woken();

  /** `rings` is the memory of each shard's ring, by index. */
  constructor(device: Device, index: number, rings: readonly SharedArrayBuffer[]) {
    this.name = device.name;
    this.mtu = device.mtu;
    this.offload = device.offload;
    this.#device = device;
    this.#index = index;
    this.#rings = rings.map((memory) => new HandOverRing(memory));
    this.#given = rings.map(() => false);
  }

  /** Puts a packet into the ring of shard `to`; see `ShardOptions`. */
  handOver(
    to: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    checksumOk: boolean,
    gsoSize: number,
  ): boolean {
    this.#given[to] = true;
    return this.#rings[to]!.put(bytes, offset, length, checksumOk, gsoSize);
  }

  start(receiver: DeviceReceiver): void {
    this.#receiver = receiver;
    this.#ring.wait(this.#onWake);
    this.#device.start({
      onPackets: (batch) => {
        if (this.#ring.hasPackets) this.#drain();
        this.#deliver(batch);
      },
      onClose: (error) => {
        this.#receiver = null;
        receiver.onClose(error);
      },
    });
  }

  send(batch: TransmitBatch): number {
    return this.#device.send(batch);
  }

  ref(): void {
    this.#device.ref();
  }

  unref(): void {
    this.#device.unref();
  }

  close(): Promise<void> {
    return this.#device.close();
  }

  get #ring(): HandOverRing {
    return this.#rings[this.#index]!;
  }

  #woken(): void {
    if (this.#receiver === null) return;
    const ring = this.#ring;
    ring.awake();
    try {
      this.#drain();
    } finally {
      // More than one turn's worth: the queue comes first, then we come back.
      if (ring.hasPackets) setImmediate(this.#onWake);
      else ring.wait(this.#onWake);
    }
  }

  #drain(): void {
    for (let round = 0; round < ROUNDS && this.#receiver !== null; round++) {
      const batch = this.#batch;
      if (this.#at + SLAB_LEAST > SLAB) {
        batch.useFreshSlab();
        this.#at = 0;
      }
      const end = this.#ring.take(batch, this.#at);
      if (batch.count === 0) return;
      batch.retained = false;
      // Stays so when the receiver throws: it may have kept a view before it did.
      let isRetained = true;
      try {
        this.#deliver(batch);
        isRetained = batch.retained;
      } finally {
        if (isRetained) this.#at = end;
      }
    }
  }

  #deliver(batch: ReceiveBatch): void {
    try {
      this.#receiver?.onPackets(batch);
    } finally {
      this.#wakeOthers();
    }
  }

  #wakeOthers(): void {
    const given = this.#given;
    for (let i = 0; i < given.length; i++) {
      if (!given[i]) continue;
      given[i] = false;
      this.#rings[i]!.wake();
    }
  }
}
