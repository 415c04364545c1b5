/**
 * The code of `%{ ... }%`: of Python what assertions need. Statements one after another, no blocks; a construct
 * beyond that is unsupported, never skipped.
 */
import type { CodeComparison, CodeExpression, CodeOperator, CodeStatement } from "./ast.ts";
import { CodeCursor, type CodePlace } from "./code-lexer.ts";

/** Deeper is no script, and the parser's own stack is finite. */
const DEEPEST = 64;

const BLOCKS = new Set([
  "if",
  "elif",
  "else",
  "for",
  "while",
  "def",
  "class",
  "try",
  "except",
  "finally",
  "with",
  "return",
  "raise",
  "lambda",
  "del",
  "global",
]);

/** The statements of `text`, which begins at `place` in its file. */
export function parseCode(text: string, place: CodePlace): CodeStatement[] {
  const cursor = new CodeCursor(text, place);
  const statements: CodeStatement[] = [];
  for (;;) {
    while (cursor.accept("\n") || cursor.accept(";")) {}
    if (cursor.isEnd()) return statements;
    const statement = parseStatement(cursor);
    if (statement !== null) statements.push(statement);
    if (!cursor.isEnd() && !cursor.isAt("\n") && !cursor.isAt(";")) {
      throw cursor.expected("the end of the statement");
    }
  }
}

function parseStatement(cursor: CodeCursor): CodeStatement | null {
  const { line, text } = cursor.peek();
  if (cursor.accept("assert")) return parseAssert(cursor, line);
  if (cursor.accept("pass")) return null;
  if (cursor.accept("import") || cursor.accept("from")) {
    while (!cursor.isEnd() && !cursor.isAt("\n") && !cursor.isAt(";")) cursor.next();
    return null;
  }
  if (cursor.isAt("print") && !cursor.isAt("(", 1)) {
    cursor.next();
    const nothing = cursor.isEnd() || cursor.isAt("\n") || cursor.isAt(";");
    return nothing ? null : { kind: "expression", line, value: parseTuple(cursor, 0) };
  }
  if (cursor.peek().kind === "name" && BLOCKS.has(text)) throw cursor.unsupported(`Python's '${text}'`);
  return parseAssignment(cursor) ?? { kind: "expression", line, value: parseTuple(cursor, 0) };
}

function parseAssert(cursor: CodeCursor, line: number): CodeStatement {
  const start = cursor.peek().start;
  const condition = parseChoice(cursor, 0);
  const text = cursor.sourceSince(start);
  const message = cursor.accept(",") ? parseTuple(cursor, 0) : null;
  return { kind: "assert", line, condition, message, text };
}

const AUGMENTED: ReadonlyMap<string, CodeOperator> = new Map(
  (["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^"] as const).map((one) => [`${one}=`, one]),
);

function parseAssignment(cursor: CodeCursor): CodeStatement | null {
  const { kind, text: name, line } = cursor.peek();
  const sign = cursor.peek(1).text;
  const operator = AUGMENTED.get(sign) ?? null;
  if (kind !== "name" || !(sign === "=" || operator !== null)) return null;
  cursor.next();
  cursor.next();
  return { kind: "assign", line, name, operator, value: parseTuple(cursor, 0) };
}

/** `a, b` without parentheses, or one expression. */
function parseTuple(cursor: CodeCursor, depth: number): CodeExpression {
  const first = parseChoice(cursor, depth);
  if (!cursor.isAt(",")) return first;
  const items = [first];
  while (cursor.accept(",")) {
    if (cursor.isEnd() || cursor.isAt("\n") || cursor.isAt(";")) break;
    items.push(parseChoice(cursor, depth));
  }
  return { kind: "tuple", items };
}

function parseChoice(cursor: CodeCursor, depth: number): CodeExpression {
  if (depth > DEEPEST) throw cursor.error(`expected at most ${DEEPEST} levels of nesting`);
  const yes = parseOr(cursor, depth);
  if (!cursor.accept("if")) return yes;
  const condition = parseOr(cursor, depth);
  cursor.expect("else");
  return { kind: "choice", condition, yes, no: parseChoice(cursor, depth + 1) };
}

function parseOr(cursor: CodeCursor, depth: number): CodeExpression {
  const operands = [parseAnd(cursor, depth)];
  while (cursor.accept("or")) operands.push(parseAnd(cursor, depth));
  return operands.length === 1 ? operands[0]! : { kind: "logic", operator: "or", operands };
}

function parseAnd(cursor: CodeCursor, depth: number): CodeExpression {
  const operands = [parseNot(cursor, depth)];
  while (cursor.accept("and")) operands.push(parseNot(cursor, depth));
  return operands.length === 1 ? operands[0]! : { kind: "logic", operator: "and", operands };
}

