/**
 * Packets: prefix (IP header, tunnels), then TCP, UDP or ICMP. Checks what the wire can hold and that lengths agree;
 * whether a packet makes sense is the script's business.
 */
import type {
  Direction,
  EchoedPacket,
  IcmpPacket,
  IpPrefix,
  Packet,
  Ports,
  SequenceRange,
  TcpPacket,
  UdpPacket,
} from "./ast.ts";
import { TCP_FLAGS } from "./ast.ts";
import type { Token } from "./lexer.ts";
import { parseTcpOptions } from "./parse-tcp-options.ts";
import type { TokenCursor } from "./token-cursor.ts";

const MOST_U16 = 0xffff;
const MOST_U32 = 0xffff_ffff;

/** What stands before the transport header. */
interface Prefix {
  readonly line: number;
  readonly direction: Direction;
  readonly encapsulation: readonly string[];
  readonly ip: IpPrefix;
}

/** The packet at the cursor, which is at `<` or `>`. */
export function parsePacket(cursor: TokenCursor): Packet {
  const { line, text } = cursor.next();
  const direction: Direction = text === "<" ? "inbound" : "outbound";
  const encapsulation = parseEncapsulation(cursor);
  const ip = parseIpPrefix(cursor, direction);
  const prefix = { line, direction, encapsulation, ip };
  const token = cursor.peek();
  if (cursor.isAt("sctp")) throw cursor.unsupported(token, "SCTP");
  if (cursor.isAt("udplite")) throw cursor.unsupported(token, "UDP-Lite");
  if (cursor.isAt("udp")) return parseUdp(cursor, prefix);
  if (cursor.isAt("icmp")) return parseIcmp(cursor, prefix, null);
  // FreeBSD's dialect has the echoed packet first.
  if (cursor.isAt("[")) {
    const echoed = parseEchoed(cursor);
    if (!cursor.isAt("icmp")) throw cursor.expected("'icmp' after the packet that it echoes");
    return parseIcmp(cursor, prefix, echoed);
  }
  return parseTcp(cursor, prefix);
}

const TUNNELS = ["ipv4", "ipv6", "gre", "GREv0", "mpls"];

/** Outer headers, each ended by a colon; only their names are kept. */
function parseEncapsulation(cursor: TokenCursor): string[] {
  const names: string[] = [];
  while (TUNNELS.some((name) => cursor.isAt(name))) {
    names.push(cursor.next().text);
    while (!cursor.accept(":")) {
      if (cursor.isKind("end")) throw cursor.expected("':' after an outer header");
      cursor.next();
    }
  }
  return names;
}

const NO_PREFIX: IpPrefix = { ecn: null, tos: null, flowLabel: null, ttl: null };
const ECN_WORDS = ["noecn", "ect0", "ect1", "ect01", "ce"] as const;

function parseIpPrefix(cursor: TokenCursor, direction: Direction): IpPrefix {
  const close = cursor.isAt("(") ? ")" : "]";
  if (!cursor.isAt("(") && !(cursor.isAt("[") && !isEchoed(cursor, 1))) return NO_PREFIX;
  cursor.next();
  let prefix = NO_PREFIX;
  do {
    prefix = { ...prefix, ...parseIpField(cursor, direction) };
  } while (cursor.accept(","));
  cursor.expect(close);
  return prefix;
}

function parseIpField(cursor: TokenCursor, direction: Direction): Partial<IpPrefix> {
  const token = cursor.peek();
  const ecn = ECN_WORDS.find((word) => cursor.isAt(word));
  if (ecn !== undefined) {
    if (ecn === "ect01" && direction === "inbound") {
      throw cursor.error(token, "expected one codepoint for an inbound packet, found ect01");
    }
    cursor.next();
    return { ecn };
  }
  if (cursor.accept("tos")) return { tos: parseNumber(cursor, "a TOS octet", 0xff) };
  if (cursor.accept("flowlabel")) return { flowLabel: parseNumber(cursor, "a flow label", 0xf_ffff) };
  if (cursor.accept("ttl")) return { ttl: parseNumber(cursor, "a TTL", 0xff) };
  throw cursor.expected("noecn, ect0, ect1, ect01, ce, tos, flowlabel or ttl");
}

