/**
 * The other end of a connection under test, speaking only as the test says: segments built field by field, and what
 * the stack answers read as lines, relative to each end's ISS.
 */

import { finish, sum } from "../../../src/base/checksum.ts";
import { seq } from "../../../src/base/seq.ts";
import { emitTcp, writeTcpChecksum } from "../../../src/wire/tcp-emit.ts";
import {
  padOptions,
  writeMss,
  writeSack,
  writeSackPermitted,
  writeTimestamps,
  writeWscale,
} from "../../../src/wire/tcp-options.ts";
import { emitIp, ipHeader, pseudo } from "./ip.ts";
import { LETTERS, MS, PEER, PEER6, type Rig, type Sent, STACK, STACK6 } from "./rig.ts";

/** "S." to 0x12. */
export function flagBits(letters: string): number {
  return [...letters].reduce((bits, letter) => bits | (1 << LETTERS.indexOf(letter)), 0);
}

export interface PeerOptions {
  address?: string;
  port?: number;
  stackAddress?: string;
  stackPort?: number;
  iss?: number;
  /** Options of the peer's SYN. Left out: not sent. */
  mss?: number;
  wscale?: number;
  sack?: boolean;
  timestamps?: boolean;
  wnd?: number;
}

/** What a segment carries beside flags, sequence number and acknowledgment. */
export interface Extra {
  text?: number | string | Uint8Array;
  wnd?: number;
  up?: number;
  /** TSval, and TSecr if it is not the last TSval seen; null: no timestamps though agreed. */
  ts?: number | [val: number, ecr: number] | null;
  sack?: [left: number, right: number][];
  mss?: number;
  wscale?: number;
  sackPermitted?: boolean;
  options?: Uint8Array;
  /** The IP header's ECN field. */
  ecn?: number;
}

/** The other end of one connection, speaking only as the test says. */
export class Peer {
  readonly rig: Rig;
  readonly address: string;
  readonly port: number;
  readonly stackAddress: string;
  stackPort: number;
  readonly iss: number;
  readonly options: PeerOptions;
  /** The stack's ISS, once seen. */
  irs = 0;
  /** The last TSval seen, and the offset of the peer's own clock. */
  tsSeen = 0;
  tsOffset = 5_000;
  /** Right edge of every window the stack advertised, relative to the peer's ISS. */
  edge = 0;

  #scale = 0;

  constructor(rig: Rig, options: PeerOptions = {}) {
    this.rig = rig;
    this.options = options;
    this.address = options.address ?? (rig.family === 4 ? PEER : PEER6);
    this.port = options.port ?? 43_210;
    this.stackAddress = options.stackAddress ?? (rig.family === 4 ? STACK : STACK6);
    this.stackPort = options.stackPort ?? 7;
    this.iss = (options.iss ?? 0xffff_fff0) >>> 0;
  }

  /** The peer's timestamp clock: milliseconds. */
  get clock(): number {
    return (Math.floor(this.rig.now / MS) + this.tsOffset) | 0;
  }

  /** Builds a segment; `at` and `ack` are relative to the two ISSs. Without "." there is no acknowledgment. */
  segment(flags: string, at: number, ack = 0, extra: Extra = {}): Uint8Array {
    const text =
      typeof extra.text === "string"
        ? new TextEncoder().encode(extra.text)
        : typeof extra.text === "number"
          ? Uint8Array.from({ length: extra.text }, (_, i) => pattern(at + i))
          : (extra.text ?? new Uint8Array(0));
    const options = this.#optionBytes(flags, extra);
    const tcpLength = 20 + options.length + text.length;
    const at0 = ipHeader(this.address);
    const bytes = new Uint8Array(at0 + tcpLength);
    const view = new DataView(bytes.buffer);
    const bits = flagBits(flags);
    emitIp(view, bytes.length, 6, this.address, this.stackAddress, extra.ecn ?? 0);
    emitTcp(
      view,
      at0,
      this.port,
      this.stackPort,
      seq(this.iss + at),
      seq((bits & 0x10) !== 0 ? this.irs + ack : 0),
      bits,
      extra.wnd ?? this.options.wnd ?? 65_535,
      extra.up ?? 0,
      options.length,
    );
    bytes.set(options, at0 + 20);
    bytes.set(text, at0 + 20 + options.length);
    const partial = pseudo(this.address, this.stackAddress, 6, tcpLength);
    writeTcpChecksum(view, at0, finish(sum(bytes, view, at0, tcpLength, partial)));
    return bytes;
  }

