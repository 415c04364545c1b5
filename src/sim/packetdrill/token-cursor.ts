/** A place in a script's tokens, and the errors that name it. Knows no grammar. */
import type { LexedScript, Token, TokenKind } from "./lexer.ts";
import { ParseError } from "./parse-error.ts";

const KIND_NAMES: Readonly<Record<TokenKind, string>> = {
  word: "a word",
  integer: "a number",
  hex: "a hexadecimal number",
  float: "a decimal number",
  string: "a string",
  backquoted: "a command in backquotes",
  code: "code in %{ }%",
  option: "an option",
  address: "an address",
  mark: "a mark",
  end: "the end of the script",
};

export class TokenCursor {
  readonly file: string;
  readonly #text: string;
  #tokens: readonly Token[];
  #at = 0;

  constructor(script: LexedScript) {
    this.file = script.file;
    this.#text = script.text;
    this.#tokens = script.tokens;
  }

  /** The token `ahead` of the place; the end token for all beyond. */
  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  next(): Token {
    const token = this.peek();
    if (this.#at < this.#tokens.length - 1) this.#at++;
    return token;
  }

  /** Whether the token `ahead` is this mark or word. */
  isAt(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === "mark" || token.kind === "word");
  }

  isKind(kind: TokenKind, ahead = 0): boolean {
    return this.peek(ahead).kind === kind;
  }

  /** Takes this mark or word if it is next. */
  accept(text: string): boolean {
    if (!this.isAt(text)) return false;
    this.next();
    return true;
  }

  expect(text: string): Token {
    if (!this.isAt(text)) throw this.expected(`'${text}'`);
    return this.next();
  }

  expectKind(kind: TokenKind, what: string = KIND_NAMES[kind]): Token {
    if (!this.isKind(kind)) throw this.expected(what);
    return this.next();
  }

  /** A whole number in decimal from `least` to `most`. */
  expectInteger(what: string, least: number, most: number): number {
    const token = this.expectKind("integer", what);
    const value = Number(token.text);
    if (!(value >= least && value <= most)) {
      throw this.error(token, `expected ${what} from ${least} to ${most}, found ${token.text}`);
    }
    return value;
  }

  /** The source from the beginning of `from` to the end of `to`. */
  sourceOf(from: Token, to: Token): string {
    return this.#text.slice(from.start, to.end);
  }

  /** The tokens from here on as `change` makes them; `define` works so. */
  rewriteRest(change: (token: Token) => Token): void {
    this.#tokens = this.#tokens.map((token, index) => (index < this.#at ? token : change(token)));
  }

  /** "expected WHAT, found the next token". */
  expected(what: string): ParseError {
    const token = this.peek();
    return this.error(token, `expected ${what}, found ${describe(token)}`);
  }

  error(token: Token, reason: string): ParseError {
    return new ParseError(this.file, token.line, token.column, reason);
  }

  /** The language has it, and we don't. */
  unsupported(token: Token, what: string): ParseError {
    return new ParseError(this.file, token.line, token.column, `${what}: unsupported`, true);
  }
}

function describe(token: Token): string {
  if (token.kind === "end") return KIND_NAMES.end;
  if (token.kind === "word" || token.kind === "mark") return `'${token.text}'`;
  const text = token.text.replace(/\s+/g, " ");
  return `${KIND_NAMES[token.kind]} (${text.length > 30 ? `${text.slice(0, 30)}...` : text})`;
}
