/** The words of the code in `%{ ... }%`, and a place in them. Line ends are tokens, except within parentheses. */
import { ParseError } from "./parse-error.ts";

/** Where the code begins. */
export interface CodePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

interface CodeToken {
  readonly kind: "name" | "number" | "text" | "mark" | "end";
  readonly text: string;
  readonly value: number | string | null;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

const SPACE = /(?:[ \t\r\f\v]|\\\r?\n|#[^\n]*)+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;
const TEXT = /[fFrRbBuU]?(?:'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*")/y;
const MARK = /\*\*=|\/\/=|<<=|>>=|\*\*|\/\/|<<|>>|==|!=|<=|>=|[-+*/%&|^]=|[-+*/%&|^~<>=()[\],.;:{}]|\n/y;

export class CodeCursor {
  readonly #text: string;
  readonly #place: CodePlace;
  readonly #tokens: readonly CodeToken[];
  #at = 0;

  constructor(text: string, place: CodePlace) {
    this.#text = text;
    this.#place = place;
    this.#tokens = tokenize(text, place);
  }

  peek(ahead = 0): CodeToken {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!;
  }

  next(): CodeToken {
    const token = this.peek();
    if (this.#at < this.#tokens.length - 1) this.#at++;
    return token;
  }

  isEnd(): boolean {
    return this.peek().kind === "end";
  }

  isAt(text: string, ahead = 0): boolean {
    const token = this.peek(ahead);
    return token.text === text && (token.kind === "mark" || token.kind === "name");
  }

  accept(text: string): boolean {
    if (!this.isAt(text)) return false;
    this.next();
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) throw this.expected(`'${text}'`);
  }

  /** The source from `start` through the token before the place. */
  sourceSince(start: number): string {
    return this.#text.slice(start, this.#tokens[this.#at - 1]?.end ?? start);
  }

  expected(what: string): ParseError {
    const { kind, text } = this.peek();
    const found =
      kind === "end" ? "the end of the code" : text === "\n" ? "the end of the line" : `'${text}'`;
    return this.error(`expected ${what}, found ${found}`);
  }

  error(reason: string): ParseError {
    const { line, column } = this.peek();
    return new ParseError(this.#place.file, line, column, reason);
  }

  unsupported(what: string): ParseError {
    const { line, column } = this.peek();
    return new ParseError(this.#place.file, line, column, `${what}: unsupported`, true);
  }
}

function tokenize(text: string, place: CodePlace): CodeToken[] {
  const tokens: CodeToken[] = [];
  let at = 0;
  let line = place.line;
  // So that the first line's columns count from where the code begins.
  let lineStart = 1 - place.column;
  let open = 0;
  for (;;) {
    const space = endOf(SPACE, text, at);
    for (let i = at; i < space; i++) {
      if (text[i] === "\n") {
        line++;
        lineStart = i + 1;
      }
    }
    at = space;
    const column = at - lineStart + 1;
    if (at >= text.length) {
      tokens.push({ kind: "end", text: "", value: null, start: at, end: at, line, column });
      return tokens;
    }
    const token = scan(text, at, line, column);
    if (token === null) {
      throw new ParseError(place.file, line, column, `expected code, found '${text[at]}'`);
    }
    if (token.text === "(" || token.text === "[") open++;
    if (token.text === ")" || token.text === "]") open = Math.max(0, open - 1);
    if (token.text !== "\n" || open === 0) tokens.push(token);
    at = token.end;
    if (token.text === "\n") {
      line++;
      lineStart = at;
    }
  }
}

function scan(source: string, start: number, line: number, column: number): CodeToken | null {
  let end = endOf(TEXT, source, start);
  if (end > start) {
    const text = source.slice(start, end);
    return { kind: "text", text, value: textValue(text), start, end, line, column };
  }
  end = endOf(NAME, source, start);
  if (end > start) {
    return { kind: "name", text: source.slice(start, end), value: null, start, end, line, column };
  }
  end = endOf(NUMBER, source, start);
  if (end > start) {
    const text = source.slice(start, end);
    return { kind: "number", text, value: Number(text), start, end, line, column };
  }
  end = endOf(MARK, source, start);
  if (end === start) return null;
  return { kind: "mark", text: source.slice(start, end), value: null, start, end, line, column };
}

function textValue(text: string): string {
  const inner = text.replace(/^[A-Za-z]/, "").slice(1, -1);
  return inner.replace(/\\([\s\S])/g, (_all, code: string) =>
    code === "n" ? "\n" : code === "t" ? "\t" : code,
  );
}

function endOf(pattern: RegExp, source: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(source) ? pattern.lastIndex : at;
}
