/**
 * What crossed the links of a world: a line a packet as tcpdump prints it, with its time and its fate, or a capture file
 * for Wireshark. Packets are shown as their sender let go of them.
 */

import { enhancedPacket, interfaceDescription, OUTBOUND, sectionHeader } from "../wire/pcapng.ts";
import type { Fate, Link } from "./link.ts";
import type { Packet } from "./packet.ts";
import { packetLine } from "./packet-line.ts";
import type { World } from "./world.ts";

interface Entry {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly length: number;
  readonly fate: Fate;
}

/** Settings of a trace. */
export interface TraceOptions {
  /** Only the last so many packets are kept; default 10,000. */
  readonly last?: number;
  /** Bytes kept a packet; default 128, which holds all headers. */
  readonly snap?: number;
}

/** Records a world's links. */
export class Trace {
  readonly #world: World;
  readonly #last: number;
  readonly #snap: number;
  readonly #entries: Entry[] = [];
  /** Where the oldest is, once there are `last`. */
  #oldest = 0;

  /** Watches the links that `world` has at this moment. */
  constructor(world: World, options: TraceOptions = {}) {
    this.#world = world;
    this.#last = options.last ?? 10_000;
    this.#snap = options.snap ?? 128;
    for (const link of world.links) this.watch(link);
  }

  /** Watches one more link. */
  watch(link: Link): void {
    link.tap = (_, packet, fate) => this.#add(packet, fate);
  }

  /** A line a packet, times in seconds since the world began. */
  lines(): string[] {
    return this.#inOrder().map((entry) => {
      const time = ((entry.at - this.#world.startAt) / 1e6).toFixed(6);
      const fate = entry.fate === "sent" ? "" : ` (${entry.fate})`;
      return `${time} ${formatPacket(entry)}${fate}`;
    });
  }

  /** A capture file; the world began at 1970-01-01 00:00:00. */
  pcapng(): Uint8Array {
    const blocks = [sectionHeader(), interfaceDescription("sim0", this.#snap)];
    for (const { at, bytes, length } of this.#inOrder()) {
      blocks.push(enhancedPacket(bytes, length, at - this.#world.startAt, OUTBOUND));
    }
    const file = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      file.set(block, at);
      at += block.length;
    }
    return file;
  }

  #add(packet: Packet, fate: Fate): void {
    const bytes = packet.bytes.slice(0, Math.min(packet.length, this.#snap));
    const entry = { at: this.#world.now, bytes, length: packet.length, fate };
    if (this.#entries.length < this.#last) {
      this.#entries.push(entry);
      return;
    }
    this.#entries[this.#oldest] = entry;
    this.#oldest = (this.#oldest + 1) % this.#last;
  }

  #inOrder(): Entry[] {
    return [...this.#entries.slice(this.#oldest), ...this.#entries.slice(0, this.#oldest)];
  }
}

function formatPacket(entry: Entry): string {
  // The parser wants the whole length: what was cut off reads as zeros.
  const bytes = new Uint8Array(entry.length);
  bytes.set(entry.bytes);
  return packetLine(bytes);
}
