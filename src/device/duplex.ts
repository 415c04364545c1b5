/**
 * Any Node Duplex that yields and takes one IP packet a chunk, such as the `Tun` of npm's tuntap2, as a
 * device without offload. One batch a chunk: as fast as streams are.
 */
import type { Duplex } from "node:stream";
import { type ReceiveBatch, RX, type TransmitBatch } from "../base/packet-batch.ts";
import type { Device, DeviceReceiver } from "./device.ts";

export interface DuplexOptions {
  /** Default: the stream's own `name`, else `duplex`. */
  name?: string;
  /** Largest IP packet in bytes. Default: the stream's own `mtu`, else 1500. */
  mtu?: number;
}

/** What tuntap2's `Tun` has beyond a Duplex, and others may. */
interface Interface {
  readonly name?: unknown;
  readonly mtu?: unknown;
}

/** What a duplex device counts. */
export interface DuplexCounters {
  readPackets: number;
  /** Chunks that are no packets: not bytes, or none. */
  readInvalid: number;
  writePackets: number;
  /** Packets dropped because the stream asked to wait (`write` returned false) and has not drained yet. */
  writeDropped: number;
}

/**
 * A device over a Duplex of packets. Takes the stream over: `close` destroys it. Throws
 * `ERR_INVALID_ARG_TYPE` when it is no Duplex, `ERR_OUT_OF_RANGE` for an MTU that cannot be.
 */
export function duplexDevice(duplex: Duplex, options: DuplexOptions = {}): DuplexDevice {
  return new DuplexDevice(duplex, options);
}

export class DuplexDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly offload = false;
  readonly counters: DuplexCounters = { readPackets: 0, readInvalid: 0, writePackets: 0, writeDropped: 0 };
  readonly #duplex: Duplex;
  readonly #batch = new ChunkBatch();
  readonly #closed: Promise<void>;
  #receiver: DeviceReceiver | undefined;
  #waiting = false;
  #ended = false;
  #resolve: () => void = () => {};

  /** Use `duplexDevice`. */
  constructor(duplex: Duplex, options: DuplexOptions) {
    if (typeof duplex?.write !== "function" || typeof duplex.on !== "function" || !("readable" in duplex)) {
      throw Object.assign(new TypeError('The "duplex" argument must be a stream.Duplex'), {
        code: "ERR_INVALID_ARG_TYPE",
      });
    }
    const own: Interface = duplex as Interface;
    this.name = options.name ?? (typeof own.name === "string" ? own.name : "duplex");
    this.mtu = options.mtu ?? (typeof own.mtu === "number" ? own.mtu : 1500);
    if (!Number.isInteger(this.mtu) || this.mtu < 68 || this.mtu > 65_535) {
      const message = `The value of "mtu" must be an integer from 68 to 65535. Received ${this.mtu}`;
      throw Object.assign(new RangeError(message), { code: "ERR_OUT_OF_RANGE" });
    }
    this.#duplex = duplex;
    this.#closed = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    duplex.on("error", (error: Error) => this.#end(error));
    duplex.on("end", () => this.#end(streamEnded(this.name)));
    duplex.on("close", () => this.#end(streamEnded(this.name)));
    duplex.on("drain", () => {
      this.#waiting = false;
    });
  }

  start(receiver: DeviceReceiver): void {
    this.#receiver = receiver;
    this.#duplex.on("data", (chunk: unknown) => this.#receive(chunk));
  }

  send(batch: TransmitBatch): number {
    let taken = 0;
    for (let i = 0; i < batch.count && !this.#ended; i++) {
      if (this.#waiting) {
        this.counters.writeDropped += batch.count - i;
        break;
      }
      // A copy: the stream may keep the chunk, and the batch is its owner's again on return.
      const packet = batch.packetAt(i);
      this.#waiting = !this.#duplex.write(Buffer.from(packet.buffer));
      this.counters.writePackets++;
      taken++;
    }
    return taken;
  }

  ref(): void {
    (this.#duplex as { ref?: () => void }).ref?.();
  }

  unref(): void {
    (this.#duplex as { unref?: () => void }).unref?.();
  }

  close(): Promise<void> {
    this.#end(null);
    return this.#closed;
  }

  #receive(chunk: unknown): void {
    if (this.#ended) return;
    if (!(chunk instanceof Uint8Array) || chunk.length === 0) {
      this.counters.readInvalid++;
      return;
    }
    this.counters.readPackets++;
    this.#batch.hold(chunk);
    this.#receiver?.onPackets(this.#batch);
  }

  #end(error: Error | null): void {
    if (this.#ended) return;
    this.#ended = true;
    const tell = () => {
      this.#resolve();
      this.#receiver?.onClose(error);
    };
    if (this.#duplex.closed) {
      tell();
      return;
    }
    this.#duplex.once("close", tell);
    this.#duplex.destroy();
  }
}

function streamEnded(name: string): Error {
  return Object.assign(new Error(`${name}: the stream of packets ended`), {
    code: "ERR_STREAM_PREMATURE_CLOSE",
  });
}

/** One chunk as a batch. The chunk is its own memory, so it may be retained. */
class ChunkBatch implements ReceiveBatch {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = new DataView(new ArrayBuffer(0));
  count = 0;
  readonly table: Int32Array = new Int32Array(RX.COLUMNS);
  retained = false;

  hold(chunk: Uint8Array): void {
    this.bytes = chunk;
    this.view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    this.count = 1;
    this.table[RX.OFFSET] = 0;
    this.table[RX.LENGTH] = chunk.length;
    this.retained = false;
  }
}