/** In decimal or hexadecimal. */
function parseNumber(cursor: TokenCursor, what: string, most: number): number {
  if (!cursor.isKind("hex")) return cursor.expectInteger(what, 0, most);
  const token = cursor.next();
  const value = Number(token.text);
  if (value > most) {
    throw cursor.error(token, `expected ${what} up to 0x${most.toString(16)}, found ${token.text}`);
  }
  return value;
}

function parseTcp(cursor: TokenCursor, prefix: Prefix): TcpPacket {
  const ports = cursor.isKind("integer") && cursor.isAt(">", 1) ? parsePorts(cursor) : null;
  const { flags, ace } = parseFlags(cursor);
  const sequence = parseSequence(cursor);
  const ack = cursor.accept("ack") ? cursor.expectInteger("an acknowledgment number", 0, MOST_U32) : null;
  const window = cursor.accept("win") ? cursor.expectInteger("a window", 0, MOST_U16) : null;
  const urgent = cursor.accept("urg") ? cursor.expectInteger("an urgent pointer", 0, MOST_U16) : null;
  const options = parseTcpOptions(cursor, prefix.direction);
  const udpEncapsulation = parseUdpEncapsulation(cursor);
  if (cursor.isAt("{")) throw cursor.unsupported(cursor.peek(), "fuzzing of a packet");
  return {
    kind: "tcp",
    ...prefix,
    ports,
    flags,
    ace,
    sequence,
    ack,
    window,
    urgent,
    options,
    udpEncapsulation,
  };
}

function parsePorts(cursor: TokenCursor): Ports {
  const source = cursor.expectInteger("a source port", 0, MOST_U16);
  cursor.expect(">");
  return { source, destination: cursor.expectInteger("a destination port", 0, MOST_U16) };
}

const FLAG_LETTERS: ReadonlyMap<string, number> = new Map([
  ["F", TCP_FLAGS.FIN],
  ["S", TCP_FLAGS.SYN],
  ["R", TCP_FLAGS.RST],
  ["P", TCP_FLAGS.PSH],
  ["U", TCP_FLAGS.URG],
  ["E", TCP_FLAGS.ECE],
  ["W", TCP_FLAGS.CWR],
  ["A", TCP_FLAGS.AE],
]);

/** `SEW`, `P.`, `.`, `-`, `S.5`. */
function parseFlags(cursor: TokenCursor): { flags: number; ace: number | null } {
  if (cursor.accept("-")) return { flags: 0, ace: null };
  const letters = cursor.isKind("word") ? cursor.next() : null;
  let flags = letters === null ? 0 : flagsOf(cursor, letters);
  const dot = cursor.peek();
  // `P.5` reads as the word P and the decimal number .5.
  if (dot.kind === "float" && dot.text.startsWith(".")) {
    cursor.next();
    const ace = Number(dot.text.slice(1));
    if (ace > 7) throw cursor.error(dot, `expected an ACE field from 0 to 7, found ${dot.text.slice(1)}`);
    if (ace & 4) flags |= TCP_FLAGS.AE;
    if (ace & 2) flags |= TCP_FLAGS.CWR;
    if (ace & 1) flags |= TCP_FLAGS.ECE;
    return { flags: flags | TCP_FLAGS.ACK, ace };
  }
  if (cursor.accept(".")) return { flags: flags | TCP_FLAGS.ACK, ace: null };
  if (letters === null) throw cursor.expected("TCP flags (letters of FSRPUEWA, '.' for ACK, '-' for none)");
  return { flags, ace: null };
}

