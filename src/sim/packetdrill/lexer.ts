/**
 * The words of a packetdrill script. The rules are packetdrill's own (longest match), with FreeBSD's `#ifdef`; words
 * carry no meaning here, which the parser gives them by their place. Any text gives tokens or a ParseError.
 */
import { ParseError } from "./parse-error.ts";

export type TokenKind =
  | "word"
  | "integer"
  | "hex"
  | "float"
  | "string"
  | "backquoted"
  | "code"
  | "option"
  | "address"
  /** `...` or one character. */
  | "mark"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Without the delimiters of strings, commands and code; otherwise as written. */
  readonly text: string;
  /** Where it begins and ends in the source. */
  readonly start: number;
  readonly end: number;
  /** From 1; `column` in UTF-16 units. */
  readonly line: number;
  readonly column: number;
}

/** A source text with its tokens, the last of kind `end`. */
export interface LexedScript {
  readonly file: string;
  readonly text: string;
  readonly tokens: readonly Token[];
}

const SPACE = /(?:[ \t\r\n\f\v\ufeff]+|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;
const OPTION =
  /--[A-Za-z0-9_]+(?:[ \t]*=[ \t]*(?:[A-Za-z0-9_]+[ \t]*=[ \t]*)?(?:"(?:\\[\s\S]|[^"\\])*"|`(?:\\[\s\S]|[^`\\])*`|[^\s"`]+))?/y;
const SHORT_DEFINE = /-D[ \t]*[A-Za-z0-9_]+=(?:"(?:\\[\s\S]|[^"\\])*"|`(?:\\[\s\S]|[^`\\])*`|[^\s"`]+)/y;
const ADDRESS =
  /\d+\.\d+\.\d+\.\d+|(?=[0-9a-fA-F:]*::)[0-9a-fA-F:]*(?:(?<=:)\d+\.\d+\.\d+\.\d+|::|[0-9a-fA-F])|(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}/y;
const FLOAT = /-?\d*\.\d+/y;
const WORD = /[A-Za-z0-9_]+/y;
const NEGATIVE = /-\d+/y;
const STRING = /"(?:\\[\s\S]|[^"\\])*"/y;
const BACKQUOTED = /`(?:\\[\s\S]|[^`\\])*`/y;
const CODE = /%\{[\s\S]*?\}%/y;
const MARK = /\.\.\.|[^\s]/y;

/** The tokens of `text`. `platform` chooses among `#ifdef Linux` ... `#endif` and the like, whatever their case. */
export function lex(text: string, file: string, platform: string): LexedScript {
  const source = withoutOtherPlatforms(text, platform);
  const tokens: Token[] = [];
  let at = 0;
  let line = 1;
  let lineStart = 0;

  function advanceTo(end: number): void {
    for (let newline = source.indexOf("\n", at); newline !== -1 && newline < end; ) {
      line++;
      lineStart = newline + 1;
      newline = source.indexOf("\n", lineStart);
    }
    at = end;
  }

  for (;;) {
    advanceTo(endOf(SPACE, source, at) ?? at);
    const column = at - lineStart + 1;
    if (at >= source.length) {
      tokens.push({ kind: "end", text: "", start: at, end: at, line, column });
      return { file, text: source, tokens };
    }
    const found = scan(source, at);
    if (found === null) {
      const what = UNTERMINATED[source[at] ?? ""] ?? "end";
      throw new ParseError(file, line, column, `expected the end of this ${what}`);
    }
    const { kind, end } = found;
    const text = textOf(kind, source.slice(at, end));
    tokens.push({ kind, text, start: at, end, line, column });
    advanceTo(end);
  }
}

const UNTERMINATED: Readonly<Record<string, string>> = {
  '"': "string",
  "`": "command",
  "%": "code",
  "/": "comment",
};

function scan(source: string, at: number): { kind: TokenKind; end: number } | null {
  const first = source[at]!;
  if (first === '"') return delimited("string", endOf(STRING, source, at));
  if (first === "`") return delimited("backquoted", endOf(BACKQUOTED, source, at));
  if (source.startsWith("%{", at)) return delimited("code", endOf(CODE, source, at));
  if (source.startsWith("/*", at)) return null;
  if (first === "-" && (source[at + 1] === "-" || source[at + 1] === "D")) {
    const option = endOf(OPTION, source, at) ?? endOf(SHORT_DEFINE, source, at);
    if (option !== null) return { kind: "option", end: option };
  }
  return scanWord(source, at) ?? { kind: "mark", end: endOf(MARK, source, at) ?? at + 1 };
}

function delimited(kind: TokenKind, end: number | null): { kind: TokenKind; end: number } | null {
  return end === null ? null : { kind, end };
}

// The longest match wins, as in flex: `1.2` is no word, `1234abcd` no integer.
function scanWord(source: string, at: number): { kind: TokenKind; end: number } | null {
  const word = endOf(WORD, source, at) ?? at;
  // Whether `:` or `.` follows decides alone whether it can be more than a word.
  const mark = source[word];
  const mayBeMore = mark === "." || mark === ":" || mark === "-";
  const float = mayBeMore ? (endOf(FLOAT, source, at) ?? at) : at;
  const address = mayBeMore ? (endOf(ADDRESS, source, at) ?? at) : at;
  const negative = mark === "-" ? (endOf(NEGATIVE, source, at) ?? at) : at;
  const end = Math.max(address, float, word, negative);
  if (end <= at) return null;
  if (end === word) return { kind: wordKind(source.slice(at, end)), end };
  if (end === negative) return { kind: "integer", end };
  return { kind: end === float ? "float" : "address", end };
}

function wordKind(text: string): TokenKind {
  if (/^\d+$/.test(text)) return "integer";
  return /^0x[0-9a-fA-F]+$/.test(text) ? "hex" : "word";
}

function textOf(kind: TokenKind, source: string): string {
  if (kind === "string" || kind === "backquoted") return source.slice(1, -1);
  return kind === "code" ? source.slice(2, -2) : source;
}

function endOf(pattern: RegExp, source: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : null;
}

// Blanked, not cut out, so that places stay true.
function withoutOtherPlatforms(text: string, platform: string): string {
  if (!text.includes("#ifdef")) return text;
  return text.replace(
    /(#ifdef +)([A-Za-z]+)([\s\S]*?)(#endif)/g,
    (_all, open: string, name: string, body: string, close: string) =>
      blank(open + name) +
      (name.toLowerCase() === platform.toLowerCase() ? body : blank(body)) +
      blank(close),
  );
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, " ");
}