function parseNot(cursor: CodeCursor, depth: number): CodeExpression {
  let negations = 0;
  while (cursor.accept("not")) negations++;
  let operand = parseComparison(cursor, depth);
  // A loop, not a recursion: `not not not ...` may be as long as the text.
  for (let i = 0; i < negations; i++) operand = { kind: "unary", operator: "not", operand };
  return negations > DEEPEST ? fail(cursor) : operand;
}

function fail(cursor: CodeCursor): never {
  throw cursor.error(`expected at most ${DEEPEST} levels of nesting`);
}

const COMPARISONS: readonly CodeComparison[] = ["==", "!=", "<=", ">=", "<", ">", "in"];

function parseComparison(cursor: CodeCursor, depth: number): CodeExpression {
  const operands = [parseBinary(cursor, depth, 0)];
  const operators: CodeComparison[] = [];
  for (;;) {
    const operator = acceptComparison(cursor);
    if (operator === null) break;
    operators.push(operator);
    operands.push(parseBinary(cursor, depth, 0));
  }
  return operators.length === 0 ? operands[0]! : { kind: "comparison", operators, operands };
}

function acceptComparison(cursor: CodeCursor): CodeComparison | null {
  if (cursor.isAt("not") && cursor.isAt("in", 1)) {
    cursor.next();
    cursor.next();
    return "not in";
  }
  if (cursor.accept("is")) return cursor.accept("not") ? "is not" : "is";
  return COMPARISONS.find((operator) => cursor.accept(operator)) ?? null;
}

/** Python's precedence, loosest first. */
const LEVELS: readonly (readonly CodeOperator[])[] = [
  ["|"],
  ["^"],
  ["&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "//", "/", "%"],
];

function parseBinary(cursor: CodeCursor, depth: number, level: number): CodeExpression {
  const operators = LEVELS[level];
  if (operators === undefined) return parseUnary(cursor, depth);
  let left = parseBinary(cursor, depth, level + 1);
  for (let terms = 0; ; terms++) {
    const operator = operators.find((one) => cursor.accept(one));
    if (operator === undefined) return left;
    // The tree leans left, one level a term, and is walked by recursion.
    if (terms > DEEPEST) fail(cursor);
    left = { kind: "binary", operator, left, right: parseBinary(cursor, depth, level + 1) };
  }
}

function parseUnary(cursor: CodeCursor, depth: number): CodeExpression {
  if (depth > DEEPEST) fail(cursor);
  for (const operator of ["-", "+", "~"] as const) {
    if (cursor.accept(operator)) {
      return { kind: "unary", operator, operand: parseUnary(cursor, depth + 1) };
    }
  }
  const base = parsePrimary(cursor, depth);
  if (!cursor.accept("**")) return base;
  return { kind: "binary", operator: "**", left: base, right: parseUnary(cursor, depth + 1) };
}

const CONSTANTS: Readonly<Record<string, boolean | null>> = { True: true, False: false, None: null };

function parsePrimary(cursor: CodeCursor, depth: number): CodeExpression {
  const token = cursor.peek();
  if (token.kind === "number") {
    cursor.next();
    return { kind: "number", value: token.value as number };
  }
  if (token.kind === "text") {
    let value = "";
    while (cursor.peek().kind === "text") value += cursor.next().value as string;
    return { kind: "text", value };
  }
  if (token.kind === "name") return parseName(cursor, depth);
  if (cursor.accept("(")) return parseParenthesis(cursor, depth + 1);
  if (cursor.accept("[")) return { kind: "tuple", items: parseItems(cursor, "]", depth + 1) };
  throw cursor.expected("a value");
}

function parseName(cursor: CodeCursor, depth: number): CodeExpression {
  const token = cursor.peek();
  const { text: name, line } = token;
  if (BLOCKS.has(name)) throw cursor.unsupported(`Python's '${name}'`);
  cursor.next();
  let value: CodeExpression;
  if (Object.hasOwn(CONSTANTS, name)) value = { kind: "constant", value: CONSTANTS[name]! };
  else if (cursor.accept("(")) {
    value = { kind: "call", name, line, arguments: parseItems(cursor, ")", depth + 1) };
  } else value = { kind: "name", name, line };
  if (cursor.isAt("[") || cursor.isAt(".")) throw cursor.unsupported("a subscript or an attribute");
  return value;
}

/** `()` and `(a, b)` are tuples, `(a)` is a. */
function parseParenthesis(cursor: CodeCursor, depth: number): CodeExpression {
  if (cursor.accept(")")) return { kind: "tuple", items: [] };
  const first = parseChoice(cursor, depth);
  if (cursor.accept(")")) return first;
  cursor.expect(",");
  return { kind: "tuple", items: [first, ...parseItems(cursor, ")", depth)] };
}

/** With commas between and maybe one behind, through the mark that closes them. */
function parseItems(cursor: CodeCursor, close: string, depth: number): CodeExpression[] {
  const items: CodeExpression[] = [];
  while (!cursor.accept(close)) {
    items.push(parseChoice(cursor, depth));
    if (!cursor.isAt(close)) cursor.expect(",");
  }
  return items;
}
