/** The TCP options of a packet, `<mss 1460,nop,...>`, and their size on the wire. */
import type { Direction, SackBlock, TcpOption } from "./ast.ts";
import type { Token } from "./lexer.ts";
import type { TokenCursor } from "./token-cursor.ts";

const MOST_U16 = 0xffff;
const MOST_U32 = 0xffff_ffff;
/** What a data offset of 15 leaves for options (RFC 9293 3.1). */
const MOST_OPTION_BYTES = 40;

/** The list at the cursor; empty where there is none. */
export function parseTcpOptions(cursor: TokenCursor, direction: Direction): readonly TcpOption[] | "any" {
  const first = cursor.peek();
  if (!cursor.isAt("<")) return [];
  cursor.next();
  if (cursor.isAt("...") && cursor.isAt(">", 1)) {
    if (direction === "inbound") {
      throw cursor.error(first, "expected options, found <...>, which only an outbound packet takes");
    }
    cursor.next();
    cursor.next();
    return "any";
  }
  const options: TcpOption[] = [];
  do options.push(parseOption(cursor));
  while (cursor.accept(","));
  if (!cursor.accept(">")) throw cursor.expected("',' or '>'");
  const bytes = options.reduce((sum, option) => sum + optionBytes(option), 0);
  if (bytes > MOST_OPTION_BYTES) {
    throw cursor.error(first, `expected at most ${MOST_OPTION_BYTES} octets of options, found ${bytes}`);
  }
  return options;
}

/** How many octets an option takes on the wire; a broken length octet doesn't count. */
export function optionBytes(option: TcpOption): number {
  switch (option.kind) {
    case "eol":
    case "nop":
      return 1;
    case "mss":
      return 4;
    case "wscale":
      return 3;
    case "sackOK":
      return 2;
    case "sack":
      return 2 + 8 * option.blocks.length;
    case "TS":
      return 10;
    case "FO":
      return (option.experimental ? 4 : 2) + option.cookie.length;
    case "md5":
      return typeof option.digest === "string" ? 18 : 2 + option.digest.length;
    case "raw":
      return 2 + option.data.length;
    case "unknown":
      return 0;
  }
}

function parseOption(cursor: TokenCursor): TcpOption {
  const name = cursor.expectKind("word", "a TCP option");
  switch (name.text) {
    case "eol":
      return { kind: "eol" };
    case "nop":
      return { kind: "nop" };
    case "mss":
      return { kind: "mss", value: cursor.expectInteger("an MSS", 0, MOST_U16) };
    case "wscale":
      return { kind: "wscale", shift: cursor.expectInteger("a shift count", 0, 0xff) };
    case "sackOK":
      return { kind: "sackOK" };
    case "sack":
      return { kind: "sack", blocks: parseSackBlocks(cursor) };
    case "TS":
      return parseTimestamps(cursor);
    case "FO":
    case "FOEXP":
      return {
        kind: "FO",
        cookie: parseHexBlob(cursor) ?? new Uint8Array(0),
        experimental: name.text === "FOEXP",
      };
    case "md5":
      return parseMd5(cursor);
    case "raw":
      return parseRaw(cursor);
    default:
      return parseUnknown(cursor, name);
  }
}

function parseSackBlocks(cursor: TokenCursor): SackBlock[] {
  const blocks: SackBlock[] = [];
  do {
    const left = cursor.expectInteger("a SACK edge", 0, MOST_U32);
    cursor.expect(":");
    blocks.push({ left, right: cursor.expectInteger("a SACK edge", 0, MOST_U32) });
  } while (cursor.isKind("integer"));
  return blocks;
}

function parseTimestamps(cursor: TokenCursor): TcpOption {
  cursor.expect("val");
  const val = cursor.accept("...") ? null : cursor.expectInteger("a timestamp", 0, MOST_U32);
  cursor.expect("ecr");
  const ecr = cursor.expectInteger("a timestamp", 0, MOST_U32);
  return { kind: "TS", val, ecr, ecrAbsolute: cursor.accept("!") };
}

function parseMd5(cursor: TokenCursor): TcpOption {
  if (cursor.accept("valid")) return { kind: "md5", digest: "valid" };
  if (cursor.accept("invalid")) return { kind: "md5", digest: "invalid" };
  const token = cursor.peek();
  const digest = parseHexBlob(cursor);
  if (digest === null) throw cursor.expected("'valid', 'invalid' or a digest in hexadecimal");
  if (digest.length > 16) throw cursor.error(token, `expected at most 16 octets, found ${digest.length}`);
  return { kind: "md5", digest };
}

function parseRaw(cursor: TokenCursor): TcpOption {
  const number = cursor.expectInteger("an option kind", 0, 0xff);
  const length = cursor.accept("len") ? cursor.expectInteger("an option length", 0, 0xff) : null;
  const data = parseHexBlob(cursor) ?? new Uint8Array(0);
  return { kind: "raw", number, length: length ?? 2 + data.length, data };
}

/** Digits without 0x, two an octet; null where the next token is no such thing. */
function parseHexBlob(cursor: TokenCursor): Uint8Array | null {
  if (!cursor.isKind("word") && !cursor.isKind("integer")) return null;
  const token = cursor.next();
  if (!/^(?:[0-9a-fA-F]{2})+$/.test(token.text)) {
    throw cursor.error(token, `expected octets in hexadecimal, two digits each, found '${token.text}'`);
  }
  return Uint8Array.from(token.text.match(/../g)!, (digits) => Number.parseInt(digits, 16));
}

// Kept, not refused: the rest of the script may be of use to whoever reads the report.
function parseUnknown(cursor: TokenCursor, name: Token): TcpOption {
  let last = name;
  while (!cursor.isAt(",") && !cursor.isAt(">")) {
    if (cursor.isKind("end")) throw cursor.expected("',' or '>'");
    last = cursor.next();
  }
  return { kind: "unknown", name: name.text, text: cursor.sourceOf(name, last) };
}
