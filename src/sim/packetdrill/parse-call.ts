/** A system call: `name(arguments) = result ERRNO (text) (note)`. Every name parses; which exist is the runtime's. */
import type { ExpectedError, SystemCall } from "./ast.ts";
import { parseExpression, parseExpressions } from "./parse-expression.ts";
import type { TokenCursor } from "./token-cursor.ts";

/** The call at the cursor; `endUs` is when it returns if it blocks. */
export function parseCall(cursor: TokenCursor, endUs: number | null): SystemCall {
  const name = cursor.expectKind("word", "the name of a system call");
  cursor.expect("(");
  const args = parseExpressions(cursor, ")");
  cursor.expect("=");
  const result = parseExpression(cursor);
  const error = cursor.isKind("word") ? parseError(cursor) : null;
  const note = parseNote(cursor);
  return { kind: "syscall", line: name.line, name: name.text, arguments: args, result, error, note, endUs };
}

function parseError(cursor: TokenCursor): ExpectedError {
  const token = cursor.next();
  if (!/^E[A-Z0-9]+$/.test(token.text)) {
    throw cursor.error(token, `expected the name of an error or the next event, found '${token.text}'`);
  }
  return { name: token.text, text: parseNote(cursor) };
}

/** Prose in parentheses, as it stands there. */
function parseNote(cursor: TokenCursor): string | null {
  if (!cursor.accept("(")) return null;
  const first = cursor.peek();
  let last = first;
  while (!cursor.isAt(")")) {
    if (cursor.isKind("end")) throw cursor.expected("')'");
    last = cursor.next();
  }
  const note = last === first && cursor.peek() === first ? "" : cursor.sourceOf(first, last);
  cursor.expect(")");
  return note;
}