  /** Sends one segment and returns what this connection was answered. */
  send(flags: string, at: number, ack = 0, extra: Extra = {}): Sent[] {
    return this.mine(this.rig.input(this.segment(flags, at, ack, extra)));
  }

  /** The same, as lines. */
  says(flags: string, at: number, ack = 0, extra: Extra = {}): string[] {
    return this.lines(this.send(flags, at, ack, extra));
  }

  /** The options of the peer's SYN. */
  get synOptions(): Extra {
    const { mss, wscale, sack } = this.options;
    return {
      ...(mss === undefined ? {} : { mss }),
      ...(wscale === undefined ? {} : { wscale }),
      ...(sack === undefined ? {} : { sackPermitted: sack }),
    };
  }

  /** The segments of this connection, noting the stack's ISS and timestamps. */
  mine(sent: Sent[]): Sent[] {
    const mine = sent.filter((s) => s.dst === this.address && s.dstPort === this.port);
    for (const s of mine) {
      if (s.flags.includes("S")) this.irs = s.seq;
      if (s.ts !== null) this.tsSeen = s.ts.val;
      if (s.flags.includes("S")) this.#scale = this.options.wscale === undefined ? 0 : Math.max(0, s.wscale);
      if (!s.flags.includes(".") || s.flags.includes("R")) continue;
      const wnd = s.flags.includes("S") ? s.wnd : s.wnd * 2 ** this.#scale;
      this.edge = Math.max(this.edge, ((s.ack - this.iss) | 0) + wnd);
    }
    return mine;
  }

  lines(sent: Sent[]): string[] {
    return this.mine(sent).map((s) => this.line(s));
  }

  line(s: Sent): string {
    const control = (s.flags.includes("S") ? 1 : 0) + (s.flags.includes("F") ? 1 : 0);
    const isBare = s.flags === "R." && s.seq === 0;
    const at = isBare ? 0 : (s.seq - this.irs) | 0;
    const ack = s.flags.includes(".") ? ` ack ${(s.ack - this.iss) | 0}` : "";
    const sack = s.sack.map(([l, r]) => ` <${(l - this.iss) | 0}-${(r - this.iss) | 0}>`).join("");
    return `${s.flags} ${at}:${at + s.text.length + control}(${s.text.length})${ack}${sack}`;
  }

  #optionBytes(flags: string, extra: Extra): Uint8Array {
    const view = new DataView(new ArrayBuffer(60));
    let end = 0;
    if (extra.mss !== undefined) end = writeMss(view, end, extra.mss);
    if (extra.wscale !== undefined) end = writeWscale(view, end, extra.wscale);
    if (extra.sackPermitted === true) end = writeSackPermitted(view, end);
    end = padOptions(view, 0, end);
    const wantsTs = this.options.timestamps === true && !flags.includes("R");
    if (extra.ts !== null && (extra.ts !== undefined || wantsTs)) {
      const ts = extra.ts ?? this.clock;
      const [val, ecr] = typeof ts === "number" ? [ts, flags.includes(".") ? this.tsSeen : 0] : ts;
      end = writeTimestamps(view, end, val, ecr);
    }
    if (extra.sack !== undefined && extra.sack.length > 0) {
      const edges = Int32Array.from(extra.sack.flat(), (edge) => (this.irs + edge) | 0);
      end = writeSack(view, end, edges, extra.sack.length);
    }
    if (extra.options !== undefined) {
      new Uint8Array(view.buffer).set(extra.options, end);
      end = padOptions(view, 0, end + extra.options.length);
    }
    return new Uint8Array(view.buffer, 0, end);
  }
}

/** The byte at an offset of the stream that tests send. */
export function pattern(at: number): number {
  return (at * 7 + (at >> 8)) & 0xff;
}
