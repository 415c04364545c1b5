/**
 * A capture file in pcapng (IETF draft-ietf-opsawg-pcapng): the blocks that Wireshark, tshark and tcpdump need for
 * IP packets. Pure functions from packets to bytes; who writes them where is the caller's. A file is one
 * `sectionHeader`, one `interfaceDescription`, then an `enhancedPacket` a packet.
 */

/** Direction of a packet (the epb_flags option): received or sent by the stack. */
export const INBOUND = 1;
export const OUTBOUND = 2;

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
/** Raw IP, version 4 or 6 by its first bits. */
const LINKTYPE_RAW = 101;
const OPT_END_OF_OPTIONS = 0;
const OPT_IF_NAME = 2;
const OPT_IF_TSRESOL = 9;
const OPT_EPB_FLAGS = 2;
/** Timestamps in units of 10^-6 s. */
const MICROSECONDS = 6;

/** The block a file starts with: version 1.0, little-endian, of unknown length. */
export function sectionHeader(): Uint8Array {
  const { bytes, view } = block(SECTION_HEADER, 16);
  view.setUint32(8, BYTE_ORDER_MAGIC, true);
  view.setUint16(12, 1, true);
  view.setUint16(14, 0, true);
  view.setInt32(16, -1, true);
  view.setInt32(20, -1, true);
  return bytes;
}

/** The interface the packets were seen on: raw IP, times in microseconds. `snapLength` 0: packets are whole. */
export function interfaceDescription(name: string, snapLength = 0): Uint8Array {
  const { bytes, view } = block(INTERFACE_DESCRIPTION, 8 + (4 + pad(name.length)) + 8 + 4);
  view.setUint16(8, LINKTYPE_RAW, true);
  view.setUint32(12, snapLength, true);
  option(view, 16, OPT_IF_NAME, name.length);
  // Interface names are ASCII here; another character would become one byte of its low 8 bits.
  for (let i = 0; i < name.length; i++) bytes[20 + i] = name.charCodeAt(i);
  const resolution = 20 + pad(name.length);
  option(view, resolution, OPT_IF_TSRESOL, 1);
  bytes[resolution + 4] = MICROSECONDS;
  option(view, resolution + 8, OPT_END_OF_OPTIONS, 0);
  return bytes;
}

/**
 * One packet: the `captured` bytes of one that is `originalLength` long, seen at `micros` since 1970.
 * A super-segment is recorded as it crossed the device.
 */
export function enhancedPacket(
  captured: Uint8Array,
  originalLength: number,
  micros: number,
  direction: typeof INBOUND | typeof OUTBOUND,
): Uint8Array {
  const padded = pad(captured.length);
  const { bytes, view } = block(ENHANCED_PACKET, 20 + padded + 8 + 4);
  const whole = Math.floor(micros);
  view.setUint32(12, Math.floor(whole / 2 ** 32), true);
  view.setUint32(16, whole % 2 ** 32, true);
  view.setUint32(20, captured.length, true);
  view.setUint32(24, originalLength, true);
  bytes.set(captured, 28);
  const options = 28 + padded;
  option(view, options, OPT_EPB_FLAGS, 4);
  view.setUint32(options + 4, direction, true);
  option(view, options + 8, OPT_END_OF_OPTIONS, 0);
  return bytes;
}

/** A block with room for `bodyLength` bytes, its type and both lengths written; the body starts at 8. */
function block(type: number, bodyLength: number): { bytes: Uint8Array; view: DataView } {
  const length = 12 + bodyLength;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  view.setUint32(length - 4, length, true);
  return { bytes, view };
}

function option(view: DataView, at: number, code: number, length: number): void {
  view.setUint16(at, code, true);
  view.setUint16(at + 2, length, true);
}

/** `length` rounded up to whole 32-bit words. */
function pad(length: number): number {
  return (length + 3) & ~3;
}
