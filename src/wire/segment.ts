/**
 * The one scratch segment: what an inbound packet says, in RFC 9293's terms (3.3.1 SEG.*). `parseIpv4`,
 * `parseIpv6` and `parseTcp` fill it, `tcp/` reads it, nobody keeps it. No offset of a header is known outside `wire/`.
 */
import { type Seq, seq } from "../base/seq.ts";

/** Control bits as they stand in the header (RFC 9293 3.1, RFC 3168). */
export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const URG = 0x20;
export const ECE = 0x40;
export const CWR = 0x80;

/** Blocks a SACK option can hold in 40 bytes of options. */
export const MAX_SACK_BLOCKS = 4;

/** A received segment. One instance is reused for every packet of a stack. */
export class Segment {
  /** The memory the packet lies in. */
  bytes: Uint8Array = NO_BYTES;
  view: DataView = NO_VIEW;

  /** IP family, 4 or 6. */
  family = 4;
  /** Source and destination address as int32 keys (`base/address.ts`). */
  src = 0;
  dst = 0;
  /** IPv6: the source's four words, then the destination's. */
  readonly words: Int32Array = new Int32Array(8);
  /** TTL or hop limit. */
  ttl = 0;
  /** The ECN field of the IP header: 0 not-ECT, 1 ECT(1), 2 ECT(0), 3 CE (RFC 3168 5). */
  ecn = 0;
  /** The IP payload's protocol number, where it starts in `bytes`, and its length. */
  protocol = 0;
  ipPayload = 0;
  ipPayloadLength = 0;
  /** The IP header's start. */
  ipStart = 0;
  /** The device vouches for the transport checksum. */
  checksumOk = false;
  /** Segment payload size of a super-segment as the device reported it, else 0. */
  gsoSize = 0;

  /** Of a fragment (IP_FRAGMENT): its payload's offset in bytes, whether others follow, and the packet's number. */
  fragmentOffset = 0;
  moreFragments = false;
  fragmentId = 0;
  /** IPv6: the byte that names the fragment header, and where that stands, from the packet's start. */
  fragmentNamedAt = 0;
  fragmentAt = 0;
  /** IPv6: the code of the parameter problem that the sender is to be told, -1 for none, and where in the packet it lies. */
  problem = -1;
  problemAt = 0;

  srcPort = 0;
  dstPort = 0;
  seq: Seq = seq(0);
  ack: Seq = seq(0);
  /** The control bits, a union of FIN to CWR. */
  flags = 0;
  /** SEG.WND as it stands in the header, unscaled. */
  wnd = 0;
  /** SEG.UP, the urgent pointer. */
  up = 0;
  /** Where the text starts in `bytes`, and its length in bytes. */
  textOffset = 0;
  textLength = 0;

  /** One of the three options that only a SYN carries is set; where not, they need no clearing. */
  synOptions = false;
  /** Options. MSS 0, wscale -1: not present. */
  mss = 0;
  wscale = -1;
  sackPermitted = false;
  hasTimestamps = false;
  /** int32 */
  tsval = 0;
  tsecr = 0;
  /** Fast Open cookie (RFC 7413), of a SYN only: where it starts in `bytes`, and its length; -1: none, 0: asked for. */
  fastOpenAt = 0;
  fastOpenLength = -1;
  /** SACK blocks received; left and right edge of block i at 2i and 2i+1 of `sackEdges` (int32 sequence numbers). */
  sackCount = 0;
  readonly sackEdges: Int32Array = new Int32Array(2 * MAX_SACK_BLOCKS);

  /** SEG.LEN: the text, and one each for SYN and FIN (RFC 9293 3.4). */
  get len(): number {
    return this.textLength + ((this.flags >> 1) & 1) + (this.flags & 1);
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));
