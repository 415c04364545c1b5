/** A packet as a line, the way tcpdump prints it. */
import { formatSegment } from "../wire/format.ts";
import { parseIpv4 } from "../wire/ipv4.ts";
import { parseIpv6 } from "../wire/ipv6.ts";
import { Segment } from "../wire/segment.ts";
import { PROTOCOL_TCP, parseTcp } from "../wire/tcp-parse.ts";

/** Parses the IP header of the packet that `seg.bytes` are, of either family. Returns 0 or the drop reason. */
export function parseIp(seg: Segment): number {
  const parse = isV6(seg.bytes) ? parseIpv6 : parseIpv4;
  return parse(seg.view, 0, seg.bytes.length, seg);
}

/** The line for the packet in `bytes`, which start their buffer. */
export function packetLine(bytes: Uint8Array): string {
  const seg = new Segment();
  seg.bytes = bytes;
  seg.view = new DataView(bytes.buffer);
  seg.checksumOk = true;
  seg.gsoSize = 1;
  if (parseIp(seg) === 0 && seg.protocol === PROTOCOL_TCP && parseTcp(seg.view, seg) === 0)
    return formatSegment(seg);
  const v6 = isV6(bytes);
  return `${v6 ? "IP6" : "IP"} protocol ${bytes[v6 ? 6 : 9]}, length ${bytes.length}`;
}

function isV6(bytes: Uint8Array): boolean {
  return bytes[0]! >> 4 === 6;
}