function flagsOf(cursor: TokenCursor, token: Token): number {
  let flags = 0;
  for (const letter of token.text) {
    const flag = FLAG_LETTERS.get(letter);
    if (flag === undefined) {
      throw cursor.error(token, `expected TCP flags (letters of FSRPUEWA), found '${token.text}'`);
    }
    flags |= flag;
  }
  return flags;
}

function parseSequence(cursor: TokenCursor): SequenceRange {
  const first = cursor.peek();
  if (cursor.accept("...")) {
    cursor.expect("(");
    const length = cursor.expectInteger("a length", 0, MOST_U16);
    cursor.expect(")");
    return { start: 0, length, absolute: false, any: true };
  }
  const start = cursor.expectInteger("a sequence number", 0, MOST_U32);
  cursor.expect(":");
  const end = cursor.expectInteger("a sequence number", 0, MOST_U32);
  cursor.expect("(");
  const length = cursor.expectInteger("a length", 0, MOST_U16);
  cursor.expect(")");
  if (end !== (start + length) % 2 ** 32) {
    throw cursor.error(first, `expected ${start}:${(start + length) % 2 ** 32}(${length}), found end ${end}`);
  }
  return { start, length, absolute: cursor.accept("!"), any: false };
}

function parseUdpEncapsulation(cursor: TokenCursor): Ports | null {
  if (!(cursor.isAt("/") && cursor.isAt("udp", 1))) return null;
  cursor.next();
  cursor.next();
  cursor.expect("(");
  const ports = parsePorts(cursor);
  cursor.expect(")");
  return ports;
}

function parseUdp(cursor: TokenCursor, prefix: Prefix): UdpPacket {
  cursor.next();
  const ports = cursor.isKind("integer") ? parsePorts(cursor) : null;
  return { kind: "udp", ...prefix, ports, length: parseLength(cursor) };
}

function parseLength(cursor: TokenCursor): number {
  cursor.expect("(");
  const length = cursor.expectInteger("a length", 0, MOST_U16);
  cursor.expect(")");
  return length;
}

function parseIcmp(cursor: TokenCursor, prefix: Prefix, before: EchoedPacket | null): IcmpPacket {
  cursor.next();
  const type = cursor.expectKind("word", "an ICMP type").text;
  const code = cursor.isKind("word") && !cursor.isAt("mtu") && !cursor.isAt("id") ? cursor.next().text : null;
  const mtu = cursor.accept("mtu") ? cursor.expectInteger("an MTU", 0, MOST_U32) : null;
  const id = cursor.accept("id") ? cursor.expectInteger("an identifier", 0, MOST_U16) : null;
  const echoed = before ?? (cursor.isAt("[") ? parseEchoed(cursor) : null);
  return { kind: "icmp", ...prefix, type, code, mtu, id, echoed };
}

const ECHOED_WORDS = ["udp", "raw", "sctp", "udplite"];

function isEchoed(cursor: TokenCursor, ahead: number): boolean {
  return (
    cursor.isKind("integer", ahead) ||
    cursor.isAt("...", ahead) ||
    ECHOED_WORDS.some((word) => cursor.isAt(word, ahead))
  );
}

function parseEchoed(cursor: TokenCursor): EchoedPacket {
  cursor.expect("[");
  const token = cursor.peek();
  let echoed: EchoedPacket;
  if (cursor.isAt("sctp")) throw cursor.unsupported(token, "SCTP");
  if (cursor.isAt("udplite")) throw cursor.unsupported(token, "UDP-Lite");
  if (cursor.accept("udp")) echoed = { protocol: "udp", length: parseLength(cursor) };
  else if (cursor.accept("raw")) echoed = { protocol: "raw", length: parseLength(cursor) };
  else {
    const sequence = parseSequence(cursor);
    echoed = { protocol: "tcp", sequence, udpEncapsulation: parseUdpEncapsulation(cursor) };
  }
  cursor.expect("]");
  return echoed;
}
