/** Arithmetic of the code in `%{ ... }%`. Bit operations are exact beyond 32 bits, up to 2^53. */
import type { CodeOperator } from "./ast.ts";
import { type CodeValue, isTrue, numberOf, show } from "./code-value.ts";

/** The code went wrong while it ran. */
export class CodeError extends Error {
  override readonly name: string = "CodeError";
}

export function computeUnary(operator: "-" | "+" | "~" | "not", operand: CodeValue): CodeValue {
  if (operator === "not") return !isTrue(operand);
  const value = requireNumber(operator, operand);
  if (operator === "~") return -requireWhole(operator, operand) - 1;
  return operator === "-" ? -value : value;
}

export function computeBinary(operator: CodeOperator, left: CodeValue, right: CodeValue): CodeValue {
  if (typeof left === "string") return computeText(operator, left, right);
  if (operator === "+" && Array.isArray(left) && Array.isArray(right)) return [...left, ...right];
  const a = requireNumber(operator, left);
  const b = requireNumber(operator, right);
  switch (operator) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "**":
      return a ** b;
    case "/":
      return a / requireDivisor(b);
    case "//":
      return Math.floor(a / requireDivisor(b));
    case "%":
      return a - b * Math.floor(a / requireDivisor(b));
    default:
      return computeBits(operator, requireWhole(operator, left), requireWhole(operator, right));
  }
}

function computeBits(operator: "<<" | ">>" | "&" | "|" | "^", left: number, right: number): number {
  const a = BigInt(left);
  const b = BigInt(right);
  switch (operator) {
    case "&":
      return Number(a & b);
    case "|":
      return Number(a | b);
    case "^":
      return Number(a ^ b);
    default:
  }
  if (right < 0 || right > 1023) throw new CodeError(`cannot shift by ${right}`);
  return Number(operator === "<<" ? a << b : a >> b);
}

function computeText(operator: CodeOperator, left: string, right: CodeValue): CodeValue {
  if (operator === "+" && typeof right === "string") return left + right;
  if (operator === "%") return format(left, Array.isArray(right) ? right : [right]);
  throw new CodeError(`cannot compute '${left}' ${operator} ${show(right)}`);
}

/** `"%d packets" % n`: each conversion shows its value, whatever its width and precision. */
function format(template: string, values: readonly CodeValue[]): string {
  let at = 0;
  return template.replace(/%(?:%|[-+ 0#]*\d*(?:\.\d+)?[a-zA-Z])/g, (all) => {
    if (all === "%%") return "%";
    const value = values[at++];
    return value === undefined ? all : show(value);
  });
}

function requireNumber(operator: string, value: CodeValue): number {
  const number = numberOf(value);
  if (number === null) throw new CodeError(`'${operator}' takes numbers, not ${show(value)}`);
  return number;
}

function requireWhole(operator: string, value: CodeValue): number {
  const number = requireNumber(operator, value);
  if (!Number.isInteger(number)) throw new CodeError(`'${operator}' takes whole numbers, not ${show(value)}`);
  return number;
}

function requireDivisor(value: number): number {
  if (value === 0) throw new CodeError("division by zero");
  return value;
}
