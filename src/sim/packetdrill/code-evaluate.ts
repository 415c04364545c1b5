/**
 * Runs the code of `%{ ... }%` with Python's meaning: chained comparisons, `and` and `or` that give an operand,
 * division and remainder that floor. Names come from the caller; a name that nobody knows fails, and is named.
 */
import type { Code, CodeComparison, CodeExpression, CodeStatement } from "./ast.ts";
import { CodeError, computeBinary, computeUnary } from "./code-arithmetic.ts";
import { CODE_CONSTANTS } from "./code-constants.ts";
import { callFunction } from "./code-functions.ts";
import { type CodeValue, equals, isTrue, orderOf, show } from "./code-value.ts";

export type { CodeValue } from "./code-value.ts";

export interface CodeScope {
  /** A `tcpi_*` field and the like by its full name; undefined: there is none. */
  readonly lookup: (name: string) => CodeValue | undefined;
  /** What the script assigned; one map for all of a script's code. */
  readonly variables: Map<string, CodeValue>;
}

export type CodeOutcome =
  | { readonly ok: true }
  /** `message` is one line: the assertion and the values in it, or what went wrong. */
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Runs the statements up to the first that fails. */
export function evaluateCode(code: Code, scope: CodeScope): CodeOutcome {
  for (const statement of code.statements) {
    const message = runStatement(statement, scope);
    if (message !== null) return { ok: false, line: statement.line, message };
  }
  return { ok: true };
}

function runStatement(statement: CodeStatement, scope: CodeScope): string | null {
  try {
    return execute(statement, scope);
  } catch (error) {
    if (error instanceof CodeError) return error.message;
    throw error;
  }
}

function execute(statement: CodeStatement, scope: CodeScope): string | null {
  switch (statement.kind) {
    case "assert":
      return isTrue(evaluate(statement.condition, scope)) ? null : explain(statement, scope);
    case "assign": {
      const value = evaluate(statement.value, scope);
      const before = statement.operator === null ? null : nameValue(statement.name, scope);
      scope.variables.set(
        statement.name,
        statement.operator === null ? value : computeBinary(statement.operator, before, value),
      );
      return null;
    }
    case "expression":
      evaluate(statement.value, scope);
      return null;
  }
}

function explain(statement: CodeStatement & { kind: "assert" }, scope: CodeScope): string {
  const values = [...namesIn(statement.condition)].flatMap((name) => {
    const value = find(name, scope);
    return value === undefined || Object.hasOwn(CODE_CONSTANTS, name) ? [] : [`${name} is ${show(value)}`];
  });
  const parts = [`assertion failed: ${statement.text.replace(/\s+/g, " ")}`];
  if (values.length > 0) parts.push(` (${values.join(", ")})`);
  // A message that only repeats the value adds nothing.
  const message = statement.message;
  if (message !== null && message.kind !== "name") parts.push(`: ${describe(message, scope)}`);
  return parts.join("");
}

function describe(message: CodeExpression, scope: CodeScope): string {
  try {
    return show(evaluate(message, scope)).replace(/\s+/g, " ");
  } catch (error) {
    if (error instanceof CodeError) return error.message;
    throw error;
  }
}

function namesIn(expression: CodeExpression, names: Set<string> = new Set()): Set<string> {
  switch (expression.kind) {
    case "name":
      names.add(expression.name);
      break;
    case "unary":
      namesIn(expression.operand, names);
      break;
    case "binary":
      namesIn(expression.left, names);
      namesIn(expression.right, names);
      break;
    case "logic":
    case "comparison":
      for (const operand of expression.operands) namesIn(operand, names);
      break;
    case "tuple":
      for (const item of expression.items) namesIn(item, names);
      break;
    case "call":
      for (const argument of expression.arguments) namesIn(argument, names);
      break;
    case "choice":
      for (const part of [expression.condition, expression.yes, expression.no]) namesIn(part, names);
      break;
    default:
  }
  return names;
}

function evaluate(expression: CodeExpression, scope: CodeScope): CodeValue {
  switch (expression.kind) {
    case "number":
    case "text":
    case "constant":
      return expression.value;
    case "name":
      return nameValue(expression.name, scope);
    case "tuple":
      return expression.items.map((item) => evaluate(item, scope));
    case "unary":
      return computeUnary(expression.operator, evaluate(expression.operand, scope));
    case "binary":
      return computeBinary(
        expression.operator,
        evaluate(expression.left, scope),
        evaluate(expression.right, scope),
      );
    case "logic":
      return evaluateLogic(expression, scope);
    case "comparison":
      return evaluateComparison(expression, scope);
    case "choice":
      return evaluate(isTrue(evaluate(expression.condition, scope)) ? expression.yes : expression.no, scope);
    case "call":
      return callFunction(
        expression.name,
        expression.arguments.map((argument) => evaluate(argument, scope)),
      );
  }
}

function nameValue(name: string, scope: CodeScope): CodeValue {
  const value = find(name, scope);
  if (value === undefined) throw new CodeError(`unknown name '${name}'`);
  return value;
}

// packetdrill's code has tcp_info's fields with the prefix and, in scripts of old, without.
function find(name: string, scope: CodeScope): CodeValue | undefined {
  const value = scope.variables.get(name) ?? scope.lookup(name);
  if (value !== undefined) return value;
  if (Object.hasOwn(CODE_CONSTANTS, name)) return CODE_CONSTANTS[name]!;
  return name.startsWith("tcpi_") ? undefined : scope.lookup(`tcpi_${name}`);
}

function evaluateLogic(expression: CodeExpression & { kind: "logic" }, scope: CodeScope): CodeValue {
  let value: CodeValue = null;
  for (const operand of expression.operands) {
    value = evaluate(operand, scope);
    if (isTrue(value) === (expression.operator === "or")) return value;
  }
  return value;
}

function evaluateComparison(
  expression: CodeExpression & { kind: "comparison" },
  scope: CodeScope,
): CodeValue {
  let left = evaluate(expression.operands[0]!, scope);
  for (const [index, operator] of expression.operators.entries()) {
    const right = evaluate(expression.operands[index + 1]!, scope);
    if (!compare(operator, left, right)) return false;
    left = right;
  }
  return true;
}

function compare(operator: CodeComparison, left: CodeValue, right: CodeValue): boolean {
  switch (operator) {
    case "==":
    case "is":
      return equals(left, right);
    case "!=":
    case "is not":
      return !equals(left, right);
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
    case "<":
      return order(left, right) < 0;
    case "<=":
      return order(left, right) <= 0;
    case ">":
      return order(left, right) > 0;
    case ">=":
      return order(left, right) >= 0;
  }
}

function order(left: CodeValue, right: CodeValue): number {
  const result = orderOf(left, right);
  if (result === null) throw new CodeError(`no order between ${show(left)} and ${show(right)}`);
  return result;
}

function contains(container: CodeValue, value: CodeValue): boolean {
  if (typeof container === "string" && typeof value === "string") return container.includes(value);
  if (Array.isArray(container)) return container.some((item) => equals(item, value));
  throw new CodeError(`${show(container)} holds nothing to look for`);
}
