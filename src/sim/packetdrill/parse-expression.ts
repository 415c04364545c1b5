/**
 * Arguments and results of system calls. One grammar for every struct, `{name=value, ...}` and `{value, ...}`, where
 * packetdrill has a rule for each: which fields a struct has is the runtime's.
 */
import type { Expression, StructField } from "./ast.ts";
import type { Token } from "./lexer.ts";
import type { TokenCursor } from "./token-cursor.ts";

/** Deeper is no script, and the parser's own stack is finite. */
const DEEPEST = 64;

/** Expressions with commas between, through the mark that closes them. */
export function parseExpressions(cursor: TokenCursor, close: string, depth = 0): Expression[] {
  const items: Expression[] = [];
  if (cursor.accept(close)) return items;
  for (;;) {
    items.push(parseExpression(cursor, depth));
    if (cursor.accept(close)) return items;
    if (!cursor.accept(",")) throw cursor.expected(`',' or '${close}'`);
  }
}

export function parseExpression(cursor: TokenCursor, depth = 0): Expression {
  if (depth > DEEPEST) throw cursor.error(cursor.peek(), `expected at most ${DEEPEST} levels of nesting`);
  const { line } = cursor.peek();
  const terms = [parseTerm(cursor, depth)];
  while (cursor.accept("|")) terms.push(parseTerm(cursor, depth));
  return terms.length === 1 ? terms[0]! : { kind: "or", line, terms };
}

function parseTerm(cursor: TokenCursor, depth: number): Expression {
  const token = cursor.peek();
  const { line } = token;
  switch (token.kind) {
    case "integer":
    case "hex":
      cursor.next();
      return { kind: "integer", line, value: Number(token.text), text: token.text };
    case "string":
      return parseString(cursor);
    case "word":
      return parseWord(cursor, depth);
    default:
  }
  if (cursor.accept("...")) return { kind: "ellipsis", line };
  if (cursor.accept("[")) return { kind: "array", line, items: parseExpressions(cursor, "]", depth + 1) };
  if (cursor.accept("{")) return { kind: "struct", line, fields: parseFields(cursor, depth + 1) };
  throw cursor.expected("a value");
}

function parseWord(cursor: TokenCursor, depth: number): Expression {
  const { text: name, line } = cursor.next();
  if (cursor.accept("(")) {
    return { kind: "call", line, name, arguments: parseExpressions(cursor, ")", depth + 1) };
  }
  if (cursor.accept("=")) return { kind: "assign", line, name, value: parseExpression(cursor, depth + 1) };
  return { kind: "symbol", line, name };
}

function parseString(cursor: TokenCursor): Expression {
  const { line } = cursor.peek();
  let value = "";
  while (cursor.isKind("string")) value += resolveEscapes(cursor, cursor.next());
  return { kind: "string", line, value, truncated: cursor.accept("...") };
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "0": "\0",
  "\\": "\\",
  '"': '"',
  "'": "'",
};

// C's escapes: `\x` takes two digits here, so that "\x41bc" is three octets.
function resolveEscapes(cursor: TokenCursor, token: Token): string {
  return token.text.replace(/\\(x[0-9a-fA-F]{1,2}|[\s\S])/g, (all, code: string) => {
    if (code.length > 1) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    const value = ESCAPES[code];
    if (value === undefined)
      throw cursor.error(token, `expected an escape of C's in the string, found ${all}`);
    return value;
  });
}

function parseFields(cursor: TokenCursor, depth: number): StructField[] {
  const fields: StructField[] = [];
  if (cursor.accept("}")) return fields;
  for (;;) {
    fields.push(parseField(cursor, depth));
    if (cursor.accept("}")) return fields;
    if (!cursor.accept(",")) throw cursor.expected("',' or '}'");
  }
}

function parseField(cursor: TokenCursor, depth: number): StructField {
  const first = cursor.peek();
  if (cursor.isAt("(")) throw cursor.unsupported(first, "an MPLS stack in a system call");
  const value = parseExpression(cursor, depth);
  if (value.kind === "assign") {
    return { line: first.line, name: value.name, count: null, value: value.value };
  }
  if (value.kind === "call" && value.arguments.length === 1 && cursor.accept("=")) {
    const count = value.arguments[0]!;
    return { line: first.line, name: value.name, count, value: parseExpression(cursor, depth) };
  }
  return { line: first.line, name: null, count: null, value };
}
