/**
 * A device: any source and sink of IP packets. TUN, an in-memory pipe, a Node Duplex of packets.
 * A device knows bytes and offload, no protocol.
 */
import type { ReceiveBatch, TransmitBatch } from "../base/packet-batch.ts";

/** Who takes the packets: the driver. */
export interface DeviceReceiver {
  /** Packets arrived. They are valid until this returns, unless `batch.retained` is set. */
  onPackets(batch: ReceiveBatch): void;
  /** The device is gone (`error` says why: link deleted, stream ended) or was closed (`null`). Called once. */
  onClose(error: Error | null): void;
}

/** A source and sink of IP packets. */
export interface Device {
  /** The interface's name, as `ip link` prints it where there is one. */
  readonly name: string;
  /** Largest IP packet in bytes, super-segments apart. */
  readonly mtu: number;
  /** Takes and gives super-segments (GSO) and packets whose checksum the other end need not verify. */
  readonly offload: boolean;
  /** Starts the flow of packets. */
  start(receiver: DeviceReceiver): void;
  /**
   * Sends the batch's packets in order and returns how many were taken; the rest are lost as on any link,
   * and counted by the caller. The batch is the caller's again on return: nothing of it is kept.
   */
  send(batch: TransmitBatch): number;
  /** Keeps the process alive while open (the default), or not. */
  ref(): void;
  unref(): void;
  /** Stops the flow, frees the device; resolves when nothing of it is left. A second call does nothing. */
  close(): Promise<void>;
}
